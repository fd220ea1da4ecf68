"""Classifier test, memorisation, uniformity: each passes a perfect model and fails the one it is there to find."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from qfin.errors import DataError
from qfin.scenarios import (
    Discrepancy,
    classifier_scores,
    memorisation_scores,
    probability_integral_transform,
    uniformity_scores,
)


def drawn(n: int, seed: int, d: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def by_score(rows: list[Discrepancy]) -> dict[str, Discrepancy]:
    return {row.score: row for row in rows}


def test_a_classifier_tells_a_shift_and_not_the_same() -> None:
    same = [classifier_scores(drawn(600, 2 * s), drawn(500, 2 * s + 1), s) for s in range(10)]
    for k in range(2):
        assert np.mean([rows[k].p_value < 0.05 for rows in same]) <= 0.25
        assert np.mean([rows[k].value for rows in same]) == pytest.approx(0.5, abs=0.03)
    for accuracy, _ in same:  # of 500 rows tested, against the exact binomial
        assert accuracy.p_value == pytest.approx(stats.binom.sf(500 * accuracy.value - 1, 500, 0.5), abs=0.03)
        assert accuracy.upper == pytest.approx(stats.binom.ppf(0.95, 500, 0.5) / 500, abs=0.003)
    shifted = classifier_scores(drawn(2_000, 1) + np.eye(3)[0], drawn(2_000, 2))
    best = (
        stats.norm.cdf(0.5),
        stats.norm.cdf(1 / np.sqrt(2)),
    )  # Bayes classifier of two unit normals one apart
    for row, optimum in zip(shifted, best, strict=True):
        assert optimum - 0.06 < row.value < optimum + 0.03
        assert row.value > row.upper
        assert row.p_value < 1e-6


def test_a_classifier_sees_dependence_that_no_marginal_shows() -> None:
    x = drawn(2_000, 1, 2)
    x[:, 1] = 0.8 * x[:, 0] + 0.6 * x[:, 1]
    assert all(row.p_value < 1e-6 for row in classifier_scores(x, drawn(2_000, 2, 2)))


def test_classifier_repeats_by_seed() -> None:
    x, y = drawn(200, 1), drawn(200, 2)
    assert classifier_scores(x, y, 3) == classifier_scores(x, y, 3) != classifier_scores(x, y, 4)


def test_a_perfect_model_memorises_nothing() -> None:
    runs = [
        by_score(memorisation_scores(drawn(500, 3 * s), drawn(400, 3 * s + 1), drawn(300, 3 * s + 2)))
        for s in range(12)
    ]
    for score in runs[0]:
        assert np.mean([run[score].p_value < 0.05 for run in runs]) <= 0.25
    for score in ("uncovered share", "memorised share", "inauthentic share"):
        values, floors = np.transpose([(run[score].value, run[score].floor) for run in runs])
        assert values.mean() == pytest.approx(floors.mean(), abs=0.03)
    assert all(run["copied share"].value == 0.0 for run in runs)


def test_copies_are_found_exact_and_with_noise() -> None:
    training, held_out = drawn(400, 1), drawn(300, 2)
    days = np.random.default_rng(3).integers(400, size=500)
    exact = by_score(memorisation_scores(training[days], training, held_out))
    noisy = by_score(memorisation_scores(training[days] + 0.02 * drawn(500, 4), training, held_out))
    assert exact["copied share"].value == 1.0
    assert noisy["copied share"].value == 0.0
    for found in (exact, noisy):
        for score in ("memorised share", "inauthentic share", "data copying"):
            assert found[score].value > found[score].upper
            assert found[score].p_value < 1e-6


def test_half_the_copies_are_half_the_share() -> None:
    training = drawn(400, 1)
    mixed = np.concatenate([training[:200], drawn(200, 5)])
    assert by_score(memorisation_scores(mixed, training, drawn(300, 2)))["copied share"].value == 0.5


def test_data_copying_is_the_rank_sum_z() -> None:
    x, training, held_out = drawn(80, 1), drawn(60, 2), drawn(40, 3)
    found = by_score(memorisation_scores(x, training, held_out))["data copying"]
    scale = training.std(axis=0)
    near = [np.min(np.linalg.norm((v[:, None] - training) / scale, axis=2), axis=1) for v in (x, held_out)]
    assert found.value == pytest.approx(-stats.ranksums(*near).statistic)
    assert found.p_value == pytest.approx(stats.norm.sf(found.value))


def test_scenarios_that_miss_a_region_leave_days_uncovered() -> None:
    x = drawn(3_000, 1)
    found = by_score(memorisation_scores(x[x[:, 0] > 0], drawn(600, 2), drawn(300, 3)))["uncovered share"]
    assert found.value > 0.25
    assert found.p_value < 1e-6
    chance = np.prod([(600 - i) / (600 + len(x[x[:, 0] > 0]) - i) for i in range(5)])
    assert found.floor == pytest.approx(chance)


def test_the_transform_is_a_rank_among_scenarios() -> None:
    x, y = drawn(50, 1, 2), drawn(30, 2, 2)
    y[4, 1] = x[9, 1]
    U = probability_integral_transform(x, y)
    assert U.shape == (30, 3)
    rank = [np.sum(x[:, 0] < day) for day in y[:, 0]]
    np.testing.assert_allclose(U[:, 0], (np.array(rank) + 0.5) / 51)
    assert U[4, 1] == pytest.approx((np.sum(x[:, 1] < y[4, 1]) + 1.0) / 51)
    weights = 1 / y.std(axis=0)
    np.testing.assert_allclose(U[:, 2], (np.sum(x @ weights < (y @ weights)[:, None], axis=1) + 0.5) / 51)


def test_berkowitz_is_the_likelihood_ratio_of_an_autoregression() -> None:
    from statsmodels.tsa.ar_model import AutoReg

    U = np.random.default_rng(1).beta(1.2, 1.0, size=(200, 1))
    z = stats.norm.ppf(U[:, 0])
    expected = 2 * (AutoReg(z, 1).fit().llf - stats.norm.logpdf(z[1:]).sum())
    found = by_score(uniformity_scores(U))["PIT Berkowitz"]
    assert found.value == pytest.approx(expected)
    assert found.p_value == pytest.approx(stats.chi2(3).sf(expected))
    ks = by_score(uniformity_scores(U))["PIT Kolmogorov-Smirnov"]
    oracle = stats.kstest(U[:, 0], "uniform", method="exact")
    assert (ks.value, ks.p_value) == pytest.approx((oracle.statistic, oracle.pvalue))


def test_uniform_passes_and_bias_spread_and_memory_do_not() -> None:
    rng = np.random.default_rng(4)
    z = rng.normal(size=(500, 1))
    slow = z.copy()
    for t in range(1, len(slow)):
        slow[t] = 0.4 * slow[t - 1] + np.sqrt(1 - 0.16) * z[t]
    right, biased, narrow, memory = (
        by_score(uniformity_scores(stats.norm.cdf(v))) for v in (z, z + 0.3, 1.4 * z, slow)
    )
    assert all(row.p_value > 0.05 for row in right.values())
    for wrong in (biased, narrow):
        assert all(row.value > row.upper and row.p_value < 0.01 for row in wrong.values())
    assert memory["PIT Berkowitz"].p_value < 1e-6


def test_few_scenarios_are_allowed_for() -> None:
    rejected = {True: [], False: []}  # type: dict[bool, list[bool]]
    for s in range(30):
        U = probability_integral_transform(drawn(200, 2 * s, 1), drawn(400, 2 * s + 1, 1))
        for allowed, seen in rejected.items():
            rows = uniformity_scores(U, scenarios=200 if allowed else None)
            seen += [row.p_value < 0.05 for row in rows]
    assert np.mean(rejected[True]) < 0.1
    assert np.mean(rejected[False]) > 0.2


def test_what_is_no_transform() -> None:
    U = np.full((30, 2), 0.5)
    U[3, 1] = 1.0
    with pytest.raises(DataError, match=r"SPX is 1 on day 3; wanted a value inside \(0, 1\)"):
        uniformity_scores(U, ("EURUSD", "SPX"))
    with pytest.raises(DataError, match="1 names for 2 columns"):
        uniformity_scores(U, ("EURUSD",))
    with pytest.raises(DataError, match=r"wanted \(days, factors\)"):
        uniformity_scores(U[:, 0])
