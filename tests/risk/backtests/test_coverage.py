"""VaR tests against published figures, all series of hits counted one by one, and their defining laws."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qfin.errors import ConfigError, DataError
from qfin.risk.backtests import (
    christoffersen_conditional_coverage,
    christoffersen_independence,
    dynamic_quantile,
    kupiec,
    mixed_kupiec,
    time_until_first_failure,
    traffic_light,
)

ALL = (
    kupiec,
    time_until_first_failure,
    christoffersen_independence,
    christoffersen_conditional_coverage,
    mixed_kupiec,
    traffic_light,
)
HITS = st.lists(st.booleans(), min_size=2, max_size=60).map(np.array)


def series(n: int, k: int) -> np.ndarray:
    """n days, the first k of them hits."""
    return np.arange(n) < k


def by_transitions(n00: int, runs: int, pairs: int) -> np.ndarray:
    """Starts and ends without a hit; so many quiet days after quiet ones, runs of hits, and hits after hits."""
    days = [0] * (n00 + 1) + [1] * (pairs + 1)
    for _ in range(runs - 1):
        days += [0, 1]
    return np.array([*days, 0])


def test_matlab_has_the_same_figures_of_an_equity_index():
    """MathWorks Risk Management Toolbox, documentation of `varbacktest`, EquityIndex with Normal95: 57 failures on
    1,043 days, the first on day 58, N00 932, N10 53, N01 53, N11 4."""
    hits = by_transitions(932, 53, 4)
    assert (len(hits), hits.sum()) == (1043, 57)
    coverage = kupiec(hits, 0.95)
    assert (coverage.statistic, coverage.p_value) == pytest.approx((0.46147, 0.49694), abs=5e-6)
    found = christoffersen_independence(hits, 0.95)
    assert (found.statistic, found.p_value) == pytest.approx((0.25866, 0.61104), abs=5e-6)
    joint = christoffersen_conditional_coverage(hits, 0.95)
    assert (joint.statistic, joint.p_value) == pytest.approx((0.72013, 0.69763), abs=5e-6)
    first = time_until_first_failure(np.arange(1043) == 57, 0.95)
    assert (first.statistic, first.p_value) == pytest.approx((1.7354, 0.18773), abs=5e-5)


def test_jorions_bank():
    """Jorion, Value at Risk, chapter 6, exercise 10: 6 exceptions on 252 days at 99 %, 4 of them the day after another;
    LR 3.498 of coverage and 25.837 of independence, for 252 pairs of days."""
    assert kupiec(series(252, 6), 0.99).statistic == pytest.approx(3.498, abs=1e-3)
    days = by_transitions(244, 2, 4)
    assert len(days) == 253
    assert christoffersen_independence(days, 0.99).statistic == pytest.approx(25.837, abs=1e-3)
    assert christoffersen_independence(days, 0.99).exact_p_value < 1e-6


@pytest.mark.parametrize(
    ("k", "n", "level", "statistic", "p_value", "exact"),
    [
        (9, 250, 0.99, 10.229030632597755, 0.0013824730075046687, 0.0010565324973568335),
        (0, 250, 0.99, 5.025167926750726, 0.02498150305344973, 0.18887088925855616),
        (15, 1000, 0.99, 2.189248388847858, 0.1389771183180088, 0.11109871951509362),
        (20, 252, 0.95, 3.9125508275532184, 0.04792680100008753, 0.04144213140893228),
        (3, 500, 0.975, 10.62123911093363, 0.001117961084995797, 0.0024323060616464184),
    ],
)
def test_vartests_has_the_same_kupiec_and_binomial(k, n, level, statistic, p_value, exact):
    """vartests 0.4.1, `kupiec_test` and two-sided `binomial_test`."""
    found = kupiec(series(n, k), level)
    assert (found.statistic, found.p_value, found.exact_p_value) == pytest.approx(
        (statistic, p_value, exact), rel=1e-9
    )


def exact_probability(statistic, hits: np.ndarray, p: float, same_count: bool) -> float:
    """Probability of a statistic as high, by going through all series of so many days."""
    seen, total, high = statistic(hits), 0.0, 0.0
    for other in map(np.array, product((False, True), repeat=len(hits))):
        if same_count and other.sum() != hits.sum():
            continue
        weight = p ** other.sum() * (1 - p) ** (len(hits) - other.sum())
        total += weight
        high += weight * (statistic(other) >= seen - 1e-9)
    return high / total


@pytest.mark.parametrize("hits", ["0011000010", "1101000000", "0101010101", "0000100000"])
def test_exact_p_values_count_all_series(hits):
    hits = np.array([day == "1" for day in hits])
    for test, same_count in (
        (christoffersen_independence, True),
        (christoffersen_conditional_coverage, False),
    ):
        expected = exact_probability(lambda days, t=test: t(days, 0.8).statistic, hits, 0.2, same_count)
        assert test(hits, 0.8).exact_p_value == pytest.approx(expected, abs=1e-9)


def test_exact_p_value_of_the_first_failure():
    for day in (1, 2, 50, 400):
        first = time_until_first_failure(np.arange(500) == day - 1, 0.99)
        geometric = stats.geom(0.01)
        assert first.exact_p_value == pytest.approx(
            min(1, 2 * min(geometric.cdf(day), geometric.sf(day - 1)))
        )


@settings(max_examples=30, derandomize=True)
@given(hits=HITS, seed=st.integers(0, 99))
def test_an_order_is_nothing_to_kupiec(hits, seed):
    other = np.random.default_rng(seed).permutation(hits)
    assert kupiec(other, 0.9) == kupiec(hits, 0.9)
    assert traffic_light(other, 0.9) == traffic_light(hits, 0.9)


def test_an_order_is_all_to_christoffersen():
    hits = series(250, 10)
    spread = np.arange(250) % 25 == 0
    assert christoffersen_independence(hits, 0.99).rejected
    assert not christoffersen_independence(spread, 0.99).rejected
    assert christoffersen_independence(hits[::-1], 0.99).statistic == pytest.approx(
        christoffersen_independence(hits, 0.99).statistic
    )


@settings(max_examples=40, derandomize=True)
@given(hits=HITS, level=st.sampled_from([0.5, 0.9, 0.99]))
def test_statistics_and_p_values_are_what_they_can_be(hits, level):
    for test in ALL[:-1]:
        found = test(hits, level)
        assert found.statistic >= 0
        assert 0 <= found.p_value <= 1
        assert 0 <= found.exact_p_value <= 1
        assert found.rejected == (found.exact_p_value <= 0.05)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("n", [2, 250])
def test_no_hits_and_nothing_but_hits_are_defined(value, n):
    for test in ALL:
        found = test(np.full(n, value), 0.99)
        assert np.isfinite([found.statistic, found.p_value]).all()
    assert dynamic_quantile(np.full(250, value), 0.99, np.ones(250)).rejected == bool(value)


def test_mixed_kupiec_adds_failures_and_times():
    hits = np.isin(np.arange(250), [9, 29, 30])
    times = [10, 20, 1]
    expected = kupiec(hits, 0.99).statistic + sum(
        2 * (stats.geom.logpmf(t, 1 / t) - stats.geom.logpmf(t, 0.01)) for t in times
    )
    found = mixed_kupiec(hits, 0.99)
    assert found.statistic == pytest.approx(expected)
    assert found.p_value == pytest.approx(stats.chi2.sf(expected, 4))


def test_right_models_are_rejected_at_the_significance():
    rng, runs = np.random.default_rng(3), 200
    rejected: dict[str, int] = defaultdict(int)
    for _ in range(runs):
        hits = rng.random(250) < 0.05
        for test in ALL[:-1]:
            rejected[test.__name__] += test(hits, 0.95).rejected
        rejected["dynamic_quantile"] += dynamic_quantile(hits, 0.95).rejected
    for name, count in rejected.items():
        least = 0.03 if name not in ("kupiec", "time_until_first_failure") else 0.01
        assert least - 0.02 < count / runs < 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs), name


def test_wrong_models_are_rejected():
    rng = np.random.default_rng(4)
    many = rng.random(500) < 0.03
    clusters = np.repeat(rng.random(125) < 0.02, 4)
    assert kupiec(many, 0.99).rejected
    assert "too many" in kupiec(many, 0.99).sentence
    assert mixed_kupiec(many, 0.99).rejected
    assert christoffersen_independence(clusters, 0.98).rejected
    assert dynamic_quantile(clusters, 0.98).rejected
    late = time_until_first_failure(np.zeros(500), 0.99)
    assert late.rejected
    assert late.sentence.startswith(
        "No loss was beyond the 99 % VaR in 500 days, one in 100 expected: too late"
    )


def test_dynamic_quantile_is_a_regression():
    """The same statistic by statsmodels' least squares: explained squares over p (1 - p)."""
    import statsmodels.api as sm

    rng, p = np.random.default_rng(5), 0.05
    hits, var = rng.random(300) < 0.08, 1 + rng.random(300)
    known = rng.normal(size=(300, 1))
    y = hits - p
    X = np.column_stack([np.ones(296), var[4:], known[4:], *(y[4 - k : 300 - k] for k in range(1, 5))])
    expected = np.sum(sm.OLS(y[4:], X).fit().fittedvalues ** 2) / (p * (1 - p))
    found = dynamic_quantile(hits, 0.95, var, instruments=known)
    assert found.statistic == pytest.approx(expected)
    assert found.p_value == pytest.approx(stats.chi2.sf(expected, 7))
    assert dynamic_quantile(hits, 0.95, 100 * var, instruments=known).statistic == pytest.approx(expected)


