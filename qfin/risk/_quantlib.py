"""The one file that imports QuantLib: its evaluation date, and a trade's own quotes, curves, volatilities and indices.

Each trade gets a `Quotes` of its own, so it is a function of its own few factors and a quote set for it wakes nothing
else. Curves whose nodes are risk factors are a flat zero curve plus a spread a node, each spread a quote: the same
numbers as a `ZeroCurve` linear in the continuously compounded rate, without building one a scenario.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import count
from typing import Any

from qfin.risk._market import Discount, Hazard, Price, Volatility
from qfin.risk._variables import Paths, Source, Variable, When
from qfin.risk._view import FAR, View

Day = date
_ONE_AT_A_TIME = threading.RLock()
_INDICES = count()
_OWN = "qfin-"
_FIXED: list[
    Any
] = []  # indices of trades that are being valued; QuantLib keeps fixings by name for the whole process


def quantlib() -> Any:
    """The QuantLib module, imported when the first trade is valued."""
    import QuantLib

    return QuantLib


def ql_date(day: date) -> Any:
    """A QuantLib date."""
    return quantlib().Date(day.day, day.month, day.year)


def py_date(day: Any) -> date:
    """A Python date of QuantLib's."""
    return date(day.year(), day.month(), day.dayOfMonth())


@contextmanager
def evaluation_date(day: date) -> Iterator[None]:
    """QuantLib's one global evaluation date, set for a while and put back; other threads wait. Fixings that trades
    stored meanwhile are taken away."""
    with _ONE_AT_A_TIME:
        ql = quantlib()
        settings = ql.Settings.instance()
        before = settings.evaluationDate
        settings.evaluationDate = ql_date(day)
        try:
            yield
        finally:
            settings.evaluationDate = before
            while _FIXED:
                _FIXED.pop().clearFixings()


CALENDARS = (
    "none",
    "weekends",
    "target",
    "united_states",
    "united_kingdom",
    "japan",
    "canada",
    "switzerland",
)


def calendar(name: str) -> Any:
    """A calendar of QuantLib's by one of the names of `CALENDARS`."""
    ql = quantlib()
    made = {
        "none": ql.NullCalendar,
        "weekends": ql.WeekendsOnly,
        "target": ql.TARGET,
        "united_states": lambda: ql.UnitedStates(ql.UnitedStates.GovernmentBond),
        "united_kingdom": ql.UnitedKingdom,
        "japan": ql.Japan,
        "canada": ql.Canada,
        "switzerland": ql.Switzerland,
    }
    return made[name]()


