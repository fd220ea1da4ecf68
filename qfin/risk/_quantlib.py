"""The one file that imports QuantLib: its evaluation date, and a trade's own quotes, curves and volatilities.

Each trade gets a `Quotes` of its own, so it is a function of its own few factors and a quote set for it wakes nothing
else. Curves whose nodes are risk factors are a flat zero curve plus a spread a node, each spread a quote: the same
numbers as a `ZeroCurve` linear in the continuously compounded rate, without building one a scenario.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from qfin.risk._market import Discount, Market, Price, Volatility
from qfin.risk._static import Compounding, Curve, to_continuous

_FAR = "100Y"
_ONE_AT_A_TIME = threading.RLock()


def quantlib() -> Any:
    """The QuantLib module, imported when the first trade is valued."""
    import QuantLib

    return QuantLib


def ql_date(day: date) -> Any:
    """A QuantLib date."""
    return quantlib().Date(day.day, day.month, day.year)


@contextmanager
def evaluation_date(day: date) -> Iterator[None]:
    """QuantLib's one global evaluation date, set for a while and put back; other threads wait."""
    with _ONE_AT_A_TIME:
        settings = quantlib().Settings.instance()
        before = settings.evaluationDate
        settings.evaluationDate = ql_date(day)
        try:
            yield
        finally:
            settings.evaluationDate = before


@dataclass(frozen=True)
class _Column:
    """What one quote is set to: the level of `factor`, scaled, then continuously compounded."""

    factor: str
    scale: float
    compounding: Compounding

    def values(self, levels: np.ndarray) -> np.ndarray:
        with np.errstate(
            invalid="ignore", divide="ignore"
        ):  # a rate below -100 % a period has no value; PnL tells it
            return np.asarray(to_continuous(self.scale * levels, self.compounding))


class Quotes:
    """The quotes that one trade depends on, made as its `build` asks for them, at their as-of levels.

    market : the factors and static data; levels : shape (d,), one a factor of the market, in the factor's own unit
    """

    def __init__(self, market: Market, levels: np.ndarray) -> None:
        self.market = market
        self.ql = quantlib()
        self.reference = ql_date(market.as_of)
        self.day_count = self.ql.Actual365Fixed()
        self._levels = levels
        self._quotes: dict[_Column, Any] = {}

    @property
    def setters(self) -> list[Callable[[float], Any]]:
        """One function a quote, that sets it."""
        return [quote.setValue for quote in self._quotes.values()]

    def values(self, levels: np.ndarray) -> np.ndarray:
        """What to set the quotes to: shape (n, d) levels to (n, quotes), in the order of `setters`."""
        columns = [column.values(levels[:, self.market.index(column.factor)]) for column in self._quotes]
        return np.column_stack(columns) if columns else np.empty((len(levels), 0))

    def date(self, day: date) -> Any:
        """A QuantLib date."""
        return ql_date(day)

    def quote(self, need: Price) -> Any:
        """Quote of a factor's level."""
        return self._quote(_Column(need.factor, 1.0, "continuous"))

    def handle(self, need: Price) -> Any:
        """Handle of that quote."""
        return self.ql.QuoteHandle(self.quote(need))

    def curve(self, need: Discount) -> Any:
        """Handle of a curve of zero rates, extrapolated flat."""
        curve = self.market.curve(need.source)
        structure = self._flat(curve) if curve.rate is not None else self._nodes(curve)
        structure.enableExtrapolation()
        return self.ql.YieldTermStructureHandle(structure)

    def volatility(self, need: Volatility) -> Any:
        """Handle of a Black volatility, the same for every strike and expiry."""
        source, static = need.source, self.market.static.volatilities
        if isinstance(source, str) and source not in static:
            quote = self._quote(_Column(source, self.market.scale(source), "continuous"))
        else:
            quote = self.ql.SimpleQuote(static[source] if isinstance(source, str) else source)
        surface = self.ql.BlackConstantVol(
            self.reference, self.ql.NullCalendar(), self.ql.QuoteHandle(quote), self.day_count
        )
        return self.ql.BlackVolTermStructureHandle(surface)

    def _quote(self, column: _Column) -> Any:
        if column not in self._quotes:
            level = self._levels[self.market.index(column.factor)]
            self._quotes[column] = self.ql.SimpleQuote(float(column.values(level)))
        return self._quotes[column]

    def _rate(self, name: str, compounding: Compounding) -> Any:
        return self._quote(_Column(name, self.market.scale(name), compounding))

    def _flat(self, curve: Curve) -> Any:
        if isinstance(curve.rate, str):
            quote = self._rate(curve.rate, curve.compounding)
        else:
            quote = self.ql.SimpleQuote(float(to_continuous(curve.rate, curve.compounding)))
        return self.ql.FlatForward(self.reference, self.ql.QuoteHandle(quote), self.day_count)

    def _nodes(self, curve: Curve) -> Any:
        if curve.pillars is not None:
            rates = to_continuous(list(curve.pillars.values()), curve.compounding)
            return self._zero_curve(list(curve.pillars), [float(r) for r in rates])
        tenors = self.market.pillars(curve)
        handles = [self.ql.QuoteHandle(self._rate(name, curve.compounding)) for name in tenors]
        nothing = self._zero_curve(list(tenors.values()), [0.0] * len(tenors))
        return self.ql.SpreadedLinearZeroInterpolatedTermStructure(
            self.ql.YieldTermStructureHandle(nothing),
            [handles[0], *handles, handles[-1]],
            self._dates(list(tenors.values())),
            self.ql.Continuous,
            self.ql.NoFrequency,
            self.day_count,
        )

    def _zero_curve(self, tenors: list[str], rates: list[float]) -> Any:
        curve = self.ql.ZeroCurve(self._dates(tenors), [rates[0], *rates, rates[-1]], self.day_count)
        curve.enableExtrapolation()
        return curve

    def _dates(self, tenors: list[str]) -> list[Any]:
        """Nodes at today, the pillars and a far day: the first and last rates reach out flat."""
        return [self.reference + self.ql.Period(tenor) for tenor in ("0D", *tenors, _FAR)]
