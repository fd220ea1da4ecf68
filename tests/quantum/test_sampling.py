"""Drawing outcomes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qfin.quantum import Program, _kernels
from tests.quantum._circuits import random_circuit, random_state

ALMOST_ONE = np.nextafter(1.0, 0.0)


def drawn(probabilities: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    outcomes = np.empty(len(uniforms), dtype=np.int64)
    _kernels.draw(probabilities, uniforms, outcomes)
    return outcomes


def inverse_distribution(probabilities: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """The first outcome whose cumulative probability is larger; of the last ones, one that is possible."""
    cumulative = np.cumsum(probabilities)
    outcomes = np.searchsorted(cumulative, uniforms * cumulative[-1], side="right")
    return np.minimum(outcomes, np.flatnonzero(probabilities)[-1])


@given(
    st.integers(0, 12),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.3, 0.9, 0.999]),
    st.floats(0.1, 6.0),
)
def test_draws_are_the_inverse_distribution_function(
    bits: int, seed: int, zeros: float, power: float
) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random(2**bits) ** power * (rng.random(2**bits) >= zeros)
    p[rng.integers(2**bits)] += 0.1
    p *= rng.choice([1.0, 1 + 1e-12, 3.0]) / p.sum()  # no need to sum to 1 to the last bit
    edges = np.cumsum(p)[:-1] / np.cumsum(p)[-1]
    uniforms = np.concatenate(
        [rng.random(500), [0.0, ALMOST_ONE, 5e-324], edges[edges < 1], np.arange(2**bits) / 2**bits]
    )
    outcomes = drawn(p, uniforms)
    np.testing.assert_array_equal(outcomes, inverse_distribution(p, uniforms))
    assert (p[outcomes] > 0).all()


@pytest.mark.parametrize("u", [0.0, ALMOST_ONE])
@pytest.mark.parametrize("possible", [[0], [5], [7], [2, 6], [0, 7]])
def test_the_ends_of_the_unit_interval(u: float, possible: list[int]) -> None:
    p = np.zeros(8)
    p[possible] = 1 / len(possible)
    assert drawn(p, np.array([u])).tolist() == [possible[0] if u == 0 else possible[-1]]


def test_frequencies_are_the_probabilities_of_an_asymmetric_state() -> None:
    """Reversed bits would show."""
    circuit = QuantumCircuit(3)
    circuit.ry(2 * np.arcsin(np.sqrt(0.8)), 0)
    circuit.ry(2 * np.arcsin(np.sqrt(0.3)), 2)
    shots = 200_000
    outcomes = Program.from_circuit(circuit).sample([], shots, np.random.default_rng(7))
    exact = [0.2 * 0.7, 0.8 * 0.7, 0, 0, 0.2 * 0.3, 0.8 * 0.3, 0, 0]  # bit 0 is qubit 0
    assert outcomes.dtype == np.int64
    np.testing.assert_allclose(
        np.bincount(outcomes, minlength=8) / shots, exact, rtol=0, atol=2.5 / shots**0.5
    )


@pytest.mark.parametrize("start", ["zero", "complex"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_frequencies_from_any_state_with_hidden_qubits(start: str, dtype: object) -> None:
    rng, shots = np.random.default_rng(2), 100_000
    circuit = QuantumCircuit(5, 3)
    circuit.compose(random_circuit(rng, 5, 40), inplace=True)
    circuit.measure([4, 0, 2], [0, 1, 2])
    program, initial = Program.from_circuit(circuit, dtype=dtype), random_state(rng, 5, start)
    theta = rng.normal(size=circuit.num_parameters)
    outcomes = program.sample(theta, shots, rng, initial)
    frequencies = np.bincount(outcomes, minlength=8) / shots
    np.testing.assert_allclose(
        frequencies, program.probabilities(theta, initial), rtol=0, atol=2.5 / shots**0.5
    )


def test_the_same_seed_draws_the_same_and_the_next_draw_is_another() -> None:
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    circuit.ry(Parameter("a"), 0)
    program, rng = Program.from_circuit(circuit), np.random.default_rng(1)
    first, second = program.sample([0.3], 100, rng), program.sample([0.3], 100, rng)
    assert (first != second).any()
    np.testing.assert_array_equal(first, program.sample([0.3], 100, np.random.default_rng(1)))
    assert program.sample([0.3], 0, rng).shape == (0,)


def test_an_impossible_outcome_is_never_drawn() -> None:
    class Ends:
        def random(self, shots: int) -> np.ndarray:
            return np.linspace(0.0, ALMOST_ONE, shots)

    circuit = QuantumCircuit(2)
    circuit.x(1)
    assert Program.from_circuit(circuit).sample([], 3, Ends()).tolist() == [2, 2, 2]
