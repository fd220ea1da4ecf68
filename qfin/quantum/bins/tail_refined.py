"""Bins that get finer towards both tails."""

from __future__ import annotations

import numpy as np

from qfin.quantum.bins._base import Bins

_OUTER_SHARE = 0.2


class TailRefined(Bins):
    """Bins that get finer towards both tails: each bit halves every bin but the outermost, which it cuts 1 to 4.

    One bit is the sign: edges 0, 1/2, 1. Every further bit splits each bin in two, the outermost bin of either tail
    at a fifth of its mass from the end and all others in the middle. So two bits give 0, .1, .5, .9, 1, three give
    0, .02, .1, .3, .5, .7, .9, .98, 1, and b bits reach quantile 5**(1 - b) / 2. Grids are nested: dropping the
    lowest bit of the bin index leaves the bins of one bit less.
    """

    def edges(self, bits: int) -> np.ndarray:
        lower = np.array([0.0, 0.5])
        for _ in range(bits - 1):
            middles = (lower[:-1] + lower[1:]) / 2.0
            middles[0] = _OUTER_SHARE * lower[1]
            lower = np.insert(lower, np.arange(1, len(lower)), middles)
        return np.concatenate([lower, 1.0 - lower[-2::-1]])
