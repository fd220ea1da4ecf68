"""Exponentially weighted moving average of squared returns."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field

from qfin.registry import check_estimator
from qfin.volatility._checks import check_history
from qfin.volatility._recursion import RecursiveFilter, backcast

_MIN_ROWS = 30


class Ewma(RecursiveFilter):
    """RiskMetrics: an exponentially weighted moving average of squared returns, mean zero.

    s_{t+1} = decay s_t + (1 - decay) r_t^2 (J.P. Morgan/Reuters, RiskMetrics Technical Document, 4th edition,
    1996, section 5.2). The first day's variance is the backcast of the first 75 days.

    Parameters
    ----------
    decay : weight that a day keeps from one day to the next; .94 is RiskMetrics' for daily data

    Attributes
    ----------
    see `RecursiveFilter`; mean_, omega_ and gamma_ are 0
    """

    def __init__(self, decay: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.94) -> None:
        self.decay = decay

    def fit(self, returns: np.ndarray) -> Self:
        """Keep the variance at the end of the history; nothing is estimated.

        Raises
        ------
        DataError
            if there are fewer than 30 days, or a column is constant, not finite, or still for its first 75 days.
        """
        check_estimator(self)
        returns = check_history(returns, _MIN_ROWS, "Ewma")
        zero = np.zeros(returns.shape[1])
        self.mean_, self.omega_, self.gamma_ = zero, zero, zero
        self.alpha_, self.beta_ = zero + (1.0 - self.decay), zero + self.decay
        self.backcast_ = backcast(returns)
        self._start(returns)
        return self
