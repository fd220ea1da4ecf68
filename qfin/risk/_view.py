"""One trade's view of a market: which sources its quotes have, and what its curves are made of. No QuantLib here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from qfin.risk._market import Discount, Market, Price, Volatility
from qfin.risk._static import Curve, add_tenor, to_continuous
from qfin.risk._variables import Level, ParNodes, Rate, Source, Variable, When

FAR = "100Y"


@dataclass(frozen=True)
class Nodes:
    """A curve's nodes: a source whose values are their zero rates, or the rates themselves where nothing moves them.

    tenors : of the pillars; () for a flat curve
    """

    tenors: tuple[str, ...]
    sources: tuple[Source, ...]
    rates: tuple[float, ...] = ()


@dataclass(frozen=True)
class View:
    """A market as one trade sees it when it is valued on `reference`.

    market : the factors and static data on the as-of date
    reference : the day values are of: the as-of date, or the horizon of the scenarios
    """

    market: Market
    reference: date

    @property
    def as_of(self) -> date:
        """The day the market's levels are of; what is due after it and up to `reference` belongs to the value."""
        return self.market.as_of.date()

    def between(self, day: date) -> bool:
        """Whether a day is after the as-of date and not after the reference date."""
        return self.as_of < day <= self.reference

    def level_source(self, need: Price, when: When = None) -> Level:
        """Where a factor's level comes from; a day is one up to the reference date."""
        return Level(Variable(need.factor, when))

    def volatility_source(self, need: Volatility) -> Rate | float:
        """Where a volatility comes from, or the number that it stays."""
        source, static = need.source, self.market.static.volatilities
        if not isinstance(source, str):
            return source
        return static[source] if source in static else Rate(source, self.market.scale(source))

    def nodes(self, need: Discount) -> Nodes:
        """The nodes of a curve of zero rates."""
        curve = self.market.curve(need.source)
        if isinstance(curve.rate, str):
            return Nodes((), (Rate(curve.rate, self.market.scale(curve.rate), curve.compounding),))
        if curve.rate is not None:
            return Nodes((), (), (float(to_continuous(curve.rate, curve.compounding)),))
        if curve.pillars is not None:
            return Nodes(tuple(curve.pillars), (), tuple(self._static_rates(curve, curve.pillars)))
        tenors = self.market.pillars(curve)
        return Nodes(tuple(tenors.values()), self._factor_sources(curve, tenors))

    def node_times(self, tenors: tuple[str, ...]) -> tuple[float, ...]:
        """Years (Actual/365) from the reference date to the nodes: today, the pillars, and a far day."""
        return _node_times(self.reference, tenors)

    def years(self, day: date) -> float:
        """Years (Actual/365) from the reference date to a day."""
        return (day - self.reference).days / 365.0

    def _static_rates(self, curve: Curve, pillars: dict[str, float]) -> list[float]:
        rates = np.array([list(pillars.values())])
        if curve.quotation == "zero":
            return [float(rate) for rate in to_continuous(rates[0], curve.compounding)]
        from qfin.risk._bootstrap import zero_rates

        times = np.array(self.node_times(tuple(pillars))[1:-1])
        return [float(rate) for rate in zero_rates(rates, times, curve.frequency)[0]]

    def _factor_sources(self, curve: Curve, tenors: dict[str, str]) -> tuple[Source, ...]:
        scales = [self.market.scale(name) for name in tenors]
        if curve.quotation == "zero":
            return tuple(
                Rate(name, scale, curve.compounding) for name, scale in zip(tenors, scales, strict=True)
            )
        times = self.node_times(tuple(tenors.values()))[1:-1]
        return (ParNodes(tuple(tenors), tuple(scales), times, curve.frequency),)


@lru_cache(maxsize=256)
def _node_times(reference: date, tenors: tuple[str, ...]) -> tuple[float, ...]:
    days = [reference, *(add_tenor(reference, tenor) for tenor in (*tenors, FAR))]
    return tuple((day - reference).days / 365.0 for day in days)
