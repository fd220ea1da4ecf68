"""Reflected Gray code."""

from __future__ import annotations

import numpy as np

from qfin.quantum.codes._base import Code


class Gray(Code):
    """Reflected Gray code: neighbouring bins differ in one bit; the top bit is the sign, the rest the magnitude.

    Words of bins mirrored about the median differ in the top bit alone, so large moves of either sign share
    their magnitude bits, which is what tail dependence is. (Gray, US patent 2632058, 1953.)
    """

    def encode(self, index: np.ndarray, bits: int) -> np.ndarray:
        index = np.asarray(index, dtype=np.int64)
        return index ^ (index >> 1)

    def decode(self, word: np.ndarray, bits: int) -> np.ndarray:
        index = np.asarray(word, dtype=np.int64).copy()
        shift = 1
        while shift < bits:
            index ^= index >> shift
            shift *= 2
        return index