@dataclass(frozen=True)
class Quotes(View):
    """The quotes that one trade depends on, made as its `build` asks for them, at `start` levels.

    start : one scenario of levels
    """

    start: Paths
    _quotes: dict[Source, list[Any]] = field(default_factory=dict, repr=False)
    _resets: list[Callable[[], None]] = field(default_factory=list, repr=False)

    @property
    def ql(self) -> Any:
        """The QuantLib module."""
        return quantlib()

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What its quotes are made of, each once."""
        return tuple(dict.fromkeys(v for source in self._quotes for v in source.variables))

    @property
    def sources(self) -> tuple[Source, ...]:
        """What its quotes are made of, in the order of `setters`."""
        return tuple(self._quotes)

    def setters(self) -> list[Callable[[float], Any]]:
        """One function a quote, that sets it, in the order of the sources' values."""
        return [quote.setValue for quotes in self._quotes.values() for quote in quotes]

    @property
    def resets(self) -> Sequence[Callable[[], None]]:
        """What is to be called after the quotes are set and before a value is asked for."""
        return self._resets

    def date(self, day: date) -> Any:
        """A QuantLib date."""
        return ql_date(day)

    def quote(self, need: Price, when: When = None) -> Any:
        """Quote of a factor's level."""
        return self._made(self.level_source(need, when))[0]

    def handle(self, need: Price, when: When = None) -> Any:
        """Handle of that quote."""
        return self.ql.QuoteHandle(self.quote(need, when))

    def curve(self, need: Discount) -> Any:
        """Handle of a curve of zero rates, extrapolated flat."""
        nodes, ql = self.nodes(need), self.ql
        day_count = ql.Actual365Fixed()
        quotes = [quote for source in nodes.sources for quote in self._made(source)]
        if not nodes.tenors:
            quote = quotes[0] if quotes else ql.SimpleQuote(nodes.rates[0])
            structure = ql.FlatForward(ql_date(self.reference), ql.QuoteHandle(quote), day_count)
        elif quotes:
            structure = self._spreads(nodes.tenors, [ql.QuoteHandle(quote) for quote in quotes])
        else:
            structure = self._zero_curve(nodes.tenors, nodes.rates)
        structure.enableExtrapolation()
        return ql.YieldTermStructureHandle(structure)

    def volatility_quote(self, need: Volatility) -> Any:
        """Handle of a volatility's quote."""
        source = self.volatility_source(need)
        if isinstance(source, float | int):
            return self.ql.QuoteHandle(self.ql.SimpleQuote(source))
        return self.ql.QuoteHandle(self._made(source)[0])

    def volatility(self, need: Volatility) -> Any:
        """Handle of a Black volatility, the same for every strike and expiry."""
        ql = self.ql
        surface = ql.BlackConstantVol(
            ql_date(self.reference), ql.NullCalendar(), self.volatility_quote(need), ql.Actual365Fixed()
        )
        return ql.BlackVolTermStructureHandle(surface)

    def process(self, spot: Price, carry: Discount, discount: Discount, volatility: Volatility) -> Any:
        """The Black-Scholes-Merton process of an underlying."""
        curves = self.curve(carry), self.curve(discount)
        return self.ql.BlackScholesMertonProcess(self.handle(spot), *curves, self.volatility(volatility))

    def ibor_index(
        self, name: str, tenor: str, forecast: Discount, day_count: Any, calendar: Any, fixing_days: int = 0
    ) -> Any:
        """An index of this trade alone, forecast on a curve, with the market's fixings of that name as its past."""
        ql = self.ql
        index = ql.IborIndex(
            f"{_OWN}{next(_INDICES)}-", ql.Period(tenor), fixing_days, ql.USDCurrency(), calendar,
            ql.ModifiedFollowing, False, day_count, self.curve(forecast),
        )  # fmt: skip
        self._store_fixings(index, name)
        return index

    def overnight_index(self, name: str, forecast: Discount, day_count: Any, calendar: Any) -> Any:
        """The same of an overnight rate."""
        ql = self.ql
        index = ql.OvernightIndex(
            f"{_OWN}{next(_INDICES)}-", 0, ql.USDCurrency(), calendar, day_count, self.curve(forecast)
        )
        self._store_fixings(index, name)
        return index

    def fix_on_the_way(self, index: Any, days: Sequence[Day], known: Collection[Day]) -> None:
        """Let an index be fixed on those of `days` that are on or after the as-of date and before the reference date,
        if it is not `known` then, in each scenario at the rate that its curve gives for its tenor from the reference
        date on."""
        due = [ql_date(day) for day in days if self.as_of <= day < self.reference and day not in known]
        if not due:
            return
        start = index.valueDate(index.fixingCalendar().adjust(ql_date(self.reference)))
        end = index.maturityDate(start)
        years, curve = index.dayCounter().yearFraction(start, end), index.forwardingTermStructure()

        def fix() -> None:
            rate = (curve.discount(start) / curve.discount(end) - 1.0) / years
            for day in due:
                index.addFixing(day, rate, True)

        self._resets.append(fix)

    def default_curve(self, need: Hazard) -> Any:
        """Handle of survival probabilities from hazard rates, constant between pillars and flat beyond the last."""
        ql, nodes = self.ql, self.nodes(need.rates)
        quotes = [quote for source in nodes.sources for quote in self._made(source)]
        day_count = ql.Actual365Fixed()
        if not nodes.tenors:
            quote = quotes[0] if quotes else ql.SimpleQuote(nodes.rates[0])
            flat = ql.FlatHazardRate(ql_date(self.reference), ql.QuoteHandle(quote), day_count)
            return ql.DefaultProbabilityTermStructureHandle(flat)
        handle, dates = ql.RelinkableDefaultProbabilityTermStructureHandle(), self._dates(nodes.tenors)

        def link() -> None:
            rates = [quote.value() for quote in quotes] or list(nodes.rates)
            handle.linkTo(ql.HazardRateCurve(dates, [rates[0], *rates, rates[-1]], day_count))

        link()
        if quotes:
            self._resets.append(link)
        return handle

    def _store_fixings(self, index: Any, name: str) -> None:
        _FIXED.append(index)
        for day, rate in self.market.static.fixings.get(name, {}).items():
            if day <= self.as_of:
                index.addFixing(ql_date(day), rate, True)

    def _made(self, source: Source) -> list[Any]:
        if source not in self._quotes:
            values = self.start.made(source)[0]
            self._quotes[source] = [self.ql.SimpleQuote(float(value)) for value in values]
        return self._quotes[source]

    def _spreads(self, tenors: Sequence[str], handles: list[Any]) -> Any:
        nothing = self._zero_curve(tenors, [0.0] * len(tenors))
        return self.ql.SpreadedLinearZeroInterpolatedTermStructure(
            self.ql.YieldTermStructureHandle(nothing),
            [handles[0], *handles, handles[-1]],
            self._dates(tenors),
            self.ql.Continuous,
            self.ql.NoFrequency,
            self.ql.Actual365Fixed(),
        )

    def _zero_curve(self, tenors: Sequence[str], rates: Sequence[float]) -> Any:
        nodes = [rates[0], *rates, rates[-1]]
        curve = self.ql.ZeroCurve(self._dates(tenors), nodes, self.ql.Actual365Fixed())
        curve.enableExtrapolation()
        return curve

    def _dates(self, tenors: Sequence[str]) -> list[Any]:
        """Nodes at the reference date, the pillars and a far day: the first and last rates reach out flat."""
        return list(_pillar_dates(self.reference, tuple(tenors)))


@lru_cache(maxsize=256)
def _pillar_dates(reference: date, tenors: tuple[str, ...]) -> tuple[Any, ...]:
    start, ql = ql_date(reference), quantlib()
    return tuple(start + ql.Period(tenor) for tenor in ("0D", *tenors, FAR))
