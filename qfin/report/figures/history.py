"""The level of one factor over the whole history."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup

from qfin.report._format import level
from qfin.report._svg import Drawing, Scale, padded

_POINTS = 260


def sparkline(name: str, prices: pd.Series, width: int) -> Markup:
    """Level against time, with its first and last day."""
    drawing = Drawing(width, 108, f"{name} from {prices.index[0]:%Y-%m-%d} to {prices.index[-1]:%Y-%m-%d}")
    days = (prices.index - prices.index[0]).days.to_numpy()
    keep = np.unique(np.linspace(0, len(prices) - 1, min(_POINTS, len(prices))).astype(int))
    values = prices.to_numpy(dtype=float)
    x = Scale(0, float(max(days[-1], 1)), 4, width - 8)
    y = Scale(*padded(values), 84, 22)
    drawing.curve(x(days[keep]), y(values[keep]), "line h")
    drawing.add("circle", cx=float(x(days[-1])), cy=float(y(values[-1])), r=3, cls="dot h")
    drawing.text(4, 13, name, "rowname ink")
    drawing.text(width - 6, 13, level(float(values[-1])), "note", "end")
    drawing.text(4, 101, f"{prices.index[0]:%b %Y}", "tick", "start")
    drawing.text(width - 6, 101, f"{prices.index[-1]:%b %Y}", "tick", "end")
    return drawing.svg()
