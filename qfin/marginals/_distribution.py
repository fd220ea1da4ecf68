"""One factor's distribution function: straight lines between knots, a generalised Pareto tail on either side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfin.marginals import _pareto

_TINY = 2.0**-53
_INVERSION = 1e-11


@dataclass(frozen=True, eq=False)
class TailedDistribution:
    """A continuous, strictly increasing distribution function and its inverse.

    Below the first knot F(x) = p_0 S((v_0 - x); lower tail), above the last 1 - F(x) = (1 - p_m) S((x - v_m); upper
    tail), with S the generalised Pareto survival function of `_pareto`; straight lines in between.

    Attributes
    ----------
    values : shape (m,), strictly increasing knots, in the factor's unit
    probabilities : shape (m,), strictly increasing, inside (0, 1)
    shape : shape (2,), of the lower and the upper tail; 0 is exponential, above it a power law
    scale : shape (2,), of the lower and the upper tail, in the factor's unit
    """

    values: np.ndarray
    probabilities: np.ndarray
    shape: np.ndarray
    scale: np.ndarray

    def __post_init__(self) -> None:
        for name in ("values", "probabilities", "shape", "scale"):
            array = np.array(getattr(self, name), dtype=float)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.values.shape != self.probabilities.shape or len(self.values) < 2:
            raise ValueError(
                f"{self.values.shape} values and {self.probabilities.shape} probabilities; wanted (m >= 2,)"
            )
        for knots in (self.values, self.probabilities):
            if not (np.diff(knots) > 0).all():
                raise ValueError("knots are not strictly increasing")
        if not (self.probabilities[0] > 0 and self.probabilities[-1] < 1):
            raise ValueError("probabilities of knots are not strictly inside (0, 1)")
        if not (np.isfinite(self.shape) & (self.scale > 0)).all():
            raise ValueError(f"tails have shape {self.shape} and scale {self.scale}; wanted finite and > 0")

    @property
    def mass(self) -> np.ndarray:
        """Probability beyond the first and beyond the last knot, shape (2,)."""
        return np.array([self.probabilities[0], 1.0 - self.probabilities[-1]])

    def cdf(self, x: np.ndarray) -> np.ndarray:
        """F(x), kept inside [2^-53, 1 - 2^-53]: 1 - 2^-53 is the greatest float below 1, and both tails end alike."""
        p = _interpolate(x, self.values, self.probabilities)
        low, high = x < self.values[0], x > self.values[-1]
        lower, upper = self.mass
        p[low] = lower * _pareto.survival(self.values[0] - x[low], self.shape[0], self.scale[0])
        p[high] = 1.0 - upper * _pareto.survival(x[high] - self.values[-1], self.shape[1], self.scale[1])
        return np.clip(p, _TINY, 1.0 - _TINY)

    def ppf(self, p: np.ndarray) -> np.ndarray:
        """The x with F(x) = p, for p strictly inside (0, 1)."""
        x = _interpolate(p, self.probabilities, self.values)
        low, high = p < self.probabilities[0], p > self.probabilities[-1]
        lower, upper = self.mass
        x[low] = self.values[0] - _pareto.excess(p[low] / lower, self.shape[0], self.scale[0])
        x[high] = self.values[-1] + _pareto.excess((1.0 - p[high]) / upper, self.shape[1], self.scale[1])
        return x


def ranked(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct values of a sample of n, their average rank / (n + 1), and how often each occurs.

    Each new observation is as likely to fall into any of the n + 1 gaps, so 1 / (n + 1) is left beyond either end.
    Values so close that a probability between them has no float of its own to map to (rounding noise around a
    repeated price) count as one, at their mean.
    """
    values, counts = np.unique(sample, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    while True:
        gaps, rounding = np.diff(values), np.spacing(np.maximum(np.abs(values[1:]), np.abs(values[:-1])))
        distinct = gaps * _INVERSION >= rounding * np.diff(ranks) / (len(sample) + 1)
        if distinct.all():
            return values, ranks / (len(sample) + 1), counts
        group = np.concatenate([[0], np.cumsum(distinct)])
        total = np.bincount(group, counts)
        values, ranks = (np.bincount(group, counts * each) / total for each in (values, ranks))
        counts = total.astype(int)


def _interpolate(x: np.ndarray, knots: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Straight lines through (knots, heights), never past the next height, so that rounding keeps the order."""
    left = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    share = np.clip((x - knots[left]) / (knots[left + 1] - knots[left]), 0.0, 1.0)
    return np.minimum(heights[left] + share * (heights[left + 1] - heights[left]), heights[left + 1])
