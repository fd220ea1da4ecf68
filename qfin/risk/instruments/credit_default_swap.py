"""Credit-default swaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from qfin.risk._fields import NamedRate, Positive, Rate, Share
from qfin.risk._market import Hazard, Need
from qfin.risk._quantlib import py_date, ql_date, quantlib
from qfin.risk.instruments._base import Pricer
from qfin.risk.instruments._legs import (
    Convention,
    DayCount,
    Frequency,
    Number,
    convention,
    day_count,
    paid_between,
    schedule,
)
from qfin.risk.instruments._rates import RateTrade

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes


class _Coupon(NamedTuple):
    """A payment of spread: its period, day and amount, and QuantLib's own for what is accrued on a day."""

    start: date
    end: date
    paid: date
    amount: float
    made: Any

    @classmethod
    def of(cls, made: Any) -> _Coupon:
        days = map(py_date, (made.accrualStartDate(), made.accrualEndDate(), made.date()))
        start, end, paid = days
        return cls(start, end, paid, made.amount(), made)

    def accrued(self, day: date) -> float:
        return float(self.made.accruedAmount(ql_date(day)))


@dataclass(frozen=True, kw_only=True)
class CreditDefaultSwap(RateTrade):
    """Protection against an issuer's default, paid for by a running spread.

    Mid-point model: default happens in the middle of a period, where protection (1 - recovery) and accrued spread are
    paid; survival probabilities are exp(-integral of the hazard rate) (O'Kane, Modelling Single-name and Multi-name
    Credit Derivatives, 2008, section 6.6). Without upfront payment. Dates count forward from start.

    Parameters
    ----------
    notional : protected amount
    side : "buyer" or "seller" of protection
    currency : of every payment
    spread : running spread, decimal a year
    start : first day of the first period
    maturity : last day of protection
    hazard : hazard rates of the issuer: the name of one of the market's curves, whose rates hold from pillar to pillar,
        or a flat rate (decimal a year); about the spread over (1 - recovery)
    recovery : part of the notional that is recovered, decimal
    frequency : "monthly", "quarterly", "semiannual" or "annual" payments
    day_count : "actual/360", "actual/365", "actual/actual" (ISDA) or "30/360" (bond basis)
    calendar : "none" (every day is a business day), "weekends", "target", "united_states", "united_kingdom", "japan",
        "canada" or "switzerland"
    convention : "unadjusted", "following" or "modified_following", of dates that are no business days
    discount_curve : curve to discount on, by default the market's curve of the currency's code; or a flat rate
        (decimal)

    Example
    -------
    {"instrument": "credit_default_swap", "name": "Bank protection", "notional": 2000000, "side": "buyer",
     "currency": "USD", "spread": 0.01, "start": "2027-01-20", "maturity": "2031-12-20", "hazard": 0.018}
    """

    notional: Positive
    side: Literal["buyer", "seller"]
    spread: Rate
    hazard: NamedRate
    recovery: Share = 0.4
    frequency: Frequency = "quarterly"
    day_count: DayCount = "actual/360"
    convention: Convention = "modified_following"

    @property
    def description(self) -> str:
        """The trade in a few words."""
        verb = "buys" if self.side == "buyer" else "sells"
        on = f"{self.notional:,.0f} {self.currency} at {1e4 * self.spread:g} bp"
        return f"{verb} protection on {on} until {self.maturity}"

    @property
    def size(self) -> float:
        """The notional."""
        return self.notional

    def needs(self) -> Mapping[str, Need]:
        """Hazard rates and discounting."""
        return {"hazard": self._hazard, "discount_curve": self._discount}

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `CreditDefaultSwap` with its mid-point engine; nobody defaults before the reference date."""
        ql, swap = quotes.ql, self._swap
        engine = ql.MidPointCdsEngine(
            quotes.default_curve(self._hazard), self.recovery, quotes.curve(self._discount)
        )
        fresh = self._made()
        fresh.setPricingEngine(engine)
        paid = -self._sign * paid_between(quotes, swap.coupons())
        ended = max(c.date() for c in swap.coupons()) <= quotes.date(quotes.reference)
        return lambda: paid if ended else float(paid + fresh.NPV())

    def closed_form(self, arrays: Arrays) -> np.ndarray | None:
        """The formula above."""
        premium: Number = 0.0
        protection: Number = 0.0
        paid = 0.0
        for coupon in self._coupons:
            if arrays.between(coupon.paid):
                paid += coupon.amount
            if coupon.paid <= arrays.reference:
                continue
            begin = max(coupon.start, arrays.reference) if arrays.reference <= coupon.end else coupon.start
            middle = begin + timedelta(days=(coupon.end - begin).days // 2)
            accrued = coupon.accrued(middle)
            dies = arrays.survival(self._hazard, begin) - arrays.survival(self._hazard, coupon.end)
            then = dies * arrays.discount(self._discount, middle)
            lives = arrays.survival(self._hazard, coupon.paid) * arrays.discount(self._discount, coupon.paid)
            premium = premium + coupon.amount * lives + accrued * then
            protection = protection + (1.0 - self.recovery) * self.notional * then
        return np.asarray(self._sign * (protection - premium - paid))

    def _made(self) -> Any:
        ql = quantlib()
        dates = schedule(
            self.start, self.maturity, self.frequency, self.calendar, self.convention, forward=True
        )
        return ql.CreditDefaultSwap(
            ql.Protection.Buyer if self.side == "buyer" else ql.Protection.Seller, self.notional, self.spread,
            dates, convention(self.convention), day_count(self.day_count), True, True,
            ql.Date(), ql.FaceValueClaim(), day_count(self.day_count), False,
        )  # fmt: skip

    @cached_property
    def _swap(self) -> Any:
        return self._made()

    @cached_property
    def _coupons(self) -> tuple[_Coupon, ...]:
        return tuple(_Coupon.of(quantlib().as_coupon(flow)) for flow in self._swap.coupons())

    @property
    def _sign(self) -> float:
        return 1.0 if self.side == "buyer" else -1.0

    @property
    def _hazard(self) -> Hazard:
        return Hazard(self.hazard)

    @classmethod
    def _inconsistencies(cls, values: Mapping[str, Any]) -> Iterator[str]:
        yield from super()._inconsistencies(values)
        if isinstance(values["hazard"], float) and values["hazard"] < 0:
            yield f"hazard {values['hazard']:g} is negative"
