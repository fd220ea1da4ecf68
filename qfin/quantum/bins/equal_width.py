"""Bins of equal width in normal scores."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from qfin.quantum.bins._base import Bins

_REACH = 3.0


class EqualWidth(Bins):
    """Bins of equal width in standard deviations of a normal, from -3 to 3; the two outer bins are open.

    The edges in u are Phi(-3 + 6 i / 2**bits), with 0 and 1 at the ends.
    """

    def edges(self, bits: int) -> np.ndarray:
        scores = np.linspace(-_REACH, _REACH, 2**bits + 1)[1:-1]
        return np.array([0.0, *(NormalDist().cdf(score) for score in scores), 1.0])
