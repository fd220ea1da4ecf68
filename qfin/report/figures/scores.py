"""Held-out scores: each model's, the paired differences, and how a difference came about day by day."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup

from qfin.report._data import Interval, ModelData
from qfin.report._format import between, nats, number
from qfin.report._svg import Drawing, Scale, axis_x, axis_y, padded, whisker
from qfin.report.figures.layout import colour

Row = tuple[str, Interval, str]


def dot_plot(rows: list[Row], title: str, width: int, signed: bool = False) -> Markup:
    """A figure with its interval a row: (label, interval, colour class); a strong line at 0."""
    longest = 6.6 * max((len(label) for label, _, _ in rows), default=0) + 20
    left = min(max(longest, 148 if width > 400 else 134), 0.45 * width)
    height = 34 * len(rows) + 52
    drawing = Drawing(width, height, title)
    count = 5 if width > 400 else 3
    ends = [v for _, i, _ in rows for v in (i.value, i.lower, i.upper) if v is not None]
    x = Scale(*padded([0.0, *ends]), left, width - 14)
    axis_x(drawing, x, height - 40, 6, lambda v: number(v, x.decimals(count)), count, title)
    drawing.line(float(x(0.0)), 6, float(x(0.0)), height - 40, "zero")
    for place, (label, interval, cls) in enumerate(rows):
        y = 6 + 34 * (place + 0.5)
        drawing.text(left - 10, y + 4, label, "rowname ink", "end")
        if interval.lower is not None and interval.upper is not None:
            whisker(drawing, float(x(interval.lower)), float(x(interval.upper)), y, f"whisker {cls}")
        at = float(x(interval.value))
        bounds = between(interval, lambda v: nats(v, signed))
        tip = f"{label}: {nats(interval.value, signed)}" + (f" ({bounds})" if bounds else "")
        drawing.add("circle", tip=tip, cx=at, cy=y, r=4.5, cls=f"dot {cls}")
        end = at > 0.75 * x.stop + 0.25 * x.start
        drawing.text(
            at + (-9 if end else 9), y - 7, nats(interval.value, signed), "note", "end" if end else None
        )
    return drawing.svg()


def score_rows(models: tuple[ModelData, ...]) -> list[Row]:
    """Models that have a score, the best first."""
    rows = [(m.label, m.score, colour(k)) for k, m in enumerate(models) if m.score is not None]
    return sorted(rows, key=lambda row: -row[1].value)


def cumulative(difference: pd.Series, ours: str, theirs: str, width: int) -> Markup:
    """Running total of a daily difference of log densities; where it climbs, ours did better."""
    drawing = Drawing(width, 240, f"Running total of the score of {ours} minus that of {theirs}")
    total = np.concatenate([[0.0], np.cumsum(difference.to_numpy())])
    x = Scale(0, len(total) - 1, 52, width - 12)
    y = Scale(*padded(total), 202, 12)
    axis_y(drawing, y, 52, width - 12, lambda v: number(v, y.decimals()))
    drawing.line(52, float(y(0)), width - 12, float(y(0)), "zero")
    days = np.arange(len(total))
    drawing.area(x(days), y(total), float(y(0)), "area c0")
    drawing.curve(x(days), y(total), "line c0 thick")
    count = 6 if width > 500 else 3
    for place in np.linspace(0, len(difference) - 1, count).astype(int):
        anchor = "start" if place == 0 else "end" if place == len(difference) - 1 else "middle"
        drawing.text(float(x(place + 1)), 218, f"{difference.index[place]:%b %Y}", "tick", anchor)
    drawing.line(52, 202, width - 12, 202, "axis")
    drawing.text((52 + width) / 2, 236, "Held-out days, nats in total", "title", "middle")
    return drawing.svg()
