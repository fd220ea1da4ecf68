"""Schedules, and legs of fixed and floating payments: as QuantLib's objects, and in closed form on their dates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from qfin.risk._market import Discount, Fixing
from qfin.risk._quantlib import calendar, py_date, ql_date, quantlib

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes

Frequency = Literal["monthly", "quarterly", "semiannual", "annual"]
DayCount = Literal["actual/360", "actual/365", "actual/actual", "30/360"]
CalendarName = Literal[
    "none", "weekends", "target", "united_states", "united_kingdom", "japan", "canada", "switzerland"
]
Convention = Literal["unadjusted", "following", "modified_following"]
Number = np.ndarray | float

MONTHS: dict[str, int] = {"monthly": 1, "quarterly": 3, "semiannual": 6, "annual": 12}


def day_count(name: str) -> Any:
    """QuantLib's day counter of a name: 30/360 is the bond basis, actual/actual ISDA's."""
    ql = quantlib()
    return {
        "actual/360": ql.Actual360,
        "actual/365": ql.Actual365Fixed,
        "actual/actual": lambda: ql.ActualActual(ql.ActualActual.ISDA),
        "30/360": lambda: ql.Thirty360(ql.Thirty360.BondBasis),
    }[name]()


def convention(name: str) -> Any:
    """QuantLib's business-day convention of a name."""
    ql = quantlib()
    return {
        "unadjusted": ql.Unadjusted,
        "following": ql.Following,
        "modified_following": ql.ModifiedFollowing,
    }[name]


def schedule(
    start: date, end: date, frequency: str, calendar_name: str, convention_name: str, forward: bool = False
) -> Any:
    """QuantLib's schedule; a period that does not fit is the first one, or the last where dates count forward."""
    ql = quantlib()
    rule = ql.DateGeneration.Forward if forward else ql.DateGeneration.Backward
    adjusted = convention(convention_name)
    return ql.Schedule(
        ql_date(start), ql_date(end), ql.Period(MONTHS[frequency], ql.Months), calendar(calendar_name),
        adjusted, adjusted, rule, False,
    )  # fmt: skip


class Period(NamedTuple):
    """One floating payment: day of fixing and of payment, the days that the index is forecast between, the length of
    that in years, and the accrual."""

    fixed: date
    paid: date
    start: date
    end: date
    years: float
    accrual: float


@dataclass(frozen=True)
class FloatingLeg:
    """Payments of notional x (index + spread) x accrual, the index fixed in advance.

    notional : of every period; dates : its schedule
    index : name of the index in the market's fixings; months : its tenor
    forecast : curve that the index is forecast on
    spread, day_count, calendar, fixing_days : as in `FloatingRateBond`
    """

    notional: float
    dates: Any
    index: str
    months: int
    forecast: Discount
    spread: float
    day_count: str
    calendar: str
    fixing_days: int

    def ql_index(self, quotes: Quotes) -> Any:
        """The index, with its past and, where the reference date is later, what it is fixed at on the way."""
        index = quotes.ibor_index(
            self.index, f"{self.months}M", self.forecast, day_count(self.day_count), calendar(self.calendar),
            self.fixing_days,
        )  # fmt: skip
        known = quotes.market.static.fixings.get(self.index, {})
        quotes.fix_on_the_way(index, [fixed for fixed, _ in self.periods()], known)
        return index

    def periods(self) -> tuple[tuple[date, date], ...]:
        """Days of fixing, each with the day that it is paid on."""
        return tuple((period.fixed, period.paid) for period in self._periods)

    def fixing(self) -> Fixing:
        """The fixings that it needs of the market."""
        return Fixing(self.index, self.periods())

    def value(self, arrays: Arrays, discount: Discount, notionals: bool = False) -> Number:
        """Value in closed form; with `notionals` the notional is paid with the last coupon, too."""
        total: Number = 0.0
        for period, rate in self.forwards(arrays):
            amount = self.notional * (rate + self.spread) * period.accrual
            total = total + amount * paid_or_discounted(arrays, discount, period.paid)
        if notionals:
            total = total + self.notional * paid_or_discounted(arrays, discount, self._periods[-1].paid)
        return total

    def forwards(self, arrays: Arrays) -> Iterator[tuple[Period, Number]]:
        """Each payment after the as-of date, with what its index is fixed at or forecast to be."""
        for period in self._periods:
            if period.paid > arrays.as_of:
                yield period, self._rate(arrays, period)

    def _rate(self, arrays: Arrays, period: Period) -> Number:
        known = arrays.market.static.fixings.get(self.index, {})
        if period.fixed <= arrays.as_of and period.fixed in known:
            return known[period.fixed]
        if period.fixed < arrays.reference:
            return self._on_the_way(arrays)
        first, last = (arrays.discount(self.forecast, day) for day in (period.start, period.end))
        return (first / last - 1.0) / period.years

    def _on_the_way(self, arrays: Arrays) -> Number:
        """The index's rate from the reference date on."""
        cal, ql = calendar(self.calendar), quantlib()
        start = cal.advance(cal.adjust(ql_date(arrays.reference)), self.fixing_days, ql.Days)
        end = cal.advance(start, ql.Period(self.months, ql.Months), ql.ModifiedFollowing, False)
        first, last = (arrays.discount(self.forecast, py_date(day)) for day in (start, end))
        return (first / last - 1.0) / day_count(self.day_count).yearFraction(start, end)

    @cached_property
    def _periods(self) -> tuple[Period, ...]:
        """Its payments, as QuantLib dates them; a forecast reaches to the next fixing's value date."""
        ql, cal, counter = quantlib(), calendar(self.calendar), day_count(self.day_count)
        index = ql.IborIndex(
            "qfin-dates", ql.Period(self.months, ql.Months), self.fixing_days, ql.USDCurrency(), cal,
            ql.ModifiedFollowing, False, counter,
        )  # fmt: skip
        leg = ql.IborLeg([self.notional], self.dates, index, counter, fixingDays=[self.fixing_days])
        found = []
        for coupon in map(ql.as_floating_rate_coupon, leg):
            start = cal.advance(coupon.fixingDate(), self.fixing_days, ql.Days)
            following = cal.advance(coupon.accrualEndDate(), -self.fixing_days, ql.Days)
            end = max(cal.advance(following, self.fixing_days, ql.Days), start + 1)
            years, accrual = counter.yearFraction(start, end), coupon.accrualPeriod()
            fixed, paid = py_date(coupon.fixingDate()), py_date(coupon.date())
            found.append(Period(fixed, paid, py_date(start), py_date(end), years, accrual))
        return tuple(found)


def fixed_leg_value(arrays: Arrays, discount: Discount, flows: Iterable[Any]) -> Number:
    """Value in closed form of QuantLib's payments that are known."""
    total: Number = 0.0
    for flow in flows:
        day = py_date(flow.date())
        if day > arrays.as_of:
            total = total + flow.amount() * paid_or_discounted(arrays, discount, day)
    return total


def paid_or_discounted(arrays: Arrays, discount: Discount, day: date) -> Number:
    """1 for what was paid up to the reference date, else the discount factor."""
    return 1.0 if day <= arrays.reference else arrays.discount(discount, day)


def paid_between(quotes: Quotes, flows: Iterable[Any]) -> float:
    """Sum of QuantLib's payments after the as-of date up to the reference date, as they are now."""
    return float(sum(flow.amount() for flow in flows if quotes.between(py_date(flow.date()))))
