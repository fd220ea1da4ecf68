"""What every marginal distribution does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator


class Marginals(BaseEstimator, ABC):
    """A continuous, strictly increasing distribution function for each of d factors."""

    @abstractmethod
    def fit(self, values: np.ndarray) -> Self:
        """Estimate from innovations (or returns), shape (T, d)."""

    @abstractmethod
    def cdf(self, values: np.ndarray) -> np.ndarray:
        """Probability of a value at most this, shape (n, d) to (n, d), strictly inside (0, 1)."""

    @abstractmethod
    def ppf(self, probabilities: np.ndarray) -> np.ndarray:
        """Inverse of `cdf`, shape (n, d) to (n, d), finite for every probability strictly inside (0, 1)."""
