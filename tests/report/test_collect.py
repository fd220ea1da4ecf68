from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfin.errors import ConfigError, StoreError
from qfin.report import collect
from qfin.store import Artifact, Store

Build = Callable[..., list[Artifact]]
SMALL = {
    "days": 300,
    "scenarios": 200,
    "models": (("born", "Born machine"), ("student_t", "Student-t copula")),
}


def test_the_first_model_leads_and_rivals_follow_by_score(risks: Sequence[Artifact], store: Store) -> None:
    data = collect(risks, store)
    assert [m.label for m in data.models] == [
        "Born machine", "Student-t copula", "Gaussian copula", "Independent", "Bootstrap",
    ]  # fmt: skip
    other = collect([risks[4], risks[0]], store)
    assert other.main.label == "Student-t copula"


def test_figures_are_the_artifacts_own(risks: Sequence[Artifact], store: Store) -> None:
    data = collect(risks, store)
    stated = risks[0].json("risk.json")
    assert data.portfolio_value == stated["portfolio_value"]
    assert data.main.measure("VaR").figure.value == stated["measures"][0]["value"]
    pnl = pd.read_parquet(risks[0].path("pnl.parquet"))
    np.testing.assert_array_equal(data.main.loss, -pnl["total"])
    np.testing.assert_array_equal(data.trade_pnl.sum(axis=1), pnl["total"])
    assert [step.stage for step in data.lineage] == (
        ["ingest", "encode"] + ["train"] * 5 + ["generate"] * 5 + ["risk"] * 5
    )


def test_two_models_of_one_name_are_told_apart(run_builder: Build, tmp_path: Path) -> None:
    store = Store(tmp_path)
    models = (("born", "Born machine"), ("student_t", "Student-t copula"), ("student_t", "Student-t copula"))
    data = collect(run_builder(store, **{**SMALL, "models": models}), store)
    assert {m.label for m in data.rivals} == {"Student-t copula 1", "Student-t copula 2"}


def test_nothing_to_report_on(store: Store) -> None:
    with pytest.raises(ConfigError, match="a report needs at least one risk artifact"):
        collect([], store)


def test_an_artifact_of_another_stage(risks: Sequence[Artifact], store: Store) -> None:
    scenarios = store.get(risks[0].parents["scenarios"])
    with pytest.raises(
        ConfigError, match="a report is made from risk artifacts; generate/.* is a 'generate' artifact"
    ):
        collect([scenarios], store)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"horizon": 5}, "horizon is 5 in one and 1 in the other"),
        ({"portfolio": "Other book"}, "portfolio is 'Other book' in one and 'FX book' in the other"),
    ],
)
def test_what_cannot_be_compared(
    run_builder: Build, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    store = Store(tmp_path)
    ours, theirs = run_builder(store, **SMALL), run_builder(store, **{**SMALL, **change})
    with pytest.raises(ConfigError, match=words):
        collect([ours[0], theirs[1]], store)


def test_a_chain_with_a_stage_missing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    lonely = store.publish("risk", {}, lambda folder: {})
    with pytest.raises(StoreError, match=r"risk/\w+ does not go back to a 'generate' artifact"):
        collect([lonely], store)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("risk.json", b"{not json", r"risk.json of artifact risk/\w+ cannot be read"),
        ("risk.json", b"{}", r"risk.json of artifact risk/\w+ cannot be read: lacks 'measures'"),
        ("pnl.parquet", b"PAR1 and no more", r"pnl.parquet of artifact risk/\w+ cannot be read: .*run again"),
    ],
)
def test_a_damaged_risk_artifact(
    run_builder: Build, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    store = Store(tmp_path)
    risks = run_builder(store, **SMALL)
    (risks[0].folder / name).write_bytes(content)
    with pytest.raises(StoreError, match=words):
        collect(risks, store)


@pytest.mark.parametrize("name", ["score.json", "circuit.svg", "daily_scores.parquet"])
def test_a_file_behind_it_that_was_changed(run_builder: Build, tmp_path: Path, name: str) -> None:
    store = Store(tmp_path)
    risks = run_builder(store, **SMALL)
    train = store.get(store.get(risks[0].parents["scenarios"]).parents["model"])
    (train.folder / name).write_bytes(b"changed")
    with pytest.raises(StoreError, match=f"{name} does not match its manifest"):
        collect(risks, store)


def test_a_file_behind_it_that_is_gone(run_builder: Build, tmp_path: Path) -> None:
    store = Store(tmp_path)
    risks = run_builder(store, **SMALL)
    scenarios = store.get(risks[0].parents["scenarios"])
    (scenarios.folder / "scenarios.parquet").unlink()
    with pytest.raises(StoreError, match=r"scenarios.parquet is missing from artifact generate/"):
        collect(risks, store)


def test_a_column_that_an_artifact_never_had(run_builder: Build, tmp_path: Path) -> None:
    store = Store(tmp_path)
    risks = run_builder(store, **SMALL)

    def write(folder: Path) -> dict[str, Any]:
        report = {**risks[0].json("risk.json"), "trades": [{"name": "Unpriced", "value": 1.0}]}
        (folder / "risk.json").write_text(json.dumps(report))
        (folder / "pnl.parquet").write_bytes(risks[0].path("pnl.parquet").read_bytes())
        return {}

    risk = store.publish("risk", {"case": 2}, write, {"scenarios": store.get(risks[0].parents["scenarios"])})
    with pytest.raises(StoreError, match="pnl.parquet of artifact .* lacks 'Unpriced'"):
        collect([risk], store)
