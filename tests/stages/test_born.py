"""What stage `train` publishes of a quantum model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from qfin import stages
from qfin.model import ScenarioModel
from qfin.quantum import Program
from qfin.store import Store

SPEC = {"kind": "born", "layers": 1, "steps": 4, "data_weight": 1.0}


@pytest.fixture(scope="module")
def trained(made, small):
    result, store, _ = made
    return stages.train(small(), SPEC, result.artifacts[1], store)


def test_grid_and_seed_come_from_the_configuration(trained):
    wanted = {"bits": 2, "bins": "tail_refined", "code": "gray", "random_state": 7, **SPEC}
    assert trained.inputs["dependence"] == wanted


def test_the_circuit_is_published_as_text_and_drawing(trained):
    assert {"circuit.qasm", "circuit.svg", "training.parquet", "daily_scores.parquet"} <= set(trained.files)
    text = trained.path("circuit.qasm").read_text()
    assert text.startswith("OPENQASM 3")
    assert "[8] q;" in text
    assert "<svg" in trained.path("circuit.svg").read_text()


def test_the_circuit_is_the_model(trained):
    dependence = ScenarioModel.read(trained.folder).dependence
    program = Program.from_circuit(dependence.circuit_)
    np.testing.assert_allclose(program.probabilities(np.zeros(0)), dependence.probabilities_, atol=1e-12)


def test_the_training_curve(trained):
    curve = pd.read_parquet(trained.path("training.parquet"))
    assert list(curve.columns) == ["step", "loss", "held_out_loss"]
    assert curve["step"].is_monotonic_increasing
    assert curve["loss"].iloc[-1] < curve["loss"].iloc[0]


def test_what_the_circuit_adds_to_its_prior_is_paired_day_by_day(trained, made, small):
    result, store, _ = made
    details, score = trained.json("details.json"), trained.json("score.json")
    assert details["circuit_adds"]["mean"] == pytest.approx(score["mean"] - details["prior_score"]["mean"])
    paired = details["circuit_adds"]["upper"] - details["circuit_adds"]["lower"]
    assert paired < 0.5 * (score["upper"] - score["lower"])
    prior = stages.train(small(), "student_t", result.artifacts[1], store).json("score.json")
    assert details["prior_score"]["mean"] == pytest.approx(prior["mean"])


def test_same_seed_same_bytes(trained, made, small, tmp_path):
    store = Store(tmp_path / "other")
    again = stages.train(small(), SPEC, stages.encode(small(), stages.ingest(small(), store), store), store)
    assert again.files == trained.files
