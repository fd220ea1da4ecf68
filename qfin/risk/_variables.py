"""What a trade's value depends on, as plain arrays: levels of factors along scenarios, and the rates made of them.

No QuantLib here. A `Variable` is one factor looked at one way; a `Source` turns variables into what quotes are set to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple, Protocol

import numpy as np
import pandas as pd

from qfin.market import RiskFactor
from qfin.risk._bootstrap import zero_rates
from qfin.risk._static import Bounds, Compounding, to_continuous

Extreme = Literal["low", "high"]
When = date | tuple[Extreme, date] | None


class Variable(NamedTuple):
    """A factor's level at the horizon (`when` is None), on a day before it, or its lowest or highest up to a day."""

    factor: str
    when: When = None


class Columns(Protocol):
    """Levels of variables, shape (n,) each: a dictionary, or `Paths`."""

    def __getitem__(self, variable: Variable, /) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Paths:
    """Levels of d factors along n scenarios, each step a weekday after the as-of date.

    Attributes
    ----------
    factors : the factors
    levels : shape (d,), on the as-of date
    as_of : that date
    returns : shape (n, h, d), in each factor's own return unit; None: one scenario in which nothing moves
    at_once : the market moves to its horizon level on the as-of date, so that there is no way to it
    bounds : least and greatest level of factors, in their own units; levels past them are put on them
    """

    factors: tuple[RiskFactor, ...]
    levels: np.ndarray
    as_of: date
    returns: np.ndarray | None = None
    at_once: bool = False
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    _known: dict[Variable | Source, np.ndarray] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return 1 if self.returns is None else len(self.returns)

    def __getitem__(self, variable: Variable) -> np.ndarray:
        """Level of a variable in every scenario, shape (n,)."""
        if variable not in self._known:
            with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told by name
                self._known[variable] = self._bounded(variable.factor, self._observe(variable))
        return self._known[variable]

    def made(self, source: Source) -> np.ndarray:
        """A source's values in every scenario, shape (n, quotes)."""
        if source not in self._known:
            self._known[source] = source.values(self)
        return self._known[source]

    def bounded(self) -> dict[str, int]:
        """In how many scenarios a bound holds each factor that has one at the horizon."""
        return {
            name: int((self._observe(Variable(name)) != self[Variable(name)]).sum()) for name in self.bounds
        }

    def _bounded(self, name: str, levels: np.ndarray) -> np.ndarray:
        bounds = self.bounds.get(name)
        return levels if bounds is None else np.clip(levels, bounds.floor, bounds.cap)

    def _observe(self, variable: Variable) -> np.ndarray:
        k = [factor.name for factor in self.factors].index(variable.factor)
        factor, start = self.factors[k], self.levels[k]
        if self.returns is None:
            return np.array([start])
        steps, when = self.returns[:, :, k], variable.when
        if when is None or self.at_once:
            return np.asarray(factor.shock(start, factor.compound(steps, axis=1)))
        day = when if isinstance(when, date) else when[1]
        passed = int(np.searchsorted(self._days, np.datetime64(day), side="right"))
        if isinstance(when, date):
            return np.asarray(factor.shock(start, factor.compound(steps[:, :passed], axis=1)))
        each = [factor.shock(start, factor.compound(steps[:, :end])) for end in range(passed + 1)]
        return np.asarray((np.minimum if when[0] == "low" else np.maximum).reduce(each))

    @property
    def _days(self) -> np.ndarray:
        assert self.returns is not None
        return weekdays_after(self.as_of, self.returns.shape[1]).to_numpy("datetime64[D]")


def weekdays_after(day: date, count: int) -> pd.DatetimeIndex:
    """The `count` weekdays after a day: the days that the steps of scenarios end on."""
    return pd.bdate_range(pd.Timestamp(day) + pd.offsets.BDay(), periods=count)


@dataclass(frozen=True)
class Rows:
    """Some rows of `Paths`."""

    paths: Paths
    rows: slice | np.ndarray

    def __getitem__(self, variable: Variable) -> np.ndarray:
        return self.paths[variable][self.rows]


class Source(Protocol):
    """One or several quotes made of variables; hashable, so that its values are made once."""

    def __hash__(self) -> int: ...

    @property
    def variables(self) -> tuple[Variable, ...]: ...

    def values(self, columns: Columns) -> np.ndarray:
        """Shape (n, quotes)."""
        ...


@dataclass(frozen=True)
class Level:
    """A factor's level as it is."""

    variable: Variable

    @property
    def variables(self) -> tuple[Variable, ...]:
        """That one."""
        return (self.variable,)

    def values(self, columns: Columns) -> np.ndarray:
        """The level."""
        return columns[self.variable][:, None]


@dataclass(frozen=True)
class Rate:
    """A rate's or a volatility's level, scaled to a decimal and made continuously compounded."""

    factor: str
    scale: float
    compounding: Compounding = "continuous"

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The factor at the horizon."""
        return (Variable(self.factor),)

    def values(self, columns: Columns) -> np.ndarray:
        """The rate."""
        with np.errstate(
            invalid="ignore", divide="ignore"
        ):  # below -100 % a period: not finite, told by name
            return np.asarray(to_continuous(self.scale * columns[Variable(self.factor)], self.compounding))[
                :, None
            ]


@dataclass(frozen=True)
class ParNodes:
    """Zero rates at the pillars of a curve that is given by its par rates, bootstrapped scenario by scenario."""

    factors: tuple[str, ...]
    scales: tuple[float, ...]
    times: tuple[float, ...]
    frequency: int

    @property
    def variables(self) -> tuple[Variable, ...]:
        """All its factors."""
        return tuple(Variable(name) for name in self.factors)

    def values(self, columns: Columns) -> np.ndarray:
        """A zero rate a pillar."""
        par = np.column_stack([s * columns[v] for s, v in zip(self.scales, self.variables, strict=True)])
        return zero_rates(par, np.array(self.times), self.frequency)
