"""European options on exchange rates, equities and commodities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from qfin.risk._black import black
from qfin.risk._fields import Amount, Currency, Day, NamedRate, NamedVol, Positive, is_pair
from qfin.risk._market import Discount, Need, Price, Volatility
from qfin.risk.instruments._base import Instrument, Pricer

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class EuropeanOption(Instrument):
    """The right to buy (call) or sell (put) at a strike on one day: Garman-Kohlhagen or Black-Scholes-Merton.

    On an FX factor: Garman and Kohlhagen (1983), in the pair's second currency. On an equity or commodity: Black,
    Scholes and Merton (1973) with a continuous yield.

    Parameters
    ----------
    underlying : an FX factor, or an EQ or CMD factor (then name its `currency`)
    option : "call" or "put"
    strike : price of one unit of the underlying
    expiry : the one day of exercise
    quantity : units of the underlying (amount of the pair's first currency, shares, barrels); negative is sold
    volatility : a year, decimal; or the name of a VOL factor or of one of the market's volatilities, by default the
        one that goes by the underlying's name
    currency : of an equity's or a commodity's price; left out for an FX pair
    discount_curve : curve of the value's currency, by default the market's curve of that code; or a flat rate (decimal)
    carry : what holding the underlying earns, a curve's name or a flat rate (decimal): the first currency's rate (by
        default its curve), a dividend yield or a convenience yield net of storage (by default 0)

    Example
    -------
    {"instrument": "european_option", "name": "Sold euro calls", "underlying": "EURUSD", "option": "call",
     "strike": 1.16, "expiry": "2027-02-26", "quantity": -8000000, "volatility": 0.075}
    """

    underlying: str
    option: Literal["call", "put"]
    strike: Positive
    expiry: Day
    quantity: Amount
    volatility: NamedVol | None = None
    currency: Currency | None = None
    discount_curve: NamedRate | None = None
    carry: NamedRate | None = None

    after_today: ClassVar[tuple[str, ...]] = ("expiry",)

    @property
    def value_currency(self) -> str:
        """The pair's second currency, or the one the underlying is priced in."""
        return self.currency or self.underlying[3:]

    @property
    def description(self) -> str:
        """The trade in a few words."""
        side = "bought" if self.quantity > 0 else "sold"
        right = f"{self.option} on {abs(self.quantity):,.0f} {self.underlying}"
        return f"{side} {right}, strike {self.strike:g}, expiry {self.expiry}"

    def needs(self) -> Mapping[str, Need]:
        """Spot, volatility, discounting and carry."""
        return {
            "underlying": self._spot,
            "volatility": self._volatility,
            "discount_curve": self._domestic,
            "carry": self._carry,
        }

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `VanillaOption` with its analytic engine, per unit of the underlying."""
        if quotes.between(self.expiry):
            end = quotes.quote(self._spot, self.expiry)
            return lambda: self.quantity * max(self._sign * (end.value() - self.strike), 0.0)
        ql, quantity = quotes.ql, self.quantity
        side = ql.Option.Call if self.option == "call" else ql.Option.Put
        option = ql.VanillaOption(
            ql.PlainVanillaPayoff(side, self.strike), ql.EuropeanExercise(quotes.date(self.expiry))
        )
        process = quotes.process(self._spot, self._carry, self._domestic, self._volatility)
        option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
        return lambda: quantity * option.NPV()

    def closed_form(self, arrays: Arrays) -> np.ndarray | None:
        """The formulas named above."""
        if arrays.between(self.expiry):
            moved = arrays.level(self._spot, self.expiry) - self.strike
            return self.quantity * np.maximum(self._sign * moved, 0.0)
        forward = arrays.level(self._spot) * arrays.discount(self._carry, self.expiry)
        discount = arrays.discount(self._domestic, self.expiry)
        deviation = arrays.sigma(self._volatility) * np.sqrt(arrays.years(self.expiry))
        return self.quantity * black(self._sign, forward / discount, self.strike, deviation, discount)

    @property
    def size(self) -> float:
        """What is paid at the strike."""
        return abs(self.quantity) * self.strike

    @property
    def _sign(self) -> int:
        return 1 if self.option == "call" else -1

    @property
    def _spot(self) -> Price:
        return Price(self.underlying, ("EQ", "CMD") if self.currency else ("FX",), currency=self.currency)

    @property
    def _volatility(self) -> Volatility:
        return Volatility(self.underlying if self.volatility is None else self.volatility)

    @property
    def _domestic(self) -> Discount:
        return Discount(self.value_currency if self.discount_curve is None else self.discount_curve)

    @property
    def _carry(self) -> Discount:
        if self.carry is None:
            return Discount(0.0 if self.currency else self.underlying[:3])
        return Discount(self.carry)

    @classmethod
    def _inconsistencies(cls, values: Mapping[str, Any]) -> Iterator[str]:
        if values["currency"] is None and not is_pair(values["underlying"]):
            yield f"currency is missing: {values['underlying']} is no currency pair, say what its price is in"
