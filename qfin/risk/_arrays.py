"""The market as arrays over scenarios, for values in closed form; all trades share it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from qfin.risk._market import Discount, Hazard, Price, Volatility
from qfin.risk._variables import Columns, Source, When
from qfin.risk._view import View

Number = np.ndarray | float


@dataclass(frozen=True)
class Arrays(View):
    """What `Quotes` gives QuantLib, as arrays of shape (n,), one number a scenario.

    columns : levels of every variable that is asked for
    """

    columns: Columns
    _known: dict[Any, Any] = field(default_factory=dict, repr=False)

    def level(self, need: Price, when: When = None) -> np.ndarray:
        """A factor's level."""
        return self._values(self.level_source(need, when))[:, 0]

    def sigma(self, need: Volatility) -> np.ndarray | float:
        """A Black volatility, decimal a year."""
        source = self.volatility_source(need)
        return source if isinstance(source, float | int) else self._values(source)[:, 0]

    def discount(self, need: Discount, day: date) -> Number:
        """Discount factor of a curve from the reference date to a day."""
        key = (need, day)
        if key not in self._known:
            self._known[key] = self._decay(need, self.years(day))
        return self._known[key]

    def _decay(self, need: Discount, years: float) -> Number:
        """exp(-z t), z the continuously compounded zero rate, linear between a curve's nodes and flat outside."""
        tenors, rates = self._curve(need)
        if not tenors:
            return np.exp(rates[0] * -years)
        times = self.node_times(tenors)[1:-1]
        k = min(max(bisect_left(times, years), 1), len(times) - 1)
        share = min(max((years - times[k - 1]) / (times[k] - times[k - 1]), 0.0), 1.0)
        if share in (0.0, 1.0):
            return np.exp(rates[k - 1 + int(share)] * -years)
        exponent = rates[k - 1] * ((share - 1.0) * years)
        exponent += rates[k] * (-share * years)
        return np.exp(exponent)

    def survival(self, need: Hazard, day: date) -> Number:
        """Probability that an issuer lives on a day; hazard rates constant between pillars, flat beyond the last."""
        tenors, rates = self._curve(need.rates)
        years = self.years(day)
        if not tenors:
            return np.exp(-rates[0] * years)
        times = self.node_times(tenors)
        spans = np.clip(years, times[:-1], times[1:]) - times[:-1]
        return np.exp(
            -sum(rate * span for rate, span in zip([*rates, rates[-1]], spans, strict=True) if span)
        )

    def _curve(self, need: Discount) -> tuple[tuple[str, ...], list[Number]]:
        """Tenors of a curve's pillars, () if it is flat, and the rate at each, shape (n,) or one number."""
        if need not in self._known:
            nodes = self.nodes(need)
            moved = [
                column for source in nodes.sources for column in np.ascontiguousarray(self._values(source).T)
            ]
            self._known[need] = (nodes.tenors, moved or list(nodes.rates))
        return self._known[need]

    def _values(self, source: Source) -> np.ndarray:
        if source not in self._known:
            self._known[source] = source.values(self.columns)
        return np.asarray(self._known[source])
