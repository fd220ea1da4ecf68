"""Shifted angles against the adjoint gradient: exactly with exact probabilities, on average with samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter, ParameterVector
from qiskit.circuit.library import PhaseGate, RGate, RVGate, RYGate, XXPlusYYGate
from scipy.stats import norm

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, Draws, MaximumMeanDiscrepancy, Program, Request, ShotSchedule
from qfin.quantum._sampled import ParameterShift, _Samples
from qfin.quantum._shift import ShiftRule
from qfin.quantum._training import Look
from qfin.quantum.backends.exact import Exact
from tests.quantum._circuits import random_circuit, random_state

N = 3
TARGET = np.random.default_rng(3).dirichlet(np.ones(2**N))
LOSS = MaximumMeanDiscrepancy(TARGET)
A, B, C = Parameter("a"), Parameter("b"), Parameter("c")


def spread() -> QuantumCircuit:
    """A state in which every outcome has a probability of its own."""
    circuit = QuantumCircuit(N)
    for qubit in range(N):
        circuit.ry(0.4 + 0.3 * qubit, qubit)
        circuit.rx(0.2 + 0.5 * qubit, qubit)
    circuit.rzz(0.7, 0, 1)
    circuit.rzz(-0.4, 1, 2)
    return circuit


def shared() -> QuantumCircuit:
    circuit = spread()
    for qubit in range(N):
        circuit.ry(A, qubit)
        circuit.rx(B, qubit)
    circuit.rzz(A, 0, 2)
    circuit.h(range(N))
    return circuit


def expressions() -> QuantumCircuit:
    circuit = spread()
    circuit.ry(2.0 * A - 0.3 * B + 0.7, 0)
    circuit.rxx(A * B, 0, 1)
    circuit.rzx((A + C).sin(), 1, 2)
    circuit.ryy(C / 3, 0, 2)
    return circuit


def couplings() -> QuantumCircuit:
    circuit = spread()
    circuit.rzz(A, 0, 1)
    circuit.rzz(B, 1, 2)
    circuit.cp(C, 0, 2)
    circuit.h(range(N))
    return circuit


def controlled() -> QuantumCircuit:
    circuit = spread()
    circuit.crx(A, 0, 1)
    circuit.cry(B, 1, 2)
    circuit.crz(C, 2, 0)
    circuit.append(PhaseGate(A).control(2, ctrl_state=1), [0, 1, 2])
    circuit.append(RYGate(B).control(1, ctrl_state=0), [2, 0])
    circuit.h(range(N))
    return circuit


def general() -> QuantumCircuit:
    circuit = spread()
    circuit.u(A, B, C, 0)
    circuit.cu(A, B, C, 0.3, 0, 1)
    circuit.append(XXPlusYYGate(B, A), [1, 2])
    circuit.append(RGate(C, A), [2])
    own = QuantumCircuit(2, name="own", global_phase=A)
    own.ry(A * 2, 1)
    own.cx(1, 0)
    circuit.append(own.to_gate(), [2, 0])
    return circuit


CIRCUITS = [shared, expressions, couplings, controlled, general]


def exact_shift_gradient(
    circuit: QuantumCircuit, theta: np.ndarray, initial: np.ndarray | None = None
) -> np.ndarray:
    """The rule with exact probabilities in place of samples."""
    rule = ShiftRule.of(circuit)
    table = Program.from_circuit(rule.circuit).probabilities(rule.rows(theta), initial)
    loss = MaximumMeanDiscrepancy(np.random.default_rng(3).dirichlet(np.ones(table.shape[1])))
    return rule.gradient(theta, table[1:] @ loss(table[0])[1])


@pytest.mark.parametrize("build", CIRCUITS)
def test_exact_probabilities_give_the_adjoint_gradient(build: Callable[[], QuantumCircuit]) -> None:
    circuit = build()
    theta = np.random.default_rng(5).normal(size=circuit.num_parameters)
    expected = Program.from_circuit(circuit).value_and_gradient(theta, LOSS)[1]
    assert np.abs(expected).min() > 1e-5  # a derivative that is 0 anyway would show nothing
    np.testing.assert_allclose(exact_shift_gradient(circuit, theta), expected, rtol=0, atol=1e-10)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["zero", "real", "complex"]))
def test_exact_probabilities_give_the_adjoint_gradient_of_any_circuit(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, N, 12)
    initial, theta = random_state(rng, N, kind), rng.normal(size=circuit.num_parameters)
    expected = Program.from_circuit(circuit).value_and_gradient(theta, LOSS, initial)[1]
    np.testing.assert_allclose(exact_shift_gradient(circuit, theta, initial), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ANSAETZE.kinds())
def test_exact_probabilities_give_the_adjoint_gradient_of_every_ansatz(kind: str) -> None:
    circuit = ANSAETZE.build(kind).build(4, 2, 2)
    theta = np.random.default_rng(1).normal(size=circuit.num_parameters)
    loss = MaximumMeanDiscrepancy(np.random.default_rng(3).dirichlet(np.ones(16)))
    expected = Program.from_circuit(circuit).value_and_gradient(theta, loss)[1]
    np.testing.assert_allclose(exact_shift_gradient(circuit, theta), expected, rtol=0, atol=1e-10)


class Compiled(Exact):
    """The exact backend for requests of one circuit, which it compiles once."""

    def _run(self, request: Request) -> Draws:
        if not hasattr(self, "program"):
            self.program = Program.from_circuit(request.circuit)
        rng = np.random.default_rng(request.seed)
        drawn = self.program.sample(request.theta, request.shots, rng, request.initial)
        return Draws.from_outcomes(drawn, self.program.num_bits)


@pytest.mark.parametrize("build", CIRCUITS)
def test_the_mean_of_shot_gradients_is_the_exact_one(build: Callable[[], QuantumCircuit]) -> None:
    """400 gradients of 100 shots; a right rule fails once in a million runs (normal quantile, all derivatives)."""
    circuit = build()
    theta = np.random.default_rng(5).normal(size=circuit.num_parameters)
    backend, gradients, values = Compiled(), [], []
    for seed in range(400):
        samples = _Samples(backend, circuit, LOSS, None, ShotSchedule(100), seed, None)
        value, _, gradient = ParameterShift(samples).measure(theta, 0, Look(held_out=False, gradient=True))
        gradients.append(gradient)
        values.append(value)
    expected, exact = Program.from_circuit(circuit).value_and_gradient(theta, LOSS)
    seen = np.column_stack([gradients, values])
    error = seen.std(axis=0, ddof=1) / np.sqrt(len(seen))
    bound = norm.isf(1e-6 / 2 / seen.shape[1])
    assert (np.abs(seen.mean(axis=0) - [*exact, expected]) < bound * error).all()


def test_only_what_outcomes_depend_on_is_shifted() -> None:
    """RZ and RZZ of the last layer commute with the measurement."""
    circuit = ANSAETZE.build("line_rzz").build(4, 2, 2)
    rule = ShiftRule.of(circuit)
    per_layer = circuit.num_parameters // 2
    assert rule.shifted.tolist() == [*range(per_layer), *range(per_layer, per_layer + 8, 2)]
    assert rule.rows(np.zeros(circuit.num_parameters)).shape == (
        1 + 2 * len(rule.shifted),
        circuit.num_parameters,
    )


def test_a_users_gate_with_a_known_name_is_read_through_its_definition() -> None:
    """A gate called rz that is no rotation about Z, once with a parameter and once as what follows one."""
    own = QuantumCircuit(1, name="rz")
    own.ry(3.0 * A, 0)
    fixed = QuantumCircuit(1, name="rz")
    fixed.h(0)
    circuit = QuantumCircuit(1)
    circuit.ry(0.3, 0)
    circuit.append(own.to_gate(), [0])
    circuit.rz(B, 0)
    circuit.append(fixed.to_gate(), [0])
    theta = np.array([0.4, 0.9])
    loss = MaximumMeanDiscrepancy(np.array([0.2, 0.8]))
    rule = ShiftRule.of(circuit)
    table = Program.from_circuit(rule.circuit).probabilities(rule.rows(theta))
    expected = Program.from_circuit(circuit).value_and_gradient(theta, loss)[1]
    assert np.abs(expected).min() > 1e-2
    np.testing.assert_allclose(rule.gradient(theta, table[1:] @ loss(table[0])[1]), expected, atol=1e-10)


def test_measurements_prepared_states_and_fixed_angles_stay() -> None:
    circuit = QuantumCircuit(3, 2)
    circuit.prepare_state([0.6, 0.8], 1)
    circuit.global_phase = A
    circuit.rx(0.3, 0)
    circuit.ry(B, 1)
    circuit.measure([1, 0], [0, 1])
    rule = ShiftRule.of(circuit)
    assert rule.circuit.num_parameters == 1
    theta = np.array([0.7, 0.2])
    np.testing.assert_allclose(
        Program.from_circuit(rule.circuit).probabilities(rule.centre(theta))[0],
        Program.from_circuit(circuit).probabilities(theta),
        atol=1e-14,
    )
    assert rule.gradient(theta, np.array([0.5, 0.1])).tolist() == [0.0, 0.2]


def test_what_cannot_be_shifted_is_named() -> None:
    opaque = QuantumCircuit(1)
    opaque.h(0)
    opaque.append(Gate("mystery", 1, [A]), [0])
    with pytest.raises(
        ConfigError, match=r"instruction 1 \(mystery\) depends on a parameter and cannot be written"
    ):
        ShiftRule.of(opaque)
    vector = QuantumCircuit(1)
    vector.append(RVGate(A, B, C), [0])
    with pytest.raises(ConfigError, match=r"instruction 0 \(rv\).*or train with method = 'spsa'"):
        ShiftRule.of(vector)
    branching = QuantumCircuit(1, 1)
    with branching.if_test((0, 1)):
        branching.rx(A, 0)
    with pytest.raises(ConfigError, match=r"instruction 0 \(if_else\)"):
        ShiftRule.of(branching)


def test_many_angles_keep_their_order() -> None:
    """More than ten angles, whose names do not sort as their numbers do."""
    theta = ParameterVector("z", 12)
    circuit = QuantumCircuit(N)
    for k in range(12):
        circuit.ry(theta[k], k % N)
        circuit.cx(k % N, (k + 1) % N)
    at = np.random.default_rng(2).normal(size=12)
    expected = Program.from_circuit(circuit).value_and_gradient(at, LOSS)[1]
    np.testing.assert_allclose(exact_shift_gradient(circuit, at), expected, rtol=0, atol=1e-10)
