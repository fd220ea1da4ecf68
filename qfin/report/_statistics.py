"""The few statistics a report computes itself; everything else it reads from artifacts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qfin.report._data import Interval
from qfin.scenarios import difference

_EWMA_DECAY = 0.94


def paired_difference(
    ours: pd.Series, theirs: pd.Series, confidence: float = 0.95
) -> tuple[pd.Series, Interval] | None:
    """Ours minus theirs on the days both have, and its mean with interval; None with fewer than 20 such days."""
    both = pd.concat([ours, theirs], axis=1, join="inner", keys=["ours", "theirs"]).dropna().sort_index()
    if len(both) < 20:
        return None
    daily = both["ours"] - both["theirs"]
    found = difference(both["ours"].to_numpy(), both["theirs"].to_numpy(), confidence)
    return daily, Interval(found.mean, found.lower, found.upper, confidence)


def density(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Smoothed density at an evenly spaced grid: a fine histogram convolved with a Gaussian (Silverman's bandwidth)."""
    step = grid[1] - grid[0]
    edges = np.append(grid - step / 2, grid[-1] + step / 2)
    counts = np.histogram(values, bins=edges)[0] / (len(values) * step)
    spread = min(
        float(np.std(values)), float(np.subtract(*np.quantile(values, [0.75, 0.25]))) / 1.349 or np.inf
    )
    width = 1.06 * spread * len(values) ** -0.2 / step
    reach = int(min(4 * width + 1, len(grid) // 2 - 1))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(width, 1e-9)) ** 2)
    return np.convolve(counts, kernel / kernel.sum(), mode="same")


def density_2d(x: np.ndarray, y: np.ndarray, limit: float, cells: int = 60) -> np.ndarray:
    """Smoothed density of points on the square [-limit, limit]^2, shape (cells, cells), rows are y."""
    counts = np.histogram2d(y, x, bins=cells, range=[[-limit, limit]] * 2)[0]
    width = 1.06 * len(x) ** (-1 / 6) / (2 * limit / cells)
    reach = int(3 * width) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    smooth = np.apply_along_axis(np.convolve, 0, counts, kernel / kernel.sum(), mode="same")
    return np.apply_along_axis(np.convolve, 1, smooth, kernel / kernel.sum(), mode="same")


def level_of_mass(grid: np.ndarray, mass: float) -> float:
    """Height above which a density on equal cells holds `mass` of its total."""
    heights = np.sort(grid.ravel())[::-1]
    return float(heights[np.searchsorted(np.cumsum(heights), mass * heights.sum())])


def ranks_to_unit(values: np.ndarray) -> np.ndarray:
    """Pseudo-observations rank / (n + 1) of each column, shape (n, d) inside (0, 1)."""
    order = np.argsort(np.argsort(values, axis=0, kind="stable"), axis=0, kind="stable")
    return (order + 1.0) / (len(values) + 1.0)


def normal_scores(uniforms: np.ndarray) -> np.ndarray:
    """Standard normal quantiles of pseudo-observations."""
    from scipy.special import ndtri

    return ndtri(uniforms)


def quantile_dependence(u: np.ndarray, v: np.ndarray, q: np.ndarray) -> np.ndarray:
    """P(both below q) / q for q up to one half, P(both above q) / (1 - q) beyond, at each q.

    The limits at 0 and 1 are the coefficients of lower and upper tail dependence (Patton, A review of copula models
    for economic time series, 2012, eq. 12).
    """
    low, high = np.minimum(u, v), np.maximum(u, v)
    below = np.searchsorted(np.sort(high), q, side="right") / len(u)
    above = 1.0 - np.searchsorted(np.sort(low), q, side="right") / len(u)
    return np.where(q <= 0.5, below / q, above / (1.0 - q))


def gaussian_quantile_dependence(rho: float, q: np.ndarray) -> np.ndarray:
    """The same of a Gaussian copula, through Owen's T: P(X <= h, Y <= h) = Phi(h) - 2 T(h, sqrt((1-rho)/(1+rho)))."""
    from scipy.special import ndtri, owens_t

    tail = np.minimum(q, 1.0 - q)
    ratio = np.sqrt((1.0 - rho) / max(1.0 + rho, 1e-12))
    return (tail - 2.0 * owens_t(ndtri(tail), ratio)) / tail


def binomial_band(rates: np.ndarray, q: np.ndarray, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's 95% interval of a conditional tail probability that about `days * min(q, 1 - q)` days estimate."""
    n = days * np.minimum(q, 1.0 - q)
    z2 = 1.959964**2
    centre = (rates + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2) / (1 + z2 / n) * np.sqrt(np.clip(rates * (1 - rates), 0, None) / n + z2 / (4 * n**2))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def without_volatility(returns: np.ndarray) -> np.ndarray:
    """Returns over the volatility the days before foretold (RiskMetrics 1996: decay .94), shape (T, d)."""
    variance = np.empty_like(returns)
    variance[0] = np.mean(returns[:50] ** 2, axis=0)
    for t in range(1, len(returns)):
        variance[t] = _EWMA_DECAY * variance[t - 1] + (1 - _EWMA_DECAY) * returns[t - 1] ** 2
    return returns / np.sqrt(np.maximum(variance, 1e-300))


def tail_contributions(trade_pnl: np.ndarray, level: float) -> np.ndarray:
    """Mean loss of each trade over the scenarios beyond the portfolio's `level` quantile, shape (trades,).

    They add up to the portfolio's mean loss there (Euler allocation of expected shortfall: Tasche 1999).
    """
    loss = -trade_pnl.sum(axis=1)
    count = max(1, round(len(loss) * (1.0 - level)))
    return -trade_pnl[np.argsort(-loss, kind="stable")[:count]].mean(axis=0)
