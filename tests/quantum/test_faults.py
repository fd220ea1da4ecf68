"""Faults that were found in the engine once, and what it says instead."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit import library as lib
from qiskit.quantum_info import Pauli, random_hermitian

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, Program, _kernels
from tests.quantum._circuits import assert_exact, exact_state, quadratic

A, B, C = Parameter("a"), Parameter("b"), Parameter("c")


def test_an_empty_batch_has_empty_results() -> None:
    program = Program.from_circuit(ANSAETZE.build("ring_cx").build(4, 1, 2))
    theta = np.empty((0, len(program.parameters)))
    values, gradients = program.value_and_gradient(theta, quadratic(np.ones(16)))
    assert (values.shape, gradients.shape) == ((0,), theta.shape)
    assert program.sample(theta, 7, np.random.default_rng(0)).shape == (0, 7)
    assert program.probabilities(theta).shape == (0, 16)
    assert program.statevector(theta).shape == (0, 16)
    assert program.statevector(theta).dtype == np.complex128


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (8, 1), (5,)])
def test_a_slope_of_a_wrong_shape_is_named(hidden: bool, shape: tuple[int, ...]) -> None:
    """With hidden qubits the kernel `spread` reads beyond the end of a slope that is too short."""
    circuit = QuantumCircuit(4, 3)
    circuit.ry(A, range(4))
    if hidden:
        circuit.measure(range(3), range(3))
    program = Program.from_circuit(circuit)
    with pytest.raises(ConfigError, match=r"slope|dL/dp|loss"):
        program.value_and_gradient([0.3], lambda p: (0.0, np.ones(shape)))


@pytest.mark.parametrize("name", ["id", "barrier", "delay", "measure", "reset"])
def test_a_users_gate_of_an_instructions_name_is_the_users(name: str) -> None:
    inner = QuantumCircuit(2, name=name)
    inner.ry(A, 0)
    inner.cx(0, 1)
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    circuit.append(inner.to_gate(), [2, 0])
    assert_exact(circuit, [0.7])


@pytest.mark.parametrize("kind", ["rv", "hamiltonian", "sign"])
def test_what_qiskit_cannot_open_or_differentiate_is_named(kind: str) -> None:
    """CircuitError, TypeError and RuntimeError of Qiskit come through as they are."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    if kind == "rv":
        circuit.append(lib.RVGate(A, B, C), [0])
    elif kind == "hamiltonian":
        circuit.append(lib.HamiltonianGate(random_hermitian(4, seed=0), A), [0, 1])
    else:
        circuit.ry(A.sign() * B, 0)
    with pytest.raises(ConfigError, match=r"instruction 1 "):
        Program.from_circuit(circuit)


@pytest.mark.parametrize(
    ("angle", "at"), [(1 / A, 0.0), (A.log(), 0.0), (A.exp(), 1e4), (A.arccos(), 2.0), (A * A, np.nan)]
)
def test_an_angle_that_is_not_finite_is_named(angle: object, at: float) -> None:
    """ZeroDivisionError ("attempted to bind infinite value") and RuntimeError ("Binding to NaN") of Qiskit's bind."""
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.ry(angle, 0)
    program = Program.from_circuit(circuit)
    with pytest.raises(ConfigError, match=r"instruction 1 \(ry on qubit 0\)"):
        program.probabilities([at])


@pytest.mark.parametrize("angle", [abs(A), A**0.5, A.arccos()])
def test_a_slope_of_an_angle_that_is_not_finite_is_named(angle: object) -> None:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.ry(angle, 0)
    program = Program.from_circuit(circuit)
    with pytest.raises(ConfigError, match=r"instruction 1 \(ry on qubit 0\)"):
        program.value_and_gradient([1.0 if "acos" in str(angle) else 0.0], quadratic(np.ones(2)))


def test_a_measurement_of_a_product_is_refused_for_what_it_is() -> None:
    """It says that the instruction comes after the measurement of qubit 0; there is none before."""
    circuit = QuantumCircuit(2, 1)
    circuit.append(lib.PauliProductMeasurement(Pauli("ZZ")), [0, 1], [0])
    with pytest.raises(ConfigError) as error:
        Program.from_circuit(circuit)
    assert "comes after the measurement" not in str(error.value)


def test_initialising_to_a_label_too_late_says_so() -> None:
    """It says "is a reset of a qubit already in use; leave it out", which would change the circuit."""
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.initialize("1", 0)
    with pytest.raises(ConfigError, match="prepares a state on qubits already in use"):
        Program.from_circuit(circuit)


def test_an_unknown_kind_of_number_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="dtype"):
        Program.from_circuit(QuantumCircuit(1), dtype="double-double")


def test_angles_of_a_million() -> None:
    """A multiple of pi rounded to a double, taken off, would be 2.5e-11 away."""
    circuit = QuantumCircuit(1)
    circuit.ry(A, 0)
    state = Program.from_circuit(circuit).statevector([1e6])
    np.testing.assert_allclose(state, exact_state(circuit, [1e6]), rtol=0, atol=1e-14)


def test_a_frozen_slope_compiles_nothing_again_with_hidden_qubits() -> None:
    """`spread` gets a second signature (0.3 s) for arrays that may not be written."""
    circuit = QuantumCircuit(4, 2)
    circuit.ry(A, range(4))
    circuit.measure([0, 1], [0, 1])
    program, slope = Program.from_circuit(circuit), np.arange(4.0)
    program.value_and_gradient([0.3], lambda p: (0.0, slope))
    once = len(_kernels.spread.signatures)
    frozen = slope.copy()
    frozen.flags.writeable = False
    program.value_and_gradient([0.3], lambda p: (0.0, frozen))
    assert len(_kernels.spread.signatures) == once


def test_an_expression_of_a_thousand_terms() -> None:
    """RecursionError where the expression's text is parsed: `compile_expressions` should leave it to Qiskit."""
    parameters = [Parameter(f"p{k:04}") for k in range(1200)]
    angle = parameters[0]
    for parameter in parameters[1:]:
        angle = angle + parameter
    circuit = QuantumCircuit(1)
    circuit.ry(angle.sin(), 0)
    p = Program.from_circuit(circuit).probabilities(np.full(1200, 1e-3))
    np.testing.assert_allclose(p[1], np.sin(np.sin(1.2) / 2) ** 2, rtol=1e-12)
