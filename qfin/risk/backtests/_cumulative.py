"""Du and Escanciano's tests of the ES, by how far into the tail each day fell."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import stats

from qfin.errors import ConfigError
from qfin.risk.backtests._inputs import check_days, check_probability, series, uniforms
from qfin.risk.backtests._likelihoods import high_p
from qfin.risk.backtests._result import TestResult, sentence

_SIMULATIONS = 9_999
_LEAST_DAYS = 20


def du_escanciano_unconditional(pit: np.ndarray, level: float, significance: float = 0.05) -> TestResult:
    """Unconditional test: whether the tail is on average as deep as the forecast says.

    sqrt(days) (mean H - alpha / 2) / sqrt(alpha (1/3 - alpha / 4)) of the cumulative violations
    H = (alpha - u)^+ / alpha, alpha = 1 - level (Du and Escanciano 2017, U_ES), standard normal; two-sided, above 0
    where losses are too many or too deep. The exact p-value is from 9,999 series of uniforms.

    pit : shape (days,), the forecast distribution function of the P&L at the realised P&L, inside (0, 1)
    """
    name = "Du-Escanciano unconditional"
    pit = _transforms(name, pit, level, significance, _LEAST_DAYS)
    statistic = float(_mean_statistic(pit[None, :], 1 - level)[0])
    null = _mean_null(len(pit), 1 - level)
    exact = min(1.0, 2 * min(high_p(null, statistic), high_p(-null, -statistic)))
    hits = int(np.sum(pit <= 1 - level))
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=float(2 * stats.norm.sf(abs(statistic))),
        exact_p_value=exact,
        significance=significance,
        sentence=sentence(
            f"{hits} of {len(pit):,} days fell into the worst {100 * (1 - level):g} % of the forecast, "
            f"{_depth(pit, 1 - level):.2f} times as deep in sum as a right one lets expect",
            exact,
            significance,
            "the tail is too light" if statistic > 0 else "the tail is too heavy",
            "as a right tail may have it",
            simulated=True,
        ),
        source="Du and Escanciano 2017, U_ES",
    )


def du_escanciano_conditional(
    pit: np.ndarray, level: float, significance: float = 0.05, *, lags: int = 5
) -> TestResult:
    """Conditional test: whether losses in the tail follow each other.

    Box and Pierce's sum of squared autocorrelations of the cumulative violations about their known mean alpha / 2,
    times days (Du and Escanciano 2017, C_ES), chi-squared with `lags` degrees of freedom. The exact p-value is
    from 9,999 series of uniforms.

    pit : shape (days,), the forecast distribution function of the P&L at the realised P&L, inside (0, 1), in time order
    lags : days back
    """
    name = "Du-Escanciano conditional"
    if not isinstance(lags, int) or lags < 1:
        raise ConfigError(f"lags = {lags!r} is not allowed: a number of days, 1 or more")
    pit = _transforms(name, pit, level, significance, _LEAST_DAYS + lags)
    statistic = float(_memory_statistic(pit[None, :], 1 - level, lags)[0])
    null = _memory_null(len(pit), 1 - level, lags)
    exact = high_p(null, statistic)
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=float(stats.chi2.sf(statistic, lags)),
        exact_p_value=exact,
        significance=significance,
        sentence=sentence(
            f"How deep losses fell into the worst {100 * (1 - level):g} % of the forecast, beside {lags} days before",
            exact,
            significance,
            "deep losses follow each other",
            "no sign that deep losses follow each other",
            simulated=True,
        ),
        source="Du and Escanciano 2017, C_ES",
    )


def _transforms(name: str, pit: np.ndarray, level: float, significance: float, least: int) -> np.ndarray:
    check_probability("level", level)
    check_probability("significance", significance, 0.05)
    pit = uniforms("pit", series("pit", pit))
    check_days(name, len(pit), least)
    return pit


def _violations(pit: np.ndarray, alpha: float) -> np.ndarray:
    return np.maximum(alpha - pit, 0.0) / alpha


def _depth(pit: np.ndarray, alpha: float) -> float:
    return float(_violations(pit, alpha).mean() / (alpha / 2))


def _mean_statistic(pit: np.ndarray, alpha: float) -> np.ndarray:
    excess = _violations(pit, alpha).mean(axis=1) - alpha / 2
    return np.sqrt(pit.shape[1]) * excess / np.sqrt(alpha * (1 / 3 - alpha / 4))


def _memory_statistic(pit: np.ndarray, alpha: float, lags: int) -> np.ndarray:
    excess, n = _violations(pit, alpha) - alpha / 2, pit.shape[1]
    variance = np.mean(excess**2, axis=1)
    found = [np.mean(excess[:, lag:] * excess[:, :-lag], axis=1) / variance for lag in range(1, lags + 1)]
    return n * np.sum(np.square(found), axis=0)


def _uniform_series(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.random((len(part), n)) for part in np.array_split(np.arange(_SIMULATIONS), max(1, n // 100))]


@lru_cache(maxsize=32)
def _mean_null(n: int, alpha: float) -> np.ndarray:
    return np.concatenate([_mean_statistic(part, alpha) for part in _uniform_series(n)])


@lru_cache(maxsize=32)
def _memory_null(n: int, alpha: float, lags: int) -> np.ndarray:
    return np.concatenate([_memory_statistic(part, alpha, lags) for part in _uniform_series(n)])
