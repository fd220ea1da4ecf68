"""Sections that are tables: the worst scenarios, the cost of the grid, data quality, lineage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qfin.report import _format as form
from qfin.report._data import ReportData, Step
from qfin.report.figures import history
from qfin.report.figures.dependence import heat
from qfin.report.figures.layout import responsive

_FINDINGS = 200
_FULL_COLOUR = 6.0


def worst(data: ReportData) -> dict[str, Any]:
    """The worst scenarios with their factor moves, coloured by size in standard deviations of all scenarios."""
    spread = np.std(data.main.first_day, axis=0) * np.sqrt(data.horizon)
    return {
        "factors": data.names,
        "nearest": all(row.get("nearest") for row in data.worst),
        "rows": [
            {
                "rank": rank,
                "scenario": form.number(row["scenario"]),
                "pnl": form.amount(float(row["pnl"]), signed=True),
                "moves": [_move(row, factor, spread[k]) for k, factor in enumerate(data.factors)],
                "driver": _driver(row.get("factors") or {}, row.get("trades") or {}),
                **_nearest(row.get("nearest"), data),
            }
            for rank, row in enumerate(data.worst, start=1)
        ],
    }


def discretisation(data: ReportData) -> list[dict[str, Any]]:
    """What the grid alone costs, a row a number of bits; the row in use is marked."""
    columns = {"held_out_exact": 4, "held_out_cells": 4, "cost": 4, "correlation_error": 4, "tail_dependence_exact": 3,
               "tail_dependence_cells": 3, "var_99_exact": 3, "var_99_cells": 3}  # fmt: skip
    return [
        {
            "bits": row.get("bits"),
            "used": row.get("bits") == data.encoding.get("bits"),
            "figures": [
                "" if row.get(key) is None else form.number(float(row[key]), places)
                for key, places in columns.items()
            ],
        }
        for row in data.discretisation
    ]


def quality(data: ReportData) -> dict[str, Any]:
    """What the checks found, and how complete each series is."""
    findings = data.history.quality.get("findings") or []
    held_out = data.encoding.get("held_out_days")
    return {
        "rows": [_series(data, name) for name in data.names],
        "findings": [_finding(finding) for finding in findings[:_FINDINGS]],
        "count": form.number(len(findings)),
        "left_out": form.number(max(0, len(findings) - _FINDINGS)),
        "days": form.number(len(data.history.returns)),
        "held_out": None if held_out is None else form.number(held_out),
    }


def lineage(data: ReportData) -> dict[str, Any]:
    """Every artifact behind the report, and how to make the report again from them."""
    return {
        "steps": [_step(step) for step in data.lineage],
        "versions": list(data.lineage[-1].code.items()),
        "commands": [f"qfin report {' '.join(data.artifacts)}", f"qfin show {data.artifacts[0]}"],
    }


def _move(row: Mapping[str, Any], factor: Any, spread: float) -> dict[str, Any]:
    value = row["moves"].get(factor.name)
    if value is None:
        return {"text": "", "fill": "#fff", "light": False, "tip": "not moved"}
    size = float(value) / float(spread) if spread > 0 else 0.0
    return {
        "text": form.move(float(value), factor),
        "fill": heat(size / _FULL_COLOUR),
        "light": abs(size) > 0.62 * _FULL_COLOUR,
        "tip": f"{form.number(size, 1, signed=True)} standard deviations",
    }


def _driver(*parts: Mapping[str, float]) -> str:
    """Of each kind of part the one that loses most."""
    worst = [(min(gains, key=lambda name: gains[name]), gains) for gains in parts if gains]
    return "; ".join(f"{name} ({form.amount(float(gains[name]), signed=True)})" for name, gains in worst)


def _nearest(day: Mapping[str, Any] | None, data: ReportData) -> dict[str, str]:
    if not day:
        return {"nearest": "", "nearest_tip": ""}
    moves = (f"{f.name} {form.move(day['moves'][f.name], f)}" for f in data.factors if f.name in day["moves"])
    return {"nearest": f"{day['end']} ({form.number(day['distance'], 1)})", "nearest_tip": ", ".join(moves)}


def _series(data: ReportData, name: str) -> dict[str, Any]:
    prices = data.history.prices[name]
    series = prices.dropna()
    gaps = np.diff(series.index.to_numpy()).astype("timedelta64[D]").astype(int)
    longest = int(np.argmax(gaps))
    return {
        "name": name,
        "days": form.number(len(series)),
        "first": f"{series.index[0]:%Y-%m-%d}",
        "last": f"{series.index[-1]:%Y-%m-%d}",
        "missing": form.number(int(prices.isna().sum())),
        "gap": f"{form.number(int(gaps[longest]))} days after {series.index[longest]:%Y-%m-%d}",
        "plot": responsive(lambda width: history.sparkline(name, series, width), 262),
    }


def _finding(finding: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(finding.get(key) or "") for key in ("severity", "check", "factor", "date", "message")}


def _step(step: Step) -> dict[str, Any]:
    return {
        "stage": step.stage,
        "id": step.ref.rpartition("/")[2],
        "label": step.summary.get("label") or "",
        "seed": "" if step.seed is None else str(step.seed),
        "parents": list(step.parents.values()),
        "inputs": step.inputs,
        "files": [(name, form.number(size), digest) for name, size, digest in step.files],
    }
