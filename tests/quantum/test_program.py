"""The engine against Qiskit's statevector, parameter shift and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.random import random_circuit as qiskit_random_circuit
from qiskit.quantum_info import Statevector

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, Program
from tests.quantum._circuits import (
    ONE_ANGLE,
    assert_exact,
    bound,
    dense_gradient,
    difference_gradient,
    exact_state,
    freed,
    quadratic,
    random_circuit,
    random_state,
    shift_gradient,
)

STARTS = ["zero", "real", "complex"]
SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60)
@given(SEEDS, st.integers(1, 6), st.integers(1, 25), st.sampled_from(STARTS))
def test_state_and_gradient_of_random_circuits(seed: int, n: int, n_gates: int, start: str) -> None:
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, n, n_gates)
    assert_exact(circuit, rng.normal(size=circuit.num_parameters), random_state(rng, n, start), seed)


@settings(max_examples=60)
@given(SEEDS, st.integers(1, 7), st.integers(1, 8), st.sampled_from(STARTS), st.booleans())
def test_qiskits_own_random_circuits(seed: int, n: int, depth: int, start: str, free: bool) -> None:
    """As they are, and with a parameter in place of each angle."""
    circuit, theta = qiskit_random_circuit(n, depth, max_operands=4, seed=seed), np.zeros(0)
    if free:
        circuit, theta = freed(circuit)
    assert_exact(circuit, theta, random_state(np.random.default_rng(seed), n, start), seed)


@settings(max_examples=20)
@given(SEEDS, st.integers(1, 5), st.integers(1, 20), st.sampled_from(STARTS))
def test_the_gradient_is_that_of_finite_differences(seed: int, n: int, n_gates: int, start: str) -> None:
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, n, n_gates)
    program, theta = Program.from_circuit(circuit), rng.normal(size=circuit.num_parameters)
    loss, initial = quadratic(rng.normal(size=2**n)), random_state(rng, n, start)
    gradient = program.value_and_gradient(theta, loss, initial)[1]
    slow = difference_gradient(lambda t: loss(program.probabilities(t, initial))[0], theta)
    np.testing.assert_allclose(gradient, slow, rtol=0, atol=1e-7 * (1 + np.abs(slow).max(initial=0.0)))


@settings(max_examples=30)
@given(SEEDS, st.integers(1, 6), st.sampled_from(STARTS))
def test_the_gradient_is_parameter_shift(seed: int, n: int, start: str) -> None:
    """Two shifts for generators of two eigenvalues, four for controlled rotations, which have three.

    (Schuld et al., arXiv 1811.11184; Anselmetti et al., arXiv 2104.05695.)
    """
    rng = np.random.default_rng(seed)
    circuit, names, four = QuantumCircuit(n), [k for k, w in ONE_ANGLE.items() if w <= n], []
    angles = ParameterVector("t", 15)
    for angle, name in zip(angles, rng.choice(names, size=15), strict=True):
        getattr(circuit, name)(angle, *map(int, rng.permutation(n)[: ONE_ANGLE[name]]))
        circuit.h(int(rng.integers(n)))
        four.append(name.startswith("cr"))
    program, theta = Program.from_circuit(circuit), rng.normal(size=15)
    weights, initial = rng.normal(size=2**n), random_state(rng, n, start)

    def difference(shift: float) -> np.ndarray:
        shifts = shift * np.eye(15)
        plus, minus = (program.probabilities(theta + s, initial) @ weights for s in (shifts, -shifts))
        return (plus - minus) / 2

    one, three = difference(np.pi / 2), difference(3 * np.pi / 2)
    expected = np.where(four, ((2**0.5 + 1) * one - (2**0.5 - 1) * three) / 8**0.5, one)
    gradient = program.value_and_gradient(theta, lambda p: (float(weights @ p), weights), initial)[1]
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", range(1, 13))
@pytest.mark.parametrize("start", ["zero", "complex"])
def test_every_width(n: int, start: str) -> None:
    rng = np.random.default_rng(n)
    circuit = random_circuit(rng, n, 40)
    assert_exact(circuit, rng.normal(size=circuit.num_parameters), random_state(rng, n, start))


@pytest.mark.parametrize("kind", ANSAETZE.kinds())
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("n", [2, 6])
def test_ansaetze(kind: str, start: str, n: int) -> None:
    rng = np.random.default_rng(2)
    circuit = ANSAETZE.build(kind).build(n, 2, 3)
    assert_exact(circuit, rng.normal(size=circuit.num_parameters), random_state(rng, n, start))


def wide_circuit(n: int) -> QuantumCircuit:
    """Every kind of stage: turns from |0...0>, words on a line and on all pairs, networks, X and Z gates."""
    free = iter(ParameterVector("t", 8 * n))
    circuit = QuantumCircuit(n, global_phase=0.4)
    for qubit in range(n):
        circuit.ry(next(free), qubit)
        circuit.rz(next(free), qubit)
    for qubit in range(n - 1):
        circuit.rzz(next(free), qubit, qubit + 1)
    circuit.x([0, n - 1])
    for qubit in range(n):
        circuit.cx(qubit, (qubit + 1) % n)
        circuit.ry(next(free), (3 * qubit + 1) % n)
    circuit.z([1, n - 2])
    for low in range(n):
        for high in range(low + 1, n):
            circuit.rzz(0.1 * (1 + low + high), low, high)
    circuit.swap(0, n - 1)
    for qubit in range(n):
        circuit.rx(next(free), qubit)
        circuit.rzz(next(free), qubit, (qubit + n // 2) % n)
    circuit.y(2)
    circuit.h(range(0, n, 2))
    return circuit


@pytest.mark.parametrize(("n", "start"), [(17, "zero"), (18, "complex")])
def test_states_larger_than_a_block(n: int, start: str) -> None:
    rng = np.random.default_rng(n)
    circuit = wide_circuit(n)
    program, theta = Program.from_circuit(circuit), rng.normal(size=circuit.num_parameters)
    initial, loss = random_state(rng, n, start), quadratic(rng.normal(size=2**n))
    state = exact_state(circuit, theta, initial)
    np.testing.assert_allclose(program.statevector(theta, initial), state, rtol=0, atol=1e-12)
    np.testing.assert_allclose(program.probabilities(theta, initial), np.abs(state) ** 2, rtol=0, atol=1e-13)
    value, gradient = program.value_and_gradient(theta, loss, initial)
    assert value == pytest.approx(loss(np.abs(state) ** 2)[0], abs=1e-12)
    some = rng.permutation(len(theta))[:6]
    slow = shift_gradient(program, theta, loss, initial, some)
    np.testing.assert_allclose(gradient[some], slow, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("n", "start"),
    [
        (13, "zero"),
        (14, "complex"),
        (15, "zero"),
        (16, "complex"),
        (19, "zero"),
        (20, "complex"),
        (21, "zero"),
    ],
)
def test_wide_circuits_of_independent_parts(n: int, start: str) -> None:
    """Qubits here and there that no gate ties: the state is the product of theirs, and so is a product of losses."""
    rng = np.random.default_rng(n)
    places = np.array_split(rng.permutation(n), 4)
    parts = [random_circuit(rng, len(place), 30, f"part{k}_") for k, place in enumerate(places)]
    circuit, outcomes = QuantumCircuit(n), np.arange(2**n)
    state, initial, weights = np.ones(2**n, complex), np.ones(2**n, complex), np.ones(2**n)
    values, gradients, theta = [], [], []
    for part, place in zip(parts, places, strict=True):
        circuit.compose(part, place.tolist(), inplace=True)
        own = sum((outcomes >> q & 1) << k for k, q in enumerate(place))
        angles, begin = rng.normal(size=part.num_parameters), random_state(rng, len(place), start)
        end, w = exact_state(part, angles, begin), rng.normal(size=2 ** len(place))
        state *= end[own]
        weights *= w[own]
        initial = None if begin is None else initial * begin[own]
        values.append(w @ np.abs(end) ** 2)
        gradients.append(dense_gradient(part, angles, lambda p, w=w: (0.0, w), begin))
        theta.append(angles)
    program, theta = Program.from_circuit(circuit), np.concatenate(theta)
    assert [p.name for p in program.parameters] == [p.name for part in parts for p in part.parameters]
    np.testing.assert_allclose(program.statevector(theta, initial), state, rtol=0, atol=1e-12)
    value, gradient = program.value_and_gradient(theta, lambda p: (float(weights @ p), weights), initial)
    assert value == pytest.approx(np.prod(values), abs=1e-12)
    others = [np.prod(values[:k] + values[k + 1 :]) for k in range(4)]
    expected = np.concatenate([other * slow for other, slow in zip(others, gradients, strict=True)])
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-10 * (1 + np.abs(expected).max()))


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(
    "body", ["", "barrier", "x", "z", "rz", "cx", "h", "hh", "rz cx", "rz cx ry", "cx rz x ry"]
)
def test_small_circuits(body: str, n: int, start: str) -> None:
    """Those that compile to nothing, and those that begin with words and CX."""
    circuit = QuantumCircuit(n, global_phase=-0.7)
    for k, name in enumerate(body.replace("hh", "h h").split()):
        if name == "barrier":
            circuit.barrier()
        elif name == "cx":
            for qubit in range(n - 1):
                circuit.cx(qubit, qubit + 1)
        elif name.startswith("r"):
            getattr(circuit, name)(Parameter(f"t{k}"), range(n))
        else:
            getattr(circuit, name)(range(0, n, 2))
    initial = random_state(np.random.default_rng(n), n, start)
    assert_exact(circuit, np.linspace(0.3, 1.4, circuit.num_parameters), initial)


def test_a_prepared_state_is_the_initial_vector() -> None:
    rng = np.random.default_rng(5)
    amplitudes = random_state(rng, 2, "complex")
    circuit = QuantumCircuit(3)
    circuit.prepare_state(amplitudes, [2, 0])
    circuit.initialize("1", 1)
    circuit.rxx(Parameter("a"), 0, 1)
    plain = QuantumCircuit(3)
    plain.prepare_state(amplitudes, [2, 0])
    plain.x(1)
    plain.rxx(Parameter("a"), 0, 1)
    program, loss = Program.from_circuit(circuit), quadratic(rng.normal(size=8))
    np.testing.assert_allclose(program.statevector([0.7]), exact_state(plain, [0.7]), rtol=0, atol=1e-12)
    expected = dense_gradient(plain, [0.7], loss)
    np.testing.assert_allclose(program.value_and_gradient([0.7], loss)[1], expected, rtol=0, atol=1e-10)
    with pytest.raises(ConfigError, match="prepares a state of its own"):
        program.probabilities([0.7], np.eye(8)[0])


@pytest.mark.parametrize("what", ["01+", 5, [0.6, 0, 0, 0, 0, 0, 0, -0.8j]])
@pytest.mark.parametrize("how", ["prepare_state", "initialize"])
def test_ways_to_say_a_prepared_state(what: object, how: str) -> None:
    circuit = QuantumCircuit(4)
    circuit.reset(range(4))
    getattr(circuit, how)(what, [3, 1, 0])
    circuit.barrier()
    circuit.ry(Parameter("a"), range(4))
    plain = Statevector.from_int(0, 16)
    expected = plain.evolve(bound(circuit, [0.4])).data
    np.testing.assert_allclose(Program.from_circuit(circuit).statevector([0.4]), expected, rtol=0, atol=1e-12)


def test_many_programs_of_a_loaded_state_start_where_they_are_told() -> None:
    """Starting vectors one after the other, and |0...0> again, on one program's arrays."""
    rng = np.random.default_rng(6)
    circuit = random_circuit(rng, 4, 30)
    program, theta = Program.from_circuit(circuit), rng.normal(size=circuit.num_parameters)
    for start in ["zero", "complex", "zero", "real", "zero"]:
        initial = random_state(rng, 4, start)
        expected = exact_state(circuit, theta, initial)
        np.testing.assert_allclose(program.statevector(theta, initial), expected, rtol=0, atol=1e-12)


