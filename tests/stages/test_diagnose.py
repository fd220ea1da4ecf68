"""What stage `diagnose` publishes of a trained circuit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mutual_info_score

from qfin import stages
from qfin.errors import ConfigError
from qfin.model import ScenarioModel
from qfin.quantum import NegativeLogLikelihood, Program
from qfin.store import Store

SPEC = {"kind": "born", "layers": 2, "steps": 6, "data_weight": 1.0}
TABLES = ["ansatz", "bits", "factors", "gates", "gradients"]


@pytest.fixture(scope="module")
def trained(made, small):
    result, store, _ = made
    return stages.train(small(), SPEC, result.artifacts[1], store)


@pytest.fixture(scope="module")
def diagnosis(trained, made):
    return stages.diagnose(trained, made[1], samples=30, layers=[1, 2, 3])


@pytest.fixture(scope="module")
def tables(diagnosis):
    return {name: pd.read_parquet(diagnosis.path(f"{name}.parquet")) for name in TABLES}


def test_its_files_and_what_it_was_made_from(diagnosis, trained):
    assert sorted(diagnosis.files) == sorted([*(f"{name}.parquet" for name in TABLES), "diagnosis.json"])
    assert diagnosis.parents == {"model": trained.ref}
    assert diagnosis.inputs == {"samples": 30, "qubits": [4, 5, 6, 7, 8], "layers": [1, 2, 3], "seed": 7}
    assert diagnosis.summary["label"] == "Born machine"


def test_same_options_same_bytes_and_another_seed_other_angles(diagnosis, trained, made, small, tmp_path):
    store = Store(tmp_path / "other")
    encoded = stages.encode(small(), stages.ingest(small(), store), store)
    again = stages.diagnose(
        stages.train(small(), SPEC, encoded, store), store, 30, layers=(3, 2, 1, 1), seed=7
    )
    assert again.files == diagnosis.files
    other = stages.diagnose(trained, made[1], samples=30, layers=[1, 2, 3], seed=8)
    assert other.files["gradients.parquet"] != diagnosis.files["gradients.parquet"]
    assert other.files["gates.parquet"] == diagnosis.files["gates.parquet"]


def test_a_row_for_each_size_and_initialisation(tables):
    sizes = tables["gradients"]
    rows = set(zip(sizes["qubits"], sizes["layers"], sizes["initialisation"], strict=True))
    assert len(rows) == len(sizes) == 5 * 3 * 2
    last_layer = sizes["parameters"] - sizes["active"]
    assert (last_layer > 0).all()  # phases just before the measurement change nothing
    assert (sizes["lower"] <= sizes["median"]).all()
    assert (sizes["median"] <= sizes["upper"]).all()


def test_the_largest_size_at_its_own_start_is_the_models_first_gradient(trained, tables):
    """Angles start within .0001 of 0, so the loss there is the first of the training curve."""
    first = pd.read_parquet(trained.path("training.parquet"))["loss"].iloc[0]
    rows = tables["gradients"].query("qubits == 8 and layers == 2").set_index("initialisation")
    assert rows.loc["model", "loss"] == pytest.approx(first, abs=1e-5)
    assert rows.loc["uniform", "loss"] > first + 0.5
    assert rows.loc["model", "variance"] < 1e-3 * rows.loc["uniform", "variance"]


def test_fewer_qubits_are_the_first_ones(trained, made, tables):
    dependence = ScenarioModel.read(trained.folder).dependence
    outcomes = pd.read_parquet(made[0].artifacts[1].path("bitstrings.parquet"))["outcome"].to_numpy()
    for n in (4, 5, 7):
        low = 2**n - 1
        prior = np.bincount(np.arange(256) & low, dependence.prior_probabilities_)
        days = np.bincount(outcomes & low, minlength=2**n) / len(outcomes)
        row = tables["gradients"].query("qubits == @n and layers == 1 and initialisation == 'model'")
        assert row["loss"].item() == pytest.approx(NegativeLogLikelihood(days)(prior)[0], abs=1e-5)


def test_the_losses_are_those_of_the_training_curve(trained, diagnosis):
    curve = pd.read_parquet(trained.path("training.parquet"))["loss"]
    loss = diagnosis.json("diagnosis.json")["loss"]
    assert loss["start"] == pytest.approx(curve.iloc[0], abs=1e-5)
    assert loss["trained"] == pytest.approx(curve.iloc[-1], abs=1e-12)
    assert loss["bound"] < loss["trained"] < loss["start"]


def test_the_data_are_those_of_the_encoded_history(made, tables):
    encoding = made[0].artifacts[1]
    words = pd.read_parquet(encoding.path("bitstrings.parquet"))["bits"]
    bits = np.array([[int(c) for c in reversed(word)] for word in words])  # the highest qubit is on the left
    factors = encoding.json("grid.json")["factors"]
    for row in tables["bits"].itertuples():
        i, j = row.qubit, row.other_qubit
        assert (row.bit, row.other_bit) == (f"{factors[i // 2]} {i % 2}", f"{factors[j // 2]} {j % 2}")
        assert row.across_factors == (i // 2 != j // 2)
        plugin = mutual_info_score(bits[:, i], bits[:, j])
        assert row.data == pytest.approx(plugin - 1 / (2 * len(bits)), abs=1e-12)
    for row in tables["factors"].itertuples():
        k, m = factors.index(row.factor), factors.index(row.other_factor)
        first, second = (2 * bits[:, 2 * f + 1] + bits[:, 2 * f] for f in (k, m))
        seen = len(set(zip(first, second, strict=True)))  # of 16 cells; 4 rows and 4 columns
        plugin = mutual_info_score(first, second)
        assert row.data == pytest.approx(plugin - (seen - 7) / (2 * len(bits)), abs=1e-12)


def test_the_circuit_is_the_stored_one(trained, tables, diagnosis):
    """Mutual information from bits drawn from the stored circuit."""
    dependence = ScenarioModel.read(trained.folder).dependence
    drawn = dependence.sample_bits(100_000, random_state=1)
    for row in tables["bits"].itertuples():
        seen = mutual_info_score(drawn[:, row.qubit], drawn[:, row.other_qubit])
        assert row.circuit == pytest.approx(seen, abs=4e-3)
        assert row.quantum >= row.circuit - 1e-12
    summed = tables["bits"].query("across_factors")["quantum"].sum()
    assert tables["factors"]["quantum_of_bits"].sum() == pytest.approx(summed)
    entanglement = diagnosis.json("diagnosis.json")["entanglement"]
    assert 0 < entanglement["start"] < 1
    assert entanglement["trained"] != entanglement["start"]


def test_gates_are_sorted_by_what_they_earn_and_name_their_bits(trained, tables, diagnosis):
    gates = tables["gates"]
    assert gates["loss_change"].is_monotonic_decreasing
    circuit = ScenarioModel.read(trained.folder).dependence.circuit_
    prior, *ansatz = circuit.data
    assert prior.operation.name == "state_preparation"
    bound = [instruction for instruction in ansatz if instruction.operation.params]
    assert sorted(gates["position"]) == list(range(len(bound)))
    names = diagnosis.json("diagnosis.json")["factors"]
    for gate in gates.itertuples():
        instruction = ansatz[gate.position]
        qubits = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        assert (gate.gate, list(gate.qubits)) == (instruction.operation.name, qubits)
        assert gate.bits == ", ".join(f"{names[q // 2]} {q % 2}" for q in qubits)
        assert gate.angle == pytest.approx(instruction.operation.params[0])
        assert gate.layer == 1 + gate.position // (len(ansatz) // 2)
    assert diagnosis.summary["idle_gates"] == gates["idle"].sum() > 0
    assert not gates.query("gate == 'ry'")["idle"].any()


def test_taking_the_first_gate_out_costs_what_is_said(trained, made, tables):
    first = tables["gates"].iloc[0]
    dependence = ScenarioModel.read(trained.folder).dependence
    U = pd.read_parquet(made[0].artifacts[1].path("pseudo_observations.parquet")).drop(columns="date")
    cells = dependence.trained_circuit(U.to_numpy()).grid.encode(U.to_numpy())
    loss = NegativeLogLikelihood(np.bincount(cells, minlength=256) / len(cells))
    without = dependence.circuit_
    del without.data[int(first["position"]) + 1]
    without_it = Program.from_circuit(without).probabilities(np.zeros(0))
    with_it = dependence.probabilities_
    assert first["loss_change"] == pytest.approx(loss(without_it)[0] - loss(with_it)[0], abs=1e-10)


@pytest.mark.parametrize(
    "spec",
    [
        {"prior": "none", "steps": 2, "layers": 1},
        {"start": "train", "ansatz": "ring_cx", "steps": 1, "max_steps": 2, "layers": 1, "data_weight": 0.5},
    ],
)
def test_circuits_that_start_otherwise(made, small, spec):
    result, store, _ = made
    trained = stages.train(small(), {"kind": "born", **spec}, result.artifacts[1], store)
    found = stages.diagnose(trained, store, samples=10, qubits=[3], layers=[1])
    about = found.json("diagnosis.json")
    assert about["decay"] == []  # one number of qubits shows no trend
    assert about["entanglement"]["start"] == pytest.approx(0.0, abs=1e-12)  # a product state
    assert about["loss"]["trained"] == pytest.approx(
        pd.read_parquet(trained.path("training.parquet"))["loss"].iloc[-1], abs=1e-12
    )
    dependence = ScenarioModel.read(trained.folder).dependence
    U = pd.read_parquet(result.artifacts[1].path("pseudo_observations.parquet")).drop(columns="date")
    circuit = dependence.trained_circuit(U.to_numpy())
    prior_first = spec.get("start") == "train"
    wanted = dependence.prior_probabilities_ if prior_first else circuit.target
    np.testing.assert_array_equal(circuit.first_target, wanted)


def test_a_classical_model_has_no_circuit(made):
    result, store, _ = made
    classical = next(a for a in result.artifacts if a.stage == "train")
    before = store.refs("diagnose")
    message = "'student_t' model, which has no circuit to diagnose; models that have one: born"
    with pytest.raises(ConfigError, match=message):
        stages.diagnose(classical, store)
    assert store.refs("diagnose") == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 9}, "samples = 9; wanted at least 10"),
        ({"seed": -1}, "seed = -1; wanted at least 0"),
        ({"qubits": [4, 9]}, "qubits = 9; wanted at least one, from 1 to 8, the model's own number"),
        ({"qubits": []}, "qubits = none; wanted at least one, from 1 to 8"),
        ({"layers": [0, 2]}, "layers = 0; wanted at least one, from 1 to 64"),
    ],
)
def test_options_out_of_bounds(trained, made, options, message):
    with pytest.raises(ConfigError, match=message):
        stages.diagnose(trained, made[1], **options)


def test_a_report_shows_it_and_goes_back_to_it(diagnosis, trained, made, small):
    result, store, _ = made
    risk = stages.risk(small(), stages.generate(small(), trained, store), store)
    rival = next(a for a in result.artifacts if a.stage == "risk")
    report = stages.report([risk, diagnosis, rival], store)
    assert report.parents == {"risk_0": risk.ref, "risk_1": rival.ref, "diagnosis_0": diagnosis.ref}
    page = report.path("report.html").read_text(encoding="utf-8")
    assert "Diagnosis of the circuit" in page
    assert f"gates.parquet of {diagnosis.ref}" in page
    assert f"qfin report {risk.ref} {rival.ref} {diagnosis.ref}" in page
    rows = stages.RunResult.of(report, store).rows
    assert [row.label for row in rows] == ["Born machine", "Student-t copula"]
    assert stages.report([risk, rival], store).id != report.id


def test_a_report_without_the_model_says_so(diagnosis, made):
    result, store, _ = made
    rival = next(a for a in result.artifacts if a.stage == "risk")
    with pytest.raises(ConfigError, match="which made none of the risk figures of this report"):
        stages.report([rival, diagnosis], store)
