"""The first screen and the tail of the loss distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from qfin.report import _format as form
from qfin.report import _statistics as statistics
from qfin.report._data import Measure, ModelData, ReportData
from qfin.report.figures import loss
from qfin.report.figures.layout import NARROW, colour, responsive

_HERO = 724
_LONG = {"VaR": "Value at risk", "ES": "Expected shortfall"}


def overview(data: ReportData) -> dict[str, Any]:
    """Key figures, the loss distribution, the table of models."""
    best = max((m.score.value for m in data.models if m.score), default=math.nan)
    return {
        "measures": [_key_figure(m, data.base_currency) for m in data.main.measures],
        "columns": [m.title for m in data.main.measures],
        "chart": responsive(
            lambda width: loss.distribution(data.models, data.base_currency, width), _HERO, NARROW
        ),
        "models": [_row(m, colour(place), best) for place, m in enumerate(data.models)],
        "scenarios": form.number(len(data.main.loss)),
        "certificates": [_certificate(m) for m in data.models if m.certificate],
    }


def risk(data: ReportData) -> dict[str, Any]:
    """The tail, and which trades make it."""
    es = data.main.measure("ES")
    level = es.level if es else 0.975
    shares = statistics.tail_contributions(data.trade_pnl, level) if data.trades else np.empty(0)
    top = float(np.max(np.abs(shares), initial=0.0)) or 1.0
    return {
        "tail": responsive(lambda width: loss.tail(data.models, data.base_currency, width)),
        "level": f"{100 * level:g}%",
        "total": form.amount(float(shares.sum()), signed=True),
        "value_total": form.amount(data.portfolio_value),
        "trades": [
            {
                "name": trade["name"],
                "instrument": str(trade.get("instrument", "")).replace("_", " "),
                "description": trade.get("description") or "",
                "value": "" if trade.get("value") is None else form.amount(float(trade["value"])),
                "tail": form.amount(float(share), signed=True),
                "bar": round(100 * abs(float(share)) / top),
                "hedges": bool(share < 0),
            }
            for trade, share in zip(data.trades, shares, strict=True)
        ],
        "static_market": [_static(item) for item in data.static_market],
    }


def _key_figure(measure: Measure, currency: str) -> dict[str, Any]:
    bounds = form.between(measure.figure, form.amount)
    confidence = form.percent(measure.figure.confidence or 0.95, 0)
    return {
        "title": f"{_LONG.get(measure.name, measure.name)}, {measure.title}",
        "value": form.money(measure.figure.value, currency),
        "bounds": f"{confidence} interval {bounds}" if bounds else "no interval",
        "convention": measure.convention,
    }


def _row(model: ModelData, cls: str, best: float) -> dict[str, Any]:
    return {
        "label": model.label,
        "colour": cls,
        "figures": [
            (form.amount(m.figure.value), form.between(m.figure, form.amount)) for m in model.measures
        ],
        "score": form.nats(model.score.value) if model.score else None,
        "score_bounds": form.between(model.score, form.nats) if model.score else "",
        "best": model.score is not None and model.score.value == best,
        "why_none": model.why_none or "this model has no density",
    }


def _certificate(model: ModelData) -> dict[str, Any]:
    """How far what a backend drew was from the exact circuit, and whether that passes."""
    assert model.certificate is not None
    said = model.certificate
    lower, upper = (form.number(said[end], 4) for end in ("lower", "upper"))
    return {
        "passes": bool(said["passes"]),
        "text": (
            f"{model.label}: drawn on {model.backend}. Its Z-correlators are {form.number(said['distance'], 4)} "
            f"[{lower}, {upper}] from the exact circuit’s (root mean square over {said['words']} of them, shot noise "
            f"taken out; {form.percent(said['confidence'], 0)} interval); up to {form.number(said['bound'], 4)} passes"
            ". Its score is that of the exact model."
        ),
    }


def _static(item: Any) -> tuple[str, str, str]:
    """What is held constant, at what value, and which trades use it."""
    if not isinstance(item, dict):
        return str(item), "", ""
    return (
        str(item.get("item", "")),
        str(item.get("value", "")),
        ", ".join(map(str, item.get("trades") or ())),
    )
