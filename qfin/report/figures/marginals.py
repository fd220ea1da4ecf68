"""One factor: the density of its moves and the quantiles of their shape, history against scenarios."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from qfin.market import RiskFactor
from qfin.report import _statistics as statistics
from qfin.report._format import return_scale, return_unit, short
from qfin.report._svg import Drawing, Scale, axis_x, axis_y

_LOG_FLOOR = 3e-4


def card(factor: RiskFactor, history: np.ndarray, shape: np.ndarray, scenarios: np.ndarray) -> Markup:
    """Density on a logarithmic scale (left) and QQ plot of standardised moves (right).

    `history` and `scenarios` are moves in the factor's return unit; `shape` is history as the QQ plot compares it.
    """
    drawing = Drawing(360, 214, f"{factor.name}: density of daily moves and QQ plot, history and scenarios")
    _density(drawing, factor, history, scenarios)
    _quantiles(drawing, shape, scenarios)
    return drawing.svg()


def _density(drawing: Drawing, factor: RiskFactor, history: np.ndarray, scenarios: np.ndarray) -> None:
    scale = return_scale(factor)
    history, scenarios = history * scale, scenarios * scale
    reach = float(max(np.quantile(np.abs(values), 0.9985) for values in (history, scenarios))) or 1.0
    x = Scale(-reach, reach, 6, 196)
    grid = np.linspace(-1.1 * reach, 1.1 * reach, 181)
    inside = np.abs(grid) <= reach
    curves = [statistics.density(values, grid)[inside] for values in (history, scenarios)]
    peak = max(float(curve.max()) for curve in curves) or 1.0
    y = Scale(_LOG_FLOOR * peak, peak, 168, 10, log=True)
    axis_x(drawing, x, 168, 10, short, 4, f"Daily move, {return_unit(factor) or 'unit of level'}")
    heights = [y(np.maximum(curve, _LOG_FLOOR * peak)) for curve in curves]
    drawing.area(x(grid[inside]), heights[0], 168, "area h")
    drawing.curve(x(grid[inside]), heights[0], "line h")
    drawing.curve(x(grid[inside]), heights[1], "line c0 thick")


def _quantiles(drawing: Drawing, history: np.ndarray, scenarios: np.ndarray) -> None:
    levels = _levels(min(len(history), len(scenarios)))
    ours, seen = (np.quantile(v, levels) / (np.std(v) or 1.0) for v in (scenarios, history))
    reach = float(np.max(np.abs(np.append(ours, seen)))) * 1.05 or 1.0
    x, y = Scale(-reach, reach, 224, 352), Scale(-reach, reach, 168, 10)
    axis_x(drawing, x, 168, 10, short, 3, "History, st. dev.")
    axis_y(drawing, y, 224, 352, short, 3)
    drawing.line(224, 168, 352, 10, "zero")
    drawing.dots(x(seen), y(ours), "c0 bold")


def _levels(n: int) -> np.ndarray:
    """Levels that crowd into both tails, as far as n points can tell."""
    tail = np.geomspace(max(1.5 / n, 1e-4), 0.1, 22)
    return np.concatenate([tail, np.linspace(0.12, 0.88, 24), 1 - tail[::-1]])
