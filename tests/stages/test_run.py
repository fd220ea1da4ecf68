from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from qfin import stages
from qfin.errors import ConfigError
from qfin.model import ScenarioModel
from qfin.risk import Portfolio
from qfin.scenarios import ScenarioSet
from qfin.store import Store

FILES = {
    "ingest": {"prices.parquet", "returns.parquet", "quality.json"},
    "encode": {
        *(
            "production.json",
            "production.npz",
            "evaluation.json",
            "evaluation.npz",
            "pseudo_observations.parquet",
        ),
        *("evaluation.parquet", "grid.json", "bitstrings.parquet", "discretisation.json"),
    },
    "generate": {"scenarios.parquet", "factors.parquet"},
    "risk": {"pnl.parquet", "risk.json", "portfolio.json"},
    "stress": {"stress.json", "portfolio.json"},
    "report": {"report.html", "summary.json"},
}
TRAIN = {"model.json", "model.npz", "score.json", "details.json"}
ORDER = ["ingest", "encode", "train", "generate", "risk", "train", "generate", "risk", "stress", "report"]


def _of(result, stage, label=None):
    return next(
        a for a in result.artifacts if a.stage == stage and (label is None or a.summary.get("label") == label)
    )


def test_every_stage_publishes_what_the_next_ones_read(made):
    result, _, _ = made
    assert [artifact.stage for artifact in result.artifacts] == ORDER
    for stage, files in FILES.items():
        assert set(_of(result, stage).files) == files
    assert set(_of(result, "train", "Student-t copula").files) == TRAIN | {"daily_scores.parquet"}
    assert set(_of(result, "train", "Bootstrap").files) == TRAIN


def test_watchers_hear_each_stage_begin_and_end(made):
    result, _, events = made
    assert [e.stage for e in events if e.artifact is None] == ORDER
    assert [e.artifact.ref for e in events if e.artifact is not None] == [a.ref for a in result.artifacts]
    assert events[4].name == "train: Student-t copula"


def test_a_watcher_hears_nothing_after_its_time(made, small, store):
    heard = []
    with stages.watching(heard.append):
        stages.ingest(small(), store)
    count = len(heard)
    stages.ingest(small(), store)
    assert (count, len(heard)) == (2, 2)


def test_a_second_run_reuses_everything(made, small):
    first, store, _ = made
    again = stages.run(small(), store)
    assert not any(artifact.reused for artifact in first.artifacts)
    assert all(artifact.reused for artifact in again.artifacts)
    assert again.rows == first.rows


def test_only_what_a_change_touches_is_made_again(made, small):
    _, store, _ = made
    changed = stages.run(small(measures={"var_level": 0.95}, rivals=[]), store)
    assert [a.stage for a in changed.artifacts if not a.reused] == ["risk", "stress", "report"]


def test_same_configuration_same_bytes_and_another_seed_differs(made, small, tmp_path):
    first, _, _ = made
    second = stages.run(small(), Store(tmp_path / "other"))
    assert [(a.ref, a.files) for a in first.artifacts] == [(a.ref, a.files) for a in second.artifacts]
    other = _of(stages.run(small(seed=8, rivals=[]), Store(tmp_path / "other")), "generate")
    assert other.files["scenarios.parquet"] != _of(first, "generate").files["scenarios.parquet"]


def test_rows_are_the_figures_of_the_artifacts(made, small):
    result, _, _ = made
    row = result.rows[0]
    scenarios = ScenarioSet.read(result.scenarios)
    assert scenarios.lineage["made_from"].startswith("train/")
    pnl = Portfolio.read(small().portfolio).revalue(scenarios)
    assert row.label == "Student-t copula"
    assert row.value_at_risk["value"] == pytest.approx(pnl.value_at_risk(0.99), rel=1e-12)
    assert row.expected_shortfall["value"] == pytest.approx(pnl.expected_shortfall(0.975), rel=1e-12)
    daily = pd.read_parquet(_of(result, "train").path("daily_scores.parquet"))
    assert row.score["mean"] == pytest.approx(daily["log_density"].mean())
    assert row.score["lower"] < row.score["mean"] < row.score["upper"]
    assert result.report.read_text(encoding="utf-8").startswith("<!")


