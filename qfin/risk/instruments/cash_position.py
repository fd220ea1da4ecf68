"""Cash, equity and commodity positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qfin.risk._fields import Amount, Currency
from qfin.risk._market import Need, Price
from qfin.risk.instruments._base import Instrument, Pricer

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class CashPosition(Instrument):
    """An amount of a currency, or a number of shares, barrels, ... at their spot price.

    Value: quantity x price of the factor; without a factor, quantity.

    Parameters
    ----------
    quantity : amount of `currency`, or number of units of `factor`; negative is owed or sold short
    currency : of the amount, or of the factor's price
    factor : an equity or a commodity, EQ or CMD; its price may be negative (oil has been)

    Example
    -------
    {"instrument": "cash_position", "name": "Apple shares", "quantity": 20000, "currency": "USD", "factor": "AAPL"}
    """

    quantity: Amount
    currency: Currency
    factor: str | None = None

    @property
    def value_currency(self) -> str:
        """The amount's or the price's currency."""
        return self.currency

    @property
    def description(self) -> str:
        """The trade in a few words."""
        return f"{self.quantity:,.0f} {self.factor or self.currency}"

    def needs(self) -> Mapping[str, Need]:
        """The factor's price, if there is one."""
        return {} if self.factor is None else {"factor": self._price(self.factor)}

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `Stock`; an amount of money is its own value."""
        quantity = self.quantity
        if self.factor is None:
            return lambda: quantity
        stock = quotes.ql.Stock(quotes.handle(self._price(self.factor)))
        return lambda: quantity * stock.NPV()

    def closed_form(self, arrays: Arrays) -> np.ndarray | None:
        """Quantity times price."""
        return np.asarray(
            self.quantity * (1.0 if self.factor is None else arrays.level(self._price(self.factor)))
        )

    def _price(self, factor: str) -> Price:
        return Price(factor, ("EQ", "CMD"), positive=False, currency=self.currency)
