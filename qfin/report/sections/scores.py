"""Held-out scores: each model's, the differences, and the circuit's part in them."""

from __future__ import annotations

from typing import Any

from qfin.report import _format as form
from qfin.report import _statistics as statistics
from qfin.report._data import Interval, ReportData
from qfin.report._verdict import Comparison, circuit_adds, prior_score
from qfin.report.figures import scores as figures
from qfin.report.figures.layout import HALF, colour, responsive

_SCALE = 6.0


def scores(data: ReportData, comparison: Comparison | None) -> dict[str, Any] | None:
    """Scores of all models that have one; None if none has."""
    rows = figures.score_rows(data.models)
    if not rows:
        return None
    differences = _differences(data)
    prior, adds = prior_score(data.main), circuit_adds(data.main)
    label = data.main.label
    title = "Held-out score, nats a day"
    return {
        "plot": responsive(lambda width: figures.dot_plot(rows, title, width), HALF),
        "differences": differences
        and responsive(lambda width: figures.dot_plot(differences, "Difference, nats a day", width, True), HALF),
        "cumulative": comparison
        and responsive(lambda width: figures.cumulative(comparison.daily, label, comparison.rival.label, width)),
        "rival": comparison.rival.label if comparison else None,
        "without": [(m.label, m.why_none or "it has no density") for m in data.models if m.score is None],
        "parts": None if prior is None or adds is None else [
            ("Prior alone", f"{form.nats(prior.value)} nats a day"),
            ("Circuit adds", f"{form.nats(adds.value, signed=True)} nats a day"),
            (f"{form.percent(adds.confidence or 0.95, 0)} interval of what it adds",
             form.between(adds, lambda v: form.nats(v, signed=True)) or "none"),
            ("Circuit’s share of the score", form.percent(adds.value / (prior.value + adds.value), 2)
             if prior.value + adds.value > 0 else "n/a"),
        ],
    }  # fmt: skip


def _differences(data: ReportData) -> list[figures.Row]:
    """The circuit against its prior, and the main model against its closest rivals (the others are off the scale)."""
    rows: list[figures.Row] = []
    for place, rival in enumerate(data.rivals, start=1):
        if data.main.daily is not None and rival.daily is not None:
            pair = statistics.paired_difference(data.main.daily, rival.daily, data.main.confidence)
            if pair is not None:
                rows.append((f"to {rival.label}", pair[1], colour(place)))
    adds = circuit_adds(data.main)
    rows = ([("circuit to its prior", adds, "c0")] if adds else []) + sorted(
        rows, key=lambda row: row[1].value
    )
    reach = _SCALE * max((_reach(row[1]) for row in rows[:2]), default=0.0)
    return [row for row in rows if _reach(row[1]) <= reach]


def _reach(interval: Interval) -> float:
    return max(abs(v) for v in (interval.value, interval.lower, interval.upper) if v is not None)