def test_dynamic_quantile_leaves_out_what_says_nothing_new():
    hits = np.random.default_rng(6).random(300) < 0.05
    flat, none = dynamic_quantile(hits, 0.95, np.full(300, 2.0)), dynamic_quantile(hits, 0.95)
    assert (flat.statistic, flat.p_value) == pytest.approx((none.statistic, none.p_value))


def test_hits_that_the_var_foretells_are_seen():
    rng = np.random.default_rng(7)
    var = rng.random(1000)
    assert dynamic_quantile(rng.random(1000) < 0.1 * var, 0.95, var).rejected
    assert not dynamic_quantile(rng.random(1000) < 0.05, 0.95, var).rejected


@pytest.mark.parametrize("test", ALL)
def test_what_cannot_be_tested(test):
    with pytest.raises(
        ConfigError, match=r"level = 99 is not allowed: a probability between 0 and 1 such as 0.99"
    ):
        test(series(9, 1), 99)
    with pytest.raises(ConfigError, match=r"significance = 0 is not allowed.* such as 0.05"):
        test(series(9, 1), 0.99, 0)
    with pytest.raises(DataError, match="hits is missing or not finite on day 2"):
        test(np.array([0, 1, np.nan]), 0.99)
    with pytest.raises(
        DataError, match="hits is 2 on day 1; wanted 1 where the loss was beyond the VaR, else 0"
    ):
        test(np.array([0, 2]), 0.99)
    with pytest.raises(DataError, match=r"hits has shape \(0,\)"):
        test(np.array([]), 0.99)


def test_too_few_days_are_told():
    with pytest.raises(DataError, match="Christoffersen independence needs at least 2 days; there are 1"):
        christoffersen_independence(np.ones(1), 0.99)
    with pytest.raises(DataError, match="dynamic quantile needs at least 24 days; there are 23"):
        dynamic_quantile(np.ones(23), 0.99)
    with pytest.raises(DataError, match=r"var has shape \(29,\); wanted \(30,\)"):
        dynamic_quantile(np.ones(30), 0.99, np.ones(29))
    with pytest.raises(ConfigError, match="lags = -1 is not allowed"):
        dynamic_quantile(np.ones(30), 0.99, lags=-1)
