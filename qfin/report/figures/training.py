"""The training curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup

from qfin.report._format import number
from qfin.report._svg import Drawing, Scale, axis_x, axis_y, padded


def curve(training: pd.DataFrame, stopped_at: float | None, width: int) -> Markup:
    """Loss on fitted and on held-out days against the step, as change since the first, in nats."""
    drawing = Drawing(width, 270, "Training curve: change of the loss on fitted and held-out days")
    steps = training["step"].to_numpy()
    fitted = training["loss"].to_numpy() - training["loss"].iloc[0]
    held_out = training["held_out_loss"].to_numpy()
    seen = np.flatnonzero(np.isfinite(held_out))
    held_out = held_out - held_out[seen[0]] if len(seen) else held_out
    x = Scale(float(steps.min()), float(steps.max()), 66, width - 14)
    y = Scale(*padded(fitted, held_out, [0.0]), 226, 12)
    decimals = int(np.clip(1 - np.floor(np.log10(y.high - y.low)), 0, 6))
    axis_y(drawing, y, 66, width - 14, lambda v: number(v, decimals, signed=True), 5)
    axis_x(drawing, x, 226, 12, lambda v: number(v, 0), 8 if width > 500 else 4, "Training step")
    drawing.line(66, float(y(0)), width - 14, float(y(0)), "zero")
    drawing.curve(x(steps), y(fitted), "line h")
    if len(seen):
        drawing.curve(x(steps[seen]), y(held_out[seen]), "line c0 thick")
    if stopped_at is not None and x.low <= stopped_at <= x.high:
        at = float(x(stopped_at))
        drawing.line(at, 12, at, 226, "mark c0")
        right = at < (x.start + x.stop) / 2
        drawing.text(at + (5 if right else -5), 24, f"step {number(stopped_at)} kept", "note", None if right else "end")
    return drawing.svg()
