"""Plain binary code."""

from __future__ import annotations

import numpy as np

from qfin.quantum.codes._base import Code


class Binary(Code):
    """Plain binary: the word is the bin's number."""

    def encode(self, index: np.ndarray, bits: int) -> np.ndarray:
        return np.asarray(index, dtype=np.int64)

    def decode(self, word: np.ndarray, bits: int) -> np.ndarray:
        return np.asarray(word, dtype=np.int64)
