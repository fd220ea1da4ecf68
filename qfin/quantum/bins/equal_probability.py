"""Bins of equal probability."""

from __future__ import annotations

import numpy as np

from qfin.quantum.bins._base import Bins


class EqualProbability(Bins):
    """Bins of equal probability; everything beyond the outermost quantile shares one bin."""

    def edges(self, bits: int) -> np.ndarray:
        return np.linspace(0.0, 1.0, 2**bits + 1)
