from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qfin.report import _statistics as statistics


def test_paired_difference_uses_the_days_both_have() -> None:
    days = pd.bdate_range("2024-01-01", periods=40)
    ours = pd.Series(np.arange(40.0), days)
    theirs = pd.Series(np.arange(30.0) - 2.0, days[:30])[::-1]
    daily, found = statistics.paired_difference(ours, theirs)
    assert list(daily.index) == list(days[:30])
    np.testing.assert_allclose(daily, 2.0)
    assert found.value == found.lower == found.upper == pytest.approx(2.0)
    assert statistics.paired_difference(ours, theirs.iloc[-5:]) is None


def test_density_is_the_normal_density() -> None:
    grid = np.linspace(-5, 5, 401)
    values = np.random.default_rng(3).normal(size=100_000)
    found = statistics.density(values, grid)
    assert found.sum() * (grid[1] - grid[0]) == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(found, stats.norm.pdf(grid), atol=0.012)


def test_density_of_a_constant_is_a_spike() -> None:
    grid = np.linspace(-1, 1, 41)
    found = statistics.density(np.zeros(50), grid)
    assert np.isfinite(found).all()
    assert int(np.argmax(found)) == 20


def test_contour_level_holds_its_mass() -> None:
    grid = statistics.density_2d(*np.random.default_rng(4).normal(size=(2, 20_000)), limit=4.0, cells=60)
    for mass in (0.5, 0.9, 0.99):
        level = statistics.level_of_mass(grid, mass)
        assert grid[grid >= level].sum() / grid.sum() == pytest.approx(mass, abs=0.01)
    # half of a standard normal in two dimensions lies inside the circle of radius sqrt(2 ln 2)
    inside = (grid >= statistics.level_of_mass(grid, 0.5)).sum() * (8.0 / 60) ** 2
    assert inside == pytest.approx(np.pi * 2 * np.log(2), rel=0.1)


def test_ranks_are_scipys() -> None:
    values = np.random.default_rng(5).normal(size=(200, 3))
    np.testing.assert_allclose(statistics.ranks_to_unit(values), stats.rankdata(values, axis=0) / 201)


Q = np.array([0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99])


def test_quantile_dependence_of_the_extremes() -> None:
    u = (np.arange(10_000) + 0.5) / 10_000
    np.testing.assert_allclose(statistics.quantile_dependence(u, u, Q), 1.0, atol=1e-9)
    np.testing.assert_allclose(
        statistics.quantile_dependence(u, 1 - u, Q[[0, 1, 2, 4, 5, 6]]), 0.0, atol=1e-9
    )
    v = np.random.default_rng(6).random((2, 400_000))
    np.testing.assert_allclose(statistics.quantile_dependence(*v, Q), np.minimum(Q, 1 - Q), atol=0.006)


def test_quantile_dependence_tells_lower_from_upper() -> None:
    """A Clayton copula has lower tail dependence 2^(-1/theta) and no upper."""
    rng = np.random.default_rng(7)
    u, w = rng.random((2, 200_000))
    theta = 2.0
    v = ((w ** (-theta / (1 + theta)) - 1) * u**-theta + 1) ** (-1 / theta)
    low, high = statistics.quantile_dependence(u, v, np.array([0.005, 0.995]))
    assert low == pytest.approx(2**-0.5, abs=0.04)
    assert high < 0.05


@settings(max_examples=25)
@given(st.floats(-0.95, 0.95), st.floats(0.005, 0.995))
def test_gaussian_quantile_dependence_is_the_bivariate_normal(rho: float, q: float) -> None:
    tail = min(q, 1 - q)
    h = stats.norm.ppf(tail)
    both = stats.multivariate_normal.cdf([h, h], cov=[[1, rho], [rho, 1]])
    assert statistics.gaussian_quantile_dependence(rho, np.array([q]))[0] == pytest.approx(
        both / tail, abs=1e-4
    )


def test_band_is_wilsons() -> None:
    low, high = statistics.binomial_band(np.array([0.3, 0.0]), np.array([0.1, 0.95]), 1_000)
    for k, (hits, n) in enumerate([(30, 100), (0, 50)]):
        truth = stats.binomtest(hits, n).proportion_ci(0.95, "wilson")
        assert low[k] == pytest.approx(truth.low, abs=1e-6)
        assert high[k] == pytest.approx(truth.high, abs=1e-6)


def test_volatility_is_pandas_own() -> None:
    returns = np.random.default_rng(8).normal(size=(300, 2))
    start = np.mean(returns[:50] ** 2, axis=0)
    squares = pd.DataFrame(np.vstack([start, returns[:-1] ** 2]))
    variance = squares.ewm(alpha=0.06, adjust=False).mean().to_numpy()
    np.testing.assert_allclose(statistics.without_volatility(returns), returns / np.sqrt(variance))


def test_contributions_add_up_to_the_mean_loss_in_the_tail() -> None:
    pnl = np.random.default_rng(9).normal(size=(1_000, 3)) * [1.0, 3.0, -2.0]
    found = statistics.tail_contributions(pnl, 0.975)
    worst = sorted(pnl.tolist(), key=sum)[:25]
    np.testing.assert_allclose(found, [-np.mean([row[k] for row in worst]) for k in range(3)])
    assert found.sum() == pytest.approx(-np.mean([sum(row) for row in worst]))
