"""The sections of the report, each as plain values and finished figures; None where there is nothing to show."""

from __future__ import annotations

import base64
import math
from itertools import combinations
from typing import Any

import numpy as np
from markupsafe import Markup

from qfin.report import _format as form
from qfin.report import _statistics as statistics
from qfin.report._data import Measure, ReportData, Step
from qfin.report._verdict import Comparison, circuit_adds, prior_score
from qfin.report.figures import dependence as pairs
from qfin.report.figures import history, loss, marginals as margins, scores as dots, training as curve
from qfin.report.figures.layout import colour, responsive

MAX_PAIRS = 10
_MAX_CIRCUIT = 2_500_000


def overview(data: ReportData) -> dict[str, Any]:
    """The first screen: key figures, the loss distribution, the table of models."""
    best = max((m.score.value for m in data.models if m.score), default=math.nan)
    return {
        "measures": [_key_figure(m, data.base_currency) for m in data.main.measures],
        "columns": [m.title for m in data.main.measures],
        "chart": responsive(lambda width: loss.distribution(data.models, data.base_currency, width)),
        "models": [
            {
                "label": m.label,
                "colour": colour(k),
                "figures": [form.amount(measure.figure.value) for measure in m.measures],
                "bounds": [form.between(measure.figure, form.amount) for measure in m.measures],
                "score": form.nats(m.score.value) if m.score else None,
                "score_bounds": form.between(m.score, form.nats) if m.score else "",
                "best": m.score is not None and m.score.value == best,
                "why_none": m.why_none or "this model has no density",
            }
            for k, m in enumerate(data.models)
        ],
        "scenarios": form.number(len(data.main.loss)),
    }


def risk(data: ReportData) -> dict[str, Any]:
    """The tail of the loss distribution, and which trades make it."""
    es = data.main.measure("ES")
    level = es.level if es else 0.975
    shares = statistics.tail_contributions(data.trade_pnl, level) if data.trades else np.empty(0)
    top = float(np.max(np.abs(shares), initial=0.0)) or 1.0
    return {
        "tail": responsive(lambda width: loss.tail(data.models, data.base_currency, width)),
        "level": f"{100 * level:g}%",
        "total": form.amount(float(shares.sum())),
        "value_total": form.amount(data.portfolio_value),
        "trades": [
            {
                "name": trade["name"],
                "instrument": str(trade.get("instrument", "")).replace("_", " "),
                "description": trade.get("description") or "",
                "value": form.amount(float(trade["value"])) if trade.get("value") is not None else "",
                "alone": form.amount(_quantile(-data.trade_pnl[:, k], level)),
                "tail": form.amount(float(shares[k]), signed=True),
                "bar": round(100 * abs(float(shares[k])) / top),
                "hedges": bool(shares[k] < 0),
            }
            for k, trade in enumerate(data.trades)
        ],
        "static_market": [_static(item) for item in data.static_market],
    }


def scores(data: ReportData, comparison: Comparison | None) -> dict[str, Any] | None:
    """Held-out scores, paired differences, the circuit's part."""
    rows = dots.score_rows(data.models)
    if not rows:
        return None
    differences = _differences(data)
    title = "Held-out score, nats a day (independent days score 0)"
    return {
        "plot": Markup(responsive(lambda width: dots.dot_plot(rows, title, width), 540)),
        "differences": responsive(
            lambda width: dots.dot_plot(differences, "Difference, nats a day", width, signed=True), 540
        )
        if differences
        else None,
        "cumulative": responsive(
            lambda width: dots.cumulative(comparison.daily, data.main.label, comparison.rival.label, width), 1120
        )
        if comparison
        else None,
        "rival": comparison.rival.label if comparison else None,
        "without": [(m.label, m.why_none or "it has no density") for m in data.models if m.score is None],
        "selection": _selection(data),
    }


