"""Gains taken apart by factor: what each factor's move alone is worth, and what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qfin.risk._pnl import PnL
from qfin.risk._revaluation import Revaluation, revalue

if TYPE_CHECKING:
    from qfin.risk._portfolio import Portfolio
    from qfin.scenarios import ScenarioSet

TIME, TOGETHER = "time", "factors together"


@dataclass(frozen=True, eq=False)
class Explained:
    """A portfolio's gain in each scenario as a sum of parts.

    Attributes
    ----------
    parts : the factors that any trade depends on, then what time does alone (where trades age), then what the factors
        do together beyond the sum of each alone
    gains : shape (n, p), base currency; rows sum to the portfolio's gain
    without : shape (n, p), the portfolio's gain with each part left out: a factor at its as-of level
    """

    parts: tuple[str, ...]
    gains: np.ndarray
    without: np.ndarray


def explain(
    portfolio: Portfolio, scenarios: ScenarioSet, pnl: PnL, how: Revaluation, rows: np.ndarray | None = None
) -> Explained:
    """Take a portfolio's gains apart by factor, in some scenarios (None: in all).

    Each factor is moved alone and held still alone, everything else of the scenario as it is, and the portfolio valued
    again by the same method (one at a time; a profit-and-loss explain). Factors that move no trade are left out.
    """
    drawn = scenarios if rows is None else scenarios.rows(rows)
    total = pnl.total if rows is None else pnl.total[rows]
    theta = float(pnl.theta.sum())
    names = [name for name in scenarios.names if name in _moving(portfolio, scenarios)]
    alone = [revalue(portfolio, drawn.moving([name]), how).total - theta for name in names]
    still = [revalue(portfolio, drawn.moving(set(scenarios.names) - {name}), how).total for name in names]
    time = np.full(len(total), theta)
    together = total - np.sum(alone, axis=0) - time if names else total - time
    parts, columns, without = [*names], [*alone], [*still]
    if how.ageing:
        parts, columns, without = [*parts, TIME], [*columns, time], [*without, total - time]
    return Explained(
        (*parts, TOGETHER),
        np.column_stack([*columns, together]),
        np.column_stack([*without, total - together]),
    )


def _moving(portfolio: Portfolio, scenarios: ScenarioSet) -> set[str]:
    """Factors that some trade or its conversion depends on."""
    market = portfolio.market_on(scenarios.factors, scenarios.as_of)
    needed = set()
    for trade in portfolio.trades:
        needed |= {name for need in trade.needs().values() for name in market.factor_names(need)}
        needed |= {name for name, _ in market.conversion(trade.value_currency, portfolio.base_currency)}
    return needed
