"""P&L against the VaR and ES that were forecast of it, and the running evidence against them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from qfin.report._format import amount
from qfin.report._svg import Drawing, Scale, axis_y, padded

_LEFT, _RIGHT, _GAP = 74, 12, 34


@dataclass(frozen=True, eq=False)
class Course:
    """One model's forecasts of one-day P&L.

    Attributes
    ----------
    dates : of the days
    pnl, var, es : shape (days,), a gain, a loss and a loss positive; VaR and ES may be of different levels
    evidence : running evidence of the e-backtests by name, shape (days,) each
    names : of VaR and ES, with their levels
    limit : evidence at which a test rejects
    """

    dates: pd.DatetimeIndex
    pnl: np.ndarray
    var: np.ndarray
    es: np.ndarray
    evidence: dict[str, np.ndarray]
    names: tuple[str, str]
    limit: float


def course(data: Course, currency: str, width: int) -> Markup:
    """P&L as dots, VaR and ES as lines below, breaches marked; underneath the evidence, on a logarithmic scale."""
    drawing = Drawing(width, 420, f"Daily P&L in {currency} against {' and '.join(data.names)}, and evidence")
    days = (data.dates - data.dates[0]).days.to_numpy(dtype=float)
    x = Scale(0.0, max(float(days[-1]), 1.0), _LEFT, width - _RIGHT)
    y = Scale(*padded(data.pnl, -data.es, -data.var), 262, 24)
    axis_y(drawing, y, _LEFT, width - _RIGHT, lambda v: amount(v, signed=True))
    _years(drawing, x, data.dates, 262, 24)
    drawing.text(_LEFT, 14, f"P&L of a day, {currency}", "title")
    hits = data.pnl < -data.var
    drawing.dots(x(days[~hits]), y(data.pnl[~hits]), "h")
    drawing.curve(x(days), y(-data.var), "line c0", tip=data.names[0])
    drawing.curve(x(days), y(-data.es), "line c1 dash", tip=data.names[1])
    for day in np.flatnonzero(hits):
        tip = f"{data.dates[int(day)]:%Y-%m-%d}: {amount(data.pnl[day], signed=True)}, VaR {amount(data.var[day])}"
        drawing.add("circle", tip=tip, cx=float(x(days[day])), cy=float(y(data.pnl[day])), r=4, cls="dot hit")
    _evidence(drawing, data, x, days, width)
    return drawing.svg()


def _evidence(drawing: Drawing, data: Course, x: Scale, days: np.ndarray, width: int) -> None:
    top, bottom = 262 + _GAP, 396
    known = [values[np.isfinite(values)] for values in data.evidence.values()]
    values = np.concatenate([*known, [1.0, data.limit]])
    y = Scale(0.8 * float(values.min()), 1.3 * float(values.max()), bottom, top, log=True)
    axis_y(drawing, y, _LEFT, width - _RIGHT, lambda v: f"{v:g}")
    _years(drawing, x, data.dates, bottom, top)
    drawing.text(_LEFT, top - 8, "Evidence against the forecasts, times the stake", "title")
    limit = float(y(data.limit))
    drawing.line(_LEFT, limit, width - _RIGHT, limit, "rule", tip=f"rejected from {data.limit:g} on")
    for name, style in zip(data.evidence, ("line c0", "line c1 dash"), strict=True):
        drawing.curve(x(days), y(data.evidence[name]), style, tip=name)


def _years(drawing: Drawing, x: Scale, dates: pd.DatetimeIndex, y: float, top: float) -> None:
    """Grid lines and labels where years begin."""
    for year in range(dates[0].year + 1, dates[-1].year + 1):
        place = float(x((pd.Timestamp(year, 1, 1) - dates[0]).days))
        drawing.line(place, top, place, y, "grid")
        drawing.text(place, y + 15, str(year), "tick", "middle")
    drawing.line(x.start, y, x.stop, y, "axis")
