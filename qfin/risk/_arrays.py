"""A trade's market as arrays over scenarios, for values in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from qfin.risk._market import Discount, Hazard, Price, Volatility
from qfin.risk._variables import Columns, Source, When
from qfin.risk._view import View

ClosedForm = Callable[["Arrays"], np.ndarray]


@dataclass(frozen=True)
class Arrays(View):
    """What `Quotes` gives QuantLib, as arrays of shape (n,), one number a scenario.

    columns : levels of every variable that is asked for
    """

    columns: Columns
    _known: dict[Any, np.ndarray] = field(default_factory=dict, repr=False)

    def level(self, need: Price, when: When = None) -> np.ndarray:
        """A factor's level."""
        return self._values(self.level_source(need, when))[:, 0]

    def sigma(self, need: Volatility) -> np.ndarray | float:
        """A Black volatility, decimal a year."""
        source = self.volatility_source(need)
        return source if isinstance(source, float | int) else self._values(source)[:, 0]

    def discount(self, need: Discount, day: date) -> np.ndarray | float:
        """Discount factor of a curve from the reference date to a day, on which it is 1 at the latest."""
        years = self.years(day)
        return np.exp(-self.zero_rate(need, years) * years)

    def zero_rate(self, need: Discount, years: float) -> np.ndarray | float:
        """Continuously compounded zero rate of a curve; linear between its nodes, flat outside."""
        nodes = self.nodes(need)
        rates = self._rates(need)
        if not nodes.tenors:
            return rates[:, 0] if nodes.sources else float(rates[0, 0])
        share = self._shares(nodes.tenors, years)
        mixed = rates @ share
        return mixed if nodes.sources else float(mixed[0])

    def survival(self, need: Hazard, day: date) -> np.ndarray | float:
        """Probability that an issuer lives on a day; hazard rates constant between pillars, flat beyond the last."""
        nodes, rates, years = self.nodes(need.rates), self._rates(need.rates), self.years(day)
        if not nodes.tenors:
            gone = rates[:, 0] * years
            return np.exp(-gone) if nodes.sources else float(np.exp(-gone[0]))
        times = self.node_times(nodes.tenors)
        spans = np.clip(years, times[:-1], times[1:]) - times[:-1]
        gone = np.column_stack([rates, rates[:, -1]]) @ spans
        return np.exp(-gone) if nodes.sources else float(np.exp(-gone[0]))

    def _rates(self, need: Discount) -> np.ndarray:
        nodes = self.nodes(need)
        if not nodes.sources:
            return np.array([nodes.rates])
        return np.column_stack([self._values(source) for source in nodes.sources])

    def _shares(self, tenors: tuple[str, ...], years: float) -> np.ndarray:
        """How much of each pillar's rate the rate at a time has."""
        times = self.node_times(tenors)[1:-1]
        return np.array([np.interp(years, times, row) for row in np.eye(len(times))])

    def _values(self, source: Source) -> np.ndarray:
        if source not in self._known:
            self._known[source] = source.values(self.columns)
        return self._known[source]
