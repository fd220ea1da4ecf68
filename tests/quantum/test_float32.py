"""Amplitudes of 32 bits: how far results are from those of 64 bits.

A stage rounds each amplitude a few times for each qubit, so errors are held to half of eps32 * qubits * stages, with
eps32 = 1.2e-7: the sum of |dp| over outcomes, and a gradient in units of the largest |dL/dp|. Measured: a tenth of it.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, NegativeLogLikelihood, Program
from tests.quantum._circuits import quadratic, random_circuit, random_state, stages_of

EPS = float(np.finfo(np.float32).eps)


def both(circuit: QuantumCircuit) -> tuple[Program, Program, float]:
    """Programs of 64 and of 32 bits, and the error allowed."""
    allowed = EPS / 2 * max(3, circuit.num_qubits) * len(stages_of(circuit))
    return Program.from_circuit(circuit), Program.from_circuit(circuit, dtype=np.float32), allowed


def assert_close(circuit: QuantumCircuit, theta: np.ndarray, initial: np.ndarray | None = None) -> None:
    exact, rounded, allowed = both(circuit)
    p, p32 = exact.probabilities(theta, initial), rounded.probabilities(theta, initial)
    assert p32.dtype == np.float64
    assert np.abs(p - p32).sum() <= allowed
    psi, psi32 = exact.statevector(theta, initial), rounded.statevector(theta, initial)
    assert psi32.dtype == np.complex128
    assert np.linalg.norm(psi - psi32) <= allowed
    loss = quadratic(np.random.default_rng(0).normal(size=len(p)))
    value, gradient = exact.value_and_gradient(theta, loss, initial)
    value32, gradient32 = rounded.value_and_gradient(theta, loss, initial)
    steepest = np.abs(loss(p)[1]).max()
    assert gradient32.dtype == np.float64
    assert abs(value - value32) <= allowed * steepest
    slopes = max(1.0, np.abs(_slopes(exact, theta)).sum(axis=0).max(initial=0.0))
    assert np.abs(gradient - gradient32).max(initial=0.0) <= allowed * steepest * slopes


def _slopes(program: Program, theta: np.ndarray) -> np.ndarray:
    """d angle / d theta, shape (n_angles, n_parameters): a parameter that many gates share adds up their errors."""
    angles = program._reading.angles
    return np.array([angles.pull_back(theta, unit) for unit in np.eye(len(angles.offsets))])


@pytest.mark.parametrize("kind", ANSAETZE.kinds())
@pytest.mark.parametrize("n", [1, 2, 5, 10, 13])
@pytest.mark.parametrize("where", ["anywhere", "near pi"])
def test_ansaetze(kind: str, n: int, where: str) -> None:
    rng = np.random.default_rng(n)
    circuit = ANSAETZE.build(kind).build(n, 4, 2)
    theta = rng.normal(size=circuit.num_parameters)
    assert_close(circuit, np.pi + 1e-4 * theta if where == "near pi" else theta)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from(["zero", "real", "complex"]))
def test_random_circuits(seed: int, n: int, start: str) -> None:
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng, n, 25)
    assert_close(circuit, rng.normal(size=circuit.num_parameters), random_state(rng, n, start))


def test_ten_qubits_and_four_layers_to_six_digits() -> None:
    circuit = ANSAETZE.build("line_rzz").build(10, 4, 2)
    exact, rounded, _ = both(circuit)
    theta = np.random.default_rng(0).normal(size=circuit.num_parameters)
    loss = quadratic(np.random.default_rng(1).normal(size=2**10))
    off = np.abs(exact.value_and_gradient(theta, loss)[1] - rounded.value_and_gradient(theta, loss)[1])
    assert 0 < off.max() <= 1e-6
    off = np.abs(exact.probabilities(theta) - rounded.probabilities(theta))
    assert 0 < off.max() <= 1e-7


@pytest.mark.parametrize("kind", ANSAETZE.kinds())
def test_the_likelihood_and_its_gradient_to_four_digits(kind: str) -> None:
    circuit = ANSAETZE.build(kind).build(8, 3, 2)
    exact, rounded, _ = both(circuit)
    rng = np.random.default_rng(0)
    loss, theta = NegativeLogLikelihood(rng.dirichlet(np.ones(256))), rng.normal(size=circuit.num_parameters)
    value, gradient = exact.value_and_gradient(theta, loss)
    value32, gradient32 = rounded.value_and_gradient(theta, loss)
    assert value32 == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(gradient32, gradient, rtol=0, atol=1e-4 * np.abs(gradient).max())


def test_qubits_that_are_summed_over_are_summed_in_64_bits() -> None:
    circuit = ANSAETZE.build("ring_cx").build(12, 2, 2)
    theta = np.random.default_rng(0).normal(size=circuit.num_parameters)
    full = Program.from_circuit(circuit, dtype=np.float32).probabilities(theta)
    circuit.add_register(ClassicalRegister(1))
    circuit.measure(7, 0)
    p = Program.from_circuit(circuit, dtype=np.float32).probabilities(theta)
    expected = np.bincount(np.arange(2**12) >> 7 & 1, full)
    np.testing.assert_allclose(p, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float16", "complex128", int, ">f8"])
def test_other_kinds_of_number_are_refused(dtype: object) -> None:
    with pytest.raises(ConfigError, match=r"dtype = .* is not allowed; wanted float64 or float32"):
        Program.from_circuit(QuantumCircuit(1), dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float32, "float32", "f4", np.dtype("float32")])
def test_ways_to_say_float32(dtype: object) -> None:
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("a"), 0)
    assert Program.from_circuit(circuit, dtype=dtype).dtype == np.float32
    assert Program.from_circuit(circuit).dtype == np.float64
