"""A few values in a row, small enough for a cell of a table."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from qfin.report._svg import Drawing, Scale, padded


def spark(values: np.ndarray, label: str, width: int = 110) -> Markup:
    """A line through the values, the last one marked."""
    drawing = Drawing(width, 20, label)
    x = Scale(0.0, max(len(values) - 1, 1), 4, width - 6)
    y = Scale(*padded(values), 17, 3)
    xs, ys = x(np.arange(len(values))), y(values)
    drawing.curve(xs, ys, "line h")
    drawing.add("circle", cx=float(xs[-1]), cy=float(ys[-1]), r=2.6, cls="dot c0")
    return drawing.svg("natural")
