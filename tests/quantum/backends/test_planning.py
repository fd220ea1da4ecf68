"""What a request will take on a device, against sums written out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import Statevector
from qiskit.transpiler import generate_preset_pass_manager

from qfin.errors import ConfigError
from qfin.quantum import Request
from qfin.quantum.backends import Ibm
from qfin.quantum.backends._devices import fake_device
from qfin.quantum.backends._noisy import fidelity
from qfin.quantum.backends._runtime.planning import (
    LAYOUTS,
    SECONDS_A_JOB,
    Shares,
    check_ceiling,
    device_circuit,
    plan_of,
    rows_of,
)

DELAY = 250e-6  # of fake_manila's configuration there is none; IBM's usual one


@pytest.fixture(scope="module")
def manila():
    return fake_device("fake_manila")


def request_of(layers=1, n=3, rows=2, shots=1_000, seed=0):
    circuit, angles = QuantumCircuit(n), ParameterVector("angle", n * layers)
    for layer in range(layers):
        for q in range(n):
            circuit.ry(angles[n * layer + q], q)
        for q in range(n - 1):
            circuit.cx(q, q + 1)
    theta = np.random.default_rng(1).uniform(0.3, 2.5, (rows, n * layers))
    return Request(circuit, theta, shots, seed)


def plan(request, device, name="ibm a_device", calibrations=0, ceiling=None):
    ready = device_circuit(request, device, 3, 0.99)
    shares = Shares.of(request.shots, calibrations > 0)
    return plan_of(name, request, device, ready, shares, calibrations, ceiling), ready


def test_the_device_circuit_is_the_requests_in_the_devices_gates(manila) -> None:
    request = request_of()
    ready = device_circuit(request, manila, 3, 0.99)
    assert ready.circuit.num_qubits == 5
    for instruction in ready.circuit.data:
        where = tuple(ready.circuit.find_bit(q).index for q in instruction.qubits)
        assert instruction.operation.name == "barrier" or manila.target.instruction_supported(
            instruction.operation.name, where
        )
    row = request.theta[0]
    bound = dict(zip(request.circuit.parameters, row, strict=True))
    values = {p: bound[p] for p in ready.circuit.parameters}
    mapped = ready.circuit.remove_final_measurements(inplace=False).assign_parameters(values)
    wanted = Statevector(request.circuit.assign_parameters(bound)).probabilities()
    np.testing.assert_allclose(Statevector(mapped).probabilities(list(ready.measured)), wanted, atol=1e-9)


def test_expected_fidelity_is_the_product_over_gates_and_readouts(manila) -> None:
    made, ready = plan(request_of(layers=2), manila)
    kept = 1.0
    for instruction in ready.circuit.data:
        where = tuple(ready.circuit.find_bit(q).index for q in instruction.qubits)
        kept *= 1 - (manila.target[instruction.operation.name][where].error or 0.0)
    assert made.expected_fidelity == pytest.approx(kept)
    assert 0.5 < kept < 0.99
    assert made.two_qubit_gates == sum(ready.circuit.count_ops().get(name, 0) for name in ("cx", "ecr", "cz"))
    assert made.depth == ready.circuit.depth()


def test_the_layout_is_on_better_qubits_than_most(manila) -> None:
    request = request_of()
    ready = device_circuit(request, manila, 3, 0.99)
    from qiskit import transpile

    logical = request.circuit.measure_all(inplace=False)
    by_hand = []
    for start in itertools.permutations(range(5), 3):
        mapped = transpile(
            logical, manila, initial_layout=list(start), optimization_level=1, seed_transpiler=0
        )
        kept = 1.0
        for i in mapped.data:
            if i.operation.name != "barrier":
                where = tuple(mapped.find_bit(q).index for q in i.qubits)
                kept *= 1 - (manila.target[i.operation.name][where].error or 0.0)
        by_hand.append(kept)
    assert ready.fidelity > np.quantile(by_hand, 0.9)


def test_of_the_layouts_tried_the_best_is_taken() -> None:
    nairobi = fake_device("fake_nairobi")
    circuit = QuantumCircuit(5)
    for a, b in itertools.combinations(range(5), 2):
        circuit.rzz(0.3 + a + 0.2 * b, a, b)
        circuit.ry(0.4, a)
    tried = [
        fidelity(
            generate_preset_pass_manager(3, backend=nairobi, seed_transpiler=seed).run(
                circuit.measure_all(inplace=False)
            ),
            nairobi.target,
        )
        for seed in range(LAYOUTS)
    ]
    ready = device_circuit(Request(circuit, np.empty((1, 0)), 10), nairobi, 3, 0.99)
    assert max(tried) - min(tried) > 0.005
    assert ready.fidelity == pytest.approx(max(tried), abs=1e-9)


def test_seconds_are_executions_times_shot_and_delay_and_the_jobs_own(manila) -> None:
    made, ready = plan(request_of(rows=7, shots=500), manila, calibrations=2)
    lasts = ready.circuit.estimate_duration(manila.target, unit="s")
    assert made.duration == pytest.approx(lasts)
    assert made.qpu_seconds == pytest.approx(SECONDS_A_JOB + 9 * 500 * (lasts + DELAY))
    assert plan(request_of(), manila, name="ibm fake_manila")[0].qpu_seconds == 0.0


def test_a_calibration_costs_no_more_than_its_own_shots(manila) -> None:
    made, _ = plan(request_of(rows=1, shots=100_000), manila, calibrations=2)
    assert made.details["executions"] == 120_000
    assert Shares.of(25_001, True) == Shares(2, 12_501)
    assert Shares.of(25_001, False) == Shares(1, 25_001)
    assert Shares.of(9_999, True) == Shares(1, 9_999)


def test_a_circuit_too_deep_is_said_to_be_with_its_times(manila) -> None:
    assert not plan(request_of(), manila)[0].warnings
    deep, ready = plan(request_of(layers=250), manila)
    times = [
        t
        for q in ready.measured
        for t in (manila.target.qubit_properties[q].t1, manila.target.qubit_properties[q].t2)
    ]
    said = f"a shot takes {1e6 * deep.duration:,.1f} µs and the shortest coherence time of its qubits is"
    assert any(said in warning and f"{1e6 * min(times):,.1f}" in warning for warning in deep.warnings)
    assert any("the expected fidelity is" in warning for warning in deep.warnings)


def test_a_ceiling_is_held(manila) -> None:
    made, _ = plan(request_of(), manila, ceiling=2.1)
    with pytest.raises(ConfigError, match=r"take some 2\.5 s of the QPU and max_qpu_seconds allows 2\.1"):
        check_ceiling(made)
    check_ceiling(plan(request_of(), manila, ceiling=60.0)[0])


def test_the_layout_does_not_change_with_seed_or_angles(manila) -> None:
    first = request_of()
    again = Request(first.circuit, first.theta[:1] + 0.1, 7, 9)
    one, other = (device_circuit(request, manila, 3, 0.99) for request in (first, again))
    assert one.measured == other.measured
    assert one.circuit == other.circuit


def test_rows_without_parameters_are_still_rows(manila) -> None:
    circuit = QuantumCircuit(2)
    circuit.ry(0.4, 1)
    request = Request(circuit, np.empty((3, 0)), 100)
    ready = device_circuit(request, manila, 3, 0.99)
    sent, angles = rows_of(request, ready)
    assert angles.shape == (3, 1)
    assert sent.num_parameters == 1
    plain = sent.remove_final_measurements(inplace=False)
    for value in (0.0, 1.3):
        state = Statevector(plain.assign_parameters([value]))
        np.testing.assert_allclose(
            state.probabilities(list(ready.measured)), Statevector(circuit).probabilities(), atol=1e-9
        )


def test_plan_refuses_before_anything_is_run() -> None:
    backend = Ibm("fake_manila")
    with pytest.raises(ConfigError, match="the circuit has 6 qubits and ibm fake_manila takes 5"):
        backend.plan(Request(QuantumCircuit(6), np.empty((1, 0)), 10))
    wide = Request(QuantumCircuit(65), np.empty((1, 0)), 10)
    with pytest.raises(ConfigError, match="outcomes have 65 bits and m3 takes 62; measure fewer qubits"):
        Ibm("fake_kingston").check(wide)
    Ibm("fake_kingston", mitigation="none").check(wide)
