"""Zero rates from par rates, all scenarios at once."""

from __future__ import annotations

import numpy as np

_ITERATIONS = 60


def zero_rates(par: np.ndarray, times: np.ndarray, frequency: int) -> np.ndarray:
    """Continuously compounded zero rates at the pillars of a par curve, linear between them and flat outside.

    A par rate c of a pillar T >= 1 / frequency prices a bond of that coupon at its face:

        1 = sum_i c a_i D(t_i) + D(T),   t_i = T, T - 1/f, T - 2/f, ... > 0,   a_i the length of each period in years

    (the first period may be shorter); a shorter pillar is simple interest, D(T) = 1 / (1 + c T). The pillars are solved
    for from the shortest on, each by Newton's method with the rates between it and the one before interpolated (Hagan
    and West, Interpolation methods for curve construction, 2006, section 2).

    par : shape (n, m), decimals; times : shape (m,), years, increasing
    Returns shape (n, m); not a number where a par curve has no discount factors (a rate so high that what is left is
    negative).
    """
    zeros = np.empty_like(par)
    for k, maturity in enumerate(times):
        if maturity < 1.0 / frequency - 1e-9:
            with np.errstate(invalid="ignore", divide="ignore"):
                zeros[:, k] = np.log1p(par[:, k] * maturity) / maturity
        else:
            zeros[:, k] = _pillar(par[:, k], zeros[:, :k], times[: k + 1], frequency)
    return zeros


def _pillar(par: np.ndarray, before: np.ndarray, times: np.ndarray, frequency: int) -> np.ndarray:
    """Zero rate at the last of `times`, given those of the pillars before, shape (n, k)."""
    payments, accruals = _payments(times[-1], frequency)
    fixed, weights = _interpolation(payments, before, times)
    rate = frequency * np.log1p(par / frequency)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        for _ in range(_ITERATIONS):
            discounts = np.exp(-(fixed + weights * rate[:, None]) * payments)
            gap = par * (discounts @ accruals) + discounts[:, -1] - 1.0
            slopes = -weights * payments * discounts
            step = gap / (par * (slopes @ accruals) + slopes[:, -1])
            rate = rate - step
            if not (np.abs(step) > 1e-15).any():
                break
        return np.where(np.abs(gap) < 1e-9, rate, np.nan)


def _payments(maturity: float, frequency: int) -> tuple[np.ndarray, np.ndarray]:
    """Times and lengths of the periods that end at them, counted back from maturity."""
    count = int(np.ceil(maturity * frequency - 1e-6))
    ends = maturity - np.arange(count)[::-1] / frequency
    return ends, np.diff(ends, prepend=0.0)


def _interpolation(
    payments: np.ndarray, before: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Zero rate at each payment as `fixed + weights * r`, r the rate at the last pillar: shapes (n, p) and (p,)."""
    k = before.shape[1]
    if not k:
        return np.zeros((len(before), len(payments))), np.ones(len(payments))
    share = np.array([np.interp(payments, times, np.eye(k + 1)[j]) for j in range(k + 1)])
    return before @ share[:k], share[k]
