"""Tests of the ES by the size of losses beyond the VaR. All but Du and Escanciano's look for an ES that is too low."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qfin.errors import DataError
from qfin.risk.backtests._inputs import check_probability, series, table, tail
from qfin.risk.backtests._likelihoods import high_p
from qfin.risk.backtests._result import TestResult, losses, sentence

Simulated = np.ndarray | Callable[[np.random.Generator, int], np.ndarray]
"""P&L that the model draws for each day: shape (days, n), or a function of a generator and n that returns it."""

_SEED = 20_141_124
_RESAMPLES = 9_999
_BLOCK = 2_000_000


def acerbi_szekely_z1(
    pnl: np.ndarray,
    var: np.ndarray,
    es: np.ndarray,
    level: float,
    simulated: Simulated,
    significance: float = 0.05,
    *,
    draws: int = 5_000,
    seed: int = _SEED,
) -> TestResult:
    """Z1: whether losses beyond the VaR are on average as large as the ES; it doesn't see how many there are.

    1 + mean of P&L / ES over the days of hits (Acerbi and Székely 2014, test 1): 0 expected, below 0 where losses are
    larger than the ES. The p-value is the share of Z1 that is as low among series that the model itself draws, those
    without a hit left out.

    pnl, var, es : shape (days,); a gain, a loss and a loss positive
    simulated : the model's draws, for each day independent of other days'
    draws : series to simulate
    """
    name = "Acerbi-Székely Z1"
    check_probability("level", level)
    pnl, var, es = _days(pnl, var, es, significance)
    statistic = float(_z1(pnl[:, None], var, es)[0])
    null = _null(_z1, simulated, var, es, draws, seed)
    known = np.isfinite(statistic)
    p_value = high_p(-null[np.isfinite(null)], -statistic) if known else 1.0
    hits = int(np.sum(pnl < -var))
    share = 100 * (1 - statistic)
    finding = f"The {losses(hits)} beyond the {100 * level:g} % VaR came to {share:.3g} % of the ES a day"
    return TestResult(
        name=name,
        statistic=statistic if known else 0.0,
        p_value=p_value,
        significance=significance,
        sentence=sentence(
            finding if known else "No loss was beyond the VaR, so none speaks of the ES",
            p_value,
            significance,
            "the ES is too low",
            "no sign that the ES is too low",
            simulated=True,
        ),
        source="Acerbi and Székely 2014, test 1",
    )


def acerbi_szekely_z2(
    pnl: np.ndarray,
    var: np.ndarray,
    es: np.ndarray,
    level: float,
    simulated: Simulated,
    significance: float = 0.05,
    *,
    draws: int = 5_000,
    seed: int = _SEED,
) -> TestResult:
    """Z2: whether number and size of losses beyond the VaR are together what the ES says.

    1 + sum of P&L / (days (1 - level) ES) over the days of hits (Acerbi and Székely 2014, test 2): 0 expected, 1
    without a hit, below 0 where hits are more or larger. At 97.5 % and 250 days its 5 % critical value is near -.7 for
    all but the heaviest tails. The p-value is the share of Z2 that is as low among series that the model itself draws.

    pnl, var, es : shape (days,); a gain, a loss and a loss positive
    simulated : the model's draws, for each day independent of other days'
    draws : series to simulate
    """
    name = "Acerbi-Székely Z2"
    check_probability("level", level)
    pnl, var, es = _days(pnl, var, es, significance)

    def z2(pnl: np.ndarray, var: np.ndarray, es: np.ndarray) -> np.ndarray:
        return 1 + _beyond(pnl, var, es).sum(axis=0) / (len(pnl) * (1 - level))

    statistic = float(z2(pnl[:, None], var, es)[0])
    p_value = high_p(-_null(z2, simulated, var, es, draws, seed), -statistic)
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=p_value,
        significance=significance,
        sentence=sentence(
            f"Losses beyond the {100 * level:g} % VaR add up to {100 * (1 - statistic):.3g} % of what the ES implies",
            p_value,
            significance,
            "the ES is too low",
            "no sign that the ES is too low",
            simulated=True,
        ),
        source="Acerbi and Székely 2014, test 2",
    )


def exceedance_residuals(
    pnl: np.ndarray,
    var: np.ndarray,
    es: np.ndarray,
    level: float,
    significance: float = 0.05,
    *,
    scale: np.ndarray | None = None,
    seed: int = _SEED,
) -> TestResult:
    """Exceedance residuals: whether losses beyond the VaR exceed the ES on average.

    McNeil and Frey (2000): the t statistic of (loss - ES) / scale over the days of hits, its p-value from
    9,999 bootstrap resamples of the centred residuals (Efron and Tibshirani 1993, algorithm 16.2); large is bad.

    pnl, var, es : shape (days,); a gain, a loss and a loss positive
    scale : shape (days,), forecast volatility of the P&L; None: the ES
    """
    name = "McNeil-Frey exceedance residuals"
    check_probability("level", level)
    pnl, var, es = _days(pnl, var, es, significance)
    scale = es if scale is None else series("scale", scale, len(pnl))
    hits = pnl < -var
    residuals = ((-pnl - es) / scale)[hits]
    statistic, p_value = _mean_above_zero(residuals, seed)
    finding = f"{losses(len(residuals))} beyond the VaR, too few to speak of the ES"
    if len(residuals) > 1:
        share = 100 * np.mean(-pnl[hits] / es[hits])
        finding = f"The {losses(len(residuals))} beyond the {100 * level:g} % VaR came to {share:.3g} % of the ES a day"
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=p_value,
        significance=significance,
        sentence=sentence(
            finding,
            p_value,
            significance,
            "the ES is too low",
            "no sign that the ES is too low",
            simulated=True,
        ),
        source="McNeil and Frey 2000",
    )


def _days(
    pnl: np.ndarray, var: np.ndarray, es: np.ndarray, significance: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    check_probability("significance", significance, 0.05)
    pnl = series("pnl", pnl)
    return pnl, *tail(var, es, len(pnl))


def _beyond(pnl: np.ndarray, var: np.ndarray, es: np.ndarray) -> np.ndarray:
    """P&L / ES where the loss is beyond the VaR, else 0; shape (days, m)."""
    return np.where(pnl < -var[:, None], pnl / es[:, None], 0.0)


def _z1(pnl: np.ndarray, var: np.ndarray, es: np.ndarray) -> np.ndarray:
    """Z1 of each series, shape (days, m) to (m,); nan without a hit."""
    hits = np.sum(pnl < -var[:, None], axis=0)
    return 1 + np.where(hits > 0, _beyond(pnl, var, es).sum(axis=0) / np.maximum(hits, 1), np.nan)


def _null(
    statistic: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    simulated: Simulated,
    var: np.ndarray,
    es: np.ndarray,
    draws: int,
    seed: int,
) -> np.ndarray:
    """The statistic of series that the model draws, shape (draws,)."""
    rng, days = np.random.default_rng(seed), len(var)
    block = max(1, _BLOCK // days)
    sizes = [min(block, draws - first) for first in range(0, draws, block)]
    return np.concatenate([statistic(_drawn(simulated, days, size, rng), var, es) for size in sizes])


def _drawn(simulated: Simulated, days: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Series of P&L, shape (days, size); of given draws any one for each day, so that order within a day is nothing."""
    if callable(simulated):
        drawn = table("simulated", simulated(rng, size), days)
        if drawn.shape[1] != size:
            raise DataError(f"simulated returned {drawn.shape[1]} series; asked for {size}")
        return drawn
    given = table("simulated", simulated, days)
    return np.take_along_axis(given, rng.integers(given.shape[1], size=(days, size)), axis=1)


def _mean_above_zero(residuals: np.ndarray, seed: int) -> tuple[float, float]:
    """t statistic of the mean and its one-sided bootstrap p-value; 0 and 1 where residuals are too few or all equal."""
    n = len(residuals)
    if n < 2 or np.ptp(residuals) == 0.0:
        return 0.0, 1.0

    def t(sample: np.ndarray) -> np.ndarray:
        spread = sample.std(axis=-1, ddof=1)
        return np.sqrt(n) * sample.mean(axis=-1) / np.where(spread > 0, spread, np.inf)

    statistic = float(t(residuals))
    rows = np.random.default_rng(seed).integers(n, size=(_RESAMPLES, n))
    null = t((residuals - residuals.mean())[rows])
    return statistic, high_p(null, statistic)
