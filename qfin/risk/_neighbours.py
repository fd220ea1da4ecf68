"""The day of the history that a scenario is most like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from qfin.market import ReturnsFrame
from qfin.scenarios import ScenarioSet


@dataclass(frozen=True)
class Neighbour:
    """A day of the history beside a scenario.

    Attributes
    ----------
    end : last day of the move
    distance : Mahalanobis distance between scenario and move, in standard deviations of the history
    size : Mahalanobis distance of the scenario from no move at all: how far out it is
    moves : the factors' returns over the horizon, in their own units
    """

    end: pd.Timestamp
    distance: float
    size: float
    moves: dict[str, float]


def nearest_days(scenarios: ScenarioSet, history: ReturnsFrame, rows: np.ndarray) -> list[Neighbour]:
    """The historical move over as many days that is nearest to each of some scenarios.

    Distance is Mahalanobis's, with the covariance of the history's own moves over the horizon (1936): factors that
    usually move together count once. A direction in which the history never moved does not count.
    """
    past = ScenarioSet.from_history(history, scenarios.horizon)
    moves, drawn = past.horizon_returns(), scenarios.horizon_returns()[rows]
    to_unit = _whitening(moves)
    seen, wanted = moves @ to_unit, drawn @ to_unit
    found = []
    for point in wanted:
        away = np.linalg.norm(seen - point, axis=1)
        k = int(away.argmin())
        end = history.dates[k + scenarios.horizon - 1]
        moved = dict(zip(scenarios.names, moves[k].tolist(), strict=True))
        found.append(Neighbour(end, float(away[k]), float(np.linalg.norm(point)), moved))
    return found


def _whitening(moves: np.ndarray) -> np.ndarray:
    """What turns moves into uncorrelated ones of unit variance, shape (d, r)."""
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(moves, rowvar=False)))
    kept = values > 1e-12 * values[-1]
    return np.asarray(vectors[:, kept] / np.sqrt(values[kept]))
