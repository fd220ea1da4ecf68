"""What every volatility filter does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator


class VolatilityFilter(BaseEstimator, ABC):
    """One-day-ahead volatility of each of d factors, each on its own.

    All arrays of returns are shape (T, d), in each factor's own return unit; means are part of the filter, so that
    innovations are centred.
    """

    @abstractmethod
    def fit(self, returns: np.ndarray) -> Self:
        """Estimate the parameters of each factor on a history, shape (T, d), and keep the state at its end."""

    @abstractmethod
    def filter(self, returns: np.ndarray) -> np.ndarray:
        """Innovations z_t = (r_t - mean_t) / sigma_t, shape (T, d), with the fitted parameters.

        `returns` begins where the fitted history begins (it may go on past its end: the fitted parameters are then
        applied to days they have not seen, each day's sigma from the days before it only).
        """

    @abstractmethod
    def forecast(self, horizon: int) -> np.ndarray:
        """Standard deviation expected of each of the next `horizon` days after the fitted history, shape (h, d)."""

    @abstractmethod
    def advance(self, returns: np.ndarray) -> Self:
        """Take in the days that followed, shape (m, d): the state moves on, the parameters stay.

        A filter that was fitted to days 1 to T and advanced by m days simulates from day T + m on.
        """

    @abstractmethod
    def simulate(self, innovations: np.ndarray) -> np.ndarray:
        """Returns of the days after the fitted history from their innovations: shape (n, h, d) to (n, h, d).

        Each path's volatility follows its own returns from step to step.
        """
