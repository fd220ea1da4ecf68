"""Full revaluation: each trade a function of its own few factors, built once, valued scenario by scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qfin.errors import DataError
from qfin.market import RiskFactor
from qfin.risk._market import Market
from qfin.risk._pnl import PnL
from qfin.risk._quantlib import Quotes, evaluation_date
from qfin.risk._reading import raise_for
from qfin.risk.instruments import Instrument

if TYPE_CHECKING:
    from qfin.risk._portfolio import Portfolio
    from qfin.scenarios import ScenarioSet


def revalue(portfolio: Portfolio, scenarios: ScenarioSet) -> PnL:
    """P&L of a portfolio in each scenario (see `Portfolio.revalue`)."""
    portfolio.check(scenarios.factors, scenarios.as_of)
    market = portfolio.market_on(scenarios.factors, scenarios.as_of)
    with np.errstate(over="ignore"):  # a level that is not finite is told next
        levels = np.vstack([scenarios.levels, scenarios.horizon_levels()])
    raise_for(f"portfolio {portfolio.name!r}", _impossible_levels(portfolio, market, levels))
    with evaluation_date(market.as_of):
        values = np.column_stack(
            [trade_values(trade, portfolio.base_currency, market, levels) for trade in portfolio.trades]
        )
    return PnL(
        values=values[1:] - values[0],
        trades=tuple(trade.name for trade in portfolio.trades),
        base_values=values[0],
        base_currency=portfolio.base_currency,
    )


def trade_values(trade: Instrument, base_currency: str, market: Market, levels: np.ndarray) -> np.ndarray:
    """Values of one trade in the base currency, shape (n,), at levels of shape (n, d), the first of them the as-of
    levels; under `evaluation_date`."""
    values = _own_values(trade, market, levels)
    for name, power in market.conversion(trade.value_currency, base_currency):
        rates = levels[:, market.index(name)]
        values = values * rates if power == 1 else values / rates
    return values


def _own_values(trade: Instrument, market: Market, levels: np.ndarray) -> np.ndarray:
    values = np.empty(len(levels))
    row = 0
    try:
        quotes = Quotes(market, levels[0])
        price = trade.build(quotes)
        setters = quotes.setters
        if not setters:
            return np.full(len(levels), price())
        for row, point in enumerate(quotes.values(levels).tolist()):
            for set_quote, level in zip(setters, point, strict=True):
                set_quote(level)
            values[row] = price()
    except RuntimeError as error:  # what QuantLib raises
        raise DataError(f"trade {trade.name!r} cannot be valued {_where(row)}: {error}") from error
    return values


def _impossible_levels(portfolio: Portfolio, market: Market, levels: np.ndarray) -> list[str]:
    """One clause a factor whose levels are not finite, or not above zero where a trade or a conversion needs that."""
    used, positive = set(), set()
    for trade in portfolio.trades:
        conversion = {name for name, _ in market.conversion(trade.value_currency, portfolio.base_currency)}
        used |= conversion
        positive |= conversion
        for need in trade.needs().values():
            used |= set(market.factor_names(need))
            positive |= set(market.positive_names(need))
    problems = []
    for factor in (f for f in market.factors if f.name in used):
        column = levels[:, market.index(factor.name)]
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
    return f"{factor.name} is {column[first]:g} {_where(first)}{more}, where it cannot be valued{cure}"


def _where(row: int) -> str:
    return "on the as-of date" if row == 0 else f"in scenario {row - 1}"
