"""What the figures become when a setting is another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qfin.report import _format as form
from qfin.report._collect import interval
from qfin.report._data import Interval
from qfin.report.validation._data import ValidationData

NAMES = {
    "bits": "Qubits of a factor",
    "layers": "Depth: layers of the circuit",
    "seed": "Seed of training and drawing",
    "window_days": "Window: days fitted to",
}
MEASURES = ("VaR", "ES")


@dataclass(frozen=True)
class Change:
    """A figure with one setting changed.

    Attributes
    ----------
    setting, value : what is changed, to what
    measure : "VaR" or "ES"
    share : change of the figure, as a share of it
    beyond : whether it leaves the figure's own interval
    """

    setting: str
    value: int
    measure: str
    share: float
    beyond: bool


def changes(data: ValidationData) -> list[Change]:
    """Of every variation and measure."""
    rows = data.sensitivity["rows"]
    own = {row["setting"]: row for row in rows if row["own"]}
    return [
        _change(row, own[row["setting"]], measure, own_interval(data, measure))
        for row in rows
        if not row["own"]
        for measure in MEASURES
    ]


def own_interval(data: ValidationData, measure: str) -> Interval:
    """The figure with the interval of all its errors where there is a budget, else with that of finite scenarios."""
    risk = data.report.risk
    rows = risk.get("error_budget") or risk["measures"]
    return interval(next(row for row in rows if row["measure"] == measure))


def sensitivity(data: ValidationData) -> dict[str, Any]:
    """A table a setting, and what was left out."""
    rows = data.sensitivity["rows"]
    changed = {(c.setting, c.value, c.measure): c for c in changes(data)}
    return {
        "tables": [
            (name, [_row(row, changed) for row in rows if row["setting"] == setting])
            for setting, name in NAMES.items()
            if any(row["setting"] == setting for row in rows)
        ],
        "columns": [f"{m} {100 * rows[0][m]['level']:g}%" for m in MEASURES] if rows else [],
        "left_out": [
            (NAMES[one["setting"]], one["value"], one["why"]) for one in data.sensitivity["left_out"]
        ],
        "intervals": [f"{m} {form.between(own_interval(data, m), form.amount)}" for m in MEASURES],
        "of": "its error budget" if data.report.risk.get("error_budget") else "finite scenarios",
    }


def _change(row: Mapping[str, Any], own: Mapping[str, Any], measure: str, known: Interval) -> Change:
    base, value = float(own[measure]["value"]), float(row[measure]["value"])
    low = float("-inf") if known.lower is None else known.lower
    high = float("inf") if known.upper is None else known.upper
    share = value / base - 1.0 if base else 0.0
    return Change(row["setting"], row["value"], measure, share, not low <= value <= high)


def _row(row: Mapping[str, Any], changed: Mapping[tuple[str, int, str], Change]) -> dict[str, Any]:
    found = [changed.get((row["setting"], row["value"], measure)) for measure in MEASURES]
    return {
        "value": form.number(row["value"]) if row["setting"] == "window_days" else str(row["value"]),
        "own": row["own"],
        "score": "none" if row["score"] is None else form.nats(row["score"]["mean"]),
        "figures": [
            {
                "value": form.amount(row[measure]["value"]),
                "change": "" if change is None else f"{form.number(100 * change.share, 1, signed=True)}%",
                "beyond": change is not None and change.beyond,
            }
            for measure, change in zip(MEASURES, found, strict=True)
        ],
    }
