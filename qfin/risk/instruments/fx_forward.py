"""Foreign-exchange forwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from qfin.risk._fields import Amount, Day, NamedRate, Pair, Positive
from qfin.risk._market import Discount, Need, Price
from qfin.risk.instruments._base import Instrument, Pricer

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class FxForward(Instrument):
    """Two currencies exchanged on a future day at a rate agreed today.

    Value in the pair's second currency: notional x (S exp(-r_f T) - K exp(-r_d T)), covered interest parity.

    Parameters
    ----------
    pair : an FX factor; EURUSD is the price of one EUR in USD
    notional : amount of the pair's first currency; positive buys it, negative sells it
    strike : agreed rate, units of the second currency for one of the first
    maturity : day of the exchange
    discount_curve : curve of the second currency, by default the market's curve of that code; or a flat rate (decimal)
    foreign_curve : the same of the first currency

    Example
    -------
    {"instrument": "fx_forward", "name": "Sell sterling forward", "pair": "GBPUSD", "notional": -3000000,
     "strike": 1.34, "maturity": "2027-04-30"}
    """

    pair: Pair
    notional: Amount
    strike: Positive
    maturity: Day
    discount_curve: NamedRate | None = None
    foreign_curve: NamedRate | None = None

    after_today: ClassVar[tuple[str, ...]] = ("maturity",)

    @property
    def value_currency(self) -> str:
        """The pair's second currency."""
        return self.pair[3:]

    @property
    def description(self) -> str:
        """The trade in a few words."""
        verb = "buys" if self.notional > 0 else "sells"
        amount = f"{abs(self.notional):,.0f} {self.pair[:3]}"
        return f"{verb} {amount} against {self.value_currency} at {self.strike:g} on {self.maturity}"

    def needs(self) -> Mapping[str, Need]:
        """Spot and both currencies' curves."""
        return {"pair": self._spot, "discount_curve": self._domestic, "foreign_curve": self._foreign}

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `FxForward`, which values in the first currency; its value times spot is in the second."""
        if quotes.between(self.maturity):
            end = quotes.quote(self._spot, self.maturity)
            return lambda: self.notional * (end.value() - self.strike)
        ql = quotes.ql
        forward = ql.FxForward(
            abs(self.notional),
            ql.EURCurrency(),  # labels only: the engine takes both curves and the rate as they are given
            abs(self.notional) * self.strike,
            ql.USDCurrency(),
            quotes.date(self.maturity),
            self.notional < 0,
            0,
            ql.NullCalendar(),
        )
        curves = quotes.curve(self._foreign), quotes.curve(self._domestic)
        forward.setPricingEngine(ql.DiscountingFxForwardEngine(*curves, quotes.handle(self._spot)))
        spot = quotes.quote(self._spot)
        return lambda: forward.NPV() * spot.value()

    def closed_form(self, arrays: Arrays) -> np.ndarray | None:
        """Covered interest parity."""
        if arrays.between(self.maturity):
            return self.notional * (arrays.level(self._spot, self.maturity) - self.strike)
        bought = arrays.level(self._spot) * arrays.discount(self._foreign, self.maturity)
        return np.asarray(
            self.notional * (bought - self.strike * arrays.discount(self._domestic, self.maturity))
        )

    @property
    def size(self) -> float:
        """What is paid at the strike."""
        return abs(self.notional) * self.strike

    @property
    def _spot(self) -> Price:
        return Price(self.pair, ("FX",))

    @property
    def _domestic(self) -> Discount:
        return Discount(self.value_currency if self.discount_curve is None else self.discount_curve)

    @property
    def _foreign(self) -> Discount:
        return Discount(self.pair[:3] if self.foreign_curve is None else self.foreign_curve)