def test_shared_parameters_keep_the_circuits_order() -> None:
    b, a = Parameter("b"), Parameter("a")
    circuit = QuantumCircuit(1)
    circuit.ry(b, 0)
    circuit.ry(2 * a, 0)
    circuit.ry(b / 2, 0)
    program = Program.from_circuit(circuit)
    assert [p.name for p in program.parameters] == ["a", "b"]
    np.testing.assert_allclose(
        program.probabilities([0.2, 0.4])[1], np.sin((0.4 + 0.4 + 0.2) / 2) ** 2, rtol=0, atol=1e-15
    )


def test_where_the_loss_is_not_finite_the_gradient_is_nan() -> None:
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("a"), 0)
    program = Program.from_circuit(circuit)
    with np.errstate(divide="ignore"):
        value, gradient = program.value_and_gradient([0.0], lambda p: (-np.log(p[1]), -1 / p))
    assert value == np.inf
    assert np.isnan(gradient).all()
    value, gradient = program.value_and_gradient([0.2], lambda p: (p[1], np.array([0.0, 1.0])))
    np.testing.assert_allclose(gradient, np.sin(0.2) / 2, rtol=1e-14)


def test_the_callers_arrays_are_left_alone_and_results_are_the_callers() -> None:
    circuit = ANSAETZE.build("ring_cx").build(4, 2, 2)
    program = Program.from_circuit(circuit)
    start, theta, weights = np.full(16, 0.25), np.full(circuit.num_parameters, 0.3), np.arange(16.0)
    first = [program.probabilities(theta), program.statevector(theta)]
    kept = [array.copy() for array in first]
    program.value_and_gradient(theta, lambda p: (float(weights @ p), weights), start)
    program.probabilities(theta + 1.0)
    program.statevector(theta + 1.0)
    assert (start == 0.25).all()
    assert (theta == 0.3).all()
    assert (weights == np.arange(16.0)).all()
    for array, copy in zip(first, kept, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_loss_may_use_the_program_and_overwrite_its_probabilities() -> None:
    circuit = ANSAETZE.build("ring_cx").build(4, 2, 2)
    program, theta = Program.from_circuit(circuit), np.full(circuit.num_parameters, 0.3)
    weights = np.arange(16.0)

    def loss(p: np.ndarray) -> tuple[float, np.ndarray]:
        value = float(weights @ p)
        program.probabilities(theta + 1.0)
        p[:] = weights
        return value, p

    plain = program.value_and_gradient(theta, lambda p: (float(weights @ p), weights))
    nested = program.value_and_gradient(theta, loss)
    assert nested[0] == plain[0]
    np.testing.assert_array_equal(nested[1], plain[1])
