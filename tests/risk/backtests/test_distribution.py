"""PIT, CRPS and Rosenblatt tests against tables, scipy and plain loops, and which mistakes each sees."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from qfin.errors import DataError
from qfin.risk.backtests import (
    crps,
    crps_test,
    pit_anderson_darling,
    pit_berkowitz,
    pit_kolmogorov_smirnov,
    rosenblatt_radius,
    rosenblatt_uniformity,
)
from qfin.risk.backtests._distribution import _own_scores, anderson_darling_p_value
from qfin.risk.backtests._rosenblatt import _p_value

PIT_TESTS = (pit_kolmogorov_smirnov, pit_anderson_darling, pit_berkowitz)


def drawn(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize(("z", "p"), [(1.933, 0.1), (2.492, 0.05), (3.878, 0.01), (0.775, 0.5)])
def test_anderson_darling_has_the_tabled_points(z, p):
    """Stephens (1974), case 0: 1.933 at 10 %, 2.492 at 5 %; Marsaglia and Marsaglia (2004): 3.878 at 1 %, .775 at
    50 %."""
    assert anderson_darling_p_value(z) == pytest.approx(p, rel=3e-3)


def test_anderson_darling_is_a_weighted_distance():
    """By its definition, n times the integral of (F_n(x) - x)² / (x (1 - x))."""
    u = np.random.default_rng(0).random(40)
    x = (np.arange(2_000_000) + 0.5) / 2_000_000
    below = np.searchsorted(np.sort(u), x) / 40
    expected = 40 * np.mean((below - x) ** 2 / (x * (1 - x)))
    assert pit_anderson_darling(u).statistic == pytest.approx(expected, rel=1e-4)


def test_kolmogorov_smirnov_is_scipys():
    u = np.random.default_rng(1).random(100)
    found, expected = pit_kolmogorov_smirnov(u), stats.kstest(u, "uniform")
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-6)


def test_berkowitz_is_a_likelihood_ratio():
    """The ratio by the normal densities themselves."""
    z = drawn(200)
    fit = stats.linregress(z[:-1], z[1:])
    residual = z[1:] - fit.intercept - fit.slope * z[:-1]
    free = stats.norm.logpdf(residual, scale=residual.std()).sum()
    expected = 2 * (free - stats.norm.logpdf(z[1:]).sum())
    found = pit_berkowitz(stats.norm.cdf(z))
    assert found.statistic == pytest.approx(expected)
    assert found.p_value == pytest.approx(stats.chi2.sf(expected, 3))


def test_every_pit_test_sees_its_mistakes():
    z = drawn(500, seed=2)
    for test in PIT_TESTS:
        assert not test(stats.norm.cdf(z)).rejected
        assert test(stats.norm.cdf(1.4 * z)).rejected
        assert test(stats.norm.cdf(z + 0.3)).rejected
    memory = np.sort(stats.norm.cdf(z))
    assert pit_berkowitz(memory).rejected
    assert pit_anderson_darling(memory).p_value == pit_anderson_darling(stats.norm.cdf(z)).p_value


def test_draws_that_stand_in_for_a_distribution_are_allowed_for():
    u = np.random.default_rng(3).random(250) ** 0.9
    for test in (pit_kolmogorov_smirnov, pit_berkowitz):
        assert test(u, scenarios=250).p_value > test(u).p_value


def test_crps_is_a_double_loop():
    ensembles, pnl = drawn(6, 9), drawn(6, seed=2)
    expected = [
        np.mean(np.abs(row - y)) - sum(abs(a - b) for a in row for b in row) / (2 * 9 * 8)
        for row, y in zip(ensembles, pnl, strict=True)
    ]
    np.testing.assert_allclose(crps(pnl, ensembles), expected)


def test_own_scores_are_crps_of_each_draw_by_the_others():
    """A day of 7 draws: the scores are those of each left out, drawn evenly."""
    row = drawn(7)
    left_out = sorted(crps(row[[j]], np.delete(row, j)[None])[0] for j in range(7))
    found = np.unique(_own_scores(row[None], 500, np.random.default_rng(0)))
    np.testing.assert_allclose(found, left_out)


def test_crps_sees_spread_either_way():
    ensembles = drawn(300, 200, seed=3)
    for scale, word in ((1.0, "no sign"), (1.4, "wider"), (0.7, "narrower")):
        found = crps_test(scale * drawn(300, seed=4), ensembles, draws=1_000)
        assert word in found.sentence
        assert found.rejected == (scale != 1.0)


def test_one_factor_is_cramer_and_von_mises():
    u = np.random.default_rng(5).random((600, 1))
    expected = stats.cramervonmises(u[:, 0], "uniform")
    found = rosenblatt_uniformity(u)
    assert found.statistic / np.pi**2 == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, abs=5e-3)


@pytest.mark.parametrize(("z", "p"), [(0.34730, 0.1), (0.46136, 0.05), (0.74346, 0.01)])
def test_the_gamma_law_has_the_tabled_points_of_cramer_and_von_mises(z, p):
    """Anderson and Darling (1952), table 1."""
    assert _p_value(np.pi**2 * z, 1) == pytest.approx(p, rel=0.04)


def test_rosenblatt_uniformity_is_a_double_loop():
    u = np.random.default_rng(6).random((30, 3))

    def g(a: float, b: float) -> float:
        return np.pi**2 * ((a * a + b * b) / 2 - max(a, b) + 1 / 3)

    total = sum(
        sum(lone := [g(*pair) for pair in zip(one, other, strict=True)])
        + lone[0] * lone[1] + lone[0] * lone[2] + lone[1] * lone[2]
        for one in u for other in u
    )  # fmt: skip
    assert rosenblatt_uniformity(u).statistic == pytest.approx(total / 30)


def test_rosenblatt_rejects_right_models_at_the_significance():
    rng, runs = np.random.default_rng(7), 250
    for d in (2, 6):
        u = [rng.random((150, d)) for _ in range(runs)]
        for test in (rosenblatt_uniformity, rosenblatt_radius):
            assert np.mean([test(one).rejected for one in u]) == pytest.approx(0.05, abs=0.04)


def test_rosenblatt_tests_see_wrong_dependence_each_in_its_way():
    rng = np.random.default_rng(8)
    normal = rng.standard_normal((800, 4))
    correlated = stats.norm.cdf(np.sqrt(0.2) * rng.standard_normal((800, 1)) + np.sqrt(0.8) * normal)
    tied = stats.t.cdf(normal / np.sqrt(rng.chisquare(4, (800, 1)) / 4), 4)
    assert rosenblatt_uniformity(correlated).rejected
    assert not rosenblatt_uniformity(stats.norm.cdf(normal)).rejected
    assert rosenblatt_radius(tied).rejected
    assert not rosenblatt_radius(stats.norm.cdf(normal)).rejected


def test_a_right_rosenblatt_transform_passes():
    """Correlated normals whose conditionals are known: the second given the first is normal (rho x, 1 - rho²)."""
    x = drawn(800, 2, seed=9) @ np.linalg.cholesky([[1, 0.6], [0.6, 1]]).T
    known = stats.norm.cdf(np.column_stack([x[:, 0], (x[:, 1] - 0.6 * x[:, 0]) / 0.8]))
    assert not rosenblatt_uniformity(known).rejected
    assert not rosenblatt_radius(known).rejected
    assert rosenblatt_uniformity(stats.norm.cdf(x)).rejected


def test_right_models_are_rejected_at_the_significance():
    rng, runs = np.random.default_rng(10), 150
    counts = np.sum([[t(u).rejected for t in PIT_TESTS] for u in rng.random((runs, 400))], axis=0)
    np.testing.assert_allclose(counts / runs, 0.05, atol=3.5 * np.sqrt(0.05 * 0.95 / runs))
    ensembles = rng.standard_normal((40, 50))
    rejected = [crps_test(rng.standard_normal(40), ensembles, draws=200).rejected for _ in range(runs)]
    assert np.mean(rejected) < 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / runs)


def test_what_cannot_be_tested():
    for test in PIT_TESTS:
        with pytest.raises(DataError, match=r"needs at least 20 days; there are 19"):
            test(np.full(19, 0.5))
        with pytest.raises(DataError, match=r"pit is 0 on day 4; wanted a value inside \(0, 1\)"):
            test(np.where(np.arange(30) == 4, 0.0, 0.5))
        with pytest.raises(DataError, match="pit is missing or not finite on day 2"):
            test(np.where(np.arange(30) == 2, np.nan, 0.5))
    with pytest.raises(
        DataError, match=r"simulated has shape \(4, 9\); wanted \(5, columns\), one row a day"
    ):
        crps(np.ones(5), np.ones((4, 9)))
    with pytest.raises(DataError, match="simulated has 2 draws a day; CRPS needs at least 3"):
        crps(np.ones(5), np.ones((5, 2)))
    with pytest.raises(DataError, match="CRPS needs at least 20 days; there are 5"):
        crps_test(np.ones(5), np.ones((5, 9)))
    for test in (rosenblatt_uniformity, rosenblatt_radius):
        with pytest.raises(DataError, match=r"rosenblatt has shape \(30,\); wanted \(days, factors\)"):
            test(np.full(30, 0.5))
        with pytest.raises(DataError, match="rosenblatt is 1 on day 0"):
            test(np.ones((30, 2)))
        with pytest.raises(DataError, match="Rosenblatt .* needs at least 20 days; there are 3"):
            test(np.full((3, 2), 0.5))
