"""Barren plateaus, seen: how large a circuit's gradient is at random initial angles, and how it falls with its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qfin.quantum._program import LossFunction, Program

CONFIDENCE = 0.95
_IDLE = 1e-12  # of the largest derivative; what is below it is rounding


@dataclass(frozen=True)
class GradientSize:
    """The squared gradient G = mean over parameters of (dL/dtheta_j)^2, over random initial angles.

    Only parameters that can change the loss are averaged: an angle after which the circuit does nothing but turn
    phases has derivative 0 whatever the plateau, and the share of such angles depends on the number of layers.

    Attributes
    ----------
    median : of G over the initialisations
    lower, upper : its 95 % interval from order statistics, free of assumptions
    variance : mean over parameters of Var[dL/dtheta_j] (McClean et al., arXiv 1803.11173). Where angles are uniform
        the mean derivative is 0 and this is the mean of G. Of a likelihood it need not exist, since dL/dp = -q/p has no
        finite variance where an amplitude can vanish: a few draws then make the whole figure, and the median does not
        care
    loss : median loss, in the loss's own unit
    parameters, active : all parameters, and those that can change the loss
    """

    median: float
    lower: float
    upper: float
    variance: float
    loss: float
    parameters: int
    active: int


@dataclass(frozen=True)
class Decay:
    """An exponential law y ~ factor**n, with the 95 % interval of the factor.

    The interval is the regression's own (t, residual scatter), so it widens also where the law is no exponential.
    """

    factor: float
    lower: float
    upper: float


def gradient_size(
    program: Program, loss: LossFunction, angles: np.ndarray, initial: np.ndarray | None = None
) -> GradientSize:
    """Size of the gradient at given initial angles, shape (draws, parameters); `loss` as in `Program`.

    A draw whose loss is infinite counts as an infinite gradient.
    """
    values, gradients = program.value_and_gradient(angles, loss, initial)
    finite = np.isfinite(gradients).all(axis=1)
    largest = np.abs(gradients[finite]).max(axis=0, initial=0.0)
    active = largest > _IDLE * largest.max(initial=0.0)
    used = gradients[:, active]
    squares = np.where(finite, (used**2).sum(axis=1) / max(used.shape[1], 1), np.inf)
    enough = used.shape[1] > 0 and finite.all() and len(angles) > 1
    return GradientSize(
        *_median(squares),
        variance=float(used.var(axis=0, ddof=1).mean()) if enough else float("nan"),
        loss=float(np.median(values)),
        parameters=angles.shape[1],
        active=int(active.sum()),
    )


def decay(sizes: Sequence[int], values: Sequence[float]) -> Decay | None:
    """Least squares of ln(values) on sizes; None with fewer than three sizes, or a value that has no logarithm."""
    from scipy.stats import linregress, t

    x, y = np.asarray(sizes, dtype=float), np.asarray(values, dtype=float)
    if len(np.unique(x)) < 3 or not (np.isfinite(y) & (y > 0.0)).all():
        return None
    line = linregress(x, np.log(y))
    half = t.ppf(0.5 + CONFIDENCE / 2.0, len(x) - 2) * line.stderr
    factor, lower, upper = np.exp([line.slope, line.slope - half, line.slope + half])
    return Decay(float(factor), float(lower), float(upper))


def _median(values: np.ndarray) -> tuple[float, float, float]:
    """Median and the order statistics that bracket it with at least 95 % (binomial); of few values all of them do."""
    from scipy.stats import binom

    ordered, n = np.sort(values), len(values)
    left_out = max(int(binom.ppf(0.5 - CONFIDENCE / 2.0, n, 0.5)) - 1, 0)
    return float(np.median(ordered)), float(ordered[left_out]), float(ordered[n - 1 - left_out])
