"""A portfolio's risk over a scenario set as plain values: the content of `risk.json`."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from qfin.errors import ConfigError
from qfin.registry import kind_of
from qfin.risk import _contributions as parts
from qfin.risk._explain import Explained, explain
from qfin.risk._market import Discount, Fixing, Hazard, Market, Price, Volatility
from qfin.risk._measures import ES_CONVENTIONS, Measure, MeasureName, expected_shortfall
from qfin.risk._neighbours import nearest_days
from qfin.risk._pnl import PnL
from qfin.risk._portfolio import Portfolio
from qfin.risk._revaluation import Revaluation, revalue
from qfin.scenarios import ScenarioSet

if TYPE_CHECKING:
    from qfin.market import ReturnsFrame

_WORST = 10


@dataclass(frozen=True)
class Window:
    """A stressed window: days of the history, both ends included."""

    name: str
    start: date
    end: date


@dataclass(frozen=True)
class Figures:
    """Which figures a report has.

    Attributes
    ----------
    var_level, es_level : of the two main figures
    confidence : of every interval
    levels : of a table of both measures
    horizons : days, beside the scenarios' own horizon, of that table
    windows : stressed windows of the history, for a historical simulation on today's market
    """

    var_level: float = 0.99
    es_level: float = 0.975
    confidence: float = 0.95
    levels: tuple[float, ...] = ()
    horizons: tuple[int, ...] = ()
    windows: tuple[Window, ...] = ()


_FIGURES, _HOW = Figures(), Revaluation()


def risk_report(
    portfolio: Portfolio,
    scenarios: ScenarioSet,
    pnl: PnL,
    figures: Figures = _FIGURES,
    how: Revaluation = _HOW,
    *,
    history: ReturnsFrame | None = None,
    label: str = "",
    kind: str = "",
) -> dict[str, Any]:
    """Figures of a portfolio over a scenario set, as JSON values; amounts in the base currency.

    figures : which figures
    how : how `pnl` was found; what contributions need is valued by proxies
    history : of the factors, up to the as-of date; for the days that are like the worst scenarios, and for windows
    label, kind : the model that drew the scenarios, for people and for configuration

    `measures` are VaR and ES with interval (an infinite end is null) and convention, `levels` the same at more levels
    and horizons, `conventions` the ES in every convention; `contributions` what trades, currencies and factors add to
    each; `worst` the ten largest losses, each with every factor's return over the horizon in its own return unit, every
    trade's gain, what each factor's move gained, and the historical days nearest to it; `windows` historical
    simulations of stressed windows; `revaluation` how trades were valued; `static_market` what no scenario moves, and
    the trades that use it.

    Raises
    ------
    ConfigError
        if a horizon is longer than the scenarios, or windows are asked for without a history.
    """
    quick = replace(how, method="proxy", tail=1.0 / len(scenarios))
    taken = explain(portfolio, scenarios, pnl, quick)
    return {
        "label": label,
        "kind": kind,
        "portfolio": portfolio.name,
        "base_currency": portfolio.base_currency,
        "portfolio_value": pnl.base_value,
        "as_of": f"{scenarios.as_of:%Y-%m-%d}",
        "horizon": scenarios.horizon,
        "scenarios": len(scenarios),
        "measures": [_row(m) for m in pnl.measures(figures.var_level, figures.es_level, figures.confidence)],
        "levels": _levels(portfolio, scenarios, pnl, figures, how),
        "conventions": _conventions(pnl, figures),
        "contributions": _contributions(portfolio, pnl, taken, figures),
        "trades": _trades(portfolio, pnl),
        "worst": _worst(scenarios, pnl, taken, history),
        "windows": _windows(portfolio, scenarios.horizon, figures, how, history),
        "revaluation": _revaluation(pnl, how),
        "static_market": _static_market(portfolio, portfolio.market_on(scenarios.factors, scenarios.as_of)),
    }


def _levels(
    portfolio: Portfolio, scenarios: ScenarioSet, pnl: PnL, figures: Figures, how: Revaluation
) -> list[dict[str, Any]]:
    for days in figures.horizons:
        if not 1 <= days <= scenarios.horizon:
            raise ConfigError(
                f"measures.horizons has {days}, and scenarios go over {scenarios.horizon} days; name days up to that, "
                "or draw longer scenarios"
            )
    rows = []
    for days in sorted({*figures.horizons, scenarios.horizon}):
        gains = pnl if days == scenarios.horizon else revalue(portfolio, scenarios.until(days), how)
        for level in sorted(set(figures.levels)):
            rows += [{"horizon": days, **_row(m)} for m in gains.measures(level, level, figures.confidence)]
    return rows


def _conventions(pnl: PnL, figures: Figures) -> list[dict[str, Any]]:
    return [
        {
            "measure": "ES",
            "level": figures.es_level,
            "name": name,
            "convention": text,
            "value": expected_shortfall(pnl.losses, figures.es_level, convention=name),
        }
        for name, text in ES_CONVENTIONS.items()
    ]


def _contributions(portfolio: Portfolio, pnl: PnL, taken: Explained, figures: Figures) -> dict[str, Any]:
    currencies = [trade.value_currency for trade in portfolio.trades]
    by_currency, names = parts.grouped(pnl.values, currencies)
    worth, _ = parts.grouped(pnl.base_values[None], currencies)

    def of(measure: MeasureName, level: float) -> dict[str, Any]:
        tables = {
            "trade": parts.contributions(pnl.values, pnl.trades, measure, level, values=pnl.base_values),
            "currency": parts.contributions(by_currency, names, measure, level, values=worth[0]),
            "factor": parts.contributions(taken.gains, taken.parts, measure, level, without=taken.without),
        }
        return {"level": level} | {name: parts.as_rows(found) for name, found in tables.items()}

    return {
        "VaR": of("VaR", figures.var_level),
        "ES": of("ES", figures.es_level),
        "convention": parts.CONVENTION,
    }


def _trades(portfolio: Portfolio, pnl: PnL) -> list[dict[str, Any]]:
    rows = zip(portfolio.trades, pnl.base_values.tolist(), pnl.theta.tolist(), strict=True)
    return [
        {
            "name": t.name,
            "instrument": kind_of(t),
            "description": t.description,
            "value": value,
            "theta": theta,
        }
        for t, value, theta in rows
    ]


def _worst(
    scenarios: ScenarioSet, pnl: PnL, taken: Explained, history: ReturnsFrame | None
) -> list[dict[str, Any]]:
    numbers = pnl.worst(_WORST).index.to_numpy()
    moves = scenarios.horizon_returns()
    near = [None] * len(numbers) if history is None else nearest_days(scenarios, history, numbers)
    return [
        {
            "scenario": int(scenario),
            "pnl": float(pnl.total[scenario]),
            "moves": dict(zip(scenarios.names, moves[scenario].tolist(), strict=True)),
            "trades": dict(zip(pnl.trades, pnl.values[scenario].tolist(), strict=True)),
            "factors": dict(zip(taken.parts, taken.gains[scenario].tolist(), strict=True)),
            "nearest": day and {**asdict(day), "end": f"{day.end:%Y-%m-%d}"},
        }
        for scenario, day in zip(numbers, near, strict=True)
    ]


def _windows(
    portfolio: Portfolio, horizon: int, figures: Figures, how: Revaluation, history: ReturnsFrame | None
) -> list[dict[str, Any]]:
    if figures.windows and history is None:
        raise ConfigError("stressed windows need the history of the factors")
    rows = []
    for window in figures.windows:
        assert history is not None
        past = ScenarioSet.from_history(history, horizon, window.start, window.end)
        losses = revalue(portfolio, past, how).losses
        block = max(horizon, math.ceil(len(losses) ** (1 / 3)))
        wanted: tuple[tuple[MeasureName, float], ...] = (("VaR", figures.var_level), ("ES", figures.es_level))
        found = [Measure.of(name, losses, level, figures.confidence, block=block) for name, level in wanted]
        about = {
            "name": window.name,
            "start": f"{window.start}",
            "end": f"{window.end}",
            "scenarios": len(past),
        }
        rows.append(about | {"measures": [_row(measure) for measure in found]})
    return rows


def _revaluation(pnl: PnL, how: Revaluation) -> dict[str, Any]:
    return {
        **(pnl.certificate.to_dict() if pnl.certificate else {}),
        "ageing": how.ageing,
        "horizon_date": f"{pnl.horizon_date}",
        "theta": float(pnl.theta.sum()),
        "bounded": dict(pnl.bounded),
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


def _static_item(field: str, need: Discount | Hazard | Volatility, market: Market) -> tuple[str, str]:
    source = need.source
    named = isinstance(source, str)
    if isinstance(need, Discount | Hazard):
        return f"curve {source}" if named else field.replace("_", " "), str(market.curve(source))
    volatility = market.static.volatilities[source] if isinstance(source, str) else source
    return f"volatility {source}" if named else field, f"{100 * volatility:g}%"
