"""Fixed-rate bonds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from qfin.risk._fields import Amount, Currency, Day, NamedRate, Rate
from qfin.risk._market import Discount, Need
from qfin.risk._quantlib import py_date, ql_date, quantlib
from qfin.risk.instruments._base import Instrument, Pricer

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class FixedRateBond(Instrument):
    """Fixed coupons and the face amount, discounted on a curve of zero rates.

    Value (dirty: accrued interest included): sum of the payments after the as-of date, each times its discount factor.
    Coupon days count back from maturity, unadjusted for holidays.

    Parameters
    ----------
    face : amount repaid at maturity; negative is sold short
    currency : of every payment
    coupon : a year, decimal (.06 is 6 per cent)
    issue : first day of the first coupon period
    maturity : day of the last coupon and of repayment
    frequency : "annual", "semiannual" or "quarterly" coupons
    day_count : "actual/actual" (ISMA: a full period pays coupon / frequency), "30/360" (bond basis) or "actual/365"
    curve : curve to discount on, by default the market's curve of the currency's code; or a flat rate (decimal)

    Example
    -------
    {"instrument": "fixed_rate_bond", "name": "Ten-year note", "face": 5000000, "currency": "USD", "coupon": 0.065,
     "issue": "2000-02-15", "maturity": "2010-02-15", "frequency": "semiannual", "curve": "UST"}
    """

    face: Amount
    currency: Currency
    coupon: Rate
    issue: Day
    maturity: Day
    frequency: Literal["annual", "semiannual", "quarterly"] = "annual"
    day_count: Literal["actual/actual", "30/360", "actual/365"] = "actual/actual"
    curve: NamedRate | None = None

    after_today: ClassVar[tuple[str, ...]] = ("maturity",)
    until_today: ClassVar[tuple[str, ...]] = ("issue",)

    @property
    def value_currency(self) -> str:
        """The payments' currency."""
        return self.currency

    @property
    def description(self) -> str:
        """The trade in a few words."""
        side = "" if self.face > 0 else "short "
        coupon = f"{100 * self.coupon:g}% {self.frequency}"
        return f"{side}{abs(self.face):,.0f} {self.currency}, {coupon}, due {self.maturity}"

    def needs(self) -> Mapping[str, Need]:
        """The curve."""
        return {"curve": self._discount}

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `FixedRateBond` with its discounting engine, settled on the as-of date."""
        sign = 1.0 if self.face >= 0 else -1.0
        bond = self._bond()
        paid = sign * sum(flow.amount() for flow in bond.cashflows() if quotes.between(py_date(flow.date())))
        if self.maturity <= quotes.reference:
            return lambda: paid
        bond.setPricingEngine(quotes.ql.DiscountingBondEngine(quotes.curve(self._discount)))
        return lambda: paid + sign * bond.NPV()

    def closed_form(self, arrays: Arrays) -> np.ndarray | None:
        """Payments times discount factors."""
        value: np.ndarray | float = 0.0
        for flow in self._bond().cashflows():
            day, amount = py_date(flow.date()), flow.amount()
            if arrays.between(day):
                value = value + amount
            elif day > arrays.reference:
                value = value + amount * arrays.discount(self._discount, day)
        return np.asarray(value if self.face >= 0 else -value)

    @property
    def size(self) -> float:
        """The face amount."""
        return abs(self.face)

    def _bond(self) -> Any:
        ql = quantlib()
        tenor = ql.Period(
            {"annual": ql.Annual, "semiannual": ql.Semiannual, "quarterly": ql.Quarterly}[self.frequency]
        )
        schedule = ql.Schedule(
            ql_date(self.issue), ql_date(self.maturity), tenor, ql.NullCalendar(),
            ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Backward, False,
        )  # fmt: skip
        day_count = {
            "actual/actual": lambda: ql.ActualActual(ql.ActualActual.ISMA, schedule),
            "30/360": lambda: ql.Thirty360(ql.Thirty360.BondBasis),
            "actual/365": ql.Actual365Fixed,
        }[self.day_count]()
        return ql.FixedRateBond(0, abs(self.face), schedule, [self.coupon], day_count, ql.Unadjusted)

    @property
    def _discount(self) -> Discount:
        return Discount(self.currency if self.curve is None else self.curve)

    @classmethod
    def _inconsistencies(cls, values: Mapping[str, Any]) -> Iterator[str]:
        if values["maturity"] <= values["issue"]:
            yield f"maturity {values['maturity']} is not after issue {values['issue']}"