def marginals(data: ReportData) -> dict[str, Any]:
    """Each factor's moves, history against scenarios."""
    returns, filtered = data.history.returns, data.main.volatility not in (None, "none")
    shape = statistics.without_volatility(returns)[20:] if filtered and len(returns) > 60 else returns
    day = data.main.first_day
    cards = []
    for k, factor in enumerate(data.factors):
        scale, unit = form.return_scale(factor), form.return_unit(factor)
        deviations = [form.number(scale * float(np.std(v[:, k])), 3 if unit == "%" else 2) for v in (returns, day)]
        cards.append(
            {
                "name": factor.name,
                "unit": unit,
                "history": deviations[0],
                "scenarios": deviations[1],
                "plot": margins.card(factor, returns[:, k], shape[:, k], day[:, k]),
            }
        )
    return {"cards": cards, "filtered": filtered, "volatility": data.main.volatility}


def dependence(data: ReportData) -> dict[str, Any] | None:
    """Pairs of factors: scatter, correlations, tails; None with one factor."""
    if len(data.factors) < 2:
        return None
    seen = statistics.ranks_to_unit(data.history.pseudo_observations)
    drawn = [statistics.ranks_to_unit(m.first_day) for m in data.models]
    scores_seen, scores_drawn = statistics.normal_scores(seen), statistics.normal_scores(drawn[0])
    matrices = [np.corrcoef(s, rowvar=False) for s in (scores_seen, scores_drawn)]
    every = sorted(combinations(range(len(data.factors)), 2), key=lambda p: (-abs(matrices[0][p]), p))
    shown = every[:MAX_PAIRS]
    names = data.names
    gap = np.abs(matrices[0] - matrices[1])
    worst = np.unravel_index(np.argmax(gap), gap.shape)
    return {
        "pairs": [
            {
                "names": (names[i], names[j]),
                "history": form.number(matrices[0][i, j], 2),
                "scenarios": form.number(matrices[1][i, j], 2),
                "plot": pairs.pair((names[i], names[j]), scores_seen[:, [i, j]], scores_drawn[:, [i, j]], data.main.label),
            }
            for i, j in shown
        ],
        "tails": [_tails(data, seen, drawn, float(matrices[0][i, j]), i, j) for i, j in shown],
        "mirrored": any(matrices[0][p] < 0 for p in shown),
        "matrices": [
            ("History", pairs.correlation_matrix(names, matrices[0], "Correlation of normal scores, history")),
            (data.main.label, pairs.correlation_matrix(names, matrices[1], "Correlation of normal scores, scenarios")),
        ],
        "gap": form.number(float(gap.max()), 3),
        "gap_pair": " and ".join(names[k] for k in sorted(int(w) for w in worst)),
        "shown": len(shown),
        "of": len(every),
    }


def training(data: ReportData) -> dict[str, Any] | None:
    """The training curve and what the model says of its training; None for a model that is not trained by steps."""
    frame, details = data.main.training, data.main.details
    if frame is None:
        return None
    best = frame.loc[frame["held_out_loss"].idxmin(), "step"] if frame["held_out_loss"].notna().any() else None
    kept = details.get("steps") if isinstance(details.get("steps"), int | float) else best
    facts = {
        "Stopped": details.get("stop"),
        "Steps kept": details.get("steps"),
        "Data weight": details.get("data_weight"),
        "Loss, first to last": f"{form.nats(frame['loss'].iloc[0])} to {form.nats(frame['loss'].iloc[-1])}",
    }
    return {
        "plot": responsive(lambda width: curve.curve(frame, None if kept is None else float(kept), width)),
        "facts": _facts(facts),
        "held_out": best is not None,
    }


