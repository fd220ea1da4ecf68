"""Floating-rate bonds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from qfin.risk._fields import Amount, Count, Currency, Day, NamedRate, Rate
from qfin.risk._market import Discount, Need
from qfin.risk.instruments._base import Instrument, Pricer
from qfin.risk.instruments._legs import (
    MONTHS,
    CalendarName,
    Convention,
    DayCount,
    FloatingLeg,
    Frequency,
    convention,
    day_count,
    paid_between,
    schedule,
)

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class FloatingRateBond(Instrument):
    """Coupons of an index plus a spread, and the face amount, discounted on a curve of zero rates.

    Each coupon is fixed in advance; one that is not fixed yet is worth its forward rate (Hull, Options, Futures, and
    Other Derivatives, 11th ed., section 4.10). Dirty value. Dates count back from maturity.

    Parameters
    ----------
    face : amount repaid at maturity; negative is sold short
    currency : of every payment
    issue : first day of the first coupon period
    maturity : day of the last coupon and of repayment
    frequency : "monthly", "quarterly", "semiannual" or "annual" coupons; the index has that tenor
    spread : over the index, decimal a year
    day_count : "actual/360", "actual/365", "actual/actual" (ISDA) or "30/360" (bond basis), of coupons and index
    index : name of the index in the market's fixings, by default the currency's code and tenor: "USD-3M"
    fixing_days : business days between a fixing and the start of its period
    calendar : "none" (every day is a business day), "weekends", "target", "united_states", "united_kingdom", "japan",
        "canada" or "switzerland"
    convention : "unadjusted", "following" or "modified_following", of dates that are no business days
    curve : curve to discount on, by default the market's curve of the currency's code; or a flat rate (decimal)
    forecast_curve : curve that the index is forecast on, by default the one to discount on

    Example
    -------
    {"instrument": "floating_rate_bond", "name": "Floater", "face": 2000000, "currency": "USD", "issue": "2026-06-15",
     "maturity": "2030-06-15", "frequency": "quarterly", "spread": 0.002, "fixing_days": 0}
    """

    face: Amount
    currency: Currency
    issue: Day
    maturity: Day
    frequency: Frequency = "quarterly"
    spread: Rate = 0.0
    day_count: DayCount = "actual/360"
    index: str | None = None
    fixing_days: Count = 2
    calendar: CalendarName = "weekends"
    convention: Convention = "modified_following"
    curve: NamedRate | None = None
    forecast_curve: NamedRate | None = None

    after_today: ClassVar[tuple[str, ...]] = ("maturity",)

    @property
    def value_currency(self) -> str:
        """The payments' currency."""
        return self.currency

    @property
    def description(self) -> str:
        """The trade in a few words."""
        side = "" if self.face > 0 else "short "
        rate = f"{self._leg.index} + {1e4 * self.spread:g} bp {self.frequency}"
        return f"{side}{abs(self.face):,.0f} {self.currency}, {rate}, due {self.maturity}"

    @property
    def size(self) -> float:
        """The face amount."""
        return abs(self.face)

    def needs(self) -> Mapping[str, Need]:
        """Both curves, and what the index was fixed at."""
        return {"curve": self._discount, "forecast_curve": self._forecast, "index": self._leg.fixing()}

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `FloatingRateBond` with its discounting engine, settled on the reference date."""
        ql, sign = quotes.ql, 1.0 if self.face >= 0 else -1.0
        bond = ql.FloatingRateBond(
            0, abs(self.face), self._leg.dates, self._leg.ql_index(quotes), day_count(self.day_count),
            convention(self.convention), self.fixing_days, [1.0], [self.spread],
        )  # fmt: skip
        bond.setPricingEngine(ql.DiscountingBondEngine(quotes.curve(self._discount)))
        flows = bond.cashflows()
        ended = self.maturity <= quotes.reference
        return lambda: sign * (paid_between(quotes, flows) + (0.0 if ended else bond.NPV()))

    def closed_form(self, arrays: Arrays) -> np.ndarray | None:
        """Forward rates and face amount times discount factors."""
        value = self._leg.value(arrays, self._discount, notionals=True)
        return np.asarray(value if self.face >= 0 else -value)

    @cached_property
    def _leg(self) -> FloatingLeg:
        return FloatingLeg(
            abs(self.face),
            schedule(self.issue, self.maturity, self.frequency, self.calendar, self.convention),
            self.index or f"{self.currency}-{MONTHS[self.frequency]}M",
            MONTHS[self.frequency],
            self._forecast,
            self.spread,
            self.day_count,
            self.calendar,
            self.fixing_days,
        )

    @property
    def _discount(self) -> Discount:
        return Discount(self.currency if self.curve is None else self.curve)

    @property
    def _forecast(self) -> Discount:
        return self._discount if self.forecast_curve is None else Discount(self.forecast_curve)

    @classmethod
    def _inconsistencies(cls, values: Mapping[str, Any]) -> Iterator[str]:
        if values["maturity"] <= values["issue"]:
            yield f"maturity {values['maturity']} is not after issue {values['issue']}"
