"""ORE's market: quotes, curve and market configuration, the simulated market, and levels by date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import pandas as pd

from qfin.errors import DataError
from qfin.risk._arrays import Arrays
from qfin.risk._market import Discount, Market
from qfin.risk._static import add_tenor, tenor_days
from qfin.risk._variables import Columns, Paths, Variable, weekdays_after
from qfin.risk.ore._trades import CASH, Needed, node

_FAR = "60Y"
_ENDS = ("1M", _FAR)
_USUAL = ("1M", "3M", "6M", "1Y", "2Y", "3Y", "5Y", "10Y", "30Y")


@dataclass(frozen=True)
class OreMarket:
    """The market of trades, as ORE wants it.

    market : qfin's; needed : what trades ask for; base : base currency; still : as-of levels
    """

    market: Market
    needed: Needed
    base: str
    still: Paths

    @property
    def as_of(self) -> date:
        """The as-of date."""
        return self.market.as_of.date()

    @property
    def currencies(self) -> list[str]:
        """All currencies, the base currency first."""
        return [self.base, *(code for code in self.needed.currencies if code != self.base)]

    @property
    def tenors(self) -> list[str]:
        """Nodes of every simulated curve: the pillars of all, and usual ones."""
        found = {*_USUAL, _FAR}
        for code in self.currencies:
            found |= set(self._tenors(self._curve(code)))
        return sorted(found, key=tenor_days)

    def rate(self, currency: str, columns: Columns) -> np.ndarray:
        """Units of the base currency for one of another, shape (n,)."""
        value: Any = 1.0
        for name, power in self.market.conversion(currency, self.base):
            level = columns[Variable(name)]
            value = value * level if power == 1 else value / level
        return np.asarray(value)

    def quotes(self) -> Iterator[str]:
        """Lines of `market.txt`."""
        day = f"{self.as_of:%Y%m%d}"
        arrays = self._arrays(self.still)
        for code in self.currencies[1:]:
            yield f"{day} FX/RATE/{code}/{self.base} {float(np.ravel(self.rate(code, self.still))[0])!r}"
        for code in self.currencies:
            need = self._curve(code)
            for tenor in (*self._tenors(need), _FAR):
                at = add_tenor(self.as_of, tenor)
                yield f"{day} ZERO/RATE/{code}/{code}-CURVE/A365/{at} {self._zero(arrays, need, at)!r}"
        for pair, volatility in self.needed.volatilities.items():
            value = float(np.ravel(arrays.sigma(volatility))[0])
            for tenor in _USUAL:
                yield f"{day} {self._volatility_quote(pair, tenor)} {value!r}"
        for name, currency in self.needed.equities.items():
            price = 1.0 if name.startswith(CASH) else float(self.still[Variable(name)][0])
            yield f"{day} EQUITY/PRICE/{name}/{currency} {price!r}"
            need = self.needed.yields.get(name, Discount(0.0))
            for tenor in _ENDS:
                value = self._zero(arrays, need, add_tenor(self.as_of, tenor))
                yield f"{day} {self._dividend_quote(name, currency, tenor)} {value!r}"

    def levels(self, paths: Paths) -> pd.DataFrame:
        """Absolute levels by date that ORE takes consecutive returns of: those of scenario k, on today's market, from
        date k + 1 to date k + 2. Nothing moves from the first date to the second: ORE leaves out the return to the
        first day of its period. The dates are so far back that the last is the as-of date."""
        n = len(paths)
        columns: dict[str, np.ndarray] = {}
        today, drawn = self._arrays(self.still), self._arrays(paths)
        for code in self.currencies:
            need = self._curve(code)
            for k, tenor in enumerate(self.tenors):
                at = add_tenor(self.as_of, tenor)
                before, after = today.discount(need, at), drawn.discount(need, at)
                columns[f"DiscountCurve/{code}/{k}"] = self._chain(before, after, n)
        for code in self.currencies[1:]:
            before, after = self.rate(code, self.still), self.rate(code, paths)
            columns[f"FXSpot/{code}{self.base}/0"] = self._chain(before, after, n)
        for name in self.needed.equities:
            cash = name.startswith(CASH)
            before, after = (1.0, 1.0) if cash else (self.still[Variable(name)], paths[Variable(name)])
            columns[f"EquitySpot/{name}/0"] = self._chain(before, after, n)
        first = pd.Timestamp(self.as_of) - pd.offsets.BDay(n + 2)
        dates = weekdays_after(first.date(), n + 2)
        frame = pd.DataFrame(
            {name: np.append(column[0], column) for name, column in columns.items()}, index=dates
        )
        frame.insert(0, "Numeraire", 1.0)
        frame.insert(0, "Scenario", 1)
        return frame.rename_axis("Date")

    def curve_configuration(self) -> Element:
        """`curveconfig.xml`."""
        yields = [self._yield_curve(code) for code in self.currencies]
        fx = [
            {"CurveId": pair, "CurveDescription": pair, "Dimension": "ATM", "Expiries": ",".join(_USUAL),
             "FXSpotID": f"FX/{pair[:3]}/{pair[3:]}", "FXForeignCurveID": f"Yield/{pair[:3]}/{pair[:3]}-CURVE",
             "FXDomesticCurveID": f"Yield/{pair[3:]}/{pair[3:]}-CURVE", "DayCounter": "A365",
             "Calendar": "NullCalendar"}
            for pair in self.needed.volatilities if self._is_pair(pair)
        ]  # fmt: skip
        equities = [
            {"CurveId": name, "CurveDescription": name, "Currency": currency, "ForecastingCurve": f"{currency}-CURVE",
             "Type": "DividendYield", "SpotQuote": f"EQUITY/PRICE/{name}/{currency}",
             "Quotes": {"Quote": [self._dividend_quote(name, currency, tenor) for tenor in _ENDS]},
             "DayCounter": "A365",
             "DividendInterpolation": {"InterpolationVariable": "Zero", "InterpolationMethod": "Linear"},
             "Extrapolation": "true"}
            for name, currency in self.needed.equities.items()
        ]  # fmt: skip
        volatilities = [
            {"CurveId": name, "CurveDescription": name, "Currency": self.needed.equities[name], "Dimension": "ATM",
             "Expiries": ",".join(_USUAL), "DayCounter": "A365"}
            for name in self.needed.volatilities if not self._is_pair(name)
        ]  # fmt: skip
        return node(
            "CurveConfiguration",
            {"FXVolatilities": {"FXVolatility": fx}, "EquityVolatilities": {"EquityVolatility": volatilities},
             "EquityCurves": {"EquityCurve": equities}, "YieldCurves": {"YieldCurve": yields}},
        )  # fmt: skip

    def todays_market(self) -> Element:
        """`todaysmarket.xml`."""
        root = node("TodaysMarket", {})
        configuration = node("Configuration", {f"{part}Id": "default" for part in _PARTS})
        configuration.set("id", "default")
        root.append(configuration)
        pairs = [name for name in self.needed.volatilities if self._is_pair(name)]
        others = [name for name in self.needed.volatilities if not self._is_pair(name)]
        for tag, inner, attribute, values in (
            ("DiscountingCurves", "DiscountingCurve", "currency", {c: f"Yield/{c}/{c}-CURVE" for c in self.currencies}),
            ("FxSpots", "FxSpot", "pair", {f"{c}{self.base}": f"FX/{c}/{self.base}" for c in self.currencies[1:]}),
            ("FxVolatilities", "FxVolatility", "pair",
             {p: f"FXVolatility/{p[:3]}/{p[3:]}/{p}" for p in pairs}),
            ("EquityCurves", "EquityCurve", "name", {e: f"Equity/{c}/{e}" for e, c in self.needed.equities.items()}),
            ("EquityVolatilities", "EquityVolatility", "name",
             {e: f"EquityVolatility/{self.needed.equities[e]}/{e}" for e in others}),
        ):  # fmt: skip
            if values:
                root.append(self._group(tag, inner, attribute, values))
        return root

    def simulation(self) -> Element:
        """`simulation.xml`: what moves in ORE."""
        rates = [f"{code}{self.base}" for code in self.currencies[1:]]
        pairs = [name for name in self.needed.volatilities if self._is_pair(name)]
        others = [name for name in self.needed.volatilities if not self._is_pair(name)]
        market: dict[str, Any] = {
            "BaseCurrency": self.base,
            "Currencies": {"Currency": self.currencies},
            "YieldCurves": {
                "Configuration": {
                    "Tenors": ",".join(self.tenors),
                    "Interpolation": "LinearZero",
                    "Extrapolation": "FlatZero",
                }
            },
            "FxRates": {"CurrencyPairs": {"CurrencyPair": rates}},
            "FxVolatilities": _still("CurrencyPairs", "CurrencyPair", pairs),
            "Equities": {"Names": {"Name": list(self.needed.equities)}, "DividendTenors": "1Y,30Y"},
            "EquityVolatilities": _still("Names", "Name", others),
        }  # fmt: skip
        return node("Simulation", {"Market": {k: v for k, v in market.items() if v}})

    def _arrays(self, columns: Columns) -> Arrays:
        return Arrays(self.market, self.as_of, columns)

    def _curve(self, currency: str) -> Discount:
        return self.needed.currencies.get(currency) or (
            Discount(currency) if currency in self.market.static.curves else Discount(0.0)
        )

    def _tenors(self, need: Discount) -> tuple[str, ...]:
        return self.market_nodes(need) or ("1Y",)

    def market_nodes(self, need: Discount) -> tuple[str, ...]:
        """Pillars of a curve; () if it is flat."""
        curve = self.market.curve(need.source)
        return tuple(curve.pillars) if curve.pillars else tuple(self.market.pillars(curve).values())

    def _zero(self, arrays: Arrays, need: Discount, day: date) -> float:
        return -float(np.log(np.ravel(arrays.discount(need, day))[0])) / arrays.years(day)

    @staticmethod
    def _chain(today: Any, drawn: Any, n: int) -> np.ndarray:
        """Levels whose consecutive ratios are those of the scenarios to today."""
        ratios = np.broadcast_to(np.asarray(drawn, dtype=float) / np.asarray(today, dtype=float), n)
        start = float(np.ravel(today)[0])
        levels = start * np.exp(np.concatenate([[0.0], np.cumsum(np.log(ratios))]))
        if not np.isfinite(levels).all():
            raise DataError(
                "the scenarios have levels of zero or below, which ORE's relative returns cannot hold"
            )
        return levels

    def _is_pair(self, name: str) -> bool:
        return name not in self.needed.equities

    def _volatility_quote(self, name: str, tenor: str) -> str:
        if self._is_pair(name):
            return f"FX_OPTION/RATE_LNVOL/{name[:3]}/{name[3:]}/{tenor}/ATM"
        return f"EQUITY_OPTION/RATE_LNVOL/{name}/{self.needed.equities[name]}/{tenor}/ATMF"

    def _dividend_quote(self, name: str, currency: str, tenor: str) -> str:
        return f"EQUITY_DIVIDEND/RATE/{name}/{currency}/{add_tenor(self.as_of, tenor)}"

    def _yield_curve(self, code: str) -> dict[str, Any]:
        days = [add_tenor(self.as_of, tenor) for tenor in (*self._tenors(self._curve(code)), _FAR)]
        quotes = [f"ZERO/RATE/{code}/{code}-CURVE/A365/{day}" for day in days]
        return {
            "CurveId": f"{code}-CURVE", "CurveDescription": code, "Currency": code, "DiscountCurve": f"{code}-CURVE",
            "Segments": {"Direct": {"Type": "Zero", "Quotes": {"Quote": quotes}, "Conventions": "ZERO"}},
            "InterpolationVariable": "Zero", "InterpolationMethod": "Linear", "YieldCurveDayCounter": "A365",
            "Tolerance": "0.000000000001", "Extrapolation": "true",
        }  # fmt: skip

    @staticmethod
    def _group(tag: str, inner: str, attribute: str, values: dict[str, str]) -> Element:
        group = Element(tag, id="default")
        for key, value in values.items():
            one = Element(inner, {attribute: key})
            one.text = value
            group.append(one)
        return group


_PARTS = (
    "YieldCurves", "DiscountingCurves", "IndexForwardingCurves", "SwapIndexCurves", "FxSpots", "FxVolatilities",
    "SwaptionVolatilities", "YieldVolatilities", "CapFloorVolatilities", "CDSVolatilities", "DefaultCurves",
    "EquityCurves", "EquityVolatilities", "Securities", "BaseCorrelations", "CommodityCurves", "CommodityVolatilities",
    "Correlations",
)  # fmt: skip


def _still(group: str, inner: str, names: list[str]) -> dict[str, Any]:
    """Volatilities that are there and do not move."""
    if not names:
        return {}
    return {"Simulate": "false", "ReactionToTimeDecay": "ForwardVariance", group: {inner: names},
            "Expiries": ",".join(_USUAL)}  # fmt: skip
