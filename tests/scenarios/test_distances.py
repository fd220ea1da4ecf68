"""Distances between scenarios and history: closed forms, libraries as oracles, floors."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from scipy import stats

from qfin.errors import DataError
from qfin.scenarios import energy_distance, marginal_scores, sliced_wasserstein_distance
from qfin.scenarios._distances import wasserstein_and_kolmogorov

NORMAL = stats.norm.ppf((np.arange(3_000) + 0.5) / 3_000)  # a sample that is the distribution
SHIFT = np.array([0.3, 0.0])


def mean_distance(mean: float, deviation: float) -> float:
    """E|Z| of a normal Z: the folded normal's mean."""
    density, below = stats.norm.pdf(mean / deviation), stats.norm.cdf(-mean / deviation)
    return 2 * deviation * density + mean * (1 - 2 * below)


def drawn(n: int, seed: int, d: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize(("mean", "deviation"), [(0.7, 1.0), (0.0, 1.5), (-0.4, 0.5)])
def test_energy_distance_of_two_normals(mean: float, deviation: float) -> None:
    expected = (
        2 * mean_distance(mean, np.hypot(1.0, deviation))
        - mean_distance(0.0, np.sqrt(2) * deviation)
        - mean_distance(0.0, np.sqrt(2))
    )
    got = energy_distance((mean + deviation * NORMAL)[:, None], NORMAL[:, None])
    assert got.value == pytest.approx(expected, rel=0.01)
    assert got.p_value is not None
    assert got.p_value < 0.02


def test_energy_distance_is_scipys_squared_in_one_dimension() -> None:
    x, y = drawn(200, 1, 1), 3.0 + 2.0 * drawn(150, 2, 1)
    standard = (x - y.mean()) / y.std(), (y - y.mean()) / y.std()
    expected = stats.energy_distance(*(s[:, 0] for s in standard)) ** 2
    assert energy_distance(x, y).value == pytest.approx(expected, rel=1e-9)


def test_energy_distance_is_a_double_loop_over_vectors() -> None:
    x, y = drawn(40, 3), drawn(30, 4)
    y = (y - y.mean(axis=0)) / y.std(axis=0)

    def mean(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean([np.linalg.norm(i - j) for i in a for j in b]))

    assert energy_distance(x, y).value == pytest.approx(2 * mean(x, y) - mean(x, x) - mean(y, y), rel=1e-9)


@pytest.mark.parametrize("distance", [energy_distance, sliced_wasserstein_distance])
def test_a_perfect_model_meets_the_floor_and_a_wrong_one_does_not(distance) -> None:  # type: ignore[no-untyped-def]
    perfect = [distance(drawn(600, 2 * s), drawn(400, 2 * s + 1), s) for s in range(12)]
    assert np.mean([p.value > p.floor for p in perfect]) == pytest.approx(0.5, abs=0.35)
    assert np.mean([p.p_value < 0.05 for p in perfect]) <= 0.25
    wrong = distance(1.25 * drawn(600, 5), drawn(400, 6))
    assert wrong.value > wrong.upper
    assert wrong.p_value < 0.02


def test_the_floor_is_that_of_the_scenarios_number() -> None:
    few, many = (energy_distance(drawn(n, 1), drawn(2_000, 2)).floor for n in (50, 2_000))
    # E of the V-statistic of equal distributions is (1/n + 1/m) E|X - X'|
    assert few / many == pytest.approx((1 / 50 + 1 / 2_000) / (2 / 2_000), rel=0.2)


def test_neighbouring_days_that_are_alike_raise_the_floor() -> None:
    shocks = np.random.default_rng(8).normal(size=(1_000, 1))
    slow = shocks.copy()
    for t in range(1, len(slow)):
        slow[t] = 0.9 * slow[t - 1] + shocks[t]
    floors = [energy_distance(drawn(5_000, 1, 1), days).floor for days in (shocks, slow)]
    assert floors[1] > 2 * floors[0]


def test_wasserstein_of_a_shift_is_the_shift() -> None:
    y = drawn(500, 1, 2)
    y = (y - y.mean(axis=0)) / y.std(axis=0)
    rows = marginal_scores(y + SHIFT, y)
    w1 = {row.factor: row for row in rows if row.score == "Wasserstein-1"}
    assert w1["factor 0"].value == pytest.approx(0.3)
    assert w1["factor 1"].value == pytest.approx(0.0, abs=1e-12)
    assert w1["factor 0"].p_value < 0.02
    # projected on a random direction of the plane the shift is 0.3 |cos|, whose mean is 0.3 2 / pi
    assert sliced_wasserstein_distance(y + SHIFT, y).value == pytest.approx(0.6 / np.pi, rel=0.15)


def test_marginal_tests_are_scipys_and_see_fat_tails() -> None:
    rng = np.random.default_rng(3)
    x, y = np.column_stack([rng.standard_t(2, 800), rng.normal(size=800)]), rng.normal(size=(700, 2))
    found = {(row.score, row.factor): row for row in marginal_scores(x, y)}
    ks = stats.ks_2samp(x[:, 0], y[:, 0], method="asymp")
    assert found["Kolmogorov-Smirnov", "factor 0"].value == pytest.approx(ks.statistic)
    assert found["Kolmogorov-Smirnov", "factor 0"].p_value == pytest.approx(ks.pvalue)
    for score in ("Kolmogorov-Smirnov", "Anderson-Darling", "Wasserstein-1"):
        fat, right = found[score, "factor 0"], found[score, "factor 1"]
        assert fat.value > fat.upper
        assert fat.p_value < 0.05 < right.p_value


def test_weighted_distances_are_those_of_resampled_points() -> None:
    rng = np.random.default_rng(5)
    values = np.round(rng.normal(size=(60, 2)), 1)  # with ties
    left, right = rng.integers(60, size=(2, 60))
    excess = (np.bincount(left, minlength=60) - np.bincount(right, minlength=60)) / 60
    wasserstein, kolmogorov = wasserstein_and_kolmogorov(values, excess[None])
    for k in range(2):
        a, b = values[left, k], values[right, k]
        assert wasserstein[0, k] == pytest.approx(stats.wasserstein_distance(a, b))
        assert kolmogorov[0, k] == pytest.approx(stats.ks_2samp(a, b).statistic)
    directions = np.array([[0.6], [0.8]])
    sliced = ot.sliced_wasserstein_distance(values[left], values[right], projections=directions, p=1)
    assert wasserstein_and_kolmogorov(values @ directions, excess[None])[0][0, 0] == pytest.approx(sliced)


def test_what_cannot_be_compared() -> None:
    x, y = drawn(50, 1), drawn(50, 2)
    with pytest.raises(DataError, match="scenarios have 2 factors and the history has 3"):
        energy_distance(x[:, :2], y)
    with pytest.raises(DataError, match="history: 10 rows are too few"):
        energy_distance(x, y[:10])
    with pytest.raises(DataError, match=r"wanted \(days, factors\)"):
        energy_distance(x, y[:, 0])
    with pytest.raises(DataError, match=r"wanted \(scenarios, factors\)"):
        energy_distance(x[:, 0], y)
    y[7, 1] = np.nan
    with pytest.raises(DataError, match="history: factor 1 is not finite in row 7"):
        energy_distance(x, y)
    with pytest.raises(DataError, match="factor 2 never changes in the history"):
        energy_distance(x, x * [1.0, 1.0, 0.0])
