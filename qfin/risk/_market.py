"""What trades need of a market, and whether a set of risk factors and static data has it. No QuantLib here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise

import pandas as pd

from qfin.errors import DataError
from qfin.market import RiskFactor
from qfin.risk._fields import did_you_mean, is_pair
from qfin.risk._static import Curve, StaticMarket, tenor_days

_UNITS = {"per cent": 0.01, "decimal": 1.0}


@dataclass(frozen=True)
class Price:
    """The level of a risk factor: a spot, or the price of one unit.

    `types` are those the factor may have; with `positive` a level of zero or below cannot be valued. `currency` is
    the one the price must be in, where the factor's unit tells.
    """

    factor: str
    types: tuple[str, ...]
    positive: bool = True
    currency: str | None = None


@dataclass(frozen=True)
class Discount:
    """A curve of zero rates: one of the market's by name, or a flat continuously compounded rate (decimal)."""

    source: str | float


@dataclass(frozen=True)
class Hazard:
    """A curve of hazard rates of an issuer: one of the market's curves by name, or a flat rate (decimal a year)."""

    source: str | float

    @property
    def rates(self) -> Discount:
        """Its rates as a curve of the market."""
        return Discount(self.source)


@dataclass(frozen=True)
class Volatility:
    """An annual Black volatility: a VOL factor or one of the market's by name, or a number (decimal)."""

    source: str | float


@dataclass(frozen=True)
class Fixing:
    """What an index was fixed at: `periods` are days of fixing with the day on which each is paid."""

    index: str
    periods: tuple[tuple[date, date], ...]


Need = Price | Discount | Hazard | Volatility | Fixing
_TYPE_WORDS = {
    "FX": "an exchange rate",
    "EQ": "an equity",
    "CMD": "a commodity",
    "IR": "a rate",
    "VOL": "a volatility",
}


