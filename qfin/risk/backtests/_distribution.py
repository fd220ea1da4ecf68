"""Tests of the whole forecast distribution, by its probability integral transforms (PIT) and by CRPS."""

from __future__ import annotations

import numpy as np

from qfin.errors import DataError
from qfin.risk.backtests._inputs import check_days, check_probability, series, table, uniforms
from qfin.risk.backtests._likelihoods import high_p
from qfin.risk.backtests._result import TestResult, sentence
from qfin.scenarios import uniformity_scores

_LEAST_DAYS = 20
_SEED = 20_070_301
_RIGHT, _WRONG = "no sign that the forecast distribution is wrong", "the forecast distribution is wrong"


def pit_kolmogorov_smirnov(
    pit: np.ndarray, significance: float = 0.05, *, scenarios: int | None = None
) -> TestResult:
    """Kolmogorov-Smirnov: the largest distance of the PIT's distribution from the uniform, days as independent.

    pit : shape (days,), the forecast distribution function of the P&L at the realised P&L, inside (0, 1)
    scenarios : how many draws stood in for each forecast distribution, whose noise is then allowed for; None: exact
    """
    return _uniformity("PIT Kolmogorov-Smirnov", pit, significance, scenarios, "Kolmogorov 1933")


def pit_berkowitz(pit: np.ndarray, significance: float = 0.05, *, scenarios: int | None = None) -> TestResult:
    """Berkowitz: whether the PIT's normal scores are independent with mean 0 and variance 1.

    The likelihood ratio of Berkowitz (2001, LR_3) against a first-order autoregression, chi-squared with 3 degrees of
    freedom.

    pit : shape (days,), the forecast distribution function of the P&L at the realised P&L, inside (0, 1), in time order
    scenarios : how many draws stood in for each forecast distribution, whose noise is then allowed for; None: exact
    """
    return _uniformity("PIT Berkowitz", pit, significance, scenarios, "Berkowitz 2001, LR_3")


def pit_anderson_darling(pit: np.ndarray, significance: float = 0.05) -> TestResult:
    """Anderson-Darling: distance of the PIT's distribution from the uniform, most at the tails, days as independent.

    -n - sum (2 i - 1) (log u_(i) + log(1 - u_(n+1-i))) / n (Anderson and Darling 1954), with its distribution
    for many days, which it is near to from ten on.

    pit : shape (days,), the forecast distribution function of the P&L at the realised P&L, inside (0, 1)
    """
    name = "PIT Anderson-Darling"
    pit = _transforms(name, pit, significance)
    statistic = anderson_darling(pit)
    p_value = anderson_darling_p_value(statistic)
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=p_value,
        significance=significance,
        sentence=sentence(_finding(pit), p_value, significance, _WRONG, _RIGHT),
        source="Anderson and Darling 1954",
    )


def crps(pnl: np.ndarray, simulated: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score of each day, lower is better: shape (days,), in the P&L's unit.

    E|X - y| - E|X - X'| / 2 (Gneiting and Raftery 2007, eq. 21), by the estimator that is unbiased for any number of
    draws (Ferro 2014).

    pnl : shape (days,), realised
    simulated : shape (days, n), what the model drew for each day
    """
    from scoringrules import crps_ensemble

    pnl = series("pnl", pnl)
    return np.asarray(crps_ensemble(pnl, _ensembles(simulated, len(pnl)), estimator="fair"))


def crps_test(
    pnl: np.ndarray,
    simulated: np.ndarray,
    significance: float = 0.05,
    *,
    draws: int = 5_000,
    seed: int = _SEED,
) -> TestResult:
    """Mean CRPS against that of the model's own draws in place of the realised P&L; two-sided.

    Higher where realised P&L is wider spread than the model's, lower where it is narrower (Gneiting, Balabdaoui and
    Raftery 2007 on calibration and sharpness). One draw a day, taken out of the ensemble that it is scored by.

    pnl : shape (days,), realised
    simulated : shape (days, n), what the model drew for each day
    draws : series to simulate
    """
    name = "CRPS"
    check_probability("significance", significance, 0.05)
    statistic = float(crps(pnl, simulated).mean())
    ensembles = _ensembles(simulated, len(pnl))
    check_days(name, len(ensembles), _LEAST_DAYS)
    null = _own_scores(ensembles, draws, np.random.default_rng(seed))
    p_value = min(1.0, 2 * min(high_p(null, statistic), high_p(-null, -statistic)))
    wrong = "wider" if statistic > null.mean() else "narrower"
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=p_value,
        significance=significance,
        sentence=sentence(
            f"The forecast's mean CRPS is {statistic:.4g}, {null.mean():.4g} if it is right",
            p_value,
            significance,
            f"P&L spreads {wrong} than forecast",
            _RIGHT,
            simulated=True,
        ),
        source="Gneiting and Raftery 2007, eq. 21",
    )


def anderson_darling(u: np.ndarray) -> float:
    """Anderson and Darling's distance of values in (0, 1) from the uniform."""
    u, n = np.sort(u), len(u)
    return float(-n - np.mean((2 * np.arange(1, n + 1) - 1) * (np.log(u) + np.log1p(-u[::-1]))))


