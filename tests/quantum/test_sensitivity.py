"""What gates are worth, against circuits from which they were really taken out."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import U2Gate
from qiskit.quantum_info import Statevector

from qfin.errors import ConfigError
from qfin.quantum import NegativeLogLikelihood, gate_sensitivity

A, B = Parameter("a"), Parameter("b")
THETA = np.array([0.7, -0.4])


def circuit() -> QuantumCircuit:
    """Shared parameters, expressions, fixed angles, several angles a gate, and an idle end."""
    made = QuantumCircuit(3)
    made.h(0)
    made.ry(A, 0)
    made.rzz(B, 0, 2)
    made.cx(0, 1)
    made.ry(A + 2 * B, 1)
    made.rx(0.3, 2)
    made.u(A, 0.2, B, 2)
    made.crx(A * B, 2, 0)
    made.rz(B, 1)
    return made


def probabilities(bound: QuantumCircuit, initial: np.ndarray) -> np.ndarray:
    return np.abs(Statevector(initial).evolve(bound).data) ** 2


@pytest.fixture(scope="module")
def initial():
    rng = np.random.default_rng(1)
    state = rng.normal(size=8) + 1j * rng.normal(size=8)
    return state / np.linalg.norm(state)


@pytest.fixture(scope="module")
def loss():
    return NegativeLogLikelihood(np.arange(1.0, 9.0) / 36)


def test_each_gate_with_free_angles_is_taken_out(initial, loss):
    found = gate_sensitivity(circuit(), THETA, loss, initial)
    assert [(gate.position, gate.name, gate.qubits) for gate in found] == [
        (1, "ry", (0,)), (2, "rzz", (0, 2)), (4, "ry", (1,)), (6, "u", (2,)), (7, "crx", (2, 0)), (8, "rz", (1,)),
    ]  # fmt: skip
    bound = circuit().assign_parameters(dict(zip((A, B), THETA, strict=True)))
    whole = loss(probabilities(bound, initial))[0]
    for gate in found:
        rest = bound.copy()
        del rest.data[gate.position]
        assert gate.loss_change == pytest.approx(loss(probabilities(rest, initial))[0] - whole, abs=1e-12)
        np.testing.assert_allclose(gate.angles, bound.data[gate.position].operation.params)


def test_gradient_and_fisher_information_by_differences(initial, loss):
    bound = circuit().assign_parameters(dict(zip((A, B), THETA, strict=True)))

    def moved(position, place, step):
        other = bound.copy()
        operation = other.data[position].operation.to_mutable()
        operation.params = [p + step * (k == place) for k, p in enumerate(operation.params)]
        other.data[position] = other.data[position].replace(operation=operation)
        return probabilities(other, initial)

    for gate in gate_sensitivity(circuit(), THETA, loss, initial):
        p = probabilities(bound, initial)
        slopes = [
            (moved(gate.position, place, 1e-5) - moved(gate.position, place, -1e-5)) / 2e-5
            for place in range(len(gate.angles))
        ]
        assert gate.fisher == pytest.approx(sum((slope**2 / p).sum() for slope in slopes), rel=1e-5, abs=1e-9)
        gradients = [loss(p)[1] @ slope for slope in slopes]
        wanted = gradients[0] if len(slopes) == 1 else np.linalg.norm(gradients)
        assert gate.gradient == pytest.approx(wanted, rel=1e-5, abs=1e-9)


def test_one_rotation_has_fisher_information_one_even_where_an_outcome_is_impossible():
    made = QuantumCircuit(1)
    made.ry(A, 0)
    half = NegativeLogLikelihood([0.5, 0.5])
    assert gate_sensitivity(made, [1.1], half)[0].fisher == pytest.approx(1.0)
    certain = NegativeLogLikelihood([1.0, 0.0])
    assert gate_sensitivity(made, [0.0], certain)[0].fisher == pytest.approx(0.0, abs=1e-6)


def test_idle_is_what_changes_no_outcome(initial, loss):
    assert [gate.idle for gate in gate_sensitivity(circuit(), THETA, loss, initial)] == [False] * 5 + [True]


def test_a_gate_that_does_next_to_nothing_is_not_idle():
    """On a real state RZ changes outcomes in second order only, here by about 1e-8."""
    made = QuantumCircuit(2)
    for layer in (A, B):
        for qubit in range(2):
            made.rz(layer, qubit)
            made.ry(layer, qubit)
    made.rzz(A, 0, 1)
    real = np.sqrt([0.4, 0.3, 0.2, 0.1])
    found = gate_sensitivity(made, [1e-4, 1e-4], NegativeLogLikelihood([0.25] * 4), real)
    assert [gate.idle for gate in found] == [False] * 8 + [True]


def test_gates_that_cannot_be_taken_out(loss):
    made = QuantumCircuit(3)
    made.append(U2Gate(A, B), [0])
    with pytest.raises(ConfigError, match=r"instruction 0 \(u2\) is at no angle the identity"):
        gate_sensitivity(made, THETA, loss)
    block = QuantumCircuit(1, name="block")
    block.ry(A, 0)
    whole = QuantumCircuit(3)
    whole.h(0)
    whole.append(block.to_gate(), [1])
    with pytest.raises(
        ConfigError, match=r"instruction 1 \(block\) is no standard gate of Qiskit; decompose"
    ):
        gate_sensitivity(whole, THETA[:1], loss)
