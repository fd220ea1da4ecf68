"""The independence copula."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from qfin.dependence._base import DEFAULT_FLOOR, DensityCopula, Floor, Seed


class Independent(DensityCopula):
    """Factors move on their own: the copula every other one is measured against, log density 0 everywhere.

    Parameters
    ----------
    floor : taken like every other density model's; mixing independence into independence changes nothing
    random_state : seed of the draws
    """

    label: ClassVar[str] = "Independent"

    def __init__(self, floor: Floor = DEFAULT_FLOOR, random_state: Seed = None) -> None:
        self.floor = floor
        self.random_state = random_state

    def score_samples(self, U: np.ndarray) -> np.ndarray:
        """Log copula density: 0 everywhere, exactly; shape (n, d) to (n,)."""
        return np.zeros(len(super().score_samples(U)))

    def n_parameters(self) -> int:
        """None at all."""
        return 0

    def _fit(self, U: np.ndarray) -> None:
        pass

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.random((n, self.n_features_in_))

    def _draw_given(
        self, n: int, columns: np.ndarray, values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        return rng.random((n, self.n_features_in_ - len(columns)))

    def _log_margin(self, columns: np.ndarray, values: np.ndarray) -> float:
        return 0.0

    def _log_density(self, U: np.ndarray) -> np.ndarray:
        return np.zeros(len(U))
