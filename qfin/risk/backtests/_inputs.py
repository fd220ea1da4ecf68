"""Checks of what the backtests are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qfin.errors import ConfigError, DataError


def check_probability(name: str, value: float, example: float = 0.99) -> None:
    """A level or a significance."""
    if not 0.0 < value < 1.0:
        raise ConfigError(
            f"{name} = {value!r} is not allowed: a probability between 0 and 1 such as {example:g}"
        )


def check_days(test: str, days: int, least: int) -> None:
    """Enough days for a test."""
    if days < least:
        raise DataError(f"{test} needs at least {least} days; there are {days}")


def checked_hits(
    test: str, hits: np.ndarray, level: float, significance: float, least: int = 1
) -> np.ndarray:
    """Days on which the loss was beyond the VaR, bool of shape (days,)."""
    check_probability("level", level)
    check_probability("significance", significance, 0.05)
    values = series("hits", hits)
    wrong = (values != 0.0) & (values != 1.0)
    if wrong.any():
        day = int(np.argmax(wrong))
        raise DataError(
            f"hits is {values[day]:g} on day {day}; wanted 1 where the loss was beyond the VaR, else 0"
        )
    check_days(test, len(values), least)
    return values == 1.0


def series(
    name: str, values: Any, days: int | None = None, labels: Sequence[str] | None = None
) -> np.ndarray:
    """One finite number a day, a copy of shape (days,) that nothing can write to."""
    array = np.array(values, dtype=float)
    wanted = "(days,)" if days is None else f"({days},)"
    if array.ndim != 1 or not len(array) or (days is not None and len(array) != days):
        raise DataError(f"{name} has shape {array.shape}; wanted {wanted}, one number a day")
    _finite(name, array, labels)
    array.flags.writeable = False
    return array


def table(name: str, values: Any, days: int, labels: Sequence[str] | None = None) -> np.ndarray:
    """Finite numbers for each day, a copy of shape (days, columns) that nothing can write to."""
    array = np.array(values, dtype=float)
    if array.ndim != 2 or len(array) != days or not array.size:
        raise DataError(f"{name} has shape {array.shape}; wanted ({days}, columns), one row a day")
    _finite(name, array, labels)
    array.flags.writeable = False
    return array


def uniforms(name: str, values: np.ndarray, labels: Sequence[str] | None = None) -> np.ndarray:
    """The values, each strictly between 0 and 1."""
    wrong = (values <= 0.0) | (values >= 1.0)
    if wrong.any():
        place = np.argwhere(wrong)[0]
        raise DataError(
            f"{name} is {values[tuple(place)]:g} on {day_label(place[0], labels)}; wanted a value inside (0, 1)"
        )
    return values


def tail(var: Any, es: Any, days: int, labels: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """VaR and ES of each day, losses positive, with 0 < VaR <= ES."""
    var, es = series("var", var, days, labels), series("es", es, days, labels)
    wrong = (var <= 0.0) | (es < var)
    if wrong.any():
        day = int(np.argmax(wrong))
        raise DataError(
            f"VaR is {var[day]:g} and ES {es[day]:g} on {day_label(day, labels)}; wanted 0 < VaR <= ES, losses positive"
        )
    return var, es


def day_label(day: int, labels: Sequence[str] | None = None) -> str:
    """The date of a day where dates are known."""
    return labels[day] if labels is not None else f"day {day}"


def _finite(name: str, array: np.ndarray, labels: Sequence[str] | None) -> None:
    bad = ~np.isfinite(array)
    if bad.any():
        day = int(np.argwhere(bad)[0][0])
        raise DataError(
            f"{name} is missing or not finite on {day_label(day, labels)}; drop the day or correct it"
        )
