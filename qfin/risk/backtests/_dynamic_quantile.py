"""Whether hits could have been foreseen (Engle and Manganelli 2004)."""

from __future__ import annotations

import numpy as np
from scipy import stats

from qfin.errors import ConfigError
from qfin.risk.backtests._inputs import check_days, checked_hits, series, table
from qfin.risk.backtests._likelihoods import high_p
from qfin.risk.backtests._result import TestResult, losses, sentence

_SIMULATIONS = 999
_SEED = 20_041_001
_LEAST_DAYS = 20


def dynamic_quantile(
    hits: np.ndarray,
    level: float,
    var: np.ndarray | None = None,
    significance: float = 0.05,
    *,
    lags: int = 4,
    instruments: np.ndarray | None = None,
) -> TestResult:
    """Dynamic quantile test: a regression of hits on what was known the day before.

    Engle and Manganelli (2004, theorem 5, out of sample): the squared projection of hit - (1 - level) on a constant,
    its lags, the day's VaR and other instruments, over level (1 - level); chi-squared with the instruments' rank as
    degrees of freedom. The exact p-value is from 999 series of independent hits beside the same VaR and instruments.

    hits : shape (days,), 1 where the loss was beyond the VaR, in time order
    var : shape (days,), value at risk of the day; None leaves it out
    lags : days back whose hits are instruments
    instruments : shape (days, k), others that were known the day before
    """
    name = "dynamic quantile"
    hits = checked_hits(name, hits, level, significance)
    if not isinstance(lags, int) or lags < 0:
        raise ConfigError(f"lags = {lags!r} is not allowed: a number of days, 0 or more")
    given = _given(len(hits), var, instruments)
    check_days(name, len(hits), max(_LEAST_DAYS, 2 * (1 + lags + given.shape[1])) + lags)
    p = 1 - level
    statistic, rank = _statistics(hits[None, :] - p, given, lags, p)
    drawn = np.random.default_rng(_SEED).random((_SIMULATIONS, len(hits))) < p
    null = np.concatenate([_statistics(part - p, given, lags, p)[0] for part in np.array_split(drawn, 10)])
    exact = high_p(null, float(statistic[0]))
    return TestResult(
        name=name,
        statistic=float(statistic[0]),
        p_value=float(stats.chi2.sf(statistic[0], rank[0])),
        exact_p_value=exact,
        significance=significance,
        sentence=sentence(
            f"{losses(int(hits.sum()))} beyond the {100 * level:g} % VaR in {len(hits):,} days against hits of the "
            f"{lags} days before" + ("" if var is None else " and the size of the VaR"),
            exact,
            significance,
            "when they come, or how many, could be foreseen",
            "no sign that they could be foreseen",
            simulated=True,
        ),
        source="Engle and Manganelli 2004, theorem 5",
    )


def _given(days: int, var: np.ndarray | None, instruments: np.ndarray | None) -> np.ndarray:
    """Constant, VaR and instruments, each in units of its size, shape (days, 1 + k)."""
    columns = [np.ones((days, 1))]
    if var is not None:
        columns.append(series("var", var, days)[:, None])
    if instruments is not None:
        columns.append(table("instruments", instruments, days))
    given = np.concatenate(columns, axis=1)
    size = np.sqrt(np.mean(given**2, axis=0))
    return given / np.where(size > 0, size, 1.0)


def _statistics(
    demeaned: np.ndarray, given: np.ndarray, lags: int, p: float
) -> tuple[np.ndarray, np.ndarray]:
    """Statistic of each series and the rank of its instruments, shape (m, days) to (m,)."""
    m, n = demeaned.shape
    past = [demeaned[:, lags - back : n - back, None] for back in range(1, lags + 1)]
    known = np.broadcast_to(given[lags:], (m, n - lags, given.shape[1]))
    X = np.concatenate([known, *past], axis=2)
    moments = X.transpose(0, 2, 1) @ X
    response = (X.transpose(0, 2, 1) @ demeaned[:, lags:, None])[..., 0]
    inverse = np.linalg.pinv(moments, rcond=1e-10, hermitian=True)
    rank = np.linalg.matrix_rank(moments, rtol=1e-10, hermitian=True)
    return np.einsum("mi,mij,mj->m", response, inverse, response) / (p * (1 - p)), rank
