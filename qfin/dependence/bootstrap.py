"""The empirical copula, resampled."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from qfin.dependence._base import Copula, Seed


class Bootstrap(Copula):
    """Whole days drawn again from the history: historical simulation's copula, with no density.

    Every draw is a day that happened, so extremes never combine in a new way (Efron 1979; Barone-Adesi,
    Giannopoulos and Vosper 1999 for its filtered use).

    Parameters
    ----------
    random_state : seed of the draws

    Attributes
    ----------
    observations_ : shape (n, d), the days drawn from
    """

    label: ClassVar[str] = "Bootstrap"
    observations_: np.ndarray

    def __init__(self, random_state: Seed = None) -> None:
        self.random_state = random_state

    def details(self) -> dict[str, Any]:
        """How many days it draws from."""
        self._check_fitted()
        return {"days": len(self.observations_)}

    def _fit(self, U: np.ndarray) -> None:
        self.observations_ = U.copy()

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self.observations_[rng.integers(len(self.observations_), size=n)]
