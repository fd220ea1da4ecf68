"""Black's formula over arrays."""

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
