"""Overnight index swaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from qfin.risk._fields import Count, NamedRate, Positive, Rate
from qfin.risk._market import Fixing, Need
from qfin.risk._quantlib import calendar, py_date, ql_date, quantlib
from qfin.risk.instruments._base import Pricer
from qfin.risk.instruments._legs import (
    Convention,
    DayCount,
    Frequency,
    Number,
    day_count,
    fixed_leg_value,
    paid_between,
    paid_or_discounted,
    schedule,
)
from qfin.risk.instruments._rates import RateTrade

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes


class _Compounded(NamedTuple):
    """One floating payment: days of its fixings, what each counts from and for how many years, the end of the last, the
    day of payment, and the accrual."""

    fixed: list[date]
    starts: list[date]
    years: list[float]
    end: date
    paid: date
    accrual: float


@dataclass(frozen=True, kw_only=True)
class OvernightIndexSwap(RateTrade):
    """Fixed payments exchanged for an overnight rate compounded day by day.

    Floating amount of a period: notional x (prod_i (1 + r_i d_i) - 1 + spread x accrual); days that are not fixed yet
    are worth the ratio of the forecast curve's discount factors (Ametrano and Bianchetti, Everything you always wanted
    to know about multiple interest rate curve bootstrapping but were afraid to ask, 2013, section 4.2).

    Parameters
    ----------
    notional : of every period
    pays : "fixed" (payer) or "floating" (receiver)
    currency : of every payment
    fixed_rate : a year, decimal
    start : first day of the first period
    maturity : last day of the last period
    spread : over the overnight rate, decimal a year, not compounded
    frequency : "monthly", "quarterly", "semiannual" or "annual" payments of both legs
    day_count : "actual/360", "actual/365", "actual/actual" (ISDA) or "30/360" (bond basis), of both legs
    index : name of the overnight rate in the market's fixings, by default the currency's code: "USD-ON"
    payment_lag : business days between the end of a period and its payment
    calendar : "none" (every day is a business day), "weekends", "target", "united_states", "united_kingdom", "japan",
        "canada" or "switzerland"
    convention : "unadjusted", "following" or "modified_following", of dates that are no business days
    discount_curve : curve to discount on, by default the market's curve of the currency's code; or a flat rate
        (decimal)
    forecast_curve : curve that the rate is forecast on, by default the one to discount on

    Example
    -------
    {"instrument": "overnight_index_swap", "name": "Two-year receiver", "notional": 10000000, "pays": "floating",
     "currency": "USD", "fixed_rate": 0.035, "start": "2027-01-15", "maturity": "2029-01-15"}
    """

    notional: Positive
    pays: Literal["fixed", "floating"]
    fixed_rate: Rate
    spread: Rate = 0.0
    frequency: Frequency = "annual"
    day_count: DayCount = "actual/360"
    index: str | None = None
    payment_lag: Count = 2
    convention: Convention = "modified_following"
    forecast_curve: NamedRate | None = None

    @property
    def description(self) -> str:
        """The trade in a few words."""
        legs = [f"{100 * self.fixed_rate:g}%", f"{self._index} compounded"]
        pays, receives = legs if self.pays == "fixed" else legs[::-1]
        return (
            f"pays {pays}, receives {receives} on {self.notional:,.0f} {self.currency} until {self.maturity}"
        )

    @property
    def size(self) -> float:
        """The notional."""
        return self.notional

    def needs(self) -> Mapping[str, Need]:
        """Both curves, and what the overnight rate was fixed at."""
        fixings = tuple((day, period.paid) for period in self._periods for day in period.fixed)
        return {
            "discount_curve": self._discount,
            "forecast_curve": self._forecast,
            "index": Fixing(self._index, fixings),
        }

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `OvernightIndexedSwap` with its discounting engine."""
        ql, known = quotes.ql, quotes.market.static.fixings.get(self._index, {})
        index = quotes.overnight_index(
            self._index, self._forecast, day_count(self.day_count), calendar(self.calendar)
        )
        quotes.fix_on_the_way(index, [day for period in self._periods for day in period.fixed], known)
        swap = self._swap(index)
        swap.setPricingEngine(ql.DiscountingSwapEngine(quotes.curve(self._discount)))
        legs, sign = (swap.fixedLeg(), swap.overnightLeg()), self._sign
        ended = max(flow.date() for leg in legs for flow in leg) <= quotes.date(quotes.reference)

        def price() -> float:
            paid = sign * (paid_between(quotes, legs[1]) - paid_between(quotes, legs[0]))
            return paid if ended else float(paid + swap.NPV())

        return price

    def closed_form(self, arrays: Arrays) -> np.ndarray | None:
        """The formula above."""
        fixed = fixed_leg_value(arrays, self._discount, self._dates.fixedLeg())
        floating: Number = 0.0
        for period in self._periods:
            if period.paid > arrays.as_of:
                grown = self._growth(arrays, period) - 1.0 + self.spread * period.accrual
                floating = floating + self.notional * grown * paid_or_discounted(
                    arrays, self._discount, period.paid
                )
        return np.asarray(self._sign * (floating - fixed))

    def _growth(self, arrays: Arrays, period: _Compounded) -> Number:
        """What one unit compounds to over a period's days."""
        known = arrays.market.static.fixings.get(self._index, {})
        grown: Number = 1.0
        for fixed, start, years in zip(period.fixed, period.starts, period.years, strict=True):
            if fixed in known and fixed <= arrays.as_of:
                rate: Number = known[fixed]
            elif fixed < arrays.reference:
                rate = self._on_the_way(arrays)
            else:
                first, last = (arrays.discount(self._forecast, day) for day in (start, period.end))
                return grown * first / last
            grown = grown * (1.0 + rate * years)
        return grown

    def _on_the_way(self, arrays: Arrays) -> Number:
        cal, ql = calendar(self.calendar), quantlib()
        start = cal.adjust(ql_date(arrays.reference))
        end = cal.advance(start, 1, ql.Days)
        first, last = (arrays.discount(self._forecast, py_date(day)) for day in (start, end))
        return (first / last - 1.0) / day_count(self.day_count).yearFraction(start, end)

    def _swap(self, index: Any) -> Any:
        ql = quantlib()
        dates = schedule(self.start, self.maturity, self.frequency, self.calendar, self.convention)
        return ql.OvernightIndexedSwap(
            ql.Swap.Payer if self.pays == "fixed" else ql.Swap.Receiver, self.notional, dates, self.fixed_rate,
            day_count(self.day_count), index, self.spread, self.payment_lag, ql.Following, calendar(self.calendar),
        )  # fmt: skip

    @cached_property
    def _dates(self) -> Any:
        """The swap on an index without a curve: its dates, accruals and fixed amounts."""
        ql = quantlib()
        index = ql.OvernightIndex(
            "qfin-dates", 0, ql.USDCurrency(), calendar(self.calendar), day_count(self.day_count)
        )
        return self._swap(index)

    @cached_property
    def _periods(self) -> tuple[_Compounded, ...]:
        coupons = map(quantlib().as_overnight_indexed_coupon, self._dates.overnightLeg())
        return tuple(_compounded(coupon) for coupon in coupons)

    @property
    def _sign(self) -> float:
        return 1.0 if self.pays == "fixed" else -1.0

    @property
    def _index(self) -> str:
        return self.index or f"{self.currency}-ON"


def _compounded(coupon: Any) -> _Compounded:
    values = [py_date(day) for day in coupon.valueDates()]
    fixed = [py_date(day) for day in coupon.fixingDates()][: len(values) - 1]
    return _Compounded(
        fixed, values[:-1], list(coupon.dt()), values[-1], py_date(coupon.date()), coupon.accrualPeriod()
    )
