"""European options on exchange rates, equities and commodities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qfin.risk._black import black
from qfin.risk.instruments._base import Pricer
from qfin.risk.instruments._option import Option

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class EuropeanOption(Option):
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

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `VanillaOption` with its analytic engine, per unit of the underlying."""
        if quotes.between(self.expiry):
            end = quotes.quote(self._spot, self.expiry)
            return lambda: self.quantity * max(self._sign * (end.value() - self.strike), 0.0)
        ql, quantity = quotes.ql, self.quantity
        option = ql.VanillaOption(self._payoff(quotes), ql.EuropeanExercise(quotes.date(self.expiry)))
        option.setPricingEngine(ql.AnalyticEuropeanEngine(self._process(quotes)))
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
