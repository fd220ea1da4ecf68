"""A portfolio's risk over a scenario set as plain values: the content of `risk.json`."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from qfin.registry import kind_of
from qfin.risk._market import Discount, Fixing, Market, Price, Volatility
from qfin.risk._measures import Measure
from qfin.risk._pnl import PnL
from qfin.risk._portfolio import Portfolio

if TYPE_CHECKING:
    from qfin.scenarios import ScenarioSet

_WORST = 10


def risk_report(
    portfolio: Portfolio,
    scenarios: ScenarioSet,
    pnl: PnL,
    *,
    var_level: float = 0.99,
    es_level: float = 0.975,
    confidence: float = 0.95,
    label: str = "",
    kind: str = "",
) -> dict[str, Any]:
    """Figures of a portfolio over a scenario set, as JSON values; amounts in the base currency.

    label, kind : the model that drew the scenarios, for people and for configuration

    `measures` are VaR and ES with interval (an infinite end is null) and convention; `worst` the ten largest losses,
    each with every factor's return over the horizon in its own return unit and every trade's gain; `static_market`
    what no scenario moves, and the trades that use it.
    """
    moves = scenarios.horizon_returns()
    return {
        "label": label,
        "kind": kind,
        "portfolio": portfolio.name,
        "base_currency": portfolio.base_currency,
        "portfolio_value": pnl.base_value,
        "as_of": f"{scenarios.as_of:%Y-%m-%d}",
        "horizon": scenarios.horizon,
        "scenarios": len(scenarios),
        "measures": [_row(measure) for measure in pnl.measures(var_level, es_level, confidence)],
        "trades": [
            {"name": t.name, "instrument": kind_of(t), "description": t.description, "value": float(value)}
            for t, value in zip(portfolio.trades, pnl.base_values, strict=True)
        ],
        "worst": [
            {
                "scenario": int(scenario),
                "pnl": float(pnl.total[scenario]),
                "moves": dict(zip(scenarios.names, moves[scenario].tolist(), strict=True)),
                "trades": dict(zip(pnl.trades, pnl.values[scenario].tolist(), strict=True)),
            }
            for scenario in pnl.worst(_WORST).index
        ],
        "static_market": _static_market(portfolio, portfolio.market_on(scenarios.factors, scenarios.as_of)),
    }


def _row(measure: Measure) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and math.isinf(v) else v for k, v in asdict(measure).items()}


def _static_market(portfolio: Portfolio, market: Market) -> list[dict[str, Any]]:
    users: dict[tuple[str, str], list[str]] = {}
    for trade in portfolio.trades:
        for field, need in trade.needs().items():
            if not isinstance(need, Price | Fixing) and not market.factor_names(need):
                users.setdefault(_static_item(field, need, market), []).append(trade.name)
    return [{"item": item, "value": value, "trades": trades} for (item, value), trades in users.items()]


def _static_item(field: str, need: Discount | Volatility, market: Market) -> tuple[str, str]:
    source = need.source
    named = isinstance(source, str)
    if isinstance(need, Discount):
        return f"curve {source}" if named else field.replace("_", " "), str(market.curve(source))
    volatility = market.static.volatilities[source] if isinstance(source, str) else source
    return f"volatility {source}" if named else field, f"{100 * volatility:g}%"
