"""Whether probability integral transforms are uniform: calibration of each factor's and a portfolio's forecast."""

from __future__ import annotations

from typing import Any

import numpy as np

from qfin.errors import DataError
from qfin.scenarios._discrepancy import Discrepancy
from qfin.scenarios._samples import History, Samples, Scenarios, check_rows, default_names

PORTFOLIO = "portfolio"


def probability_integral_transform(scenarios: Scenarios, observations: History) -> np.ndarray:
    """Where each observed day lies among the scenarios, in (0, 1): shape (days, d + 1).

    (scenarios below + half of those equal + 1/2) / (scenarios + 1), of one-day returns; the last column is that of the
    equally weighted portfolio, in the observations' standard deviations.

    Parameters
    ----------
    scenarios : a set, or shape (n, d) or (n, h, d)
    observations : shape (days, d)
    """
    samples = Samples.of(scenarios, observations).standardised()
    drawn, days = (
        np.column_stack([values, values.mean(axis=1)]) for values in (samples.scenarios, samples.history)
    )
    drawn.sort(axis=0)
    U = np.empty_like(days)
    for k, ordered in enumerate(drawn.T):
        below, not_above = (np.searchsorted(ordered, days[:, k], side) for side in ("left", "right"))
        U[:, k] = ((below + not_above) / 2 + 0.5) / (len(ordered) + 1)
    return U


def uniformity_scores(
    U: np.ndarray, names: tuple[str, ...] | None = None, scenarios: int | None = None
) -> list[Discrepancy]:
    """Kolmogorov-Smirnov and Berkowitz tests of each column, beside their distribution under uniformity.

    Kolmogorov-Smirnov takes days as independent. Berkowitz's likelihood ratio (2001) tests normal scores
    z_t - mu = rho (z_t-1 - mu) + e_t for mu = 0, rho = 0, variance 1, against chi-squared with 3 degrees of freedom.

    Parameters
    ----------
    U : shape (days, k), in time order, each in (0, 1)
    names : of the columns
    scenarios : how many independent draws stood in for the forecast distribution; None where it is known exactly.
        Their noise is allowed for: Kolmogorov-Smirnov counts days n / (days + n) days, and Berkowitz's ratio is
        divided by 1 + days / n, as its mean and variance terms want it

    Raises
    ------
    DataError
        if a value is outside (0, 1), or there are fewer than 20 days.
    """
    from scipy import stats

    U = np.asarray(U, dtype=float)
    if U.ndim != 2:
        raise DataError(f"values to test for uniformity have shape {U.shape}; wanted (days, factors)")
    days, k = U.shape
    names = default_names(k) if names is None else names
    if len(names) != k:
        raise DataError(f"{len(names)} names for {k} columns; give one a column")
    check_rows("values to test for uniformity", U, names)
    if not ((U > 0) & (U < 1)).all():
        day, column = np.argwhere((U <= 0) | (U >= 1))[0]
        raise DataError(f"{names[column]} is {U[day, column]:g} on day {day}; wanted a value inside (0, 1)")
    noise = 1.0 if scenarios is None else 1.0 + days / scenarios
    distance, ratio = stats.kstwo(max(round(days / noise), 1)), stats.chi2(3)
    rows = []
    for column, name in zip(U.T, names, strict=True):
        ks, lr = float(stats.kstest(column, "uniform").statistic), _berkowitz(column) / noise
        rows += [_row("PIT Kolmogorov-Smirnov", ks, name, distance), _row("PIT Berkowitz", lr, name, ratio)]
    return rows


def _row(score: str, value: float, name: str, null: Any) -> Discrepancy:
    floor, upper = null.ppf([0.5, 0.95])
    return Discrepancy(score, value, name, float(floor), float(upper), float(null.sf(value)))


def _berkowitz(u: np.ndarray) -> float:
    """Likelihood ratio of a normal AR(1) against independent standard normals, given the first day."""
    from scipy.special import ndtri

    z = ndtri(u)
    before, after = np.column_stack([np.ones(len(z) - 1), z[:-1]]), z[1:]
    residual = after - before @ np.linalg.lstsq(before, after)[0]
    n, variance = len(after), max(float(np.mean(residual**2)), np.finfo(float).tiny)
    return float(np.sum(after**2) - n * (np.log(variance) + 1))