def test_a_model_without_a_density_says_why_it_has_no_score(made):
    score = _of(made[0], "train", "Bootstrap").json("score.json")
    assert score["mean"] is None
    assert score["why_none"] == "bootstrap draws from the days it has seen and has no density"


def test_the_scenarios_are_the_stored_model_s(made, small):
    result, _, _ = made
    model = ScenarioModel.read(_of(result, "train").folder)
    again = model.sample(200, 2, small().seed)
    assert np.array_equal(again.returns, ScenarioSet.read(result.scenarios).returns)
    history = pd.read_parquet(_of(result, "ingest").path("prices.parquet"))
    assert list(again.levels) == list(history.iloc[-1, 1:])


def test_evaluation_has_not_seen_the_held_out_days(made, small, store):
    frame = pd.read_parquet(_of(made[0], "encode").path("evaluation.parquet"))
    assert list(frame["part"]) == ["train"] * (len(frame) - 60) + ["held_out"] * 60
    training = frame[frame["part"] == "train"]
    until = small(history={"start": "2022-01-01", "end": training["date"].iloc[-1].date()})
    shorter = stages.encode(until, stages.ingest(until, store), store)
    alone = pd.read_parquet(shorter.path("pseudo_observations.parquet"))
    pd.testing.assert_frame_equal(alone, training.drop(columns="part"))


def test_bitstrings_are_written_highest_qubit_left(made):
    encoding = _of(made[0], "encode")
    frame = pd.read_parquet(encoding.path("bitstrings.parquet"))
    assert list(frame["bits"]) == [format(outcome, "08b") for outcome in frame["outcome"]]
    grid = encoding.json("grid.json")
    U = pd.read_parquet(encoding.path("pseudo_observations.parquet"))
    # Gray code of bins 0, 1, 2, 3 is 00, 01, 11, 10; the first factor owns the two lowest qubits, on the right
    first = np.searchsorted(grid["edges"][1:-1], U[grid["factors"][0]], side="right")
    assert list(frame["bits"].str[-2:]) == [("00", "01", "11", "10")[b] for b in first]


def test_the_source_is_named_where_its_terms_ask_for_it(made):
    assert _of(made[0], "ingest").summary["attribution"] == "Source: ECB statistics; own calculations."
    assert "Source: ECB statistics; own calculations." in made[0].report.read_text(encoding="utf-8")


def test_the_table_of_what_the_grid_costs(made):
    rows = _of(made[0], "encode").json("discretisation.json")
    assert [row["bits"] for row in rows] == [2, 3, 4, 5]
    assert rows[0]["cost"] > rows[-1]["cost"]
    assert rows[0]["held_out_exact"] == pytest.approx(
        _of(made[0], "train").json("score.json")["mean"], abs=1e-9
    )


def test_report_needs_a_risk_artifact(store):
    with pytest.raises(ConfigError, match="at least one risk artifact"):
        stages.report([], store)


def test_nothing_of_this_machine_is_published(made):
    result, store, _ = made
    for artifact in result.artifacts:
        manifest = json.dumps([artifact.inputs, artifact.summary])
        assert str(store.root) not in manifest
        assert "/" not in str(artifact.summary.get("source", ""))


def test_the_report_shows_what_makes_the_risk_and_how_sure_it_is(made):
    result, _, _ = made
    page = result.report.read_text(encoding="utf-8")
    for section in ("contributions", "budget", "valuation", "stress", "worst"):
        assert f'<section id="{section}">' in page
    about = _of(result, "risk").json("risk.json")
    largest = about["contributions"]["ES"]["trade"][0]
    assert f"{largest['part']}: +{largest['component']:,.0f}" in page
    budget = about["error_budget"][0]
    assert f"{budget['lower']:,.0f} to {budget['upper']:,.0f}" in page.replace("\u2212", "-")
    assert "8 closed form" in page
    nearest = about["worst"][0]["nearest"]
    assert nearest["end"] in page
    stress = _of(result, "stress").json("stress.json")
    assert all(row["name"] in page for row in stress["moves"])
    assert "Mahalanobis distance" in page


def test_a_report_refuses_a_stress_of_other_scenarios(made):
    result, store, _ = made
    risks = [a for a in result.artifacts if a.stage == "risk"]
    with pytest.raises(
        ConfigError, match="the report is about generate/.*; `qfin stress` makes one of those"
    ):
        stages.report([risks[1], risks[0], _of(result, "stress")], store)
