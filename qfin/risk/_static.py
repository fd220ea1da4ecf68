"""Market data without a history: what a portfolio brings along and no scenario moves."""

from __future__ import annotations

import math
import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from qfin.risk._fields import NamedRate, Rate, Vol

Compounding = Literal["continuous", "annual", "semiannual", "quarterly"]
_TIMES_A_YEAR = {"annual": 1, "semiannual": 2, "quarterly": 4}
_LONGEST = 60 * 365.25
_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}


def tenor_days(tenor: str) -> float:
    """Length of a tenor such as 3M or 10Y in days, to order pillars by.

    Raises
    ------
    ValueError
        if it is no tenor.
    """
    match = re.fullmatch(r"([1-9]\d*)([DWMY])", tenor)
    if match is None or (days := int(match[1]) * _DAYS[match[2]]) > _LONGEST:
        raise ValueError(f"{tenor!r} is not a tenor such as 3M or 10Y, 60Y at most")
    return days


def add_tenor(day: date, tenor: str) -> date:
    """The day a tenor after another: months keep the day, or end with the month."""
    count, unit = int(tenor[:-1]), tenor[-1]
    if unit in "DW":
        return day + timedelta(days=count * (7 if unit == "W" else 1))
    year, month = divmod(day.month - 1 + count * (12 if unit == "Y" else 1), 12)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def to_continuous(rates: Any, compounding: Compounding) -> Any:
    """Continuously compounded rates equal to `rates` (decimals): m ln(1 + r / m) for m periods a year."""
    if compounding == "continuous":
        return rates
    m = _TIMES_A_YEAR[compounding]
    return m * np.log1p(np.asarray(rates, dtype=float) / m)


def _rising(pillars: dict[str, Any]) -> dict[str, Any]:
    days = {tenor: tenor_days(tenor) for tenor in pillars}
    if len(days) < 2:
        raise ValueError("a curve needs two pillars or more; give a flat one as 'rate'")
    ordered = sorted(days, key=days.__getitem__)
    for a, b in pairwise(ordered):
        if days[b] - days[a] < 0.5:
            raise ValueError(f"pillars {a} and {b} are the same")
    return {tenor: pillars[tenor] for tenor in ordered}


class Curve(BaseModel):
    """A curve of zero rates, Actual/365 (fixed), linear between pillars (in the continuously compounded rate), flat
    before the first and beyond the last.

    Exactly one of
    rate : a flat rate (decimal, .036 is 3.6 per cent), or the name of an IR factor
    pillars : rates (decimal) by tenor, {"3M": .036, "5Y": .034}
    factors : names of the IR factors that are its pillars; each factor says its own tenor
    and
    compounding : how those rates compound, "continuous" by default
    quotation : "zero" rates, or "par" rates of pillars, which zero rates are bootstrapped from: coupons of bonds at
        their face, paid as often as `compounding` says (which then names a frequency)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate: NamedRate | None = None
    pillars: Annotated[dict[str, Rate], AfterValidator(_rising)] | None = None
    factors: tuple[str, ...] | None = Field(None, min_length=2)
    compounding: Compounding = "continuous"
    quotation: Literal["zero", "par"] = "zero"

    @model_validator(mode="before")
    @classmethod
    def _number_is_flat(cls, value: Any) -> Any:
        return {"rate": value} if isinstance(value, int | float) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _one_of_three(self) -> Curve:
        if sum(part is not None for part in (self.rate, self.pillars, self.factors)) != 1:
            raise ValueError("should be given by one of: rate, pillars, factors")
        if self.quotation == "par" and (self.rate is not None or self.compounding == "continuous"):
            raise ValueError("of par rates needs pillars or factors, and how often they pay as 'compounding'")
        return self

    @property
    def frequency(self) -> int:
        """Payments a year that its rates are quoted for; 0 if they compound continuously."""
        return _TIMES_A_YEAR.get(self.compounding, 0)

    @property
    def factor_names(self) -> tuple[str, ...]:
        """Names of the factors that move it."""
        return (self.rate,) if isinstance(self.rate, str) else self.factors or ()

    def __str__(self) -> str:
        if self.factor_names:
            return f"{self.quotation} rates {', '.join(self.factor_names)}, {self.compounding}"
        points = {"flat": float(self.rate or 0.0)} if self.pillars is None else self.pillars
        return (
            ", ".join(f"{100 * r:g}% {tenor}" for tenor, r in points.items())
            + f", {'par, ' * (self.quotation == 'par')}{self.compounding}"
        )


class Bounds(BaseModel):
    """The least and the greatest level that a factor may take, in its own unit: a volatility of 1 to 200 per cent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    floor: float = Field(-math.inf, allow_inf_nan=False, validate_default=False)
    cap: float = Field(math.inf, allow_inf_nan=False, validate_default=False)

    @model_validator(mode="after")
    def _ordered(self) -> Bounds:
        if not self.floor < self.cap:
            raise ValueError(f"floor {self.floor:g} is not below cap {self.cap:g}")
        return self


class StaticMarket(BaseModel):
    """Curves and volatilities by name; those that name no factor stay as they are in every scenario.

    curves : `Curve`s, a plain number being a flat, continuously compounded rate; a currency's own curve goes by its
        code ("USD")
    volatilities : a year, decimal (.08 is 8 per cent); the one that goes by an underlying's name is its default
    fixings : rates (decimal) that an index was fixed at in the past, or an underlying's past prices, by name and day:
        {"USD-3M": {"2000-04-27": .0645}}
    bounds : floor and cap of factors' levels, for quantities that have them: {"USDJPYVOL": {"floor": 1}}
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    curves: Mapping[str, Curve] = Field(default_factory=dict)
    volatilities: Mapping[str, Vol] = Field(default_factory=dict)
    fixings: Mapping[str, Mapping[date, float]] = Field(default_factory=dict)
    bounds: Mapping[str, Bounds] = Field(default_factory=dict)
