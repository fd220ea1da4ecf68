"""What every bit code does."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class Code(ABC):
    """A one-to-one map between the bins 0 to 2**bits - 1 of a factor, in rising order, and words of `bits` bits."""

    @abstractmethod
    def encode(self, index: np.ndarray, bits: int) -> np.ndarray:
        """Words of bins, int64 to int64, any shape."""

    @abstractmethod
    def decode(self, word: np.ndarray, bits: int) -> np.ndarray:
        """Bins of words, the inverse of `encode`."""
