"""Errors of dependence against what Gaussian copulas have in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from qfin.errors import ConfigError, DataError
from qfin.scenarios import Discrepancy, dependence_scores
from qfin.scenarios._dependence_scores import _kendall
from qfin.scenarios._discrepancy import resamples
from qfin.scenarios._samples import Samples, stream

FAMILIES = (
    "correlation error",
    "Kendall tau error",
    "lower tail dependence error at 0.1",
    "upper tail dependence error at 0.1",
)


def normal(rho: float, n: int, seed: int) -> np.ndarray:
    z = np.random.default_rng(seed).normal(size=(n, 2))
    return np.column_stack([z[:, 0], rho * z[:, 0] + np.sqrt(1 - rho**2) * z[:, 1]])


def clayton(theta: float, n: int, seed: int) -> np.ndarray:
    """Lower tail dependence only (Marshall and Olkin 1988)."""
    rng = np.random.default_rng(seed)
    return (1 + rng.exponential(size=(n, 2)) / rng.gamma(1 / theta, size=(n, 1))) ** (-1 / theta)


def by_score(rows: list[Discrepancy]) -> dict[str, Discrepancy]:
    return {row.score: row for row in rows}


def test_errors_of_a_gaussian_copula_against_independence() -> None:
    rho, q, n = 0.6, 0.1, 40_000
    found = by_score(dependence_scores(normal(rho, n, 1), normal(0.0, n, 2), tail=q))
    x = stats.norm.ppf(q)
    together = stats.multivariate_normal(cov=[[1, rho], [rho, 1]]).cdf([x, x])
    expected = dict(
        zip(FAMILIES, (rho, 2 / np.pi * np.arcsin(rho), together / q - q, together / q - q), strict=True)
    )
    for score, error in expected.items():
        tolerance = 0.06 if "Kendall" in score else 0.02  # of 1,000 rows, and of all
        for kind in ("root mean square", "largest"):
            row = found[f"{score}, {kind}"]
            assert row.value == pytest.approx(error, abs=tolerance)
            assert row.value > row.upper
            assert row.p_value < 0.02
    assert found["correlation error, largest"].factor == "factor 0/factor 1"


def test_the_tail_that_is_wrong_is_the_one_that_is_named() -> None:
    found = by_score(dependence_scores(clayton(2.0, 5_000, 3), normal(0.7, 5_000, 4), tail=0.1))
    lower, upper = (found[f"{side} tail dependence error at 0.1, largest"] for side in ("lower", "upper"))
    u = 0.1  # C(u, u) = (2 u^-theta - 1)^(-1 / theta)
    x = stats.norm.ppf(u)
    gaussian = stats.multivariate_normal(cov=[[1, 0.7], [0.7, 1]]).cdf([x, x]) / u
    assert lower.value == pytest.approx((2 * u**-2 - 1) ** -0.5 / u - gaussian, abs=0.05)
    survival = 1 - 2 * (1 - u) + (2 * (1 - u) ** -2 - 1) ** -0.5
    assert upper.value == pytest.approx(gaussian - survival / u, abs=0.05)
    flipped = by_score(dependence_scores(-clayton(2.0, 5_000, 3), -normal(0.7, 5_000, 4), tail=0.1))
    assert flipped["upper tail dependence error at 0.1, largest"].value == pytest.approx(lower.value)


def test_root_mean_square_and_largest_over_three_pairs() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(500, 3)) @ [[1, 0.5, 0], [0, 1, 0], [0, 0, 1]]
    y = rng.normal(size=(400, 3))
    found = by_score(dependence_scores(x, y))
    errors = (np.corrcoef(x.T) - np.corrcoef(y.T))[np.triu_indices(3, 1)]
    assert found["correlation error, root mean square"].value == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert found["correlation error, largest"].value == pytest.approx(np.abs(errors).max())
    assert found["correlation error, largest"].factor == "factor 0/factor 1"


def test_a_perfect_model_meets_the_floors() -> None:
    runs = [
        by_score(dependence_scores(normal(0.5, 500, 2 * s), normal(0.5, 300, 2 * s + 1), 0.1, s))
        for s in range(8)
    ]
    for score in runs[0]:
        assert np.mean([run[score].p_value < 0.05 for run in runs]) <= 0.25
        ratio = np.median([run[score].value / run[score].floor for run in runs])
        assert 0.4 < ratio < 2.0


def test_resampled_kendall_is_scipys_on_the_resample() -> None:
    days = np.round(normal(0.4, 80, 7), 1)  # with ties
    samples = Samples.of(normal(0.4, 60, 8), days)
    floors = _kendall(samples, np.array([[0, 1]]), seed=3)[1][:, 0]
    draws = resamples(80, 60, 1, stream(3, "Kendall"))
    for floor, (drawn, past) in zip(floors[:5], draws, strict=False):
        tau = [stats.kendalltau(*days[index].T).statistic for index in (drawn, past)]
        assert floor == pytest.approx(tau[0] - tau[1], abs=1e-5)


def test_a_factor_that_collapsed_counts_as_uncorrelated() -> None:
    x, y = normal(0.8, 300, 1) * [1.0, 0.0], normal(0.8, 300, 2)
    found = by_score(dependence_scores(x, y))
    assert found["correlation error, largest"].value == pytest.approx(abs(np.corrcoef(y.T)[0, 1]))


def test_many_factors_are_compared_on_some() -> None:
    rng = np.random.default_rng(1)
    rows = dependence_scores(rng.normal(size=(50, 70)), rng.normal(size=(50, 70)))
    assert len(rows) == 8
    assert all(np.isfinite(row.value) for row in rows)


def test_what_has_no_dependence_to_score() -> None:
    x = normal(0.5, 50, 1)
    with pytest.raises(DataError, match="at least two factors"):
        dependence_scores(x[:, :1], x[:, :1])
    with pytest.raises(DataError, match="a tail of 0.01 needs at least 100 rows; there are 50"):
        dependence_scores(x, x, tail=0.01)
    with pytest.raises(ConfigError, match="between 0 and 0.5, not 0.7"):
        dependence_scores(x, x, tail=0.7)
