"""The empirical copula, resampled."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from qfin.dependence._base import Copula, Seed


class Bootstrap(Copula):
    """Whole days drawn again from the history: historical simulation's copula, with no density.

    Every draw is a day that happened, so extremes never combine in a new way (Efron 1979; Barone-Adesi,
    Giannopoulos and Vosper 1999 for its filtered use).

    Parameters
    ----------
    block : mean length, in days, of the blocks drawn: consecutive draws are then consecutive days, which keeps their
        dependence in time (the stationary bootstrap of Politis and Romano 1994); 1: days one by one
    random_state : seed of the draws

    Attributes
    ----------
    observations_ : shape (n, d), the days drawn from
    """

    label: ClassVar[str] = "Bootstrap"
    observations_: np.ndarray

    def __init__(self, block: Annotated[float, Field(ge=1)] = 1.0, random_state: Seed = None) -> None:
        self.block = block
        self.random_state = random_state

    def details(self) -> dict[str, Any]:
        """How many days it draws from."""
        self._check_fitted()
        return {"days": len(self.observations_), "block": float(self.block)}

    def _fit(self, U: np.ndarray) -> None:
        self.observations_ = U.copy()

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        days = len(self.observations_)
        drawn = rng.integers(days, size=n)
        if self.block > 1.0:
            begins = np.append(True, rng.random(n - 1) < 1.0 / self.block)
            first = np.maximum.accumulate(np.where(begins, np.arange(n), 0))
            drawn = (drawn[first] + np.arange(n) - first) % days
        return self.observations_[drawn]
