"""Asian options (average price) on exchange rates, equities and commodities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from qfin.risk._fields import Days
from qfin.risk._market import Fixing, Need
from qfin.risk.instruments._base import Pricer
from qfin.risk.instruments._option import Option

if TYPE_CHECKING:
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class AsianOption(Option):
    """The right to receive the difference between an average of prices and a strike at expiry.

    Arithmetic average: the lognormal distribution of its first two moments (Turnbull and Wakeman, A quick algorithm for
    pricing European average options, 1991); geometric: exact (Clewlow and Strickland, Implementing Derivatives Models,
    1998, pp. 118-123).

    Parameters
    ----------
    underlying : an FX factor, or an EQ or CMD factor (then name its `currency`)
    option : "call" or "put"
    strike : price of one unit of the underlying
    expiry : the day of payment, not before the last fixing
    quantity : units of the underlying (amount of the pair's first currency, shares, barrels); negative is sold
    volatility : a year, decimal; or the name of a VOL factor or of one of the market's volatilities, by default the
        one that goes by the underlying's name
    currency : of an equity's or a commodity's price; left out for an FX pair
    discount_curve : curve of the value's currency, by default the market's curve of that code; or a flat rate (decimal)
    carry : what holding the underlying earns, a curve's name or a flat rate (decimal): the first currency's rate (by
        default its curve), a dividend yield or a convenience yield net of storage (by default 0)
    fixings : days whose prices are averaged, first to last; a price before the as-of date is read from the market's
        `fixings` under the underlying's name
    average : "arithmetic" or "geometric"

    Example
    -------
    {"instrument": "asian_option", "name": "Oil average calls", "underlying": "WTI", "option": "call", "strike": 92,
     "expiry": "2027-03-31", "quantity": 10000, "currency": "USD", "volatility": 0.35,
     "fixings": ["2027-01-29", "2027-02-26", "2027-03-31"]}
    """

    fixings: Days
    average: Literal["arithmetic", "geometric"] = "arithmetic"

    style: ClassVar[str] = "Asian "

    def needs(self) -> Mapping[str, Need]:
        """What all options need, and past prices."""
        periods = tuple((day, self.expiry) for day in self.fixings)
        return {**super().needs(), "fixings": Fixing(self.underlying, periods)}

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `DiscreteAveragingAsianOption`, made anew where a price on the way to the reference date is one of
        the average's."""
        known = quotes.market.static.fixings.get(self.underlying, {})
        past = [
            known[day] for day in self.fixings if day < quotes.as_of or (day == quotes.as_of and day in known)
        ]
        seen = [quotes.quote(self._spot, day) for day in self._on_the_way(quotes)]
        ahead = [day for day in self.fixings if day > quotes.reference]
        if not seen:
            ahead = list(self.fixings[len(past) :])
        if quotes.between(self.expiry):
            return lambda: self.quantity * self._paid([*past, *(quote.value() for quote in seen)])
        process = self._process(quotes)
        if not seen:
            option = self._option(quotes, process, past, ahead)
            return lambda: self.quantity * option.NPV()
        return lambda: (
            self.quantity
            * self._option(quotes, process, [*past, *(quote.value() for quote in seen)], ahead).NPV()
        )

    def _on_the_way(self, quotes: Quotes) -> list[date]:
        known = quotes.market.static.fixings.get(self.underlying, {})
        if quotes.reference == quotes.as_of:
            return []
        return [
            d
            for d in self.fixings
            if quotes.as_of <= d <= quotes.reference and not (d == quotes.as_of and d in known)
        ]

    def _option(self, quotes: Quotes, process: Any, past: list[float], ahead: list[date]) -> Any:
        ql = quotes.ql
        arithmetic = self.average == "arithmetic"
        total = sum(past) if arithmetic else self._product(past)
        option = ql.DiscreteAveragingAsianOption(
            ql.Average.Arithmetic if arithmetic else ql.Average.Geometric,
            total, len(past), [quotes.date(day) for day in ahead], self._payoff(quotes),
            ql.EuropeanExercise(quotes.date(self.expiry)),
        )  # fmt: skip
        engine = (
            ql.TurnbullWakemanAsianEngine(process)
            if arithmetic
            else ql.AnalyticDiscreteGeometricAveragePriceAsianEngine(process)
        )
        option.setPricingEngine(engine)
        return option

    def _paid(self, prices: list[float]) -> float:
        n = len(prices)
        mean = sum(prices) / n if self.average == "arithmetic" else self._product(prices) ** (1 / n)
        return max(self._sign * (mean - self.strike), 0.0)

    @staticmethod
    def _product(prices: list[float]) -> float:
        total = 1.0
        for price in prices:
            total *= price
        return total

    @classmethod
    def _inconsistencies(cls, values: Mapping[str, Any]) -> Iterator[str]:
        yield from super()._inconsistencies(values)
        if values["fixings"][-1] > values["expiry"]:
            yield f"fixings: the last, {values['fixings'][-1]}, is after the expiry {values['expiry']}"
