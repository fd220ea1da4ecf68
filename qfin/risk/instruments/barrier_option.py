"""Barrier options on exchange rates, equities and commodities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np

from qfin.risk._barrier import barrier_value
from qfin.risk._black import black
from qfin.risk._fields import NotNegative, Positive
from qfin.risk._variables import When
from qfin.risk.instruments._base import Pricer
from qfin.risk.instruments._option import Option

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class BarrierOption(Option):
    """A European option that begins (in) or ends (out) when its underlying touches a barrier, watched all the time.

    Reiner and Rubinstein, Breaking down the barriers (1991); Haug, The Complete Guide to Option Pricing Formulas, 2nd
    ed., section 4.17.1. On the way to the horizon the barrier is watched at the end of each day of a scenario.

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
    barrier : level of the underlying that is not touched yet
    barrier_type : "down_in", "down_out", "up_in" or "up_out"
    rebate : for each unit of the underlying, in the value's currency: paid when an out option ends, or at expiry if an
        in option never began

    Example
    -------
    {"instrument": "barrier_option", "name": "Euro knock-out calls", "underlying": "EURUSD", "option": "call",
     "strike": 1.12, "expiry": "2027-02-26", "quantity": 4000000, "barrier": 1.25, "barrier_type": "up_out"}
    """

    barrier: Positive
    barrier_type: Literal["down_in", "down_out", "up_in", "up_out"]
    rebate: NotNegative = 0.0

    @property
    def description(self) -> str:
        """The trade in a few words."""
        return f"{super().description}, {self.barrier_type.replace('_', ' and ')} at {self.barrier:g}"

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `BarrierOption` with its analytic engine, the European option once it is in, the rebate once it is
        out."""
        end = quotes.quote(self._spot, self.expiry if quotes.between(self.expiry) else None)
        extreme = quotes.quote(self._spot, self._watched(quotes.as_of, quotes.reference))
        alive, begun = self._while_alive(quotes, end), self._once_in(quotes, end)
        down, barrier, rebate, quantity = self._down, self.barrier, self.rebate, self.quantity
        out = not self._begins

        def price() -> float:
            worst = extreme.value()
            if worst <= barrier if down else worst >= barrier:
                return quantity * (rebate if out else begun())
            return quantity * alive()

        return price

    def closed_form(self, arrays: Arrays) -> np.ndarray | None:
        """The formulas named above."""
        extreme = arrays.level(self._spot, self._watched(arrays.as_of, arrays.reference))
        touched = extreme <= self.barrier if self._down else extreme >= self.barrier
        if arrays.between(self.expiry):
            moved = self._sign * (arrays.level(self._spot, self.expiry) - self.strike)
            vanilla = np.maximum(moved, 0.0)
            alive = np.full_like(vanilla, self.rebate) if self._begins else vanilla
        else:
            spot, years = arrays.level(self._spot), arrays.years(self.expiry)
            growth, discount = (
                arrays.discount(self._carry, self.expiry),
                arrays.discount(self._domestic, self.expiry),
            )
            deviation = arrays.sigma(self._volatility) * np.sqrt(years)
            vanilla = black(self._sign, spot * growth / discount, self.strike, deviation, discount)
            alive = barrier_value(
                self.barrier_type,
                self._sign,
                spot,
                self.strike,
                self.barrier,
                self.rebate,
                growth,
                discount,
                deviation,
            )
        return self.quantity * np.where(touched, vanilla if self._begins else self.rebate, alive)

    @property
    def _down(self) -> bool:
        return self.barrier_type.startswith("down")

    @property
    def _begins(self) -> bool:
        return self.barrier_type.endswith("in")

    def _watched(self, as_of: date, reference: date) -> When:
        if reference == as_of:
            return None
        return ("low" if self._down else "high", min(reference, self.expiry))

    def _while_alive(self, quotes: Quotes, end: object) -> Callable[[], float]:
        if quotes.between(self.expiry):
            return (lambda: self.rebate) if self._begins else self._paid(end)
        ql = quotes.ql
        kinds = {"down_in": ql.Barrier.DownIn, "down_out": ql.Barrier.DownOut,
                 "up_in": ql.Barrier.UpIn, "up_out": ql.Barrier.UpOut}  # fmt: skip
        option = ql.BarrierOption(
            kinds[self.barrier_type], self.barrier, self.rebate, self._payoff(quotes),
            ql.EuropeanExercise(quotes.date(self.expiry)),
        )  # fmt: skip
        option.setPricingEngine(ql.AnalyticBarrierEngine(self._process(quotes)))
        return lambda: float(option.NPV())

    def _once_in(self, quotes: Quotes, end: object) -> Callable[[], float]:
        if quotes.between(self.expiry):
            return self._paid(end)
        ql = quotes.ql
        option = ql.VanillaOption(self._payoff(quotes), ql.EuropeanExercise(quotes.date(self.expiry)))
        option.setPricingEngine(ql.AnalyticEuropeanEngine(self._process(quotes)))
        return lambda: float(option.NPV())

    def _paid(self, end: object) -> Callable[[], float]:
        return lambda: max(self._sign * (end.value() - self.strike), 0.0)  # type: ignore[attr-defined]
