"""How a circuit was trained: the curve of its loss, and how its step and data weight were chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from qfin.report._format import number
from qfin.report._svg import Drawing, Scale, axis_x, axis_y, padded
from qfin.report.figures.layout import spread

_TOP, _BASE, _LEFT = 12, 216, 66


def curve(training: pd.DataFrame, kept: float | None, width: int) -> Markup:
    """Loss on fitted and on held-out days against the step, as change since the first, in nats."""
    drawing = Drawing(width, 254, "Training curve: change of the loss with the training step")
    steps = training["step"].to_numpy()
    fitted = _since_first(training["loss"].to_numpy())
    held_out = _since_first(training["held_out_loss"].to_numpy())
    x, y = _axes(drawing, steps, [fitted, held_out])
    drawing.curve(x(steps), y(fitted), "line h thick")
    drawing.curve(x(steps), y(held_out), "line c0 thick")
    _mark(drawing, x, kept)
    return drawing.svg()


def selection(rows: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any] | None, width: int) -> Markup:
    """Gain on days that follow the fitted ones against the step, a curve a data weight; the chosen one is marked."""
    drawing = Drawing(
        width, 254, "Choice of step and data weight: gain on the days that follow the fitted ones"
    )
    curves = [np.asarray(row["curve"], dtype=float) for row in rows]
    longest = max(len(curve) for curve in curves)
    x, y = _axes(drawing, np.arange(longest), curves, margin=76)
    ends: list[float] = []
    for row, gains in zip(rows, curves, strict=True):
        cls = "line c0 thick" if row is chosen else "line h"
        drawing.curve(x(np.arange(len(gains))), y(gains), cls, f"data weight {row['data_weight']:g}")
        ends.append(float(y(gains[-1])) + 4)
    for row, end in zip(rows, spread(ends, 13.0), strict=True):
        drawing.text(
            x.stop + 6, end, f"weight {row['data_weight']:g}", "marktext c0" if row is chosen else "note"
        )
    if chosen is not None:
        at = int(chosen["steps"])
        _mark(drawing, x, at)
        drawing.add("circle", cx=float(x(at)), cy=float(y(float(chosen["gain"]))), r=4.5, cls="dot c0")
    return drawing.svg()


def _axes(
    drawing: Drawing, steps: np.ndarray, curves: Sequence[np.ndarray], margin: float = 14
) -> tuple[Scale, Scale]:
    right = drawing.width - margin
    x = Scale(float(np.min(steps)), float(max(np.max(steps), np.min(steps) + 1)), _LEFT, right)
    y = Scale(*padded(*curves, [0.0]), _BASE, _TOP)
    axis_y(drawing, y, _LEFT, right, lambda v: number(v, y.decimals(), signed=True))
    axis_x(drawing, x, _BASE, _TOP, lambda v: number(v, 0), 8 if drawing.width > 800 else 4, "Training step")
    drawing.line(_LEFT, float(y(0)), right, float(y(0)), "zero")
    return x, y


def _mark(drawing: Drawing, x: Scale, kept: float | None) -> None:
    if kept is None or not x.low <= kept <= x.high:
        return
    at = float(x(kept))
    drawing.line(at, _TOP, at, _BASE, "rule")
    left = at > (x.start + x.stop) / 2
    drawing.text(
        at + (-5 if left else 5), _BASE - 8, f"step {number(kept)} kept", "note", "end" if left else None
    )


def _since_first(values: np.ndarray) -> np.ndarray:
    finite = values[np.isfinite(values)]
    return values - finite[0] if len(finite) else values
