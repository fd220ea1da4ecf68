"""The density of a circuit on a prior's cells, margins made uniform."""

from __future__ import annotations

import numpy as np

from qfin.dependence._prior import PriorCells, UniformCells, by_bins
from qfin.dependence._recalibration import Recalibration


def log_density(
    U: np.ndarray,
    cells: PriorCells | UniformCells,
    probabilities: np.ndarray,
    prior: np.ndarray,
    recalibration: Recalibration,
) -> np.ndarray:
    """ln c(u) = ln c_prior(v) + ln P(cell of v) - ln P_prior(cell of v) - sum_k ln g_k(v_k), v = G^{-1}(u).

    Parameters
    ----------
    U : shape (n, d)
    cells : of the prior
    probabilities, prior : shape (n_cells,), of the circuit and of the prior
    recalibration : G
    """
    V, log_slope = recalibration.inverse(U)
    outcomes = cells.grid.encode(V)
    with np.errstate(divide="ignore"):
        log_ratio = np.log(probabilities[outcomes]) - np.log(prior[outcomes])
    return cells.log_density(V) + log_ratio - log_slope


class HeldOutDays:
    """Mean negative log density of days that are watched in training, as a loss of the circuit's probabilities.

    Parameters
    ----------
    U : shape (n, d), the days
    cells, prior : the prior's cells and their probabilities
    floor : weight of the independent component
    """

    def __init__(
        self, U: np.ndarray, cells: PriorCells | UniformCells, prior: np.ndarray, floor: float
    ) -> None:
        self._U, self._cells, self._prior, self._floor = U, cells, prior, floor

    def __call__(self, probabilities: np.ndarray) -> tuple[float, np.ndarray]:
        """Value in nats a day; it is watched and not trained on, so its gradient is left empty."""
        recalibration = by_bins(self._cells.grid, probabilities, self._prior)
        density = np.exp(log_density(self._U, self._cells, probabilities, self._prior, recalibration))
        with np.errstate(divide="ignore"):
            return -float(np.mean(np.log((1.0 - self._floor) * density + self._floor))), np.empty(0)
