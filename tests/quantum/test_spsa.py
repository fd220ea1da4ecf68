"""SPSA: the paper's gains, its estimate on average, and what it reaches."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import norm

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, MaximumMeanDiscrepancy, Program, ShotSchedule, Spsa
from qfin.quantum._sampled import SimultaneousPerturbation, _Samples
from qfin.quantum._training import Look
from qfin.quantum.backends.exact import Exact

CIRCUIT = ANSAETZE.build("line_rzz").build(3, 1, 3)
LOSS = MaximumMeanDiscrepancy(np.random.default_rng(3).dirichlet(np.ones(8)))


class Signs:
    """A generator that draws given signs."""

    def __init__(self, signs: tuple[float, ...]) -> None:
        self.signs = np.array(signs)

    def choice(self, values: list[float], size: int) -> np.ndarray:
        assert values == [-1.0, 1.0]
        assert size == len(self.signs)
        return self.signs


def mean_estimate(gains: Spsa, theta: np.ndarray, step: int, loss: object) -> np.ndarray:
    """Of an exactly known loss, over all signs there are."""
    estimates = []
    for signs in product([-1.0, 1.0], repeat=len(theta)):
        around = gains.perturbed(theta, step, Signs(signs))
        estimates.append(gains.estimate(around, np.array([loss(row) for row in around])))
    return np.mean(estimates, axis=0)


def test_the_gains_are_the_papers() -> None:
    """Spall 1998: a_k = a / (A + k + 1)**.602, c_k = c / (k + 1)**.101, k from 0."""
    gains, theta, gradient = Spsa(0.5, 0.2, 10.0), np.array([1.0, -2.0]), np.array([0.3, 4.0])
    for k in (0, 1, 7):
        moved, state = gains.step(theta, gradient, {}, k + 1)
        np.testing.assert_allclose(moved, theta - 0.5 / (10.0 + k + 1) ** 0.602 * gradient, rtol=1e-14)
        assert state == {}
        around = gains.perturbed(theta, k, np.random.default_rng(0))
        np.testing.assert_allclose(np.abs(around - theta), 0.2 / (k + 1) ** 0.101, rtol=1e-12)
        np.testing.assert_allclose(around.mean(axis=0), theta, rtol=1e-14)


def test_a_stability_of_a_tenth_of_the_steps_is_the_default() -> None:
    assert Spsa().for_steps(200).stability == 20.0
    assert Spsa(stability=3.0).for_steps(200).stability == 3.0


def test_signs_are_fair_and_of_each_angle_alone() -> None:
    """Means and products of 4,000 draws within 5 standard errors; a fair coin fails once in 200,000 runs."""
    rng = np.random.default_rng(7)
    signs = np.array([np.sign(Spsa().perturbed(np.zeros(3), 0, rng)[0]) for _ in range(4_000)])
    assert (np.abs(signs) == 1.0).all()
    seen = signs.T @ signs / len(signs) - np.eye(3)
    assert np.abs([*signs.mean(axis=0), *seen.ravel()]).max() < 5.0 / len(signs) ** 0.5


def test_the_mean_estimate_of_a_quadratic_loss_is_its_gradient() -> None:
    rng = np.random.default_rng(1)
    curvature, slope, theta = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)
    curvature += curvature.T
    estimate = mean_estimate(Spsa(), theta, 3, lambda t: slope @ t + t @ curvature @ t / 2)
    np.testing.assert_allclose(estimate, slope + curvature @ theta, atol=1e-10)


def test_the_mean_estimate_is_the_gradient_up_to_the_square_of_the_perturbation() -> None:
    program = Program.from_circuit(CIRCUIT)
    theta = np.random.default_rng(2).normal(size=len(program.parameters))
    exact = program.value_and_gradient(theta, LOSS)[1]
    off = [
        np.abs(
            mean_estimate(Spsa(perturbation=c), theta, 0, lambda t: LOSS(program.probabilities(t))[0]) - exact
        )
        for c in (0.02, 0.01)
    ]
    assert off[1].max() < 1e-4
    np.testing.assert_allclose(off[0], 4.0 * off[1], rtol=0.01, atol=1e-9)


def test_the_mean_of_estimates_from_shots_is_that_of_the_exact_loss() -> None:
    """600 estimates of 100 shots; a right estimate fails once in a million runs (normal quantile, all angles)."""
    program = Program.from_circuit(CIRCUIT)
    theta = np.random.default_rng(2).normal(size=len(program.parameters))
    gains = Spsa(perturbation=0.3)
    expected = mean_estimate(gains, theta, 0, lambda t: LOSS(program.probabilities(t))[0])
    seen = np.array(
        [
            SimultaneousPerturbation(
                _Samples(Exact(), CIRCUIT, LOSS, None, ShotSchedule(100), seed, None), gains
            )
            .measure(theta, 0, Look(held_out=False, gradient=True))
            .gradient
            for seed in range(600)
        ]
    )
    error = seen.std(axis=0, ddof=1) / np.sqrt(len(seen))
    assert (np.abs(seen.mean(axis=0) - expected) < norm.isf(1e-6 / 2 / len(theta)) * error).all()
    assert np.abs(expected).max() > 10.0 * error.max()  # there is something to see


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate = 0.0; wanted a number above 0"),
        ({"perturbation": float("nan")}, "perturbation = nan; wanted a number above 0"),
        ({"stability": -1.0}, "stability = -1.0; wanted a number of steps, or none"),
        ({"alpha": 1.5}, "alpha = 1.5; wanted a number from 0 to 1"),
        ({"gamma": -0.1}, "gamma = -0.1; wanted a number from 0 to 1"),
    ],
)
def test_mistakes_are_named(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Spsa(**options)
