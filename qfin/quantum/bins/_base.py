"""What every rule for bins does."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class Bins(ABC):
    """A rule that cuts the unit interval into 2**bits bins."""

    @abstractmethod
    def edges(self, bits: int) -> np.ndarray:
        """Edges, shape (2**bits + 1,), strictly increasing from 0 to 1, symmetric about 1/2."""