def circuit(data: ReportData) -> dict[str, Any] | None:
    """The drawing of the trained circuit; None for a classical model."""
    drawing, details = data.main.circuit, data.main.details
    if drawing is None:
        return None
    known = {"Qubits": "qubits", "Parameters": "parameters", "Layers": "layers", "Ansatz": "ansatz", "Prior": "prior"}
    size = len(drawing.encode())
    source = base64.b64encode(drawing.encode()).decode()
    return {
        # As an image the drawing can run no script, load nothing, and its ids cannot meet the page's.
        "source": Markup(f"data:image/svg+xml;base64,{source}") if size <= _MAX_CIRCUIT else None,
        "megabytes": form.number(size / 1e6, 1),
        "facts": _facts({title: details.get(key) for title, key in known.items()}),
        "ref": next((s.ref for s in data.lineage if s.stage == "train"), ""),
    }


def worst(data: ReportData) -> dict[str, Any]:
    """The worst scenarios with their factor moves, coloured by size in standard deviations of all scenarios."""
    spread = np.std(data.main.first_day, axis=0) * math.sqrt(data.horizon)
    rows = []
    for rank, row in enumerate(data.worst, start=1):
        cells = []
        for k, factor in enumerate(data.factors):
            value = row["moves"].get(factor.name)
            size = 0.0 if value is None or not spread[k] else float(value) / float(spread[k])
            cells.append(
                {
                    "text": "" if value is None else form.move(float(value), factor),
                    "fill": pairs.heat(max(-1.0, min(1.0, size / 6))),
                    "light": abs(size) / 6 > 0.62,
                    "sd": form.number(size, 1, signed=True),
                }
            )
        trades = row.get("trades") or {}
        driver = min(trades, key=lambda name: trades[name]) if trades else ""
        rows.append(
            {
                "rank": rank,
                "scenario": row["scenario"],
                "pnl": form.amount(float(row["pnl"]), signed=True),
                "cells": cells,
                "driver": driver,
                "driver_pnl": form.amount(float(trades[driver]), signed=True) if driver else "",
            }
        )
    return {"rows": rows, "factors": [(f.name, f.return_type) for f in data.factors]}


def discretisation(data: ReportData) -> list[dict[str, Any]]:
    """What the grid alone costs, a row a number of bits; the row in use is marked."""
    def figure(row: Any, key: str, decimals: int = 4) -> str:
        return "" if row.get(key) is None else form.number(float(row[key]), decimals)

    return [
        {
            "bits": row.get("bits"),
            "used": row.get("bits") == data.encoding.get("bits"),
            "exact": figure(row, "held_out_exact"),
            "cells": figure(row, "held_out_cells"),
            "cost": figure(row, "cost"),
            "correlation": figure(row, "correlation_error"),
            "tail_exact": figure(row, "tail_dependence_exact", 3),
            "tail_cells": figure(row, "tail_dependence_cells", 3),
            "var_exact": figure(row, "var_99_exact", 3),
            "var_cells": figure(row, "var_99_cells", 3),
        }
        for row in data.discretisation
    ]


def quality(data: ReportData) -> dict[str, Any]:
    """What the checks found, and how complete each series is."""
    prices = data.history.prices
    findings = data.history.quality.get("findings") or []
    rows = []
    for name in data.names:
        series = prices[name].dropna()
        steps = np.diff(series.index.to_numpy()).astype("timedelta64[D]").astype(int)
        longest = int(np.argmax(steps)) if len(steps) else 0
        rows.append(
            {
                "name": name,
                "days": form.number(len(series)),
                "first": f"{series.index[0]:%Y-%m-%d}",
                "last": f"{series.index[-1]:%Y-%m-%d}",
                "missing": form.number(int(prices[name].isna().sum())),
                "gap": form.number(int(steps[longest])) if len(steps) else "",
                "gap_after": f"{series.index[longest]:%Y-%m-%d}" if len(steps) else "",
                "plot": history.sparkline(name, series),
            }
        )
    return {
        "rows": rows,
        "findings": [_finding(f) for f in findings[:200]],
        "count": form.number(len(findings)),
        "left_out": form.number(max(0, len(findings) - 200)),
        "days": form.number(len(data.history.returns)),
        "fitted": form.number(len(data.history.pseudo_observations)),
        "held_out": data.encoding.get("held_out_days"),
    }


