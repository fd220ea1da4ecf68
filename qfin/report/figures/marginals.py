"""One factor: the density of its moves and the quantiles of their shape, history against scenarios."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from qfin.market import RiskFactor
from qfin.report import _statistics as statistics
from qfin.report._format import return_scale, return_unit, short
from qfin.report._svg import Drawing, Scale, axis_x, axis_y

_TOP, _BASE = 10, 172


def card(
    factor: RiskFactor, history: np.ndarray, shape: np.ndarray, scenarios: np.ndarray, width: int = 360
) -> Markup:
    """Density (left) and QQ plot of standardised moves (right).

    `history` and `scenarios` are moves in the factor's return unit; `shape` is history as the QQ plot compares it.
    """
    drawing = Drawing(width, 210, f"{factor.name}: density of daily moves and QQ plot, history and scenarios")
    square = width - 134 if width < 450 else width - 170
    _density(drawing, factor, history, scenarios, square - 38)
    _quantiles(drawing, shape, scenarios, square, width - 4)
    return drawing.svg()


def _density(
    drawing: Drawing, factor: RiskFactor, history: np.ndarray, scenarios: np.ndarray, right: float
) -> None:
    scale = return_scale(factor)
    history, scenarios = history * scale, scenarios * scale
    reach = float(max(np.quantile(np.abs(values), 0.995) for values in (history, scenarios))) or 1.0
    x = Scale(-reach, reach, 6, right)
    grid = np.linspace(-1.1 * reach, 1.1 * reach, 181)
    inside = np.abs(grid) <= reach
    curves = [statistics.density(values, grid)[inside] for values in (history, scenarios)]
    y = Scale(0.0, max(float(curve.max()) for curve in curves) or 1.0, _BASE, _TOP)
    unit = return_unit(factor) or "unit of level"
    axis_x(drawing, x, _BASE, _TOP, short, 5 if right > 250 else 4, f"Daily move, {unit}")
    drawing.area(x(grid[inside]), y(curves[0]), _BASE, "area h")
    drawing.curve(x(grid[inside]), y(curves[0]), "line h")
    drawing.curve(x(grid[inside]), y(curves[1]), "line c0 thick")


def _quantiles(
    drawing: Drawing, history: np.ndarray, scenarios: np.ndarray, left: float, right: float
) -> None:
    levels = _levels(min(len(history), len(scenarios)))
    ours, seen = (np.quantile(v, levels) / (np.std(v) or 1.0) for v in (scenarios, history))
    reach = float(np.max(np.abs(np.append(ours, seen)))) * 1.05 or 1.0
    x, y = Scale(-reach, reach, left, right), Scale(-reach, reach, _BASE, _TOP)
    axis_x(drawing, x, _BASE, _TOP, short, 3, "History, st. dev.")
    axis_y(drawing, y, left, right, short, 3)
    drawing.line(left, _BASE, right, _TOP, "zero")
    drawing.dots(x(seen), y(ours), "c0 bold")


def _levels(n: int) -> np.ndarray:
    """Levels that crowd into both tails, as far as n points can tell."""
    tail = np.geomspace(max(2.5 / n, 1e-4), 0.1, 22)
    return np.concatenate([tail, np.linspace(0.12, 0.88, 24), 1 - tail[::-1]])
