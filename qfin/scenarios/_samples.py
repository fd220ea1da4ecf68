"""Scenarios and history as arrays that fit together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qfin.errors import DataError
from qfin.market import ReturnsFrame
from qfin.scenarios._set import ScenarioSet

Scenarios = ScenarioSet | np.ndarray
History = ReturnsFrame | pd.DataFrame | np.ndarray

FEWEST_ROWS = 20


@dataclass(frozen=True, eq=False)
class Samples:
    """Scenarios beside a history of the same factors.

    Attributes
    ----------
    paths : shape (n, h, d), one-day returns of the scenarios
    history : shape (days, d), one-day returns, in time order
    names : of the d factors
    """

    paths: np.ndarray
    history: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, scenarios: Scenarios, history: History) -> Samples:
        """Check both and that they fit.

        scenarios : a scenario set, or an array of shape (n, d) or (n, h, d)
        history : a history of returns, a frame, or an array of shape (days, d)

        Raises
        ------
        DataError
            if a shape is wrong, a value is not finite, either has fewer than 20 rows, or the factors differ.
        """
        past, names = read_history(history)
        if isinstance(scenarios, ScenarioSet):
            if names is not None and names != scenarios.names:
                raise DataError(
                    f"scenarios are of {', '.join(scenarios.names)} and the history is of {', '.join(names)}; "
                    "compare the same factors in the same order"
                )
            paths, names = scenarios.returns, scenarios.names
        else:
            paths = np.asarray(scenarios, dtype=float)
            if paths.ndim == 2:
                paths = paths[:, None, :]
        if paths.ndim != 3:
            raise DataError(
                f"scenarios have shape {paths.shape}; wanted (scenarios, factors) or (scenarios, steps, factors)"
            )
        if paths.shape[2] != past.shape[1]:
            raise DataError(
                f"scenarios have {paths.shape[2]} factors and the history has {past.shape[1]}; compare the same factors"
            )
        names = names or default_names(past.shape[1])
        check_rows("scenarios", paths.reshape(-1, paths.shape[2]), names)
        return cls(paths, past, names)

    @property
    def steps(self) -> int:
        """Steps of a path."""
        return self.paths.shape[1]

    @property
    def scenarios(self) -> np.ndarray:
        """One-day returns of all steps, shape (n h, d), path after path."""
        return self.paths.reshape(-1, self.paths.shape[2])

    def standardised(self) -> Samples:
        """Both less the history's mean and in its standard deviations, factor by factor."""
        mean, deviation = moments(self.history, self.names)
        return Samples((self.paths - mean) / deviation, (self.history - mean) / deviation, self.names)

    def thinned(self, rows: int) -> Samples:
        """At most about `rows` rows of each: whole paths, and days, evenly spaced."""
        return Samples(thin(self.paths, max(rows // self.steps, 1)), thin(self.history, rows), self.names)

    def columns(self, most: int) -> Samples:
        """At most `most` factors, evenly spaced in column order."""
        kept = spaced(len(self.names), most)
        return Samples(self.paths[..., kept], self.history[:, kept], tuple(self.names[k] for k in kept))


def read_history(history: History, what: str = "history") -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Returns of shape (days, d), checked, and the factors' names where there are any."""
    names: tuple[str, ...] | None = None
    values: Any = history
    if isinstance(history, ReturnsFrame):
        values, names = history.values, history.names
    elif isinstance(history, pd.DataFrame):
        values, names = history.to_numpy(dtype=float), tuple(map(str, history.columns))
    values = np.asarray(values, dtype=float)
    if values.ndim != 2 or not values.shape[1]:
        raise DataError(f"the {what} has shape {values.shape}; wanted (days, factors)")
    check_rows(what, values, names or default_names(values.shape[1]))
    return values, names


def check_rows(what: str, values: np.ndarray, names: tuple[str, ...]) -> None:
    """Raise DataError if rows are too few or one is not finite."""
    if len(values) < FEWEST_ROWS:
        raise DataError(f"{what}: {len(values)} rows are too few to score; give at least {FEWEST_ROWS}")
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise DataError(f"{what}: {names[column]} is not finite in row {row}; drop the row or correct it")


def default_names(d: int) -> tuple[str, ...]:
    """Names of factors that have none."""
    return tuple(f"factor {k}" for k in range(d))


def moments(history: np.ndarray, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each factor, shapes (d,); DataError if one never changes."""
    mean, deviation = history.mean(axis=0), history.std(axis=0)
    still = np.flatnonzero(np.ptp(history, axis=0) == 0.0)
    if len(still):
        raise DataError(f"{names[still[0]]} never changes in the history; drop the factor")
    return mean, deviation


def spaced(n: int, most: int) -> np.ndarray:
    """Indices of at most `most` of n, evenly spaced, first and last among them."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(int)


def thin(rows: np.ndarray, most: int) -> np.ndarray:
    """At most `most` rows, evenly spaced."""
    return rows[spaced(len(rows), most)]


def stream(seed: int, score: str) -> np.random.Generator:
    """The generator of one score, so that adding a score changes no other."""
    return np.random.default_rng([seed, *score.encode()])
