"""Aer on the CPU: methods, widths, the noise of a device against closed forms, and what is refused."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, BACKENDS, Request
from qfin.quantum.backends import _aer

NO_ANGLES = np.empty((1, 0))
LONG = 1e6  # seconds; no relaxation


def device(n, couplings, *, t1=LONG, t2=LONG, up=0.0, down=0.0, error=0.0, duration=100e-9):
    """A calibration as a file holds it; `up` is 0 read as 1."""
    qubit = {
        "t1": t1,
        "t2": t2,
        "readout": {"1_as_0": down, "0_as_1": up, "duration": 1e-6},
        "gate": {"error": error, "duration": duration},
    }
    pairs = [{"qubits": pair, "error": 0.0, "duration": 300e-9} for pair in couplings]
    return {"name": "bench", "qubits": [qubit] * n, "couplings": pairs}


def noisy(tmp_path, calibration, **parameters):
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(calibration))
    return BACKENDS.build({"kind": "aer", "noise": str(path), **parameters})


def close(draws, wanted, row=0):
    """Every frequency within 5.5 standard deviations, at most .5 / sqrt(shots) each: missed once in 2e7."""
    np.testing.assert_allclose(draws.frequencies()[row], wanted, atol=5.5 * 0.5 / draws.shots**0.5)


def exact(request):
    return BACKENDS.build("exact").probabilities(request)


def mixed(n):
    circuit = QuantumCircuit(n)
    for q in range(n):
        circuit.ry(0.4 + 0.5 * q, q)
    circuit.cx(0, n - 1)
    return circuit


def test_outcomes_of_120_qubits():
    """A chain of CX copies qubit 0, then X on every third: two outcomes, each in half of the shots."""
    n, circuit = 120, QuantumCircuit(120)
    circuit.h(0)
    for q in range(n - 1):
        circuit.cx(q, q + 1)
    circuit.x(range(0, n, 3))
    draws = BACKENDS.build("aer").run(Request(circuit, NO_ANGLES, 400, 1))
    bits = draws.bits()[0]
    flipped = np.arange(n) % 3 == 0
    assert draws.num_bits == n
    assert set(map(bytes, bits)) == {bytes(flipped.astype(np.uint8)), bytes((~flipped).astype(np.uint8))}
    assert abs(bits[:, 1].mean() - 0.5) < 5.5 * 0.5 / 20
    assert draws.lineage["method"] == "matrix_product_state"
    assert draws.lineage["truncation"] == {"bond_dimension": None, "lost_at_a_gate": 1e-16}


@pytest.mark.parametrize("limit", [{"bond_dimension": 1}, {"truncation": 0.3}])
def test_limits_truncate(limit):
    """Of a pair cos(a)|00> + sin(a)|11>, a bond of dimension 1 keeps |00>; sin(.5)^2 = .23."""
    circuit = QuantumCircuit(2)
    circuit.ry(2 * 0.5, 0)
    circuit.cx(0, 1)
    backend = BACKENDS.build({"kind": "aer", "method": "matrix_product_state", **limit})
    draws = backend.run(Request(circuit, NO_ANGLES, 50))
    assert draws.outcomes().max() == 0
    assert draws.lineage["truncation"] == {"bond_dimension": None, "lost_at_a_gate": 1e-16} | {
        {"truncation": "lost_at_a_gate"}.get(key, key): value for key, value in limit.items()
    }
    assert not backend.capabilities().exact


@pytest.mark.parametrize("tables", [True, False])
def test_drawn_from_a_table_or_shot_by_shot_by_aer(tables):
    theta = np.array([[0.3, 1.1, 2.0], [1.9, -0.4, 0.2]])
    circuit = QuantumCircuit(3)
    for q in range(3):
        circuit.ry(Parameter(f"angle[{q}]"), q)
    circuit.cx(2, 0)
    request = Request(circuit, theta, 20_000, 4)
    runner = _aer.simulator("aer", "aer", method="statevector")
    draws = _aer.draws_of(runner, request, {}, tables=tables)
    for row, wanted in enumerate(exact(request)):
        close(draws, wanted, row)


def test_tables_that_do_not_fit_at_once_are_drawn_row_after_row(monkeypatch):
    circuit = ANSAETZE.build("ring_cx").build(4, 1, 2)
    theta = np.random.default_rng(0).normal(size=(5, circuit.num_parameters))
    request = Request(circuit, theta, 300, 4)
    at_once = BACKENDS.build("aer").run(request)
    monkeypatch.setattr(_aer, "_TABLES_AT_ONCE", 32)
    assert BACKENDS.build("aer").run(request).packed.tobytes() == at_once.packed.tobytes()


def test_seeds_that_differ_by_aers_own_step_share_no_draws():
    """Aer gives row k the seed + 2113 k."""
    backend = BACKENDS.build({"kind": "aer", "method": "matrix_product_state"})
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("angle"), 0)
    theta = np.full((2, 1), 1.3)
    first, other = (backend.run(Request(circuit, theta, 200, seed)).outcomes() for seed in (10, 10 + 2113))
    assert not np.array_equal(first[1], other[0])


def test_threads_change_nothing():
    circuit = ANSAETZE.build("line_rzz").build(5, 1, 2)
    theta = np.random.default_rng(0).normal(size=(4, circuit.num_parameters))
    drawn = [
        BACKENDS.build({"kind": "aer", "threads": t}).run(Request(circuit, theta, 100)) for t in (1, 2, None)
    ]
    assert len({draws.packed.tobytes() for draws in drawn}) == 1


def test_a_loaded_state_is_not_synthesised():
    n = 12
    amplitudes = np.sqrt(np.random.default_rng(0).dirichlet(np.ones(2**n)))
    circuit = QuantumCircuit(n)
    circuit.x(0)
    request = Request(circuit, NO_ANGLES, 1, initial=amplitudes)
    runner = _aer.simulator("aer", "aer", method="statevector")
    written = _aer._loaded(runner, _aer.split(request))
    assert dict(written.count_ops()) == {"initialize": 1, "x": 1}
    np.testing.assert_allclose(BACKENDS.build("aer").probabilities(request), exact(request), atol=1e-12)


def test_gates_that_aer_does_not_know_are_written_in_those_it_does():
    inner = QuantumCircuit(2, name="ours")
    inner.ry(Parameter("a"), 0)
    inner.cx(0, 1)
    circuit = QuantumCircuit(3)
    circuit.append(inner.to_gate(), [2, 0])
    request = Request(circuit, [[0.8]], 10)
    np.testing.assert_allclose(BACKENDS.build("aer").probabilities(request), exact(request), atol=1e-12)


def test_readout_errors_of_a_file(tmp_path):
    """Each qubit is read through [[1 - up, down], [up, 1 - down]]."""
    up, down = 0.12, 0.03
    backend = noisy(tmp_path, device(2, [[0, 1]], up=up, down=down))
    request = Request(mixed(2), NO_ANGLES, 40_000, 3)
    one = np.array([[1 - up, down], [up, 1 - down]])
    draws = backend.run(request)
    close(draws, np.kron(one, one) @ exact(request)[0])
    assert draws.lineage["noise"] == "bench"
    assert backend.name == "aer with the noise of bench"


def test_relaxation_of_a_file(tmp_path):
    """After an X that takes t, a qubit is still 1 with probability exp(-t / T1)."""
    backend = noisy(tmp_path, device(1, [], t1=200e-9, t2=200e-9, duration=100e-9))
    circuit = QuantumCircuit(1)
    circuit.x(0)
    close(backend.run(Request(circuit, NO_ANGLES, 40_000, 3)), [1 - np.exp(-0.5), np.exp(-0.5)])


@pytest.mark.parametrize("couplings", [[[0, 1], [1, 2], [2, 3], [3, 4]], [[4, 0], [4, 1], [4, 2], [4, 3]]])
@pytest.mark.parametrize("loaded", [False, True])
def test_routing_without_errors_changes_nothing(tmp_path, couplings, loaded):
    """All pairs on a line and on a star: swaps, a layout that is no identity, and a state that must follow it."""
    circuit = ANSAETZE.build("all_rzz").build(4, 1, 2)
    rng = np.random.default_rng(8)
    theta = rng.normal(size=(2, circuit.num_parameters))
    phases = np.exp(1j * rng.uniform(-3, 3, 16))
    state = np.sqrt(rng.dirichlet(np.full(16, 0.4))) * phases if loaded else None
    backend = noisy(tmp_path, device(5, couplings))
    request = Request(circuit, theta, 4_000, 3, state)
    draws = backend.run(request)
    for row, wanted in enumerate(exact(request)):
        close(draws, wanted, row)
    plan = backend.plan(request)
    assert plan.two_qubit_gates > 2 * 6  # six pairs of two CX each, and swaps
    assert plan.expected_fidelity == 1.0


def test_expected_fidelity_is_the_product_over_gates_and_readouts(tmp_path):
    backend = noisy(tmp_path, device(2, [[0, 1]], up=0.02, down=0.04, error=0.01))
    circuit = QuantumCircuit(2)
    circuit.x([0, 1])
    plan = backend.plan(Request(circuit, NO_ANGLES, 10))
    assert plan.expected_fidelity == pytest.approx(0.99**2 * 0.97**2)
    assert (plan.depth, plan.two_qubit_gates) == (2, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["qubits"][1].pop("t1"), r"qubits\.1\.t1: field required"),
        (lambda c: c["qubits"][1].update(t2=3 * LONG), r"qubit 1 has t2 = 3e\+06 s above twice its t1"),
        (lambda c: c["qubits"][0]["readout"].update({"1_as_0": 1.5}), r"qubits\.0\.readout\.1_as_0: input should be"),
        (lambda c: c["qubits"][0]["gate"].update(length=1.0), r"qubits\.0\.gate\.length: extra inputs"),
        (lambda c: c["couplings"][0].update(qubits=[0, 7]), r"the coupling of qubits \[0, 7\] is no pair of the 2"),
        (lambda c: c.update(qubits=[]), r"qubits: list should have at least 1 item"),
    ],
)  # fmt: skip
def test_a_wrong_calibration_file_names_the_place(tmp_path, change, message):
    calibration = json.loads(json.dumps(device(2, [[0, 1]])))
    change(calibration)
    with pytest.raises(ConfigError, match=message):
        noisy(tmp_path, calibration).capabilities()


def test_a_calibration_file_that_is_no_json(tmp_path):
    (tmp_path / "device.json").write_text("not this")
    with pytest.raises(ConfigError, match=r"device\.json: the file: invalid JSON"):
        BACKENDS.build({"kind": "aer", "noise": str(tmp_path / "device.json")}).capabilities()


def test_an_unknown_device_lists_those_there_are():
    with pytest.raises(
        ConfigError, match=r"no fake device 'fake_manilla'; did you mean 'fake_manila'\?.*fake_kingston"
    ):
        BACKENDS.build({"kind": "aer", "noise": "fake_manilla"}).capabilities()
    with pytest.raises(ConfigError, match="'elsewhere' is neither a fake device, .* nor a calibration file"):
        BACKENDS.build({"kind": "aer", "noise": "elsewhere"}).capabilities()


def test_more_qubits_than_the_device_has(tmp_path):
    with pytest.raises(ConfigError, match="the circuit has 3 qubits and aer with the noise of bench takes 2"):
        noisy(tmp_path, device(2, [[0, 1]])).run(Request(mixed(3), NO_ANGLES, 1))


def test_a_statevector_that_does_not_fit():
    n = _aer.most_statevector_qubits() + 1
    backend = BACKENDS.build({"kind": "aer", "method": "statevector"})
    with pytest.raises(
        ConfigError, match=f"statevector of {n} qubits takes {16 << n:,} bytes.*'matrix_product_state'"
    ):
        backend.run(Request(QuantumCircuit(n), NO_ANGLES, 1))


def test_the_rule_of_automatic(monkeypatch):
    monkeypatch.setattr(_aer, "most_statevector_qubits", lambda: 3)
    methods = [BACKENDS.build("aer").run(Request(mixed(n), NO_ANGLES, 5)).lineage["method"] for n in (3, 4)]
    assert methods == ["statevector", "matrix_product_state"]


def test_a_table_that_does_not_fit():
    with pytest.raises(
        ConfigError, match=r"a table of 2\*\*40 probabilities does not fit; draw with run\(\) instead"
    ):
        BACKENDS.build("aer").probabilities(Request(QuantumCircuit(40), NO_ANGLES, 1))


def test_a_state_too_wide_for_a_matrix_product():
    state = np.full(2**13, 2**-6.5)
    backend = BACKENDS.build({"kind": "aer", "method": "matrix_product_state"})
    with pytest.raises(
        ConfigError, match="loaded state of 12 qubits at most, not of 13; set method = 'statevector'"
    ):
        backend.run(Request(QuantumCircuit(13), NO_ANGLES, 1, initial=state))


def test_without_aer(monkeypatch):
    monkeypatch.setitem(sys.modules, "qiskit_aer", None)
    with pytest.raises(ConfigError, match=r"backend 'aer' needs: pip install 'qfin-scenarios\[aer\]'"):
        BACKENDS.build("aer").capabilities()


def test_versions():
    assert BACKENDS.build("aer").versions.keys() == {"qiskit", "qiskit-aer"}
    assert BACKENDS.build("aer").run(Request(mixed(2), NO_ANGLES, 1)).lineage["versions"].keys() == {
        "qiskit",
        "qiskit-aer",
    }
