"""Readout errors taken out of outcomes, against the inverse of the dense confusion matrix."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfin.errors import ConfigError
from qfin.quantum.backends._runtime.readout import (
    Mitigated,
    calibration_circuits,
    confusion_matrices,
    mitigate,
    systematic_draws,
)

ERRORS = [(0.01, 0.03), (0.08, 0.02), (0.05, 0.12)]  # of each qubit: a 0 seen as 1, a 1 seen as 0
MATRICES = [np.array([[1 - up, down], [up, 1 - down]]) for up, down in ERRORS]


def dense(matrices):
    """The confusion matrix of all outcomes, bit j of an outcome being qubit j."""
    return reduce(lambda rest, matrix: np.kron(matrix, rest), matrices)


def outcomes_of(counts):
    return np.repeat(np.arange(len(counts)), counts)


def as_table(mitigated, size):
    table = np.zeros(size)
    table[mitigated.outcomes] = mitigated.probabilities
    return table


def test_what_the_dense_inverse_gives_where_it_is_a_distribution() -> None:
    exact = np.array([0.3, 0.05, 0.1, 0.2, 0.02, 0.13, 0.15, 0.05])
    counts = np.rint(1e6 * dense(MATRICES) @ exact).astype(int)
    wanted = np.linalg.solve(dense(MATRICES), counts / counts.sum())
    assert wanted.min() > 0
    found = mitigate(outcomes_of(counts), MATRICES)
    np.testing.assert_allclose(as_table(found, 8), wanted, atol=2e-6)  # mthree keeps matrices in float32
    np.testing.assert_allclose(as_table(found, 8), exact, atol=1e-5)


def test_what_is_no_distribution_becomes_the_nearest_one() -> None:
    counts = np.array([900, 60, 30, 5, 2, 1, 1, 1])  # fewer than the errors alone would give
    quasi = np.linalg.solve(dense(MATRICES), counts / counts.sum())
    assert quasi.min() < -0.01
    found = as_table(mitigate(outcomes_of(counts), MATRICES), 8)
    np.testing.assert_allclose(found, nearest_on_the_simplex(quasi), atol=2e-6)


def nearest_on_the_simplex(quasi):
    """By bisection on the shift t of sum(max(quasi - t, 0)) = 1."""
    low, high = quasi.min() - 1, quasi.max()
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(quasi - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(quasi - low, 0)


def test_each_qubit_is_corrected_by_its_own_matrix() -> None:
    state = 0b100
    counts = np.rint(1e6 * dense(MATRICES)[:, state]).astype(int)
    found = mitigate(outcomes_of(counts), MATRICES)
    assert as_table(found, 8)[state] == pytest.approx(1.0, abs=1e-4)
    wrong = mitigate(outcomes_of(counts), MATRICES[::-1])
    assert as_table(wrong, 8)[state] < 0.95


def test_matrices_are_those_that_the_calibration_saw() -> None:
    rng = np.random.default_rng(5)
    up, down = np.transpose(ERRORS)
    zeros, ones = rng.random((200_000, 3)) < up, rng.random((200_000, 3)) >= down
    found = confusion_matrices(zeros.astype(np.uint8), ones.astype(np.uint8))
    np.testing.assert_allclose(found, MATRICES, atol=4e-3)


def test_calibration_prepares_and_measures_the_qubits_asked_for_and_no_others() -> None:
    zeros, ones = calibration_circuits(5, (3, 0))
    assert [i.operation.name for i in zeros.data] == ["measure", "measure"]
    assert [ones.find_bit(i.qubits[0]).index for i in ones.data if i.operation.name == "x"] == [3, 0]
    for circuit in (zeros, ones):
        measured = {
            circuit.find_bit(i.clbits[0]).index: circuit.find_bit(i.qubits[0]).index
            for i in circuit.data
            if i.operation.name == "measure"
        }
        assert measured == {0: 3, 1: 0}


def test_a_readout_that_says_nothing_is_refused() -> None:
    coin = np.array([[0.5, 0.5], [0.5, 0.5]])
    with pytest.raises(ConfigError, match="bit 1 is read as 1 in 50% of 0 and 50% of 1"):
        mitigate(np.array([0, 1, 2]), [MATRICES[0], coin])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12).filter(lambda p: sum(p) > 0.01),
    st.integers(1, 500),
    st.integers(0, 2**32),
)
def test_every_outcome_is_drawn_floor_or_ceil_of_its_share(
    weights: list[float], shots: int, seed: int
) -> None:
    probabilities = np.array(weights) / np.sum(weights)
    outcomes = 7 * np.arange(len(weights)) + 2
    drawn = systematic_draws(Mitigated(outcomes, probabilities, 1.0), shots, np.random.default_rng(seed))
    assert drawn.shape == (shots,)
    counts = np.array([(drawn == outcome).sum() for outcome in outcomes])
    assert (np.abs(counts - shots * probabilities) < 1 + 1e-9).all()


def test_draws_have_the_right_mean_and_no_order() -> None:
    probabilities = np.array([0.15, 0.35, 0.5])
    one = Mitigated(np.array([0, 1, 2]), probabilities, 1.0)
    rng = np.random.default_rng(8)
    drawn = np.array([systematic_draws(one, 7, rng) for _ in range(4_000)])
    seen = np.array([(drawn == k).mean(axis=0) for k in range(3)])
    np.testing.assert_allclose(seen, np.repeat(probabilities[:, None], 7, axis=1), atol=0.035)
