"""The variance recursion that EWMA and GARCH share."""

from __future__ import annotations

from typing import Self

import numpy as np

from qfin.errors import ConfigError, DataError, NotFittedError
from qfin.volatility._base import VolatilityFilter
from qfin.volatility._checks import check_innovations, check_returns

_BACKCAST_DAYS, _BACKCAST_DECAY = 75, 0.94


class RecursiveFilter(VolatilityFilter):
    """A filter whose variance follows each factor's own last return.

        e_t = r_t - mean,  s_{t+1} = omega + (alpha + gamma 1[e_t < 0]) e_t^2 + beta s_t

    GARCH (Bollerslev 1986) where gamma is 0, GJR (Glosten, Jagannathan and Runkle 1993) where it is not, EWMA where
    mean, omega and gamma are 0 and alpha + beta = 1. Before the first day both e^2 and s are the backcast, and half
    of it is taken to come from a fall, as `arch` does.

    Attributes
    ----------
    mean_, omega_, alpha_, gamma_, beta_ : shape (d,); mean_ in return units, omega_ in their square
    backcast_ : shape (d,), variance taken for the day before the history
    next_variance_ : shape (d,), variance of the first day after the history, where scenarios start from
    """

    mean_: np.ndarray
    omega_: np.ndarray
    alpha_: np.ndarray
    gamma_: np.ndarray
    beta_: np.ndarray
    backcast_: np.ndarray
    next_variance_: np.ndarray

    def filter(self, returns: np.ndarray) -> np.ndarray:
        """Innovations (r_t - mean) / sigma_t, shape (T, d)."""
        self._check_fitted()
        returns = check_returns(returns, len(self.mean_))
        return (returns - self.mean_) / np.sqrt(self._variances(returns)[:-1])

    def forecast(self, horizon: int) -> np.ndarray:
        """Standard deviation of each of the next days, shape (h, d), for symmetric innovations of variance 1.

        E s_{T+j+1} = omega + persistence E s_{T+j}; at a persistence of 1 it is finite but grows without end.
        """
        self._check_fitted()
        if horizon < 1:
            raise ConfigError(f"horizon must be at least 1, not {horizon}")
        variances = [self.next_variance_]
        for _ in range(1, horizon):
            variances.append(self.omega_ + self.persistence * variances[-1])
        return np.sqrt(variances)

    def advance(self, returns: np.ndarray) -> Self:
        """Let the variance follow the days that came after the history, shape (m, d)."""
        self._check_fitted()
        for shock in check_returns(returns, len(self.mean_)) - self.mean_:
            self.next_variance_ = self._drive(shock) + self.beta_ * self.next_variance_
        return self

    def simulate(self, innovations: np.ndarray) -> np.ndarray:
        """Returns of the days after the history from their innovations, shape (n, h, d) to (n, h, d)."""
        self._check_fitted()
        innovations = check_innovations(innovations, len(self.mean_))
        shocks = np.empty_like(innovations)
        variance = self.next_variance_
        for day in range(innovations.shape[1]):
            shocks[:, day] = np.sqrt(variance) * innovations[:, day]
            variance = self._drive(shocks[:, day]) + self.beta_ * variance
        return shocks + self.mean_

    @property
    def persistence(self) -> np.ndarray:
        """Share of a variance shock that is left a day later, shape (d,): alpha + gamma/2 + beta."""
        return self.alpha_ + self.gamma_ / 2 + self.beta_

    def _start(self, returns: np.ndarray) -> None:
        """Set the state at the end of the history, once the parameters are there."""
        variances = self._variances(returns)
        dead = ~(variances > 0).all(axis=0)
        if dead.any():
            raise DataError(
                f"column {np.argmax(dead)} of the returns does not move in its first {_BACKCAST_DAYS} days, "
                "so its volatility has nothing to start from; begin the history later or drop that factor"
            )
        self.next_variance_ = variances[-1]

    def _variances(self, returns: np.ndarray) -> np.ndarray:
        """Variance of each day and of the day after the last, shape (T + 1, d)."""
        first = self.omega_ + self.persistence * self.backcast_
        variances = np.vstack([first, self._drive(returns - self.mean_)])
        for day in range(1, len(variances)):
            variances[day] += self.beta_ * variances[day - 1]
        return variances

    def _drive(self, shocks: np.ndarray) -> np.ndarray:
        return self.omega_ + (self.alpha_ + self.gamma_ * (shocks < 0)) * shocks**2

    def _check_fitted(self) -> None:
        if not hasattr(self, "next_variance_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit(returns) first")


def backcast(shocks: np.ndarray) -> np.ndarray:
    """Variance before the first day, shape (d,): mean of 75 squared shocks, weights falling by .94 a day.

    As `arch` does it; the start of the history, and nothing else, so looks ahead by a quarter.
    """
    squares = shocks[:_BACKCAST_DAYS] ** 2
    return np.average(squares, axis=0, weights=_BACKCAST_DECAY ** np.arange(len(squares)))
