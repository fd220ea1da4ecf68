"""The certificate of draws: correlators, shot noise, interval, bound."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp, Statevector

from qfin.errors import ConfigError
from qfin.quantum import Certificate, Draws, certify

N = 4
RNG = np.random.default_rng(5)
EXACT = RNG.dirichlet(np.ones(2**N))
OTHER = 0.9 * EXACT + 0.1 * RNG.dirichlet(np.ones(2**N))
WORDS = [*((q,) for q in range(N)), *combinations(range(N), 2)]


def draws(probabilities: np.ndarray, shots: int, seed: int) -> Draws:
    rng = np.random.default_rng(seed)
    return Draws.from_outcomes(rng.choice(len(probabilities), size=(1, shots), p=probabilities), N)


def correlators(probabilities: np.ndarray) -> np.ndarray:
    """Expectations of Pauli words, by Qiskit, of a state with these probabilities."""
    state = Statevector(np.sqrt(probabilities))
    paulis = [SparsePauliOp.from_sparse_list([("Z" * len(w), list(w), 1.0)], N) for w in WORDS]
    return np.array([state.expectation_value(pauli).real for pauli in paulis])


def test_many_shots_give_the_distance_of_the_correlators() -> None:
    truth = np.sqrt(np.mean((correlators(OTHER) - correlators(EXACT)) ** 2))
    found = certify(draws(OTHER, 1_000_000, 1), EXACT)
    assert found.words == len(WORDS)
    assert found.lower < truth < found.upper
    assert found.distance == pytest.approx(truth, abs=0.002)
    gaps = correlators(OTHER) - correlators(EXACT)
    worst = int(np.argmax(np.abs(gaps)))
    assert found.largest_word == WORDS[worst]
    assert found.largest == pytest.approx(gaps[worst], abs=0.005)


def test_shot_noise_is_taken_out_and_stated() -> None:
    """The mean squared distance of a perfect device is 0 over many runs, and its raw one is the stated noise."""
    found = [certify(draws(EXACT, 500, seed), EXACT) for seed in range(200)]
    raw = []
    for seed in range(200):
        spins = 1.0 - 2.0 * draws(EXACT, 500, seed).bits()[0]
        means = np.array([spins[:, list(w)].prod(axis=1).mean() for w in WORDS])
        raw.append(np.mean((means - correlators(EXACT)) ** 2))
    assert np.mean([c.shot_noise**2 for c in found]) == pytest.approx(np.mean(raw), rel=0.1)
    assert np.mean([c.lower == 0.0 for c in found]) > 0.9


@pytest.mark.parametrize("shots", [300, 5_000])
def test_the_interval_covers_the_truth(shots: int) -> None:
    """Of 400 runs at 95 %, fewer than 91 % covering would happen by chance once in 3,000 times."""
    truth = np.sqrt(np.mean((correlators(OTHER) - correlators(EXACT)) ** 2))
    found = [certify(draws(OTHER, shots, seed), EXACT) for seed in range(400)]
    assert np.mean([c.lower <= truth <= c.upper for c in found]) > 0.91


def test_the_divergence_is_that_of_the_distributions() -> None:
    truth = float(np.sum(OTHER * np.log(OTHER / EXACT)))
    assert certify(draws(OTHER, 1_000_000, 2), EXACT).kl_divergence == pytest.approx(truth, abs=5e-4)
    perfect = [certify(draws(EXACT, 400, seed), EXACT).kl_divergence for seed in range(300)]
    assert np.mean(perfect) == pytest.approx(0.0, abs=4.0 * np.std(perfect) / 300**0.5)
    assert 400 * np.mean(perfect) < 2.0  # without the correction it is (16 - 1) / 2


def test_the_bound_decides_and_overhead_widens() -> None:
    sample = draws(EXACT, 20_000, 3)
    assert certify(sample, EXACT, bound=0.05).passes
    assert not certify(sample, EXACT, bound=1e-6).passes
    assert not certify(draws(OTHER, 20_000, 3), EXACT, bound=0.02).passes
    wide, narrow = certify(sample, EXACT, overhead=4.0), certify(sample, EXACT)
    assert wide.shot_noise == pytest.approx(2.0 * narrow.shot_noise)
    assert certify(sample, EXACT, bound=0.05).to_dict()["passes"] is True
    assert isinstance(wide, Certificate)


def test_what_cannot_be_compared_is_refused() -> None:
    two_rows = Draws.from_outcomes(np.zeros((2, 10), dtype=int), N)
    with pytest.raises(ConfigError, match="there are 2 rows of 10 draws"):
        certify(two_rows, EXACT)
    with pytest.raises(ConfigError, match="8 probabilities"):
        certify(draws(EXACT, 10, 0), np.full(8, 1 / 8))