@dataclass(frozen=True)
class Market:
    """The risk factors of a scenario set and a portfolio's static data, on the as-of date."""

    factors: tuple[RiskFactor, ...]
    static: StaticMarket
    as_of: pd.Timestamp

    def problems(self) -> list[str]:
        """What is wrong with the static data themselves, each a clause."""
        return [
            f"market.bounds: there is no risk factor {name!r} in the scenarios{did_you_mean(name, self._by_name)}"
            for name in self.static.bounds
            if name not in self._by_name
        ]

    @cached_property
    def _by_name(self) -> Mapping[str, RiskFactor]:
        return {factor.name: factor for factor in self.factors}

    def factor(self, name: str) -> RiskFactor:
        """The factor of that name.

        Raises
        ------
        DataError
            listing those there are.
        """
        if name not in self._by_name:
            raise DataError(
                f"there is no risk factor {name!r} in the scenarios{did_you_mean(name, self._by_name)}"
            )
        return self._by_name[name]

    def index(self, name: str) -> int:
        """Column of a factor."""
        return self.factors.index(self.factor(name))

    def scale(self, name: str) -> float:
        """Decimals per unit of a rate's or a volatility's level: .01 where the unit is per cent."""
        return _UNITS.get(self.factor(name).unit, 1.0)

    def curve(self, source: str | float) -> Curve:
        """The curve a `Discount` asks for.

        Raises
        ------
        DataError
            if the market has no curve of that name.
        """
        if not isinstance(source, str):
            return Curve(rate=source)
        curves = self.static.curves
        if source not in curves:
            raise DataError(
                f"there is no curve {source!r} in the portfolio's market{did_you_mean(source, curves)}"
            )
        return curves[source]

    def pillars(self, curve: Curve) -> dict[str, str]:
        """Tenor of each factor of a curve, shortest first: {"UST1Y": "1Y", ...}."""
        tenors = {name: self.factor(name).pillar or "" for name in curve.factors or ()}
        return dict(sorted(tenors.items(), key=lambda item: tenor_days(item[1])))

    def factor_names(self, need: Need) -> tuple[str, ...]:
        """Names of the factors that move what is needed; none if it is static."""
        if isinstance(need, Price):
            return (need.factor,)
        if isinstance(need, Discount | Hazard):
            return self.curve(need.source).factor_names
        if isinstance(need, Fixing):
            return ()
        return (
            ()
            if not isinstance(need.source, str) or need.source in self.static.volatilities
            else (need.source,)
        )

    def positive_names(self, need: Need) -> tuple[str, ...]:
        """Names of those of its factors that must be above zero."""
        if isinstance(need, Discount | Hazard | Fixing) or (isinstance(need, Price) and not need.positive):
            return ()
        return self.factor_names(need)

    def problem(self, need: Need) -> str | None:
        """Why this market cannot give what is needed; None if it can."""
        try:
            if isinstance(need, Price):
                return self._price_problem(need)
            if isinstance(need, Discount | Hazard):
                return self._curve_problem(self.curve(need.source))
            if isinstance(need, Fixing):
                return self._fixing_problem(need)
            return self._volatility_problem(need.source)
        except (DataError, ValueError) as error:
            return str(error)

    def conversion(self, currency: str, base: str) -> tuple[tuple[str, int], ...]:
        """FX factors whose product turns an amount of `currency` into `base`: (name, 1 to multiply or -1 to divide).

        The fewest pairs win: the direct or inverse pair, else a cross through a common currency; ties go to the pair
        that comes first in the factors.

        Raises
        ------
        DataError
            if no chain of pairs leads from one to the other.
        """
        pairs = [f.name for f in self.factors if f.type == "FX" and is_pair(f.name)]
        paths: dict[str, tuple[tuple[str, int], ...]] = {currency: ()}
        queue = [currency]
        while queue and base not in paths:
            here = queue.pop(0)
            for pair in pairs:
                for start, end, power in ((pair[:3], pair[3:], 1), (pair[3:], pair[:3], -1)):
                    if start == here and end not in paths:
                        paths[end] = (*paths[here], (pair, power))
                        queue.append(end)
        for name, _ in paths.get(base, ()):
            if (problem := _unit_problem(self.factor(name))) is not None:
                raise DataError(problem)
        if base not in paths:
            raise DataError(
                f"currency {currency} has no rate against {base} in the scenarios; they have "
                f"{', '.join(pairs) if pairs else 'no exchange rate'}"
            )
        return paths[base]

    def _price_problem(self, need: Price) -> str | None:
        factor = self.factor(need.factor)
        if factor.type not in need.types:
            wanted = " or ".join(_TYPE_WORDS[t] for t in need.types)
            return f"{factor.name} is {_TYPE_WORDS[factor.type]}, wanted {wanted}"
        quoted = factor.unit[:3]
        if factor.type == "FX":
            return _unit_problem(factor)
        if need.currency and quoted.isupper() and quoted.isalpha() and quoted != need.currency:
            return f"{factor.name} is priced in {factor.unit}, not in {need.currency}"
        return None

    def _curve_problem(self, curve: Curve) -> str | None:
        for name in curve.factor_names:
            factor = self.factor(name)
            if factor.type != "IR":
                return f"{name} is {_TYPE_WORDS[factor.type]}, wanted a rate"
            if factor.unit not in _UNITS:
                return f"{name} has the unit {factor.unit!r}, wanted 'per cent' or 'decimal'"
            if curve.factors and factor.pillar is None:
                return f"{name} has no pillar, so it cannot be a point of a curve"
        for (one, tenor), (other, same) in pairwise(self.pillars(curve).items()):
            if tenor_days(same) - tenor_days(tenor) < 0.5:
                return f"{one} and {other} are both the curve's pillar {same}"
        return None

    def _fixing_problem(self, need: Fixing) -> str | None:
        today, known = self.as_of.date(), self.static.fixings.get(need.index, {})
        missing = [fixed for fixed, paid in need.periods if fixed < today < paid and fixed not in known]
        if not missing:
            return None
        days = ", ".join(map(str, missing))
        return (
            f"the portfolio's market has no fixing of {need.index!r} on {days}; give it under market.fixings"
        )

    def _volatility_problem(self, source: str | float) -> str | None:
        if not isinstance(source, str):
            return None
        known = [*self.static.volatilities, *(f.name for f in self.factors if f.type == "VOL")]
        if source not in known:
            return f"there is no volatility {source!r} in the portfolio's market{did_you_mean(source, known)}"
        if known.count(source) > 1:
            return f"{source!r} is both a static volatility and a risk factor; take one away"
        if source not in self.static.volatilities and self.factor(source).unit not in _UNITS:
            return f"{source} has the unit {self.factor(source).unit!r}, wanted 'per cent' or 'decimal'"
        return None


def _unit_problem(pair: RiskFactor) -> str | None:
    """What is wrong with the unit of an FX factor; one that has none is taken to be what its name says."""
    wanted = f"{pair.name[3:]} per {pair.name[:3]}"
    return f"{pair.name} is in {pair.unit}, wanted {wanted}" if pair.unit not in ("", wanted) else None
