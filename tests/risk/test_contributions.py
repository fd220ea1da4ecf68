"""Contributions against a normal model's closed form, and the laws that they obey."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qfin.errors import DataError
from qfin.risk import (
    ErrorBudget,
    ErrorSource,
    contributions,
    expected_shortfall,
    standard_error,
    value_at_risk,
)

FIGURES = {"VaR": value_at_risk, "ES": expected_shortfall}
_CANCEL = np.vstack([[0.0, 6.0], np.full((21, 2), -1.0)])  # the mean around the quantile is all but 0
GAINS = arrays(float, st.tuples(st.integers(1, 60), st.integers(1, 4)), elements=st.integers(-999, 999))
LEVELS = st.sampled_from([0.5, 0.9, 0.975, 0.99])


@given(gains=GAINS, level=LEVELS, measure=st.sampled_from(["VaR", "ES"]))
@example(gains=_CANCEL, level=0.5, measure="VaR")
def test_components_sum_to_the_measure(gains, level, measure):
    found = contributions(gains, list("abcd")[: gains.shape[1]], measure, level)
    whole = FIGURES[measure](-gains.sum(axis=1), level)
    assert sum(c.component for c in found) == pytest.approx(whole, abs=1e-6)
    assert max(abs(c.component) for c in found) <= len(gains) * np.abs(gains).max()
    for k, c in enumerate(found):
        assert c.standalone == pytest.approx(FIGURES[measure](-gains[:, k], level))
        rest = np.delete(gains, k, axis=1).sum(axis=1)
        assert c.incremental == pytest.approx(whole - FIGURES[measure](-rest, level), abs=1e-6)


@given(gains=GAINS, level=LEVELS, measure=st.sampled_from(["VaR", "ES"]), seed=st.integers(0, 9))
def test_permuting_scenarios_changes_nothing(gains, level, measure, seed):
    names = list("abcd")[: gains.shape[1]]
    order = np.random.default_rng(seed).permutation(len(gains))
    for one, other in zip(
        contributions(gains, names, measure, level),
        contributions(gains[order], names, measure, level),
        strict=True,
    ):
        losses = -gains.sum(axis=1)
        if len(np.unique(losses)) == len(losses):
            assert one.component == pytest.approx(other.component, abs=1e-6)
        assert one.incremental == pytest.approx(other.incremental, abs=1e-6)


@given(gains=GAINS, level=LEVELS, factor=st.floats(0.1, 10))
@example(gains=_CANCEL, level=0.5, factor=0.375)
@example(gains=np.array([[0.0, 3.0], [1.0, 2.0], [5.0, -9.0], [2.0, 2.0]]), level=0.5, factor=0.1)
def test_a_portfolio_of_another_size_has_components_of_that_size(gains, level, factor):
    names = list("abcd")[: gains.shape[1]]
    for measure in FIGURES:
        for one, other in zip(
            contributions(gains, names, measure, level),
            contributions(factor * gains, names, measure, level),
            strict=True,
        ):
            assert other.component == pytest.approx(factor * one.component, rel=1e-9, abs=1e-6)


def test_they_are_those_of_a_normal_portfolio():
    """Component VaR is z (S w)_k w_k / sigma, ES the same with phi(z) / (1 - a) (Jorion, Value at Risk, 3rd ed.,
    equation 7.20)."""
    rng, n, level = np.random.default_rng(0), 400_000, 0.975
    covariance = np.array([[1.0, 0.5, -0.2], [0.5, 4.0, 0.3], [-0.2, 0.3, 0.25]])
    gains = rng.multivariate_normal(np.zeros(3), covariance, n)
    sigma = np.sqrt(covariance.sum())
    z = NormalDist().inv_cdf(level)
    scales = {"VaR": z, "ES": NormalDist().pdf(z) / (1 - level)}
    for measure, scale in scales.items():
        found = contributions(gains, "abc", measure, level)
        np.testing.assert_allclose(
            [c.component for c in found], scale * covariance.sum(axis=1) / sigma, atol=0.06
        )


def test_marginal_is_for_each_unit_of_value():
    gains = np.random.default_rng(0).normal(size=(500, 2))
    one, other = contributions(gains, "ab", "ES", 0.9, values=np.array([200.0, 0.0]))
    assert one.marginal == pytest.approx(one.component / 200)
    assert other.marginal is None


def test_weights_count_scenarios_more_than_once():
    gains = np.random.default_rng(1).normal(size=(200, 3))
    copies = np.random.default_rng(2).integers(1, 4, 200)
    weighted = contributions(gains, "abc", "ES", 0.9, weights=copies)
    many = contributions(np.repeat(gains, copies, axis=0), "abc", "ES", 0.9)
    for one, other in zip(weighted, many, strict=True):
        assert one.component == pytest.approx(other.component)


def test_gains_of_another_shape():
    with pytest.raises(DataError, match=r"gains have shape \(5, 2\); wanted \(scenarios, 3\)"):
        contributions(np.zeros((5, 2)), "abc", "ES", 0.9)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=5), st.floats(0, 1e5))
def test_a_budget_adds_up(errors, bound):
    sources = [ErrorSource("model fit", error, "") for error in errors]
    budget = ErrorBudget(
        "VaR", 0.99, 5e5, (*sources, ErrorSource("proxy prices", bound, "", bound=True)), 0.95
    )
    said = budget.to_dict()
    wanted = 1.959964 * np.sqrt(np.sum(np.square(errors))) + bound
    assert said["upper"] - 5e5 == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    assert 5e5 - said["lower"] == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    if budget.error > 1e-100:
        assert sum(s["share"] or 0 for s in said["sources"]) == pytest.approx(1)


def test_a_standard_error_is_that_of_a_normal_interval():
    assert standard_error(-1.959964, 1.959964, 0.95) == pytest.approx(1, rel=1e-6)
