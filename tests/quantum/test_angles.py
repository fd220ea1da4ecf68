"""Angles: any expression of parameters, and any number, however near a half turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector

from qfin.quantum import ANSAETZE, Program
from tests.quantum._circuits import (
    assert_exact,
    bound,
    exact_state,
    quadratic,
    random_circuit,
    random_state,
    shift_gradient,
)

A, B = Parameter("a"), Parameter("b")
EXPRESSIONS: dict[str, Any] = {
    "a": A,
    "3 (a - b) / 2 + 1": 3 * (A - B) / 2 + 1,
    "sin": A.sin(),
    "cos": (A * B).cos(),
    "tan": A.tan(),
    "arcsin": (A / 4).arcsin(),
    "arccos": (A / 4).arccos(),
    "arctan": A.arctan(),
    "exp": (A - B).exp(),
    "log": A.log(),
    "square root": (A + B) ** 0.5,
    "a cubed": A**3,
    "a to the b": A**B,
    "2 to the a": 2**A,
    "abs": abs(A - B),
    "conjugate": (A * B).conjugate(),
    "product": A * B,
    "quotient": A / B,
    "a over b squared": A * B**-2,
    "nested": ((A * B).sin() + A.exp()) / (1 + B**2),
    "terms that cancel": A - A + B,
    "nothing left": A * 0,
    "real product of imaginary": (1j * A) * (1j * B),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("gate", ["ry", "rz", "p", "u"])
def test_expressions_of_parameters(name: str, gate: str) -> None:
    circuit = QuantumCircuit(1, global_phase=EXPRESSIONS[name])
    circuit.h(0)
    if gate == "u":
        circuit.u(EXPRESSIONS[name], B, -EXPRESSIONS[name], 0)
    else:
        getattr(circuit, gate)(EXPRESSIONS[name], 0)
    circuit.ry(0.4, 0)
    circuit.rz(B, 0)
    assert_exact(circuit, [0.7, 1.3][: circuit.num_parameters], np.array([0.6, 0.8j]))


def test_parameters_bound_and_free_vectors_and_loose_ones() -> None:
    vector, loose = ParameterVector("v", 12), Parameter("loose")
    circuit = QuantumCircuit(3)
    for k, angle in enumerate(vector):
        circuit.ry(angle * loose, k % 3)
        circuit.rzz(angle + loose, k % 3, (k + 1) % 3)
    circuit = circuit.assign_parameters({vector[3]: 0.3, vector[10]: loose**2})
    assert circuit.num_parameters == 11
    theta = np.random.default_rng(0).normal(size=11)
    assert Program.from_circuit(circuit).parameters == tuple(circuit.parameters)
    assert_exact(circuit, theta)


def test_a_parameter_that_no_gate_needs_has_no_slope() -> None:
    circuit = QuantumCircuit(1, global_phase=B)
    circuit.delay(A, 0, "ps")
    circuit.ry(Parameter("c"), 0)
    program = Program.from_circuit(circuit)
    gradient = program.value_and_gradient([1.0, 2.0, 0.5], lambda p: (p[1], np.array([0.0, 1.0])))[1]
    np.testing.assert_allclose(gradient, [0.0, 0.0, np.sin(0.5) / 2], rtol=0, atol=1e-16)


@pytest.mark.parametrize("angle", [0.0, -0.0, 1e3, -1e4, 12345 * np.pi, 1e-300])
def test_small_and_large_angles(angle: float) -> None:
    circuit = QuantumCircuit(2)
    circuit.h([0, 1])
    circuit.ry(A, 0)
    circuit.rz(A, 1)
    circuit.crx(A, 0, 1)
    circuit.rzz(A, 0, 1)
    circuit.rx(A, 0)
    state = Program.from_circuit(circuit).statevector([angle])
    np.testing.assert_allclose(state, exact_state(circuit, [angle]), rtol=0, atol=1e-12)


HALF_TURNS = [k * np.pi for k in (-4, -3, -2, -1, 0, 1, 2, 3, 4)]
OFFSETS = [0.0, 1e-16, 1e-15, 1e-12, 1e-9, -1e-9, 1e-6, -1e-3]


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from(["zero", "complex"]), st.booleans())
def test_angles_at_and_near_half_turns(seed: int, n: int, start: str, free: bool) -> None:
    """As parameters, or given as numbers, of which those at half turns become Pauli gates."""
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, n, 20)
    theta = rng.choice(HALF_TURNS, size=circuit.num_parameters) + rng.choice(
        OFFSETS, size=circuit.num_parameters
    )
    if not free:
        circuit, theta = bound(circuit, theta), np.zeros(0)
    assert_exact(circuit, theta, random_state(rng, n, start), seed)


def turned(n: int, layers: int) -> QuantumCircuit:
    """Layers of RY on all qubits at once between which something else always stands."""
    free = iter(ParameterVector("t", n * layers))
    circuit = QuantumCircuit(n)
    for _ in range(layers):
        for qubit in range(n):
            circuit.ry(next(free), qubit)
        for qubit in range(n):
            circuit.rzz(0.3 + 0.1 * qubit, qubit, (qubit + 1) % n) if n > 1 else circuit.rz(0.3, qubit)
        for qubit in range(n - 1):
            circuit.cx(qubit, qubit + 1)
    return circuit


NEAR_PI: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "all at pi": lambda rng, size: np.full(size, np.pi),
    "all at 3 pi or -pi": lambda rng, size: rng.choice([3 * np.pi, -np.pi], size=size),
    "all within 1e-9 of pi": lambda rng, size: np.pi + rng.choice([-1e-9, 1e-9], size=size),
    "all within 1e-5 of pi": lambda rng, size: np.pi + 1e-5 * rng.normal(size=size),
    "some at pi": lambda rng, size: np.where(rng.random(size) < 0.5, np.pi, rng.normal(size=size)),
}


@pytest.mark.parametrize("where", NEAR_PI)
@pytest.mark.parametrize("n", [1, 2, 4, 6, 7, 9, 10, 12])
@pytest.mark.parametrize("start", ["zero", "complex"])
def test_a_layer_of_turns_near_pi_at_once(where: str, n: int, start: str) -> None:
    """Tangents of 1e9 and 1e16 multiply up: a few are taken as they are, with more a stage is done in two halves."""
    rng = np.random.default_rng(n)
    circuit = turned(n, 3)
    theta = NEAR_PI[where](rng, circuit.num_parameters)
    initial = random_state(rng, n, start)
    assert_exact_layers(circuit, theta, initial)


def assert_exact_layers(
    circuit: QuantumCircuit, theta: np.ndarray, initial: np.ndarray | None = None
) -> None:
    program, state = Program.from_circuit(circuit), exact_state(circuit, theta, initial)
    np.testing.assert_allclose(program.statevector(theta, initial), state, rtol=0, atol=1e-12)
    loss = quadratic(np.random.default_rng(0).normal(size=len(state)))
    value, gradient = program.value_and_gradient(theta, loss, initial)
    assert value == pytest.approx(loss(np.abs(state) ** 2)[0], abs=1e-12)
    slow = shift_gradient(program, theta, loss, initial)  # a right angle away from pi
    np.testing.assert_allclose(gradient, slow, rtol=0, atol=1e-12)


def test_one_layer_near_pi_among_others() -> None:
    """Stages done in halves and stages done at once follow each other."""
    circuit = turned(8, 4)
    theta = np.random.default_rng(0).normal(size=32)
    for layers in ([0], [1], [3], [0, 2], [1, 2, 3]):
        at = theta.reshape(4, 8).copy()
        at[layers] = np.pi
        assert_exact_layers(circuit, at.ravel())


@pytest.mark.parametrize("kind", ANSAETZE.kinds())
def test_gradients_do_not_jump_where_a_turn_passes_pi(kind: str) -> None:
    circuit = ANSAETZE.build(kind).build(8, 2, 2)
    program, loss = Program.from_circuit(circuit), quadratic(np.random.default_rng(1).normal(size=256))
    at = np.full(circuit.num_parameters, np.pi)
    gradients = [program.value_and_gradient(at + d, loss)[1] for d in (-1e-10, 0.0, 1e-10)]
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=0, atol=1e-7)
    np.testing.assert_allclose(gradients[2], gradients[1], rtol=0, atol=1e-7)
