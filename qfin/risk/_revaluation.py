"""A portfolio's gains over scenarios: in full by QuantLib, or in closed form and by certified proxies.

The value of a trade is a function of its own few variables (`_valuation`). `full` values that function in every
scenario. `proxy` takes the trade's closed form where it has one and a sample agrees with QuantLib's number, else an
interpolant with a bound (`_proxy`), else values it in full; the scenarios with the largest losses are then valued in
full for every trade that has only an interpolant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from qfin.errors import ConfigError
from qfin.market import RiskFactor
from qfin.risk._certificate import RevaluationCertificate, TradeCertificate
from qfin.risk._market import Market
from qfin.risk._pnl import PnL
from qfin.risk._quantlib import evaluation_date
from qfin.risk._reading import raise_for
from qfin.risk._variables import Paths, Variable, weekdays_after
from qfin.risk._workers import Book, Job, Valuer

if TYPE_CHECKING:
    from qfin.risk._portfolio import Portfolio
    from qfin.scenarios import ScenarioSet

Method = Literal["full", "proxy"]


@dataclass(frozen=True)
class Revaluation:
    """How a portfolio is revalued.

    Parameters
    ----------
    method : "full", every trade in every scenario by QuantLib; "proxy", closed forms and certified interpolants, the
        tail in full
    ageing : values at the horizon are of the day the scenarios lead to; if not, the market moves at once, today
    tolerance : bound of a proxy's error as a part of the standard deviation of its trade's gain, or of an equal share
        of the portfolio's if that is more
    tail : part of the scenarios, those with the largest losses, that is valued in full
    workers : processes; 0: as many as there are processors, where the work is worth it
    """

    method: Method = "full"
    ageing: bool = True
    tolerance: float = 1e-3
    tail: float = 0.05
    workers: int = 1

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ConfigError(
                f"there is no method {self.method!r}; choose one of: {', '.join(get_args(Method))}"
            )
        for name, low, high in (("tolerance", 0.0, 1.0), ("tail", 0.0, 1.0)):
            if not low < getattr(self, name) <= high:
                raise ConfigError(
                    f"{name} = {getattr(self, name)!r} is not allowed: a number above 0, 1 at most"
                )
        if self.workers < 0:
            raise ConfigError(f"workers = {self.workers} is not allowed: 0 or more")


def revalue(portfolio: Portfolio, scenarios: ScenarioSet, how: Revaluation) -> PnL:
    """P&L of a portfolio in each scenario (see `Portfolio.revalue`)."""
    portfolio.check(scenarios.factors, scenarios.as_of)
    run = Run(portfolio, scenarios, how)
    raise_for(f"portfolio {portfolio.name!r}", run.impossible_levels())
    with evaluation_date(run.today):
        base = run.at_rest(run.new_valuer(run.today))
    with evaluation_date(run.end):  # what was fixed before is forgotten: trades are built again
        aged = run.at_rest(run.valuer)
        values, certificate = run.in_scenarios()
    return PnL(
        values=values - base,
        trades=tuple(trade.name for trade in portfolio.trades),
        base_values=base,
        base_currency=portfolio.base_currency,
        theta=aged - base,
        horizon_date=run.end,
        certificate=certificate,
        bounded=run.paths.bounded(),
    )


@dataclass(frozen=True, eq=False)
class Run:
    """One portfolio in one scenario set: what every way to revalue it shares."""

    portfolio: Portfolio
    scenarios: ScenarioSet
    how: Revaluation

    @cached_property
    def market(self) -> Market:
        return self.portfolio.market_on(self.scenarios.factors, self.scenarios.as_of)

    @cached_property
    def today(self) -> date:
        return self.scenarios.as_of.date()

    @cached_property
    def end(self) -> date:
        if not self.how.ageing:
            return self.today
        return weekdays_after(self.today, self.scenarios.horizon)[-1].date()

    @cached_property
    def still(self) -> Paths:
        return Paths(self.scenarios.factors, self.scenarios.levels, self.today)

    @cached_property
    def paths(self) -> Paths:
        static = self.portfolio.market
        drawn = self.scenarios
        return Paths(
            drawn.factors, drawn.levels, self.today, drawn.returns, not self.how.ageing, static.bounds
        )

    @cached_property
    def valuer(self) -> Valuer:
        return self.new_valuer(self.end)

    @cached_property
    def everywhere(self) -> np.ndarray:
        return np.arange(len(self.scenarios))

    def new_valuer(self, day: date) -> Valuer:
        """What values trades on a day, under `evaluation_date`."""
        return Valuer(Book(self.portfolio.trades, self.market, day, self.still), self.how.workers)

    def conversion(
        self, trade: int, paths: Paths, rows: np.ndarray | slice = slice(None)
    ) -> np.ndarray | float:
        """What turns a trade's own currency into the base currency."""
        rate: np.ndarray | float = 1.0
        currency = self.portfolio.trades[trade].value_currency
        for name, power in self.market.conversion(currency, self.portfolio.base_currency):
            level = paths[Variable(name)][rows]
            rate = rate * level if power == 1 else rate / level
        return rate

    def at_rest(self, valuer: Valuer) -> np.ndarray:
        """Value of each trade on the valuer's day at the as-of levels, shape (m,)."""
        trades = map(valuer.valuation, range(len(self.portfolio.trades)))
        own = [trade.full(trade.settings(self.still)) for trade in trades]
        return np.concatenate([v * self.conversion(k, self.still) for k, v in enumerate(own)])

    def in_scenarios(self) -> tuple[np.ndarray, RevaluationCertificate]:
        """Value of each trade at the horizon, shape (n, m), and how they were found."""
        m = len(self.portfolio.trades)
        if self.how.method == "full":
            values = self.converted(range(m), self.full(range(m), self.everywhere), slice(None))
            exact = tuple(TradeCertificate(t.name, "full") for t in self.portfolio.trades)
            return values, RevaluationCertificate("full", exact)
        from qfin.risk._approximation import Approximation

        return Approximation(self).values()

    def full(self, trades: Sequence[int], rows: np.ndarray) -> list[np.ndarray]:
        """Values in own currency, one array a trade."""
        valuer = self.valuer
        jobs = [Job(k, valuer.valuation(k).settings(self.paths, rows), rows) for k in trades]
        return valuer.values(jobs)

    def converted(
        self, trades: Sequence[int], own: Sequence[np.ndarray], rows: np.ndarray | slice
    ) -> np.ndarray:
        """Values in base currency, a column a trade."""
        n = len(self.everywhere[rows])
        columns = [
            np.broadcast_to(v * self.conversion(k, self.paths, rows), n)
            for k, v in zip(trades, own, strict=True)
        ]
        return np.column_stack(columns) if columns else np.empty((n, 0))

    def impossible_levels(self) -> list[str]:
        """One clause a factor whose levels are not finite, or not above zero where that is needed."""
        used, positive = set(), set()
        for trade in self.portfolio.trades:
            conversion = self.market.conversion(trade.value_currency, self.portfolio.base_currency)
            names = {name for name, _ in conversion}
            used |= names
            positive |= names
            for need in trade.needs().values():
                used |= set(self.market.factor_names(need))
                positive |= set(self.market.positive_names(need))
        problems = []
        for factor in (f for f in self.market.factors if f.name in used):
            variable = Variable(factor.name)
            column = np.concatenate([self.still[variable], self.paths[variable]])
            wrong = ~np.isfinite(column) | ((factor.name in positive) & (column <= 0))
            if wrong.any():
                problems.append(_impossible(factor, column, np.flatnonzero(wrong)))
        return problems


def _impossible(factor: RiskFactor, column: np.ndarray, rows: np.ndarray) -> str:
    first = rows[0]
    more = f" (and in {len(rows) - 1} more)" if len(rows) > 1 else ""
    cure = (
        ""
        if factor.return_type == "log"
        else f"; its returns are {factor.return_type}, log returns keep it positive"
    )
    where = "on the as-of date" if first == 0 else f"in scenario {first - 1}"
    return f"{factor.name} is {column[first]:g} {where}{more}, where it cannot be valued{cure}"
