"""Interest-rate caps and floors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qfin.risk._black import bachelier, black
from qfin.risk._fields import Amount, Count, NamedRate, NamedVol, Rate
from qfin.risk._market import Need, Volatility
from qfin.risk._quantlib import py_date
from qfin.risk.instruments._base import Pricer
from qfin.risk.instruments._legs import (
    MONTHS,
    Convention,
    DayCount,
    FloatingLeg,
    Frequency,
    Number,
    day_count,
    paid_or_discounted,
    schedule,
)
from qfin.risk.instruments._rates import RateTrade

if TYPE_CHECKING:
    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class CapFloor(RateTrade):
    """A strip of options on the fixings of an index: a cap pays what they are above a strike, a floor what below.

    Each caplet by Black's formula (Black 1976), or by Bachelier's where the volatility is normal (Brigo and Mercurio,
    Interest Rate Models, 2nd ed., section 1.6). Dates count back from maturity.

    Parameters
    ----------
    option : "cap" or "floor"
    notional : of every period; negative is sold
    currency : of every payment
    strike : rate, decimal a year
    start : first day of the first period
    maturity : last day of the last period
    volatility : of every forward rate, a year; or the name of a VOL factor or of one of the market's volatilities
    model : "black" (lognormal volatility, .2 is 20 per cent) or "bachelier" (normal, .01 is 100 basis points)
    frequency : "monthly", "quarterly", "semiannual" or "annual" periods; the index has that tenor
    day_count : "actual/360", "actual/365", "actual/actual" (ISDA) or "30/360" (bond basis)
    index : name of the index in the market's fixings, by default the currency's code and tenor: "USD-3M"
    fixing_days : business days between a fixing and the start of its period
    calendar : "none" (every day is a business day), "weekends", "target", "united_states", "united_kingdom", "japan",
        "canada" or "switzerland"
    convention : "unadjusted", "following" or "modified_following", of dates that are no business days
    discount_curve : curve to discount on, by default the market's curve of the currency's code; or a flat rate
        (decimal)
    forecast_curve : curve that the index is forecast on, by default the one to discount on

    Example
    -------
    {"instrument": "cap_floor", "name": "Five-year cap", "option": "cap", "notional": 3000000, "currency": "USD",
     "strike": 0.045, "start": "2027-01-15", "maturity": "2032-01-15", "volatility": 0.25}
    """

    option: Literal["cap", "floor"]
    notional: Amount
    strike: Rate
    volatility: NamedVol
    model: Literal["black", "bachelier"] = "black"
    frequency: Frequency = "quarterly"
    day_count: DayCount = "actual/360"
    index: str | None = None
    fixing_days: Count = 2
    convention: Convention = "modified_following"
    forecast_curve: NamedRate | None = None

    @property
    def description(self) -> str:
        """The trade in a few words."""
        side = "bought" if self.notional > 0 else "sold"
        on = f"{abs(self.notional):,.0f} {self._leg.index}"
        return f"{side} {self.option} on {on}, strike {100 * self.strike:g}%, until {self.maturity}"

    @property
    def size(self) -> float:
        """The notional."""
        return abs(self.notional)

    def needs(self) -> Mapping[str, Need]:
        """Both curves, the volatility, and what the index was fixed at."""
        return {
            "discount_curve": self._discount,
            "forecast_curve": self._forecast,
            "volatility": Volatility(self.volatility),
            "index": self._leg.fixing(),
        }

    def build(self, quotes: Quotes) -> Pricer:
        """QuantLib's `Cap` or `Floor` with its Black or Bachelier engine."""
        ql, sign = quotes.ql, 1.0 if self.notional >= 0 else -1.0
        leg = ql.IborLeg(
            [self._leg.notional], self._leg.dates, self._leg.ql_index(quotes), day_count(self.day_count),
            fixingDays=[self.fixing_days],
        )  # fmt: skip
        made = ql.Cap(leg, [self.strike]) if self.option == "cap" else ql.Floor(leg, [self.strike])
        engine = ql.BlackCapFloorEngine if self.model == "black" else ql.BachelierCapFloorEngine
        made.setPricingEngine(engine(quotes.curve(self._discount), quotes.volatility_quote(self._vol)))
        coupons = [ql.as_floating_rate_coupon(flow) for flow in leg]
        due = [c for c in coupons if quotes.between(py_date(c.date()))]
        ended = coupons[-1].date() <= quotes.date(quotes.reference)

        def price() -> float:
            paid = sum(self._paid(c.rate()) * c.nominal() * c.accrualPeriod() for c in due)
            return sign * (paid if ended else float(paid + made.NPV()))

        return price

    def closed_form(self, arrays: Arrays) -> np.ndarray | None:
        """The formulas named above."""
        total: Number = 0.0
        for period, rate in self._leg.forwards(arrays):
            each = self._caplet(rate, arrays.sigma(self._vol), arrays.years(period.fixed))
            accrued = self.notional * period.accrual
            total = total + each * accrued * paid_or_discounted(arrays, self._discount, period.paid)
        return np.asarray(total)

    def _caplet(self, rate: Number, sigma: Number, years: float) -> Number:
        if years <= 0.0:
            return np.maximum(self._side * (np.asarray(rate) - self.strike), 0.0)
        formula = black if self.model == "black" else bachelier
        return formula(self._side, np.asarray(rate), self.strike, sigma * np.sqrt(years))

    def _paid(self, rate: float) -> float:
        return max(self._side * (rate - self.strike), 0.0)

    @property
    def _side(self) -> int:
        return 1 if self.option == "cap" else -1

    @property
    def _vol(self) -> Volatility:
        return Volatility(self.volatility)

    @cached_property
    def _leg(self) -> FloatingLeg:
        return FloatingLeg(
            abs(self.notional),
            schedule(self.start, self.maturity, self.frequency, self.calendar, self.convention),
            self.index or f"{self.currency}-{MONTHS[self.frequency]}M",
            MONTHS[self.frequency],
            self._forecast,
            0.0,
            self.day_count,
            self.calendar,
            self.fixing_days,
        )

    @classmethod
    def _inconsistencies(cls, values: Mapping[str, Any]) -> Iterator[str]:
        yield from super()._inconsistencies(values)
        if values["model"] == "black" and values["strike"] <= 0:
            yield f"strike {values['strike']:g} is not above zero, which Black's formula needs; take model 'bachelier'"
