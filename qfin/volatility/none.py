"""No volatility filter."""

from __future__ import annotations

from typing import Self

import numpy as np

from qfin.errors import ConfigError, NotFittedError
from qfin.volatility._base import VolatilityFilter
from qfin.volatility._checks import check_history, check_innovations, check_returns

_MIN_ROWS = 2


class Unfiltered(VolatilityFilter):
    """Returns as they are: every day of the history is as likely tomorrow, in calm and in crisis.

    Innovations are the returns themselves (mean 0, sigma 1), so that the marginals hold the returns' own
    distribution: with `bootstrap` dependence and `empirical` marginals this is plain historical simulation.

    Attributes
    ----------
    deviation_ : shape (d,), sample standard deviation of each factor's returns; forecasts only
    """

    deviation_: np.ndarray

    def fit(self, returns: np.ndarray) -> Self:
        """Keep each factor's standard deviation, for forecasts.

        Raises
        ------
        DataError
            if there are fewer than 2 days, or a column is constant or not finite.
        """
        self.deviation_ = np.std(check_history(returns, _MIN_ROWS, "Unfiltered"), axis=0, ddof=1)
        return self

    def filter(self, returns: np.ndarray) -> np.ndarray:
        """The returns, shape (T, d)."""
        self._check_fitted()
        return check_returns(returns, len(self.deviation_)).copy()

    def forecast(self, horizon: int) -> np.ndarray:
        """The history's standard deviation for each day, shape (h, d)."""
        self._check_fitted()
        if horizon < 1:
            raise ConfigError(f"horizon must be at least 1, not {horizon}")
        return np.tile(self.deviation_, (horizon, 1))

    def advance(self, returns: np.ndarray) -> Self:
        """Nothing moves on: there is no state."""
        self._check_fitted()
        check_returns(returns, len(self.deviation_))
        return self

    def simulate(self, innovations: np.ndarray) -> np.ndarray:
        """The innovations, shape (n, h, d)."""
        self._check_fitted()
        return check_innovations(innovations, len(self.deviation_)).copy()

    def _check_fitted(self) -> None:
        if not hasattr(self, "deviation_"):
            raise NotFittedError("this Unfiltered is not fitted yet; call fit(returns) first")
