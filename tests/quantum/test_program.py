"""The engine against Qiskit's statevector, parameter shift and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.random import random_circuit as qiskit_random_circuit
from qiskit.quantum_info import Statevector

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, Program
from tests.quantum._circuits import ONE_ANGLE, difference_gradient, exact_state, random_circuit


def quadratic(weights: np.ndarray):
    """A loss that is neither linear in p nor symmetric."""
    return lambda p: (float(weights @ p + p @ p), weights + 2.0 * p)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 25))
def test_state_and_gradient_of_random_circuits(seed: int, n: int, n_gates: int) -> None:
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, n, n_gates)
    program, theta = Program.from_circuit(circuit), rng.normal(size=circuit.num_parameters)
    np.testing.assert_allclose(program.statevector(theta), exact_state(circuit, theta), atol=1e-12)
    loss = quadratic(rng.normal(size=2**n))
    value, gradient = program.value_and_gradient(theta, loss)
    assert value == pytest.approx(loss(np.abs(exact_state(circuit, theta)) ** 2)[0], abs=1e-12)
    expected = difference_gradient(lambda t: loss(program.probabilities(t))[0], theta)
    np.testing.assert_allclose(gradient, expected, atol=1e-9 * (1 + np.abs(expected).max(initial=0.0)))


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_the_adjoint_gradient_is_parameter_shift(seed: int, n: int) -> None:
    """Rotations with generators of eigenvalues +-1/2 obey the two-term shift rule exactly (Schuld et al. 2019)."""
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(n)
    names = [k for k, w in ONE_ANGLE.items() if w <= n and not k.startswith("cr")]
    for k in range(15):
        name = str(rng.choice(names))
        getattr(circuit, name)(Parameter(f"t{k:02}"), *map(int, rng.permutation(n)[: ONE_ANGLE[name]]))
        circuit.h(int(rng.integers(n)))
    program, theta = Program.from_circuit(circuit), rng.normal(size=15)
    weights = rng.normal(size=2**n)
    shifted = [
        weights @ (program.probabilities(theta + e) - program.probabilities(theta - e)) / 2
        for e in np.eye(15) * np.pi / 2
    ]
    gradient = program.value_and_gradient(theta, lambda p: (float(weights @ p), weights))[1]
    np.testing.assert_allclose(gradient, shifted, atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_qiskits_own_random_circuits(seed: int) -> None:
    circuit = qiskit_random_circuit(4, 8, max_operands=4, seed=seed)
    np.testing.assert_allclose(
        Program.from_circuit(circuit).statevector([]), Statevector(circuit).data, atol=1e-12
    )


@pytest.mark.parametrize("kind", ANSAETZE.kinds())
@pytest.mark.parametrize("initial", ["none", "real", "complex"])
def test_ansaetze_from_any_initial_state(kind: str, initial: str) -> None:
    rng = np.random.default_rng(2)
    circuit = ANSAETZE.build(kind).build(6, 2, 3)
    program, theta = Program.from_circuit(circuit), rng.normal(size=circuit.num_parameters)
    start = {
        "none": None,
        "real": np.sqrt(rng.dirichlet(np.ones(64))),
        "complex": np.sqrt(rng.dirichlet(np.ones(64))) * np.exp(1j * rng.normal(size=64)),
    }[initial]
    from_state = Statevector(np.eye(64)[0] if start is None else start)
    expected = np.abs(from_state.evolve(circuit.assign_parameters(theta)).data) ** 2
    np.testing.assert_allclose(program.probabilities(theta, start), expected, atol=1e-12)
    loss = quadratic(rng.normal(size=64))
    gradient = program.value_and_gradient(theta, loss, start)[1]
    slow = difference_gradient(lambda t: loss(program.probabilities(t, start))[0], theta)
    np.testing.assert_allclose(gradient, slow, atol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10])
def test_every_width_agrees_with_qiskit(n: int) -> None:
    rng = np.random.default_rng(n)
    circuit = random_circuit(rng, n, 40)
    theta = rng.normal(size=circuit.num_parameters)
    np.testing.assert_allclose(
        Program.from_circuit(circuit).statevector(theta), exact_state(circuit, theta), atol=1e-12
    )


def test_drawn_outcomes_match_exact_probabilities_on_an_asymmetric_state() -> None:
    circuit = QuantumCircuit(3)
    circuit.ry(2 * np.arcsin(np.sqrt(0.8)), 0)
    circuit.ry(2 * np.arcsin(np.sqrt(0.3)), 2)
    shots = 200_000
    outcomes = Program.from_circuit(circuit).sample([], shots, np.random.default_rng(7))
    exact = [0.2 * 0.7, 0.8 * 0.7, 0, 0, 0.2 * 0.3, 0.8 * 0.3, 0, 0]  # bit 0 is qubit 0
    assert outcomes.dtype == np.int64
    np.testing.assert_allclose(np.bincount(outcomes, minlength=8) / shots, exact, atol=2.5 / shots**0.5)


def test_an_impossible_outcome_is_never_drawn() -> None:
    class Zeros:
        def random(self, shots: int) -> np.ndarray:
            return np.zeros(shots)

    circuit = QuantumCircuit(2)
    circuit.x(1)
    assert Program.from_circuit(circuit).sample([], 3, Zeros()).tolist() == [2, 2, 2]


def test_final_measurements_fix_the_order_of_bits_and_hide_qubits() -> None:
    rng = np.random.default_rng(4)
    body = random_circuit(rng, 4, 30)
    theta = rng.normal(size=body.num_parameters)
    circuit = QuantumCircuit(4, 3)
    circuit.compose(body, inplace=True)
    circuit.barrier()
    circuit.measure([3, 0, 2], [0, 1, 2])
    program = Program.from_circuit(circuit)
    state = Statevector(np.abs(exact_state(body, theta)))
    expected = state.probabilities(
        [3, 0, 2]
    )  # Qiskit: first listed qubit is the lowest bit; the rest summed over
    assert (program.num_qubits, program.num_bits) == (4, 3)
    np.testing.assert_allclose(program.probabilities(theta), expected, atol=1e-12)
    loss = quadratic(rng.normal(size=8))
    slow = difference_gradient(lambda t: loss(program.probabilities(t))[0], theta)
    np.testing.assert_allclose(program.value_and_gradient(theta, loss)[1], slow, atol=1e-9)


def test_a_prepared_state_is_the_initial_vector() -> None:
    rng = np.random.default_rng(5)
    amplitudes = rng.normal(size=4) + 1j * rng.normal(size=4)
    amplitudes /= np.linalg.norm(amplitudes)
    angle = Parameter("a")
    circuit = QuantumCircuit(3)
    circuit.prepare_state(amplitudes, [2, 0])
    circuit.initialize("1", 1)
    circuit.rxx(angle, 0, 1)
    program = Program.from_circuit(circuit)
    plain = QuantumCircuit(3)
    plain.prepare_state(amplitudes, [2, 0])
    plain.x(1)
    plain.rxx(0.7, 0, 1)
    np.testing.assert_allclose(program.statevector([0.7]), Statevector(plain).data, atol=1e-12)
    with pytest.raises(ConfigError, match="prepares a state of its own"):
        program.probabilities([0.7], np.eye(8)[0])


def test_composite_and_opaque_gates_are_opened() -> None:
    from qiskit.circuit.library import PauliEvolutionGate, UnitaryGate, XGate
    from qiskit.quantum_info import SparsePauliOp, random_unitary

    time = Parameter("time")
    inner = QuantumCircuit(2, name="inner", global_phase=0.3)
    inner.ry(time, 0)
    inner.cx(0, 1)
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    circuit.append(inner.to_gate(), [2, 0])
    circuit.append(inner.to_gate().control(1), [3, 1, 2])
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XYZ", "ZZI"]), time=time), [1, 0, 3])
    circuit.append(UnitaryGate(random_unitary(4, seed=1)), [0, 3])
    circuit.append(XGate().control(2, ctrl_state="01"), [1, 3, 0])
    circuit.append(XGate().control(2, annotated=True), [0, 1, 2])
    program = Program.from_circuit(circuit)
    np.testing.assert_allclose(program.statevector([0.4]), exact_state(circuit, np.array([0.4])), atol=1e-12)


def test_shared_parameters_keep_the_circuits_order() -> None:
    b, a = Parameter("b"), Parameter("a")
    circuit = QuantumCircuit(1)
    circuit.ry(b, 0)
    circuit.ry(2 * a, 0)
    circuit.ry(b / 2, 0)
    program = Program.from_circuit(circuit)
    assert [p.name for p in program.parameters] == ["a", "b"]
    np.testing.assert_allclose(
        program.probabilities([0.2, 0.4])[1], np.sin((0.4 + 0.4 + 0.2) / 2) ** 2, atol=1e-15
    )


def _mid_measure() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.measure(1, 1)
    circuit.cx(0, 1)
    return circuit


def _reset() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(1)
    circuit.reset(1)
    return circuit


def _conditional() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)
    return circuit


def _late_state() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.prepare_state([0.6, 0.8], 0)
    return circuit


def _same_clbit() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.measure([0, 1], [1, 1])
    return circuit


@pytest.mark.parametrize(
    ("circuit", "message"),
    [
        (_mid_measure, r"instruction 1 \(cx on qubits 0, 1\) comes after the measurement of qubit 1"),
        (_reset, r"instruction 1 \(reset on qubit 1\) is a reset of a qubit already in use"),
        (_conditional, r"instruction 0 \(if_else on qubit 0\) is a conditional"),
        (
            _late_state,
            r"instruction 1 \(state_preparation on qubit 0\) prepares a state on qubits already in use",
        ),
        (_same_clbit, r"instruction 1 \(measure on qubit 1\) overwrites classical bit 1"),
        (lambda: QuantumCircuit(50), r"50 qubits take 72,057,594,037,927,936 bytes"),
        (lambda: QuantumCircuit(0), "no qubits"),
    ],
)
def test_what_has_no_meaning_is_named(circuit, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Program.from_circuit(circuit())


def test_wrong_arguments_are_named() -> None:
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("a"), 0)
    program = Program.from_circuit(circuit)
    with pytest.raises(ConfigError, match=r"theta has shape \(2,\); the circuit wants \(1,\)"):
        program.probabilities([0.1, 0.2])
    with pytest.raises(ConfigError, match=r"initial state has shape \(2,\); 2 qubits want \(4,\)"):
        program.probabilities([0.1], np.array([1.0, 0.0]))
    with pytest.raises(ConfigError, match="norm 2; wanted 1"):
        program.probabilities([0.1], np.ones(4))


def test_angles_must_be_real() -> None:
    a = Parameter("a")
    circuit = QuantumCircuit(1)
    circuit.ry(a.log(), 0)
    program = Program.from_circuit(circuit)
    with pytest.raises(ConfigError, match=r"instruction 0 \(ry on qubit 0\): the angle is"):
        program.probabilities([-1.0])


def test_the_callers_arrays_are_left_alone() -> None:
    circuit = ANSAETZE.build("line_rzz").build(4, 1, 2)
    program = Program.from_circuit(circuit)
    start, theta = np.full(16, 0.25), np.full(circuit.num_parameters, 0.3)
    program.value_and_gradient(theta, quadratic(np.arange(16.0)), start)
    assert (start == 0.25).all()
    assert (theta == 0.3).all()
