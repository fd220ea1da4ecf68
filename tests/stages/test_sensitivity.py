"""Stage `sensitivity`: each variation is the run that its setting would make, and what cannot be made is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from qfin import stages
from qfin.errors import ConfigError, DataError
from qfin.stages._chain import Chain
from qfin.stages.config import SensitivityConfig

BORN = {"kind": "born", "bits": 1, "layers": 1, "steps": 3, "data_weight": 1.0}
WANTED = SensitivityConfig(bits=[1, 2, 7], layers=[2], seeds=1, window_days=[200, 100_000], most_qubits=8)

pytestmark = pytest.mark.xdist_group("sensitivity")


def _risk(config, store, spec):
    encoding = stages.encode(config, stages.ingest(config, store), store)
    return stages.risk(
        config, stages.generate(config, stages.train(config, spec, encoding, store), store), store
    )


@pytest.fixture(scope="module")
def varied(small, made):
    """A small Born machine's risk figures and their sensitivity, in the store of the small run."""
    _, store, _ = made
    config = small(dependence=BORN)
    base = _risk(config, store, BORN)
    return config, store, base, stages.sensitivity(WANTED, base, store)


def test_every_other_value_of_every_setting_is_tried_or_left_out_with_its_reason(varied):
    _, _, _, found = varied
    content = found.json("sensitivity.json")
    own = [(row["setting"], row["value"]) for row in content["rows"] if row["own"]]
    assert own == [("bits", 1), ("layers", 1), ("seed", 7), ("window_days", base_days(varied))]
    others = [(row["setting"], row["value"]) for row in content["rows"] if not row["own"]]
    assert others == [("bits", 2), ("layers", 2), ("seed", 8), ("window_days", 200)]
    left_out = {(one["setting"], one["value"]): one["why"] for one in content["left_out"]}
    assert left_out[("bits", 7)] == "takes 28 qubits, and sensitivity.most_qubits is 8"
    assert "encoding.window_days is 100000, and the history has" in left_out[("window_days", 100_000)]
    assert len(left_out) == 2


def base_days(varied):
    _, store, base, _ = varied
    return Chain.of(base, store).encoding.summary["days"]


@pytest.mark.parametrize(
    ("number", "setting", "changes", "spec"),
    [
        (0, "bits", {}, {"bits": 2}),
        (1, "layers", {}, {"layers": 2}),
        (3, "window_days", {"encoding": {"held_out_days": 60, "bits": 2, "window_days": 200}}, {}),
    ],
)
def test_a_variation_is_what_a_run_with_that_setting_makes(varied, small, number, setting, changes, spec):
    _, store, _, found = varied
    config = small(measures={"error_budget": False}, **changes)
    again = _risk(config, store, {**BORN, **spec})
    assert found.parents[f"variation_{number}"] == again.ref
    rows = found.json("sensitivity.json")["rows"]
    row = next(row for row in rows if row["setting"] == setting and not row["own"])
    measures = {m["measure"]: m["value"] for m in again.json("risk.json")["measures"]}
    assert {name: row[name]["value"] for name in measures} == measures


def test_another_seed_is_one_of_training_and_drawing_on_the_same_encoding(varied):
    _, store, base, found = varied
    own, again = Chain.of(base, store), Chain.of(store.get(found.parents["variation_2"]), store)
    assert again.encoding.ref == own.encoding.ref
    assert again.spec == {**own.spec, "random_state": 8}
    assert again.scenarios.inputs["seed"] == 8


def test_a_classical_model_has_no_depth_and_no_qubits_and_is_replayed(made, small):
    result, store, _ = made
    risk = next(a for a in result.artifacts if a.stage == "risk")
    found = stages.sensitivity(SensitivityConfig(seeds=2, window_days=[300]), risk, store).json(
        "sensitivity.json"
    )
    assert [(r["setting"], r["value"]) for r in found["rows"] if not r["own"]] == [
        ("seed", 8), ("seed", 9), ("window_days", 300),
    ]  # fmt: skip


def test_another_stage_is_refused(made):
    result, store, _ = made
    with pytest.raises(ConfigError, match=r"is an artifact of 'ingest'; wanted one of 'risk'"):
        stages.sensitivity(WANTED, result.artifacts[0], store)


def test_a_window_is_what_the_last_days_alone_would_give(made, small, store):
    config = small(encoding={"held_out_days": 60, "bits": 2, "window_days": 300}, volatility="none")
    encoding = stages.encode(config, stages.ingest(config, store), store)
    history = store.get(encoding.parents["history"])
    returns = pd.read_parquet(history.path("returns.parquet")).set_index("date")
    U = pd.read_parquet(encoding.path("pseudo_observations.parquet")).set_index("date")
    ranks = returns.tail(300).rank() / 301  # the empirical marginal at its own sample
    np.testing.assert_allclose(U, ranks, atol=1e-12)
    scored = pd.read_parquet(encoding.path("evaluation.parquet")).set_index("date")
    days = returns.iloc[-360:-60]
    np.testing.assert_allclose(
        scored[scored["part"] == "train"].drop(columns="part"), days.rank() / 301, atol=1e-12
    )
    assert len(scored) == 360


def test_a_window_longer_than_the_history_is_named(small, store):
    config = small(encoding={"held_out_days": 60, "window_days": 5000})
    with pytest.raises(
        DataError, match=r"encoding.window_days is 5000, and the history has \d+ days .*; set it to \d+ "
    ):
        stages.encode(config, stages.ingest(config, store), store)
