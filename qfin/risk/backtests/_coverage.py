"""Tests of the VaR by the days on which the loss was beyond it.

LR statistics are Kupiec's (1995), Christoffersen's (1998) and Haas's (2001). Beside their chi-squared p-values stand
exact ones, since chi-squared misleads where hits are few; those decide.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from qfin.risk.backtests._inputs import checked_hits
from qfin.risk.backtests._likelihoods import (
    TOLERANCE,
    conditional_coverage_null,
    duration_lr,
    failures_lr,
    high_p,
    independence_of,
    mixed_lr,
    mixed_null,
    orders,
)
from qfin.risk.backtests._result import TestResult, losses, sentence


def kupiec(hits: np.ndarray, level: float, significance: float = 0.05) -> TestResult:
    """Proportion of failures: whether hits are as many as the level says.

    Kupiec (1995); the exact p-value is the two-sided one of the binomial distribution (all numbers of hits that are
    no more probable than the one seen).

    hits : shape (days,), 1 where the loss was beyond the VaR
    """
    name = "Kupiec proportion of failures"
    hits = checked_hits(name, hits, level, significance)
    n, k = len(hits), int(hits.sum())
    statistic = failures_lr(k, n, 1 - level)
    exact = float(stats.binomtest(k, n, 1 - level).pvalue)
    unlike = "too many" if k > n * (1 - level) else "too few"
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=float(stats.chi2.sf(statistic, 1)),
        exact_p_value=exact,
        significance=significance,
        sentence=sentence(
            _count(k, n, level),
            exact,
            significance,
            f"{unlike} for a right VaR",
            "as many as a right VaR may have",
        ),
        source="Kupiec 1995, proportion of failures",
    )


def time_until_first_failure(hits: np.ndarray, level: float, significance: float = 0.05) -> TestResult:
    """Time until first failure: whether the first hit comes when the level says.

    Kupiec (1995); the exact p-value is twice the smaller tail of the geometric distribution. Without a hit the
    likelihood is that of no hit in so many days.

    hits : shape (days,), 1 where the loss was beyond the VaR
    """
    name = "Kupiec time until first failure"
    hits = checked_hits(name, hits, level, significance)
    p, n = 1 - level, len(hits)
    if hits.any():
        first = int(np.argmax(hits)) + 1
        statistic = float(duration_lr(np.array([first]), p)[0])
        tails = (-np.expm1(first * np.log1p(-p)), np.exp((first - 1) * np.log1p(-p)))
        finding = f"The first loss beyond the {100 * level:g} % VaR came on day {first}"
        unlike = "too soon" if tails[0] < tails[1] else "too late"
    else:
        statistic, tails = float(-2 * n * np.log1p(-p)), (1.0, np.exp(n * np.log1p(-p)))
        finding, unlike = f"No loss was beyond the {100 * level:g} % VaR in {n:,} days", "too late"
    exact = float(min(1.0, 2 * min(tails)))
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=float(stats.chi2.sf(statistic, 1)),
        exact_p_value=exact,
        significance=significance,
        sentence=sentence(
            f"{finding}, one in {1 / p:.4g} expected",
            exact,
            significance,
            f"{unlike} for a right VaR",
            "as a right VaR may have it",
        ),
        source="Kupiec 1995, time until first failure",
    )


def christoffersen_independence(hits: np.ndarray, level: float, significance: float = 0.05) -> TestResult:
    """Independence: whether a hit is as probable after a hit as after none.

    Christoffersen (1998, section 3.2). The exact p-value counts all orders of the same hits: under independence each
    is as probable as any other.

    hits : shape (days,), 1 where the loss was beyond the VaR, in time order
    level : of the VaR; it only words the sentence
    """
    name = "Christoffersen independence"
    hits = checked_hits(name, hits, level, significance, 2)
    statistic = independence_of(hits)
    null, weights = orders(len(hits), int(hits.sum()))
    exact = float(min(1.0, weights[null >= statistic - TOLERANCE].sum()))
    pairs, k = int((hits[1:] & hits[:-1]).sum()), int(hits.sum())
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=float(stats.chi2.sf(statistic, 1)),
        exact_p_value=exact,
        significance=significance,
        sentence=sentence(
            f"{pairs} of the {losses(k)} beyond the {100 * level:g} % VaR came the day after another",
            exact,
            significance,
            "they depend on each other from day to day",
            "as losses without memory may",
        ),
        source="Christoffersen 1998, section 3.2",
    )


def christoffersen_conditional_coverage(
    hits: np.ndarray, level: float, significance: float = 0.05
) -> TestResult:
    """Conditional coverage: number and independence of hits at once, Kupiec's statistic and that of independence.

    Christoffersen (1998, section 3.3). The exact p-value counts all series of hits by their probability.

    hits : shape (days,), 1 where the loss was beyond the VaR, in time order
    """
    name = "Christoffersen conditional coverage"
    hits = checked_hits(name, hits, level, significance, 2)
    n, k = len(hits), int(hits.sum())
    statistic = failures_lr(k, n, 1 - level) + independence_of(hits)
    null, weights = conditional_coverage_null(n, 1 - level)
    exact = float(min(1.0, weights[null >= statistic - TOLERANCE].sum()))
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=float(stats.chi2.sf(statistic, 2)),
        exact_p_value=exact,
        significance=significance,
        sentence=sentence(
            f"{_count(k, n, level)}, {int((hits[1:] & hits[:-1]).sum())} of them the day after another",
            exact,
            significance,
            "number or order does not fit a right VaR",
            "number and order fit a right VaR",
        ),
        source="Christoffersen 1998, section 3.3",
    )


def mixed_kupiec(hits: np.ndarray, level: float, significance: float = 0.05) -> TestResult:
    """Mixed Kupiec test: number of hits and the time before each.

    Haas (2001): Kupiec's two statistics, that of time for every hit, added; chi-squared with hits + 1 degrees of
    freedom. A single time's statistic has mean 1.15, not 1, so that p-value is too small; the exact one is from 9,999
    series of independent hits (Dufour 2006).

    hits : shape (days,), 1 where the loss was beyond the VaR, in time order
    """
    name = "mixed Kupiec"
    hits = checked_hits(name, hits, level, significance)
    n, k = len(hits), int(hits.sum())
    statistic = float(mixed_lr(hits[None, :], 1 - level)[0])
    null = mixed_null(n, 1 - level)
    exact = high_p(null, statistic)
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=float(stats.chi2.sf(statistic, k + 1)),
        exact_p_value=exact,
        significance=significance,
        sentence=sentence(
            f"{_count(k, n, level)}, and the times between them",
            exact,
            significance,
            "number or times do not fit a right VaR",
            "number and times fit a right VaR",
            simulated=True,
        ),
        source="Haas 2001, mixed Kupiec test",
    )


def _count(k: int, n: int, level: float) -> str:
    return f"{losses(k)} beyond the {100 * level:g} % VaR in {n:,} days, {n * (1 - level):.4g} expected"
