"""Interest-rate swaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qfin.risk._fields import Count, NamedRate, Positive, Rate
from qfin.risk._market import Need
from qfin.risk._quantlib import quantlib
from qfin.risk.instruments._base import Pricer
from qfin.risk.instruments._legs import (
    MONTHS,
    Convention,
    DayCount,
    FloatingLeg,
    Frequency,
    day_count,
    fixed_leg_value,
    paid_between,
    schedule,
)
from qfin.risk.instruments._rates import RateTrade

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class InterestRateSwap(RateTrade):
    """Fixed payments exchanged for those of an index, in one currency.

    Value of the payer: sum of forward rates less the fixed rate, each times accrual, notional and discount factor
    (Brigo and Mercurio, Interest Rate Models, 2nd ed., section 1.5). Dates count back from maturity.

    Parameters
    ----------
    notional : of every period
    pays : "fixed" (payer) or "floating" (receiver)
    currency : of every payment
    fixed_rate : a year, decimal
    start : first day of the first period
    maturity : last day of the last period
    spread : over the index, decimal a year
    fixed_frequency : "monthly", "quarterly", "semiannual" or "annual" fixed payments
    fixed_day_count : "actual/360", "actual/365", "actual/actual" (ISDA) or "30/360" (bond basis)
    floating_frequency : of the floating payments; the index has that tenor
    floating_day_count : of floating payments and index
    index : name of the index in the market's fixings, by default the currency's code and tenor: "USD-6M"
    fixing_days : business days between a fixing and the start of its period
    calendar : "none" (every day is a business day), "weekends", "target", "united_states", "united_kingdom", "japan",
        "canada" or "switzerland"
    fixed_convention : "unadjusted", "following" or "modified_following", of the fixed leg's dates
    floating_convention : the same of the floating leg
    discount_curve : curve to discount on, by default the market's curve of the currency's code; or a flat rate
        (decimal)
    forecast_curve : curve that the index is forecast on, by default the one to discount on

    Example
    -------
    {"instrument": "interest_rate_swap", "name": "Ten-year payer", "notional": 5000000, "pays": "fixed",
     "currency": "USD", "fixed_rate": 0.034, "start": "2027-01-15", "maturity": "2037-01-15"}
    """

    notional: Positive
    pays: Literal["fixed", "floating"]
    fixed_rate: Rate
    spread: Rate = 0.0
    fixed_frequency: Frequency = "annual"
    fixed_day_count: DayCount = "30/360"
    floating_frequency: Frequency = "semiannual"
    floating_day_count: DayCount = "actual/360"
    index: str | None = None
    fixing_days: Count = 2
    fixed_convention: Convention = "modified_following"
    floating_convention: Convention = "modified_following"
    forecast_curve: NamedRate | None = None

    @property
    def description(self) -> str:
        """The trade in a few words."""
        floating = f"{self._leg.index}{f' + {1e4 * self.spread:g} bp' if self.spread else ''}"
        legs = [f"{100 * self.fixed_rate:g}%", floating]
        pays, receives = legs if self.pays == "fixed" else legs[::-1]
        return (
            f"pays {pays}, receives {receives} on {self.notional:,.0f} {self.currency} until {self.maturity}"
        )

    @property
    def size(self) -> float:
        """The notional."""
        return self.notional

    def needs(self) -> Mapping[str, Need]:
        """Both curves, and what the index was fixed at."""
        return {
            "discount_curve": self._discount,
            "forecast_curve": self._forecast,
            "index": self._leg.fixing(),
        }

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `VanillaSwap` with its discounting engine."""
        ql = quotes.ql
        swap = ql.VanillaSwap(
            ql.Swap.Payer if self.pays == "fixed" else ql.Swap.Receiver, self.notional, self._fixed_dates,
            self.fixed_rate, day_count(self.fixed_day_count), self._leg.dates, self._leg.ql_index(quotes),
            self.spread, day_count(self.floating_day_count),
        )  # fmt: skip
        swap.setPricingEngine(ql.DiscountingSwapEngine(quotes.curve(self._discount)))
        legs, sign = (swap.fixedLeg(), swap.floatingLeg()), self._sign
        ended = swap.maturityDate() <= quotes.date(quotes.reference)

        def price() -> float:
            paid = sign * (paid_between(quotes, legs[1]) - paid_between(quotes, legs[0]))
            return paid if ended else float(paid + swap.NPV())

        return price

    def closed_form(self, arrays: Arrays) -> np.ndarray | None:
        """The formula above."""
        fixed = fixed_leg_value(arrays, self._discount, self._fixed_flows)
        return np.asarray(self._sign * (self._leg.value(arrays, self._discount) - fixed))

    @property
    def _sign(self) -> float:
        return 1.0 if self.pays == "fixed" else -1.0

    @cached_property
    def _fixed_dates(self) -> Any:
        return schedule(self.start, self.maturity, self.fixed_frequency, self.calendar, self.fixed_convention)

    @cached_property
    def _fixed_flows(self) -> Any:
        ql = quantlib()
        return ql.FixedRateLeg(
            self._fixed_dates, day_count(self.fixed_day_count), [self.notional], [self.fixed_rate],
            self._fixed_dates.businessDayConvention(),
        )  # fmt: skip

    @cached_property
    def _leg(self) -> FloatingLeg:
        return FloatingLeg(
            self.notional,
            schedule(
                self.start, self.maturity, self.floating_frequency, self.calendar, self.floating_convention
            ),
            self.index or f"{self.currency}-{MONTHS[self.floating_frequency]}M",
            MONTHS[self.floating_frequency],
            self._forecast,
            self.spread,
            self.floating_day_count,
            self.calendar,
            self.fixing_days,
        )
