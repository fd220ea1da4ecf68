"""The generalised Pareto distribution of excesses over a threshold, without an end point.

Survival S(y) = (1 + shape y / scale)^(-1/shape), and exp(-y / scale) at shape 0 (Pickands 1975; Davison and Smith 1990,
whose k is minus the shape). A negative shape has an end point, -scale / shape, that no loss could exceed;
here the last hundredth of such a tail is exponential instead, with the density that it starts from: the shape fits what
was seen, and what was not is never impossible.
"""

from __future__ import annotations

import numpy as np

# below -1/2 maximum likelihood is not regular (Smith 1985); at 1 the expected shortfall is infinite
MIN_SHAPE, MAX_SHAPE = -0.5, 0.9
_KNEE = 0.01


def survival(excess: np.ndarray, shape: float, scale: float) -> np.ndarray:
    """Probability that an excess is above each of these, which are not negative."""
    knee, beyond = _knee(shape, scale)
    inside = np.minimum(excess, knee)
    log = inside / scale if shape == 0.0 else np.log1p(shape * inside / scale) / shape
    return np.exp(-log - (excess - inside) / beyond)


def excess(survival: np.ndarray, shape: float, scale: float) -> np.ndarray:
    """Inverse of `survival`, for probabilities above 0 and at most 1."""
    _, beyond = _knee(shape, scale)
    inside = np.maximum(survival, _KNEE) if shape < 0.0 else survival
    log = -np.log(inside)
    return scale * (log if shape == 0.0 else np.expm1(shape * log) / shape) + beyond * np.log(
        inside / survival
    )


def fit(excesses: np.ndarray) -> tuple[float, float]:
    """Shape, held between -.5 and .9, and scale of greatest likelihood.

    For each theta = shape / scale the best shape is known, the mean of log(1 + theta y), so one parameter is left to
    search (Grimshaw 1993, section 2).
    """
    from scipy.optimize import minimize_scalar

    unit = float(np.median(excesses))
    y = excesses / unit
    greatest = float(y.max())

    def best(v: float) -> tuple[float, float, float]:
        """Mean negative log likelihood, shape and scale where 1 + theta max(y) is exp(v)."""
        theta = np.expm1(v) / greatest
        log = float(np.mean(np.log1p(theta * y)))
        shape = min(max(log, MIN_SHAPE), MAX_SHAPE)
        scale = shape / theta if shape else float(np.mean(y))
        return float(np.log(scale)) + log + (log / shape if shape else 1.0), shape, scale

    # from close to the end point to a theta ten times what the greatest shape asks for; a grid first, as the
    # likelihood may have more than one maximum
    grid = np.linspace(-12.0, np.log1p(10.0 * greatest), 200)
    around = int(np.argmin([best(v)[0] for v in grid[1:-1]]))
    found = minimize_scalar(
        lambda v: best(v)[0],
        bounds=(grid[around], grid[around + 2]),
        method="bounded",
        options={"xatol": 1e-10},
    )
    _, shape, scale = best(float(found.x))
    return shape, unit * scale


def _knee(shape: float, scale: float) -> tuple[float, float]:
    """Excess from which the tail is exponential, and its scale from there."""
    if shape >= 0.0:
        return np.inf, scale
    return scale * (_KNEE**-shape - 1.0) / shape, scale * _KNEE**-shape
