"""Losses against slow twins and finite differences; every loss in the room is enumerated."""

from __future__ import annotations

import numpy as np
import pytest

from qfin.errors import ConfigError, DataError
from qfin.quantum import LOSSES, MaximumMeanDiscrepancy, NegativeLogLikelihood, TailWeightedLikelihood
from tests.quantum._circuits import difference_gradient

RNG = np.random.default_rng(11)
TARGET, OTHER = RNG.dirichlet(np.ones(32), size=2)


@pytest.mark.parametrize("kind", LOSSES.kinds())
def test_gradients_are_derivatives_in_every_probability(kind: str) -> None:
    loss = LOSSES.build({"kind": kind, "target": TARGET})
    before = OTHER.copy()
    value, gradient = loss(OTHER)
    assert isinstance(value, float)
    assert (before == OTHER).all()
    slow = difference_gradient(lambda p: loss(p)[0], OTHER, step=OTHER.min() / 10)
    np.testing.assert_allclose(gradient, slow, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("kind", LOSSES.kinds())
def test_the_target_itself_is_the_minimum(kind: str) -> None:
    loss = LOSSES.build({"kind": kind, "target": TARGET})
    rng = np.random.default_rng(1)
    assert all(loss(p)[0] > loss(TARGET)[0] for p in rng.dirichlet(np.ones(32), size=20))


def test_likelihood_is_the_cross_entropy_in_nats() -> None:
    assert NegativeLogLikelihood(TARGET)(OTHER)[0] == pytest.approx(-sum(TARGET * np.log(OTHER)), rel=1e-14)


def test_an_impossible_observation_has_infinite_loss_and_an_unseen_outcome_none() -> None:
    loss = NegativeLogLikelihood(np.array([0.5, 0.5, 0.0, 0.0]))
    assert loss(np.array([0.0, 0.5, 0.5, 0.0]))[0] == np.inf
    assert loss(np.array([0.5, 0.5, 0.0, 0.0]))[0] == pytest.approx(np.log(2))


@pytest.mark.parametrize("bandwidths", [(1.0,), (0.25, 1.0, 3.0)])
@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_discrepancy_is_that_of_the_dense_kernel(n: int, bandwidths: tuple[float, ...]) -> None:
    p, q = np.random.default_rng(n).dirichlet(np.ones(2**n), size=2)
    outcomes = np.arange(2**n)
    distance = np.bitwise_count(outcomes[:, None] ^ outcomes).astype(float)
    kernel = np.mean([np.exp(-distance / (2 * sigma**2)) for sigma in bandwidths], axis=0)
    value, gradient = MaximumMeanDiscrepancy(q, bandwidths)(p)
    assert value == pytest.approx((p - q) @ kernel @ (p - q), abs=1e-12)
    np.testing.assert_allclose(gradient, 2 * kernel @ (p - q), atol=1e-12)


def test_mistakes_are_named() -> None:
    with pytest.raises(DataError, match=r"shape \(3,\); wanted \(2\*\*n,\)"):
        NegativeLogLikelihood(np.ones(3))
    with pytest.raises(DataError, match="weight of outcome 1 is -0.5"):
        NegativeLogLikelihood(np.array([1.0, -0.5]))
    with pytest.raises(DataError, match="all weights of the target are 0"):
        NegativeLogLikelihood(np.zeros(4))
    with pytest.raises(ConfigError, match="at least one, all above 0"):
        MaximumMeanDiscrepancy(TARGET, [1.0, 0.0])


def test_tail_weighted_likelihood_is_its_formula_and_lowest_at_the_target():
    rng = np.random.default_rng(0)
    q, p = rng.dirichlet(np.ones(8)), rng.dirichlet(np.ones(8))
    tail = np.arange(8) % 3 == 0
    loss = TailWeightedLikelihood(q, tail, 0.3)
    plain = -q @ np.log(p)
    censored = -q[tail] @ np.log(p[tail]) - q[~tail].sum() * np.log(p[~tail].sum())
    assert loss(p)[0] == pytest.approx(0.7 * plain + 0.3 * censored, abs=1e-12)
    step = 1e-8 * np.eye(8)
    slopes = [(loss(p + e)[0] - loss(p - e)[0]) / 2e-8 for e in step]
    np.testing.assert_allclose(loss(p)[1], slopes, rtol=1e-4)
    others = q + 0.01 * (rng.dirichlet(np.ones(8), 200) - q)
    assert all(loss(other)[0] > loss(q)[0] for other in others)


def test_a_tail_of_another_shape_or_weight_is_refused():
    with pytest.raises(DataError, match=r"the tail has shape \(2,\); the target has \(32,\)"):
        TailWeightedLikelihood(TARGET, np.zeros(2, dtype=bool))
    with pytest.raises(DataError, match="the tail's weight is 1.5; wanted 0 to 1"):
        TailWeightedLikelihood(TARGET, TARGET > 0, 1.5)
