"""A race: score against training days, and against the number of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from qfin.report._data import Interval
from qfin.report._format import between, nats, number, short
from qfin.report._svg import Drawing, Scale, axis_x, axis_y, padded
from qfin.report.figures.layout import spread

_TOP, _BASE, _LEFT = 12, 300, 56
_LETTER = 7.3  # pixels of a label's letter


class Curve(NamedTuple):
    """A model's scores: (label, colour class, whether it is quantum, x, scores)."""

    label: str
    cls: str
    quantum: bool
    xs: Sequence[float]
    scores: Sequence[Interval]


def curves(models: Sequence[Curve], x_title: str, title: str, width: int, names: bool = True) -> Markup:
    """Score over a logarithmic x, a line a model (thick: quantum), the name where it ends; intervals on hovering."""
    drawing = Drawing(width, _BASE + 50, title)
    margin = _LETTER * max((len(m.label) for m in models), default=0) + 14 if names else 14
    margin = min(margin, 0.42 * width)
    ends = [v for m in models for i in m.scores for v in (i.value,)]
    xs = [x for m in models for x in m.xs]
    x = Scale(min(xs) / 1.15, max(max(xs), min(xs) * 1.2) * 1.15, _LEFT, width - margin, log=True)
    y = Scale(*padded(ends, [0.0]), _BASE, _TOP)
    axis_y(drawing, y, _LEFT, x.stop, lambda v: number(v, y.decimals()))
    axis_x(drawing, x, _BASE, _TOP, short, 4, x_title)
    drawing.line(_LEFT, float(y(0.0)), x.stop, float(y(0.0)), "zero")
    labels: list[tuple[float, str, str]] = []
    for model in models:
        heights = y([i.value for i in model.scores])
        drawing.curve(
            x(model.xs), heights, f"line {model.cls}{' thick' if model.quantum else ''}", model.label
        )
        for at, height, interval in zip(x(model.xs), heights, model.scores, strict=True):
            bounds = between(interval, nats)
            tip = f"{model.label}: {nats(interval.value)}" + (f" ({bounds})" if bounds else "")
            drawing.add("circle", tip=tip, cx=float(at), cy=float(height), r=3.2, cls=f"dot {model.cls}")
        labels.append((float(heights[-1]) + 4, model.label, model.cls))
    if names:
        places = spread([at for at, _, _ in labels], 14.0)
        for place, (_, label, cls) in zip(places, labels, strict=True):
            drawing.text(x.stop + 8, place, label, f"rowname {cls}")
    return drawing.svg()


def curves_of(rows: Sequence[Mapping[str, Any]], x: str, colours: dict[str, str]) -> list[Curve]:
    """Curves from rows that name model, label, quantum, x, mean, lower and upper; the best last score first."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        value = row[x]
        if value is not None and np.isfinite(float(value)) and float(value) > 0:
            found.setdefault(str(row["model"]), []).append(row)
    made = []
    for name, points in found.items():
        points.sort(key=lambda row: float(row[x]))
        made.append(
            Curve(
                str(points[0]["label"]),
                colours[name],
                bool(points[0]["quantum"]),
                [float(row[x]) for row in points],
                [Interval(float(r["mean"]), float(r["lower"]), float(r["upper"])) for r in points],
            )
        )
    return sorted(made, key=lambda curve: -curve.scores[-1].value)
