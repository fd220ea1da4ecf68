"""Days spread by a Gaussian kernel in normal scores, margins kept."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from qfin.dependence._base import inside


def spread_days(U: np.ndarray, width: float, copies: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Copies of the days, each coordinate moved to Phi(sqrt(1 - width^2) Phi^{-1}(u) + width e), e standard normal.

    A uniform margin stays uniform. With width 0 the days themselves, once.

    Parameters
    ----------
    U : shape (n, d)
    width : standard deviation of the kernel, in normal scores
    """
    if width == 0.0:
        return [U]
    scores, kept = ndtri(U), np.sqrt(1.0 - width**2)
    return [inside(ndtr(kept * scores + width * rng.standard_normal(scores.shape))) for _ in range(copies)]
