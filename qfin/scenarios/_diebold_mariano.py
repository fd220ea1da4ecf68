"""Whether two models score the same on average, by their daily scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfin.errors import DataError

_LEAST_DAYS = 20


@dataclass(frozen=True)
class DieboldMariano:
    """Test that two models score the same on average.

    Attributes
    ----------
    statistic : Student-t distributed where they do; above 0 where the first is better
    p_value : two-sided
    """

    statistic: float
    p_value: float


def diebold_mariano(daily_a: np.ndarray, daily_b: np.ndarray) -> DieboldMariano:
    """Test of equal mean scores, both shape (days,), higher being better.

    Diebold and Mariano (1995) with the heteroskedasticity- and autocorrelation-consistent variance of Newey and West
    (1987), 4 (T/100)^(2/9) lags, and the correction for few days of Harvey, Leybourne and Newbold (1997, eq. 9, one
    step ahead), against Student's t with T - 1 degrees of freedom.

    Raises
    ------
    DataError
        if the days differ in number, or are fewer than 20.
    """
    from scipy import stats

    a, b = np.asarray(daily_a, dtype=float), np.asarray(daily_b, dtype=float)
    if a.shape != b.shape or a.ndim != 1:
        raise DataError(f"daily scores have shapes {a.shape} and {b.shape}; wanted the same days")
    gap, days = a - b, len(a)
    if days < _LEAST_DAYS:
        raise DataError(f"a test needs at least {_LEAST_DAYS} days; there are {days}")
    if np.ptp(gap) == 0.0:
        return (
            DieboldMariano(0.0, 1.0)
            if gap[0] == 0.0
            else DieboldMariano(float(np.sign(gap[0]) * np.inf), 0.0)
        )
    centred = gap - gap.mean()
    lags = int(4 * (days / 100) ** (2 / 9))
    variance = centred @ centred / days
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * (centred[lag:] @ centred[:-lag]) / days
    statistic = gap.mean() / np.sqrt(variance / days) * np.sqrt((days - 1) / days)
    return DieboldMariano(float(statistic), float(2 * stats.t.sf(abs(statistic), days - 1)))
