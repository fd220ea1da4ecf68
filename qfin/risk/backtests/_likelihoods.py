"""Likelihood ratios of series of hits, and their distributions for so many days if the VaR is right."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from scipy import stats
from scipy.special import gammaln, xlog1py, xlogy

TOLERANCE = 1e-9  # statistics that differ by less are equal but for rounding
_SIMULATIONS = 9_999


def _log_likelihood(hits: np.ndarray, misses: np.ndarray, p: np.ndarray | float) -> np.ndarray:
    return np.asarray(xlogy(hits, p) + xlog1py(misses, -np.asarray(p)))


def _best(hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """Log-likelihood at the share of hits; 0 where there is no day."""
    return _log_likelihood(hits, misses, hits / np.maximum(hits + misses, 1))


def failures_lr(k: int, n: int, p: float) -> float:
    """Statistic of k hits in n days (Kupiec 1995)."""
    hits, misses = np.array(k), np.array(n - k)
    return float(max(0.0, 2 * (_best(hits, misses) - _log_likelihood(hits, misses, p))))


def duration_lr(days: np.ndarray, p: float) -> np.ndarray:
    """Statistic of the time until a hit, the day of the hit counted."""
    return 2 * (_best(np.ones_like(days), days - 1) - np.log(p) - (days - 1) * np.log1p(-p))


def mixed_lr(hits: np.ndarray, p: float) -> np.ndarray:
    """Mixed Kupiec statistic of each series of hits, shape (m, days) to (m,)."""
    m, n = hits.shape
    row, day = np.nonzero(hits)
    before = np.where(np.diff(row, prepend=-1) > 0, -1, np.roll(day, 1))
    times = np.bincount(row, duration_lr(day - before, p), m)
    k = hits.sum(axis=1)
    return times + 2 * (_best(k, n - k) - _log_likelihood(k, n - k, p))


@lru_cache(maxsize=32)
def mixed_null(n: int, p: float) -> np.ndarray:
    """Mixed Kupiec statistics of 9,999 series of independent hits."""
    rng = np.random.default_rng(0)
    blocks = np.array_split(np.arange(_SIMULATIONS), max(1, n // 200))
    return np.concatenate([mixed_lr(rng.random((len(block), n)) < p, p) for block in blocks])


def high_p(null: np.ndarray, statistic: float) -> float:
    """Share of simulated statistics as high (Davison and Hinkley 1997, section 4.2)."""
    return float((1 + np.count_nonzero(null >= statistic - TOLERANCE)) / (1 + len(null)))


def independence_of(hits: np.ndarray) -> float:
    """Independence statistic of a series of hits (Christoffersen 1998)."""
    before, after = hits[:-1], hits[1:]
    n00, n01, n10, n11 = (np.sum((before == i) & (after == j)) for i in (0, 1) for j in (0, 1))
    return float(independence_lr(n00, n01, n10, n11))


def independence_lr(n00: np.ndarray, n01: np.ndarray, n10: np.ndarray, n11: np.ndarray) -> np.ndarray:
    """Statistic of the numbers of days by hit on the day before and on the day."""
    free = _best(n01, n00) + _best(n11, n10)
    return np.maximum(0.0, 2 * (free - _best(n01 + n11, n00 + n10)))


def orders(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Independence statistic of the orders of k hits in n days, and each one's share of all orders.

    An order is told by its number of runs of hits and whether one is at either end. k hits are cut into r runs, and
    n - k misses into z, in C(k - 1, r - 1) C(n - k - 1, z - 1) ways.
    """
    if k in (0, n):
        return np.zeros(1), np.ones(1)
    found = [_orders_with_ends(n, k, start, end) for start in (0, 1) for end in (0, 1)]
    return np.concatenate([s for s, _ in found]), np.concatenate([w for _, w in found])


def _orders_with_ends(n: int, k: int, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    runs = np.arange(1, k + 1)
    gaps = runs + 1 - start - end
    runs, gaps = runs[(gaps >= 1) & (gaps <= n - k)], gaps[(gaps >= 1) & (gaps <= n - k)]
    statistic = independence_lr(n - k - gaps, runs - start, runs - end, k - runs)
    share = _log_choose(k - 1, runs - 1) + _log_choose(n - k - 1, gaps - 1) - _log_choose(n, np.array(k))
    return statistic, np.exp(share)


def _log_choose(n: int, k: np.ndarray) -> np.ndarray:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


@lru_cache(maxsize=32)
def conditional_coverage_null(n: int, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Conditional coverage statistics of all series of hits but the least probable, and their probabilities."""
    found = list(_by_count(n, p))
    return np.concatenate([s for s, _ in found]), np.concatenate([w for _, w in found])


def _by_count(n: int, p: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Conditional coverage statistics and probabilities of all series, by number of hits."""
    chance = stats.binom.pmf(np.arange(n + 1), n, p)
    for k in np.flatnonzero(chance > 1e-14):
        statistic, share = orders(n, int(k))
        yield statistic + failures_lr(int(k), n, p), share * chance[k]
