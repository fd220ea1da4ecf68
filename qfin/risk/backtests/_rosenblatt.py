"""Tests of the forecast dependence, by Rosenblatt transforms of the day's factors."""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from qfin.errors import DataError
from qfin.risk.backtests._distribution import anderson_darling, anderson_darling_p_value
from qfin.risk.backtests._inputs import check_days, check_probability, table, uniforms
from qfin.risk.backtests._result import TestResult, sentence

_LEAST_DAYS = 20
_ROWS = 500
_RIGHT = "no sign that the forecast dependence is wrong"
_WRONG = "the forecast dependence is wrong, or a factor's own forecast"


def rosenblatt_uniformity(rosenblatt: np.ndarray, significance: float = 0.05) -> TestResult:
    """Whether Rosenblatt transforms are uniform, and each pair of them independent.

    sum over days i, j of h(u_i, u_j) / days, a generalised discrepancy (Hickernell 1998): h is the sum of
    g(u_ik, u_jk) over factors k and of g(u_ik, u_jk) g(u_il, u_jl) over pairs k < l, and g / pi² the kernel of Cramér
    and von Mises, so that one factor alone gives pi² times their statistic. Under a model whose conditionals are known,
    not fitted to these days, it is for many days a sum of chi-squareds with weights 1 / i² and 1 / (i j)²; the p-value
    is of the gamma distribution with the same mean, variance and skewness.

    rosenblatt : shape (days, d), the conditional distribution function of each factor given those before it, at the
        realised values, inside (0, 1)
    """
    name = "Rosenblatt uniformity"
    values = _transforms(name, rosenblatt, significance)
    days, d = values.shape
    statistic = _distance(values)
    p_value = _p_value(statistic, d)
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=p_value,
        significance=significance,
        sentence=sentence(
            f"Transforms of {d} factors on {days:,} days against independent uniforms",
            p_value,
            significance,
            _WRONG,
            _RIGHT,
        ),
        source="Hickernell 1998",
    )


def rosenblatt_radius(rosenblatt: np.ndarray, significance: float = 0.05) -> TestResult:
    """Whether the factors are as often far out together as the model says.

    The sum of the transforms' squared normal scores is chi-squared with d degrees of freedom under the model (Breymann,
    Dias and Embrechts 2003); Anderson and Darling's test of it, which looks at both tails.

    rosenblatt : shape (days, d), inside (0, 1), as in `rosenblatt_uniformity`
    """
    name = "Rosenblatt radius"
    values = _transforms(name, rosenblatt, significance)
    days, d = values.shape
    radius = stats.chi2.cdf(np.sum(stats.norm.ppf(values) ** 2, axis=1), d)
    inside = np.clip(radius, np.finfo(float).tiny, 1 - np.finfo(float).epsneg)
    statistic = anderson_darling(inside)
    p_value = anderson_darling_p_value(statistic)
    return TestResult(
        name=name,
        statistic=statistic,
        p_value=p_value,
        significance=significance,
        sentence=sentence(
            f"{d} factors were outside the model's 95 % region on {100 * np.mean(radius > 0.95):.1f} % of {days:,} "
            "days, 5 expected",
            p_value,
            significance,
            _WRONG,
            _RIGHT,
        ),
        source="Breymann, Dias and Embrechts 2003",
    )


def _transforms(name: str, rosenblatt: np.ndarray, significance: float) -> np.ndarray:
    check_probability("significance", significance, 0.05)
    shape = np.shape(rosenblatt)
    if len(shape) != 2:
        raise DataError(f"rosenblatt has shape {shape}; wanted (days, factors)")
    values = uniforms("rosenblatt", table("rosenblatt", rosenblatt, shape[0]))
    check_days(name, len(values), _LEAST_DAYS)
    return values


def _distance(values: np.ndarray) -> float:
    total, n = 0.0, len(values)
    for first in range(0, n, _ROWS):
        lone, square = (np.zeros((min(_ROWS, n - first), n)) for _ in range(2))
        for column in values.T:
            one, other = column[first : first + _ROWS, None], column
            g = np.pi**2 * ((one**2 + other**2) / 2 - np.maximum(one, other) + 1 / 3)
            lone += g
            square += g**2
        total += float(np.sum(lone + (lone**2 - square) / 2))
    return total / n


def _p_value(statistic: float, d: int) -> float:
    """P(S >= statistic) by the first three cumulants of the sum: sums of powers of its weights."""
    powers = np.array([special.zeta(2 * m) for m in (1, 2, 3)])
    sums = d * powers + d * (d - 1) / 2 * powers**2
    mean, variance, third = sums * (1, 2, 8)
    scale = third / (2 * variance)
    shape = variance / scale**2
    return float(stats.gamma.sf(statistic, shape, mean - shape * scale, scale))
