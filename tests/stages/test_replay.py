"""What is made again has the same bytes; what was changed, and what cannot be made again, is named."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from qfin import stages
from qfin.errors import ConfigError, DataError, StoreError
from qfin.risk import Portfolio
from qfin.shipped import shipped
from qfin.stages._replay_differences import differences
from qfin.stages._replay_recipes import RECIPES, Recipe, Sources
from qfin.stages.replay import Verdict
from qfin.stages.run import _ORDER
from qfin.store import MANIFEST, Store, _digest, code_version, signed

BORN = {"kind": "born", "bits": 1, "steps": 3, "data_weight": 1.0, "layers": 1}
RACE = {
    "models": {"second": "gaussian", "first": "independent"},
    "training_days": 120,
    "refit_every": 250,
    "seeds": 1,
    "learning_days": [110],
    "expressiveness": False,
}


def trained(config, store, spec):
    encoding = stages.encode(config, stages.ingest(config, store), store)
    return stages.train(config, spec, encoding, store)


def wrong(replay):
    """Files that are not the same, with what became of them."""
    return {
        f"{artifact.original.stage}/{file.name}": file
        for artifact in replay.artifacts
        for file in artifact.files
        if file.verdict is not Verdict.SAME
    }


def taken(replay):
    return {artifact.original.stage: artifact.taken for artifact in replay.artifacts if artifact.taken}


def rewritten(folder, name, change):
    """Alter one file and, as someone who hides it would, its hash in the manifest."""
    change(folder / name)
    manifest = json.loads((folder / MANIFEST).read_text())
    if (folder / name).exists():
        manifest["files"][name] = _digest(folder / name)
    else:
        del manifest["files"][name]
    (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.fixture
def copied(made, tmp_path):
    """A store with the small run that a test may spoil, and its first risk artifact."""
    result, store, _ = made
    shutil.copytree(store.root, tmp_path / "copy")
    copy = Store(tmp_path / "copy")
    return copy, copy.get(next(a.ref for a in result.artifacts if a.stage == "risk"))


def test_a_report_and_all_behind_it_have_the_same_bytes(made):
    result, store, _ = made
    before = {path: path.stat().st_mtime_ns for path in Path(store.root).rglob("*")}
    found = stages.replay(result.artifacts[-1], store)
    files = sum(len(artifact.files) for artifact in result.artifacts)
    assert found.sentence == f"reproduced: all {files} files of 10 artifacts have the same bytes"
    assert (found.same, wrong(found), taken(found), found.versions) == (True, {}, {}, {})
    assert {a.original.ref for a in found.artifacts} == {a.ref for a in result.artifacts}
    assert not any(artifact.settings for artifact in found.artifacts)
    assert {path: path.stat().st_mtime_ns for path in Path(store.root).rglob("*")} == before


def test_a_race_differs_in_its_timings_and_its_page_in_nothing(small, store):
    config = small(race=RACE, history={"start": "2025-06-01"})
    race = stages.race(config, stages.ingest(config, store), store)
    assert [row["name"] for row in race.json("race.json")["models"]] == list(RACE["models"])
    found = stages.replay(stages.report([race], store), store)
    apart = wrong(found)
    assert apart.keys() == {"race/race.json", "race/learning.parquet"}
    assert {file.verdict for file in apart.values()} == {Verdict.TIMINGS}
    assert [place.where for place in apart["race/race.json"].where] == [
        f"models.{k}.fit_seconds" for k in range(2)
    ]
    assert found.same
    assert re.fullmatch(
        r"reproduced: 7 of 9 files of 3 artifacts have the same bytes; race/\w{8}/learning.parquet, "
        r"race/\w{8}/race.json differ in timings only",
        found.sentence,
    )


def test_what_was_changed_is_named_to_the_value(copied):
    store, risk = copied

    def raise_value(path):
        found = json.loads(path.read_text())
        found["measures"][0]["value"] += 1.5
        path.write_text(json.dumps(found, indent=1))

    def move_euro(path):
        table = pq.read_table(path)
        values = table["EURUSD"].to_numpy().copy()
        values[3] += 0.25
        pq.write_table(table.set_column(table.column_names.index("EURUSD"), "EURUSD", [values]), path)

    scenarios = store.get(risk.parents["scenarios"])
    encoding = next(a for a in store.lineage(risk) if a.stage == "encode")
    manifest = encoding.folder / MANIFEST
    manifest.write_text(manifest.read_text().replace('"qubits": 8', '"qubits": 9'))
    rewritten(risk.folder, "risk.json", raise_value)
    rewritten(scenarios.folder, "scenarios.parquet", move_euro)
    found = stages.replay(store.get(risk.ref), store)
    apart = wrong(found)
    assert apart.keys() == {"encode/manifest.json", "risk/risk.json", "generate/scenarios.parquet"}
    assert [str(place) for place in apart["encode/manifest.json"].where] == ["summary.qubits (9 → 8)"]
    (place,) = apart["risk/risk.json"].where
    assert place.where == "measures.0.value"
    assert [str(place) for place in apart["generate/scenarios.parquet"].where] == ["EURUSD (by 0.25 at most)"]
    assert not found.same
    assert found.sentence.startswith("not reproduced: 20 of 23 files of 5 artifacts have the same bytes; ")
    assert f"risk/{risk.id[:8]}/risk.json differ" in found.sentence


@pytest.fixture
def prices(small, tmp_path):
    """A file of prices, its configuration, and the rows in it."""
    frame = pd.read_parquet(shipped("fx.parquet")).tail(400)
    path = tmp_path / "prices.csv"
    frame.iloc[:-1].to_csv(path, index=False)
    return small(history={"reader": {"kind": "csv", "path": str(path)}}), path, frame


def test_prices_of_a_file_are_read_again_where_it_is_named(prices, store, tmp_path):
    config, path, frame = prices
    history = stages.ingest(config, store)
    assert str(tmp_path) not in json.dumps([history.inputs, history.summary])
    kept = stages.replay(history, store)
    assert taken(kept) == {"ingest": "csv prices.csv was not read again; name the file with --data"}
    assert "0 files" in kept.sentence
    assert kept.sentence.endswith("was taken from the store")
    elsewhere = path.rename(tmp_path / "moved.csv")
    again = stages.replay(history, store, data=elsewhere)
    assert (again.same, taken(again), len(again.artifacts[0].files)) == (True, {}, 3)
    frame.to_csv(elsewhere, index=False)
    longer = stages.replay(history, store, data=elsewhere)
    assert longer.same
    assert [place.where for place in longer.artifacts[0].settings] == ["reading.end"]
    with pytest.raises(DataError, match="there is no file .*prices.csv"):
        stages.replay(history, store, data=path)


def test_prices_that_have_changed_are_refused_with_both_hashes(prices, store):
    config, path, frame = prices
    history = stages.ingest(config, store)
    frame.iloc[10, 1] *= 1.01
    frame.iloc[:-1].to_csv(path, index=False)
    other = stages.ingest(config, store)
    message = (
        f"prices.csv does not hold the prices of {history.ref}: those had SHA-256 {history.inputs['data']}, "
    )
    with pytest.raises(DataError, match=f"{message}these have {other.inputs['data']}; name the file"):
        stages.replay(history, store, data=path)


def test_a_stored_history_that_was_changed_is_refused(prices, store):
    config, *_ = prices
    history = stages.ingest(config, store)
    rewritten(
        history.folder, "prices.parquet", lambda path: pd.read_parquet(path).iloc[:, ::-1].to_parquet(path)
    )
    with pytest.raises(
        DataError, match=f"was changed: its prices had SHA-256 {history.inputs['data']}, they"
    ):
        stages.replay(store.get(history.ref), store)


def test_a_file_is_refused_where_nothing_was_read_from_one(made):
    result, store, _ = made
    with pytest.raises(ConfigError, match="--data x.csv: 0 histories of the lineage were read from a file"):
        stages.replay(result.artifacts[0], store, data="x.csv")


def test_a_portfolio_that_is_not_kept_is_asked_for_and_checked(copied, small):
    store, risk = copied
    rewritten(risk.folder, "portfolio.json", Path.unlink)
    risk = store.get(risk.ref)
    recorded = risk.inputs["portfolio_hash"]
    with pytest.raises(
        ConfigError, match=rf"{risk.ref} does not keep its portfolio .*{recorded}.*--portfolio"
    ):
        stages.replay(risk, store)
    other = shipped("portfolios/multi_book.json")
    with pytest.raises(
        DataError, match=f"had SHA-256 {recorded}, this has {Portfolio.read(other).content_hash}"
    ):
        stages.replay(risk, store, portfolio=other)
    with pytest.raises(DataError, match=r"no\.json"):
        stages.replay(risk, store, portfolio="no.json")
    found = stages.replay(risk, store, portfolio=small().portfolio)
    assert {name: file.verdict for name, file in wrong(found).items()} == {"risk/portfolio.json": Verdict.NEW}


@pytest.mark.parametrize("name", ["fx_book.json", "fx_hedges.csv", "multi_book.json", "ust_book.json"])
def test_a_kept_portfolio_is_the_portfolio(name, tmp_path):
    portfolio = Portfolio.read(shipped(f"portfolios/{name}"))
    portfolio.write(tmp_path / "kept.json")
    kept = Portfolio.read(tmp_path / "kept.json")
    assert (kept.content_hash, kept) == (portfolio.content_hash, portfolio)


BEFORE = {**code_version(), "qfin": "0.0.9+0123456789ab", "numpy": "1.26.0"}


def on_a_device(local, store):
    """The artifact that a set drawn here would be, had a device drawn it."""
    inputs = {**local.inputs, "backend": {"kind": "ibm", "device": "ibm_kingston"}, "versions": {}}

    def write(folder):
        for name in local.files:
            shutil.copy(local.path(name), folder)
        return {**local.summary, "job_ids": ["d0abc"]}

    return store.publish("generate", inputs, write, {"model": store.get(local.parents["model"])})


@pytest.fixture(scope="module")
def mixed(small, tmp_path_factory):
    """A report made by other code, of a set that Aer drew after tuning and of one that a device drew; its replay."""
    store = Store(tmp_path_factory.mktemp("mixed"))
    config = small(
        history={"start": "2025-06-01"}, measures={"error_budget": False},
        dependence=BORN, backend="aer", tuning={"steps": 2, "shots": 100},
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch, signed(BEFORE):
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        tuned = stages.generate(config, trained(config, store, BORN), store)
        drawn = on_a_device(stages.generate(config, trained(config, store, "gaussian"), store), store)
        report = stages.report([stages.risk(config, made, store) for made in (tuned, drawn)], store)
    return store, drawn, stages.replay(report, store)


def test_other_code_is_told_and_the_bytes_are_the_same(mixed):
    _, drawn, found = mixed
    assert drawn.code == BEFORE
    assert found.versions == {name: (BEFORE[name], code_version()[name]) for name in ("qfin", "numpy")}
    assert (found.same, wrong(found)) == (True, {})


def test_a_simulator_draws_and_tunes_again_as_it_did(mixed):
    *_, found = mixed
    assert {"tune", "generate", "risk", "report"} <= {a.original.stage for a in found.artifacts if a.files}
    assert {artifact.original.stage for artifact in found.artifacts if not artifact.files} == {"generate"}


def test_draws_of_a_device_are_taken_as_they_are_and_its_jobs_named(mixed):
    _, drawn, found = mixed
    assert taken(found) == {
        "generate": "drawn on ibm ibm_kingston (job d0abc), which draws otherwise each time"
    }
    ending = f" of 9 artifacts have the same bytes; generate/{drawn.id[:8]} was taken from the store"
    assert found.sentence.endswith(ending)


def test_a_setting_that_there_is_no_more_is_named_with_the_version_that_had_it(small, store):
    history = stages.ingest(small(), store)
    inputs = {"encoding": {"bits": 2, "colour": "red"}, "volatility": "ewma", "seed": 1}
    odd = store.publish("encode", inputs, lambda folder: {}, {"history": history})
    message = f"{odd.ref} was made with what .*encoding.colour: there is no such key.*qfin {odd.code['qfin']}"
    with pytest.raises(ConfigError, match=re.sub(r"\+", r"\\+", message)):
        stages.replay(odd, store)


def test_a_stage_of_another_qfin_is_refused(store):
    odd = store.publish("dream", {}, lambda folder: {})
    with pytest.raises(
        ConfigError, match="dream/.* cannot be replayed; artifacts that can are those of ingest"
    ):
        stages.replay(odd, store)


def test_every_stage_can_be_replayed():
    assert set(RECIPES) == set(_ORDER)


class Listening(Store):
    """Keeps the inputs of what it is asked to publish, and makes nothing."""

    def publish(self, stage, inputs, write, parents=None):
        self.heard = json.loads(json.dumps(inputs))
        raise StoreError("heard")


def test_models_of_several_sizes_get_the_grid_they_had(small, store):
    config = small(race=RACE | {"expressiveness": True}, encoding={"bits": 4, "bins": "equal_width"})
    history = stages.ingest(config, store)
    listening = Listening(store.root)
    with pytest.raises(StoreError, match="heard"):
        stages.race(config, history, listening)
    inputs = listening.heard
    assert inputs["settings"]["born, 1 layers"]["bits"] == 4
    race = store.publish("race", inputs, lambda folder: {}, {"history": history})
    with pytest.raises(StoreError, match="heard"):
        RECIPES["race"](Recipe(race, listening, Sources()))
    assert listening.heard == inputs


@pytest.mark.parametrize(
    ("name", "write", "places"),
    [
        ("a.json", lambda p, k: p.write_text(json.dumps({"a": [1, {"b": k}]})), ["a.1.b (0 → 1)"]),
        ("a.json", lambda p, k: p.write_text(json.dumps({"a": 1} | ({"b": 2} if k else {}))), ["b (nothing → 2)"]),
        ("a.json", lambda p, k: p.write_text(json.dumps({"a": 1}, indent=k)), ["no value (written in another way)"]),
        ("a.npz", lambda p, k: np.savez(p, x=np.arange(3.0), y=np.array([np.nan, k / 8])), ["y (by 0.125 at most)"]),
        ("a.html", lambda p, k: p.write_text(f"one\n{k}\n"), ["line 2"]),
        ("a.parquet", lambda p, k: pd.DataFrame({"a": [1.0, np.nan]})[: 2 - k].to_parquet(p), ["rows (2 → 1)"]),
        ("a.parquet", lambda p, k: pd.DataFrame({"a": ["x", "yz"[k]]}).to_parquet(p), ["a"]),
    ],
)  # fmt: skip
def test_differences_say_where(name, write, places, tmp_path):
    files = []
    for k, folder in enumerate(("stored", "replayed")):
        (tmp_path / folder).mkdir()
        files.append(tmp_path / folder / name)
        write(files[-1], k)
    found = [str(place) for place in differences(*files) if not place.where.startswith("metadata")]
    assert found == places
