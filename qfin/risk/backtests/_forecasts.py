"""Realised P&L beside the forecasts that were made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from qfin.errors import ConfigError, DataError
from qfin.risk.backtests._inputs import check_probability, day_label, series, table, tail, uniforms


@dataclass(frozen=True, eq=False)
class Tail:
    """The lowest of the P&L that a model drew for each day: enough for tests that look at losses beyond the VaR only.

    Attributes
    ----------
    values : shape (days, m), every draw below -VaR among them
    of : how many were drawn for a day
    """

    values: np.ndarray
    of: int

    def __call__(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """P&L drawn again from the draws, shape (days, size), with 0 for whatever is not in the tail."""
        days, m = self.values.shape
        chosen = rng.integers(self.of, size=(days, size))
        return np.where(chosen < m, np.take_along_axis(self.values, np.minimum(chosen, m - 1), axis=1), 0.0)


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Realised P&L of each day and what the model had said of it the day before.

    Series with an index (pandas) must all have the same one, which also gives the dates.

    Attributes
    ----------
    pnl : shape (days,), realised, in one currency; positive is a gain
    var : shape (days,), value at risk; positive for a loss
    level : of the VaR and the ES, as a confidence (.99)
    es : shape (days,), expected shortfall; positive for a loss
    dates : of the days, increasing
    pit : shape (days,), the forecast distribution function of the P&L at the realised P&L, inside (0, 1)
    simulated : shape (days, n), the P&L that the model drew for each day
    tail : the lowest of many more draws, which tests of the ES then use in the place of `simulated`
    rosenblatt : shape (days, d), Rosenblatt transforms of the day's factors under the model, inside (0, 1)
    scale : shape (days,), forecast volatility of the P&L
    horizon : days that each P&L spans; above 1, rows that follow each other overlap
    """

    pnl: np.ndarray
    var: np.ndarray
    level: float
    es: np.ndarray | None = None
    dates: Sequence[Any] | None = None
    pit: np.ndarray | None = None
    simulated: np.ndarray | None = None
    tail: Tail | None = None
    rosenblatt: np.ndarray | None = None
    scale: np.ndarray | None = None
    horizon: int = 1

    def __post_init__(self) -> None:
        check_probability("level", self.level)
        if not isinstance(self.horizon, int) or self.horizon < 1:
            raise ConfigError(f"horizon = {self.horizon!r} is not allowed: a number of days, 1 or more")
        dates = _common_dates(self)
        labels = None if dates is None else [str(date)[:10] for date in dates]
        self._set("dates", dates)
        pnl = series("pnl", self.pnl, None if dates is None else len(dates), labels)
        self._set("pnl", pnl)
        days = len(pnl)
        for name in ("var", "es", "pit", "scale"):
            if getattr(self, name) is not None:
                self._set(name, series(name, getattr(self, name), days, labels))
        for name in ("simulated", "rosenblatt"):
            if getattr(self, name) is not None:
                self._set(name, table(name, getattr(self, name), days, labels))
        if self.tail is not None:
            values = table("tail", self.tail.values, days, labels)
            if values.shape[1] > self.tail.of:
                raise DataError(
                    f"tail has {values.shape[1]} draws a day of {self.tail.of}; wanted no more than those"
                )
            self._set("tail", Tail(values, self.tail.of))
        if self.es is not None:
            tail(self.var, self.es, days, labels)
        for name in ("pit", "rosenblatt"):
            if getattr(self, name) is not None:
                uniforms(name, getattr(self, name), labels)
        if self.scale is not None and (self.scale <= 0.0).any():
            raise DataError(f"scale is not above 0 on {day_label(int(np.argmax(self.scale <= 0.0)), labels)}")

    def __len__(self) -> int:
        return len(self.pnl)

    @property
    def draws(self) -> Tail | np.ndarray | None:
        """What the tests of the ES draw from: `tail`, else `simulated`."""
        return self.simulated if self.tail is None else self.tail

    @property
    def hits(self) -> np.ndarray:
        """Days on which the loss was beyond the VaR, bool of shape (days,)."""
        return np.asarray(self.pnl < -self.var)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


def _common_dates(forecasts: Forecasts) -> np.ndarray | None:
    """The dates that all series have, and that increase."""
    dates = None if forecasts.dates is None else np.array(forecasts.dates)
    owner = "dates"
    for field in fields(forecasts):
        index = getattr(getattr(forecasts, field.name), "index", None)
        if field.name == "dates" or index is None or callable(index):
            continue
        other = np.array(index)
        if dates is None:
            dates, owner = other, field.name
        _check_same(owner, dates, field.name, other)
    if dates is not None:
        late = np.flatnonzero(dates[1:] <= dates[:-1])
        if len(late):
            raise DataError(
                f"{str(dates[late[0] + 1])[:10]} does not follow {str(dates[late[0]])[:10]}; sort the dates"
            )
    return dates


def _check_same(owner: str, dates: np.ndarray, name: str, other: np.ndarray) -> None:
    if len(dates) != len(other):
        raise DataError(f"{owner} has {len(dates)} days and {name} has {len(other)}; give the same days")
    unlike = np.flatnonzero(dates != other)
    if len(unlike):
        day = unlike[0]
        raise DataError(
            f"{owner} and {name} are of different days from row {day} on: "
            f"{str(dates[day])[:10]} and {str(other[day])[:10]}"
        )
