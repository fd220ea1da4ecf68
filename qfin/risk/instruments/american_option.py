"""American options on exchange rates, equities and commodities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from qfin.risk.instruments._base import Pricer
from qfin.risk.instruments._option import Option

if TYPE_CHECKING:
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class AmericanOption(Option):
    """The right to buy (call) or sell (put) at a strike on any day up to expiry.

    Black, Scholes and Merton's dynamics; the exercise boundary is solved for by a fixed point on Chebyshev nodes, the
    price to about 1e-6 of the strike (Andersen, Lake and Offengenden, High-performance American option pricing, 2016).

    Parameters
    ----------
    underlying : an FX factor, or an EQ or CMD factor (then name its `currency`)
    option : "call" or "put"
    strike : price of one unit of the underlying
    expiry : the last day of exercise
    quantity : units of the underlying (amount of the pair's first currency, shares, barrels); negative is sold
    volatility : a year, decimal; or the name of a VOL factor or of one of the market's volatilities, by default the
        one that goes by the underlying's name
    currency : of an equity's or a commodity's price; left out for an FX pair
    discount_curve : curve of the value's currency, by default the market's curve of that code; or a flat rate (decimal)
    carry : what holding the underlying earns, a curve's name or a flat rate (decimal): the first currency's rate (by
        default its curve), a dividend yield or a convenience yield net of storage (by default 0)

    Example
    -------
    {"instrument": "american_option", "name": "Apple puts", "underlying": "AAPL", "option": "put", "strike": 60,
     "expiry": "2027-06-18", "quantity": 5000, "currency": "USD", "carry": 0.005}
    """

    style: ClassVar[str] = "American "

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `VanillaOption` with its QD+ fixed-point engine, per unit of the underlying; held to its expiry if
        that comes before the reference date."""
        if quotes.between(self.expiry):
            end = quotes.quote(self._spot, self.expiry)
            return lambda: self.quantity * max(self._sign * (end.value() - self.strike), 0.0)
        ql, quantity = quotes.ql, self.quantity
        exercise = ql.AmericanExercise(quotes.date(quotes.reference), quotes.date(self.expiry))
        option = ql.VanillaOption(self._payoff(quotes), exercise)
        scheme = ql.QdFpAmericanEngine.fastScheme()
        option.setPricingEngine(ql.QdFpAmericanEngine(self._process(quotes), scheme))
        return lambda: quantity * option.NPV()
