"""Commodity forwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from qfin.risk._fields import Amount, Currency, Day, NamedRate, Positive
from qfin.risk._market import Discount, Need, Price
from qfin.risk.instruments._base import Instrument, Pricer

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class CommodityForward(Instrument):
    """A commodity (or an equity) bought or sold on a future day at a price agreed today.

    Value: quantity x (S exp(-y T) - K exp(-r T)), y the convenience yield net of storage, or the dividend yield (Hull,
    Options, Futures, and Other Derivatives, 11th ed., section 5.12).

    Parameters
    ----------
    underlying : a CMD or EQ factor, its spot price
    quantity : units; positive buys them, negative sells them
    strike : agreed price of one unit
    maturity : day of delivery and payment
    currency : of the price
    discount_curve : curve of that currency, by default the market's curve of its code; or a flat rate (decimal)
    carry : the yield above, a curve's name or a flat rate (decimal)

    Example
    -------
    {"instrument": "commodity_forward", "name": "Sell oil forward", "underlying": "WTI", "quantity": -20000,
     "strike": 91.5, "maturity": "2027-03-31", "currency": "USD", "carry": 0.02}
    """

    underlying: str
    quantity: Amount
    strike: Positive
    maturity: Day
    currency: Currency
    discount_curve: NamedRate | None = None
    carry: NamedRate = 0.0

    after_today: ClassVar[tuple[str, ...]] = ("maturity",)

    @property
    def value_currency(self) -> str:
        """The price's currency."""
        return self.currency

    @property
    def description(self) -> str:
        """The trade in a few words."""
        verb = "buys" if self.quantity > 0 else "sells"
        return f"{verb} {abs(self.quantity):,.0f} {self.underlying} at {self.strike:g} on {self.maturity}"

    @property
    def size(self) -> float:
        """What is paid at the strike."""
        return abs(self.quantity) * self.strike

    def needs(self) -> Mapping[str, Need]:
        """Spot, discounting and carry."""
        return {"underlying": self._spot, "discount_curve": self._domestic, "carry": Discount(self.carry)}

    def build(self, quotes: Quotes) -> Pricer:
        """Spot and strike, each times its curve's discount factor in QuantLib."""
        quantity, strike = self.quantity, self.strike
        if quotes.between(self.maturity):
            end = quotes.quote(self._spot, self.maturity)
            return lambda: quantity * (end.value() - strike)
        spot, day = quotes.quote(self._spot), quotes.date(self.maturity)
        carry, money = quotes.curve(Discount(self.carry)), quotes.curve(self._domestic)
        return lambda: quantity * (spot.value() * carry.discount(day) - strike * money.discount(day))

    def closed_form(self, arrays: Arrays) -> np.ndarray | None:
        """The formula above."""
        if arrays.between(self.maturity):
            return self.quantity * (arrays.level(self._spot, self.maturity) - self.strike)
        bought = arrays.level(self._spot) * arrays.discount(Discount(self.carry), self.maturity)
        return np.asarray(
            self.quantity * (bought - self.strike * arrays.discount(self._domestic, self.maturity))
        )

    @property
    def _spot(self) -> Price:
        return Price(self.underlying, ("EQ", "CMD"), positive=False, currency=self.currency)

    @property
    def _domestic(self) -> Discount:
        return Discount(self.currency if self.discount_curve is None else self.discount_curve)