def lineage(data: ReportData) -> dict[str, Any]:
    """Every artifact behind the report, and how to make the report again from them."""
    versions = data.lineage[-1].code if data.lineage else {}
    return {
        "steps": [_step(step) for step in data.lineage],
        "versions": list(versions.items()),
        "command": "qfin report " + " ".join(data.risks),
        "show": f"qfin show {data.risks[0]}",
    }


def _key_figure(measure: Measure, currency: str) -> dict[str, Any]:
    confidence = form.percent(measure.figure.confidence or 0.95, 0)
    bounds = form.between(measure.figure, form.amount)
    return {
        "title": measure.title,
        "long": {"VaR": "Value at risk", "ES": "Expected shortfall"}.get(measure.name, measure.name),
        "value": form.money(measure.figure.value, currency),
        "bounds": f"{confidence} interval {bounds}" if bounds else "no interval",
        "convention": measure.convention,
    }


def _differences(data: ReportData) -> list[dots.Row]:
    """The circuit against its prior, and the main model against each rival but those far off the scale of the rest."""
    rows: list[dots.Row] = []
    for k, rival in enumerate(data.rivals, start=1):
        if data.main.daily is not None and rival.daily is not None:
            pair = statistics.paired_difference(data.main.daily, rival.daily)
            if pair is not None:
                rows.append((f"over {rival.label}", pair[1], colour(k)))
    rows = sorted(rows, key=lambda row: row[1].value)[:3]
    adds = circuit_adds(data.main)
    return ([("circuit over its prior", adds, "c0")] if adds else []) + rows


def _selection(data: ReportData) -> dict[str, Any]:
    prior, adds = prior_score(data.main), circuit_adds(data.main)
    return {
        "prior": form.nats(prior.value) if prior else None,
        "adds": form.nats(adds.value, signed=True) if adds else None,
        "adds_bounds": form.between(adds, lambda v: form.nats(v, signed=True)) if adds else "",
    }


def _tails(
    data: ReportData, seen: np.ndarray, drawn: list[np.ndarray], rho: float, i: int, j: int
) -> dict[str, Any]:
    """One pair's tails; a pair that moves in opposite directions is mirrored, so that its tails can be seen."""
    mirrored = rho < 0
    def corner(u: np.ndarray) -> np.ndarray:
        return np.column_stack([u[:, i], 1 - u[:, j] if mirrored else u[:, j]])

    names = (data.names[i], f"−{data.names[j]}" if mirrored else data.names[j])
    places = list(range(len(data.models)))
    return {
        "names": names,
        "plot": pairs.tails(names, corner(seen), [corner(u) for u in drawn], places, abs(rho)),
    }


def _quantile(values: np.ndarray, level: float) -> float:
    return float(np.quantile(values, level, method="inverted_cdf"))


def _facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (title, form.number(value, 0 if isinstance(value, int) else 3) if isinstance(value, int | float) else str(value))
        for title, value in facts.items()
        if value is not None
    ]


def _static(item: Any) -> str:
    if isinstance(item, dict):
        return ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in item.items())
    return str(item)


def _finding(finding: dict[str, Any]) -> dict[str, str]:
    return {key: str(finding.get(key) or "") for key in ("severity", "check", "factor", "date", "message")}


def _step(step: Step) -> dict[str, Any]:
    return {
        "ref": step.ref,
        "stage": step.stage,
        "id": step.ref.rpartition("/")[2],
        "label": step.summary.get("label") or "",
        "seed": "" if step.seed is None else str(step.seed),
        "parents": [f"{role}: {ref}" for role, ref in step.parents.items()],
        "inputs": step.inputs,
        "files": [(name, form.number(size), digest) for name, size, digest in step.files],
    }