def anderson_darling_p_value(statistic: float) -> float:
    """P(A² >= statistic) for many values, by the series of Anderson and Darling (1952).

    Terms j of either sign, each the integral over w of exp(z / (8 (w² + 1)) - (4j+1)² π² w² / (8 z)), by the
    trapezoidal rule, which is all but exact for such a bell.
    """
    z = max(statistic, 1e-3)
    total, coefficient = 0.0, 1.0
    for j in range(40):
        rate = (4 * j + 1) ** 2 * np.pi**2 / (8 * z)
        w = np.linspace(0, 10 / np.sqrt(rate), 400)
        bell = np.exp(z / (8 * (w**2 + 1)) - rate * (w**2 + 1))
        total += coefficient * (4 * j + 1) * float(np.trapezoid(bell, w))
        coefficient *= -(j + 0.5) / (j + 1)
    return float(np.clip(1 - np.sqrt(2 * np.pi) / z * total, 0.0, 1.0))


def _uniformity(
    name: str, pit: np.ndarray, significance: float, scenarios: int | None, source: str
) -> TestResult:
    pit = _transforms(name, pit, significance)
    found = {row.score: row for row in uniformity_scores(pit[:, None], ("pit",), scenarios)}[name]
    p_value = float(found.p_value or 0.0)
    return TestResult(
        name=name,
        statistic=found.value,
        p_value=p_value,
        significance=significance,
        sentence=sentence(_finding(pit), p_value, significance, _WRONG, _RIGHT),
        source=source,
    )


def _transforms(name: str, pit: np.ndarray, significance: float) -> np.ndarray:
    check_probability("significance", significance, 0.05)
    pit = uniforms("pit", series("pit", pit))
    check_days(name, len(pit), _LEAST_DAYS)
    return pit


def _finding(pit: np.ndarray) -> str:
    outer = np.mean(np.abs(pit - 0.5) > 0.45)
    return (
        f"P&L was below the forecast median on {100 * np.mean(pit < 0.5):.0f} % of {len(pit):,} days and beyond its "
        f"5 % or 95 % quantile on {100 * outer:.0f} %, 50 and 10 expected"
    )


def _ensembles(simulated: np.ndarray, days: int) -> np.ndarray:
    drawn = table("simulated", simulated, days)
    if drawn.shape[1] < 3:
        raise DataError(f"simulated has {drawn.shape[1]} draws a day; CRPS needs at least 3")
    return drawn


def _own_scores(ensembles: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Mean CRPS of series of the ensembles' own draws, shape (draws,).

    The distances of every draw from all others, and of all pairs, are sums over ranks, so no pair is formed.
    """
    ordered = np.sort(ensembles, axis=1)
    days, n = ordered.shape
    rank, total = np.arange(n), ordered.sum(axis=1, keepdims=True)
    below = np.cumsum(ordered, axis=1) - ordered
    distance = rank * ordered - below + (total - below - ordered) - (n - 1 - rank) * ordered
    pairs = distance.sum(axis=1, keepdims=True)
    scores = distance / (n - 1) - (pairs - 2 * distance) / (2 * (n - 1) * (n - 2))
    means = np.empty(draws)
    block = max(1, 2_000_000 // days)
    for first in range(0, draws, block):
        chosen = rng.integers(n, size=(days, min(block, draws - first)))
        means[first : first + chosen.shape[1]] = np.take_along_axis(scores, chosen, axis=1).mean(axis=0)
    return means
