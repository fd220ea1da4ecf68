"""Final measurements: they fix the order of an outcome's bits, and qubits without one are summed over."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.quantum_info import Statevector

from qfin.quantum import ANSAETZE, Program
from tests.quantum._circuits import (
    dense_gradient,
    exact_state,
    quadratic,
    random_circuit,
    random_state,
    shift_gradient,
)


def outcomes(n: int, qubits: list[int]) -> np.ndarray:
    """Outcome of each state when bit k is that of qubits[k]."""
    return np.array([sum((z >> q & 1) << k for k, q in enumerate(qubits)) for z in range(2**n)])


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from(["zero", "complex"]), st.data())
def test_any_qubits_in_any_order(seed: int, n: int, start: str, data: st.DataObject) -> None:
    qubits = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=n, unique=True))
    rng = np.random.default_rng(seed)
    body = random_circuit(rng, n, 20)
    theta, initial = rng.normal(size=body.num_parameters), random_state(rng, n, start)
    circuit = QuantumCircuit(n, len(qubits))
    circuit.compose(body, inplace=True)
    circuit.barrier()
    circuit.measure(qubits, range(len(qubits)))
    program = Program.from_circuit(circuit)
    assert (program.num_qubits, program.num_bits) == (n, len(qubits))
    state, outcome = exact_state(body, theta, initial), outcomes(n, qubits)
    expected = np.bincount(outcome, np.abs(state) ** 2, 2 ** len(qubits))
    np.testing.assert_allclose(program.probabilities(theta, initial), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(program.statevector(theta, initial), state, rtol=0, atol=1e-12)
    loss = quadratic(rng.normal(size=2 ** len(qubits)))
    value, gradient = program.value_and_gradient(theta, loss, initial)
    assert value == pytest.approx(loss(expected)[0], abs=1e-12)
    slopes = loss(expected)[1][outcome]
    slow = dense_gradient(body, theta, lambda p: (0.0, slopes), initial)
    np.testing.assert_allclose(gradient, slow, rtol=0, atol=1e-10 * (1 + np.abs(slow).max(initial=0)))


def test_qiskits_marginals_agree_on_the_order() -> None:
    """Qiskit: the first qubit listed is the lowest bit."""
    rng = np.random.default_rng(4)
    body = random_circuit(rng, 4, 30)
    theta = rng.normal(size=body.num_parameters)
    circuit = body.copy()
    circuit.add_register(ClassicalRegister(3))
    circuit.measure([3, 0, 2], [0, 1, 2])
    expected = Statevector(exact_state(body, theta)).probabilities([3, 0, 2])
    np.testing.assert_allclose(
        Program.from_circuit(circuit).probabilities(theta), expected, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("qubits", [[8], [0], [11, 2, 7, 0], list(range(12)), list(range(11, -1, -1))])
def test_few_of_many_qubits(qubits: list[int]) -> None:
    circuit = ANSAETZE.build("line_rzz").build(12, 2, 3)
    theta = np.random.default_rng(0).normal(size=circuit.num_parameters)
    full = Program.from_circuit(circuit)
    circuit.add_register(ClassicalRegister(len(qubits)))
    circuit.measure(qubits, range(len(qubits)))
    program = Program.from_circuit(circuit)
    expected = np.bincount(outcomes(12, qubits), full.probabilities(theta))
    np.testing.assert_allclose(program.probabilities(theta), expected, rtol=0, atol=1e-14)
    loss = quadratic(np.random.default_rng(1).normal(size=2 ** len(qubits)))
    gradient, some = program.value_and_gradient(theta, loss)[1], [0, 30, 50]
    np.testing.assert_allclose(
        gradient[some], shift_gradient(program, theta, loss, None, some), rtol=0, atol=1e-12
    )


def rotated(*registers: QuantumRegister | ClassicalRegister) -> QuantumCircuit:
    """Qubit q is 1 with probability sin^2((q + 1)/4)."""
    circuit = QuantumCircuit(*registers)
    for index, qubit in enumerate(circuit.qubits):
        circuit.ry((index + 1) / 2, qubit)
    return circuit


def product(qubits: list[int]) -> np.ndarray:
    p = np.ones(1)
    for qubit in qubits:  # the first is the lowest bit
        one = np.sin((qubit + 1) / 4) ** 2
        p = np.kron([1 - one, one], p)
    return p


def test_registers_of_several_names() -> None:
    market, hidden = QuantumRegister(2, "market"), QuantumRegister(2, "hidden")
    first, second = ClassicalRegister(1, "first"), ClassicalRegister(2, "second")
    circuit = rotated(market, hidden, first, second)
    circuit.measure(hidden[1], second[1])
    circuit.measure(market[1], first[0])
    circuit.measure(market[0], second[0])
    program = Program.from_circuit(circuit)
    np.testing.assert_allclose(program.probabilities([]), product([1, 0, 3]), rtol=0, atol=1e-15)


def test_measure_all_and_measure_active() -> None:
    circuit = rotated(QuantumRegister(3))
    circuit.measure_all()
    program = Program.from_circuit(circuit)
    assert program.num_bits == 3
    np.testing.assert_allclose(program.probabilities([]), product([0, 1, 2]), rtol=0, atol=1e-15)
    circuit = QuantumCircuit(3)
    circuit.ry(1.0, 1)
    circuit.measure_active()
    np.testing.assert_allclose(
        Program.from_circuit(circuit).probabilities([]), product([1]), rtol=0, atol=1e-15
    )


def test_bits_of_a_larger_classical_register_that_are_never_written_are_no_bits() -> None:
    circuit = rotated(QuantumRegister(3), ClassicalRegister(6))
    circuit.measure([0, 2], [4, 1])
    program = Program.from_circuit(circuit)
    assert program.num_bits == 2
    np.testing.assert_allclose(program.probabilities([]), product([2, 0]), rtol=0, atol=1e-15)


def test_a_measurement_inside_a_composite_instruction() -> None:
    inner = QuantumCircuit(2, 2)
    inner.ry(0.5, 0)
    inner.ry(1.0, 1)
    inner.measure([0, 1], [1, 0])
    circuit = QuantumCircuit(2, 2)
    circuit.append(inner.to_instruction(), [0, 1], [0, 1])
    program = Program.from_circuit(circuit)
    np.testing.assert_allclose(program.probabilities([]), product([1, 0]), rtol=0, atol=1e-15)


def test_each_qubit_may_be_measured_as_soon_as_it_is_done() -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.ry(0.5, 0)
    circuit.measure(0, 0)
    circuit.barrier()
    circuit.ry(1.0, 1)
    circuit.measure(1, 1)
    np.testing.assert_allclose(
        Program.from_circuit(circuit).probabilities([]), product([0, 1]), rtol=0, atol=1e-15
    )
