"""Black's and Bachelier's formulas over arrays."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr


def black(
    sign: int,
    forward: np.ndarray,
    strike: float | np.ndarray,
    deviation: float | np.ndarray,
    discount: float | np.ndarray = 1.0,
) -> np.ndarray:
    """Value of a call (sign 1) or put (-1) on a lognormal forward: D w (F N(w d1) - K N(w d2)) (Black 1976, eq. 16).

    deviation : volatility times the square root of the time to expiry, above zero
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = np.log(forward / strike) / deviation + deviation / 2
    d2 = d1 - deviation
    return np.asarray(discount * sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * d2)))


def bachelier(
    sign: int,
    forward: np.ndarray,
    strike: float,
    deviation: float | np.ndarray,
    discount: float | np.ndarray = 1.0,
) -> np.ndarray:
    """Value of a call (sign 1) or put (-1) on a normal forward: D [w (F - K) N(w d) + s n(d)], d = (F - K) / s
    (Bachelier 1900; Brigo and Mercurio, Interest Rate Models, appendix).

    deviation : s, normal volatility times the square root of the time to expiry, above zero
    """
    above = np.asarray(forward) - strike
    d = above / deviation
    density = np.exp(-0.5 * d**2) / np.sqrt(2 * np.pi)
    return np.asarray(discount * (sign * above * ndtr(sign * d) + deviation * density))
