"""Two factors together: scatter of normal scores with contours of history, correlation matrices, tails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from qfin.report import _statistics as statistics
from qfin.report._format import number
from qfin.report._svg import Drawing, Scale, axis_x, axis_y
from qfin.report.figures.layout import stroke

_LIMIT, _POINTS, _MASSES = 3.4, 900, (0.5, 0.9, 0.99)
TAIL_LEVELS = np.geomspace(0.01, 0.25, 36)


def pair(names: tuple[str, str], history: np.ndarray, scenarios: np.ndarray, label: str) -> Markup:
    """Normal scores of history (left) and scenarios (right), shape (n, 2) each; contours are history's on both."""
    drawing = Drawing(360, 218, f"{names[0]} and {names[1]}: history and scenarios of the {label}")
    contours = _contours(history)
    for left, points, title, cls in ((28, history, "History", "h"), (198, scenarios, label, "c0")):
        x, y = Scale(-_LIMIT, _LIMIT, left, left + 156), Scale(-_LIMIT, _LIMIT, 176, 20)
        axis_x(drawing, x, 176, 20, _integer, 3)
        axis_y(drawing, y, left, left + 156, _integer if left == 28 else lambda v: "", 3)
        shown = points[_evenly(len(points), _POINTS)]
        shown = shown[(np.abs(shown) < _LIMIT).all(axis=1)]
        drawing.dots(x(shown[:, 0]), y(shown[:, 1]), cls)
        for line in contours:
            drawing.curve(x(line[:, 0]), y(line[:, 1]), "contour")
        drawing.text(left + 78, 13, title, "t", "middle")
        drawing.text(left + 78, 208, names[0], "title", "middle")
    drawing.text(0, 0, names[1], "title", "middle", transform="translate(9 98) rotate(-90)")
    return drawing.svg()


def correlation_matrix(names: Sequence[str], matrix: np.ndarray, title: str) -> Markup:
    """A correlation matrix as coloured cells with their figures."""
    d, longest = len(names), max(map(len, names))
    cell = 56 if d <= 6 else 40 if d <= 10 else 26
    upright = 7 * longest <= cell
    left, top = 10 + 7.2 * longest, 24 if upright else 12 + 7 * longest
    drawing = Drawing(left + cell * d + 6, top + cell * d + 8, title)
    for i, name in enumerate(names):
        drawing.text(left - 6, top + cell * (i + 0.5) + 4, name, "tick", "end")
        x = left + cell * (i + 0.5)
        if upright:
            drawing.text(x, top - 8, name, "tick", "middle")
        else:
            drawing.text(0, 0, name, "tick", transform=f"translate({x + 4:.1f} {top - 5:.1f}) rotate(-90)")
        for j, other in enumerate(names):
            _cell(drawing, left + cell * j, top + cell * i, cell, float(matrix[i, j]), f"{name}, {other}")
    return drawing.svg("natural")


def _cell(drawing: Drawing, x: float, y: float, size: float, value: float, pair: str) -> None:
    drawing.add("rect", tip=f"{pair}: {number(value, 3)}", x=x + 1, y=y + 1, width=size - 2, height=size - 2, rx=3,
                style=f"fill:{heat(value)}")  # fmt: skip
    text = number(value, 2) if size > 30 else number(value, 2).replace("0.", ".")
    cls = f"cell{' small' if size <= 30 else ''}{' light' if abs(value) > 0.62 else ''}"
    drawing.text(x + size / 2, y + size / 2 + 4, text, cls, "middle")


def tails(
    names: tuple[str, str],
    history: np.ndarray,
    models: Sequence[np.ndarray],
    places: Sequence[int],
    rho: float,
) -> Markup:
    """P(both beyond their quantile | one is): q from 25% down to 1% on the left, 75% up to 99% on the right.

    `history` and `models` are pseudo-observations, shape (n, 2), `places` the models' places in the report; the dashed
    line is a Gaussian copula with history's correlation `rho`, the band the 95% interval of history.
    """
    drawing = Drawing(360, 216, f"{names[0]} and {names[1]}: tail dependence of history and models")
    sides = [(TAIL_LEVELS, 34, 190, "Both low: q"), (1 - TAIL_LEVELS, 352, 196, "Both high: q")]
    seen = [statistics.quantile_dependence(history[:, 0], history[:, 1], q) for q, *_ in sides]
    bands = [
        statistics.binomial_band(rates, q, len(history)) for rates, (q, *_) in zip(seen, sides, strict=True)
    ]
    drawn = [[statistics.quantile_dependence(m[:, 0], m[:, 1], q) for m in models] for q, *_ in sides]
    top = max(float(np.max(curve)) for side in (*drawn, *bands) for curve in side)
    y = Scale(0.0, min(1.0, 1.04 * top), 176, 10)
    for (q, outer, inner, title), rates, band, curves in zip(sides, seen, bands, drawn, strict=True):
        x = Scale(TAIL_LEVELS[0], TAIL_LEVELS[-1], outer, inner, log=True)
        xs, left = x(TAIL_LEVELS), min(outer, inner)
        _tail_axes(drawing, x, y, left, title, upper=q[0] > 0.5)
        drawing.area(xs, y(band[1]), y(band[0]), "band h")
        drawing.curve(xs, y(statistics.gaussian_quantile_dependence(rho, q)), "line reference")
        for place, curve in reversed(list(zip(places, curves, strict=True))):
            drawing.curve(xs, y(curve), stroke(place))
        drawing.curve(xs, y(rates), "line h")
    return drawing.svg()


def _tail_axes(drawing: Drawing, x: Scale, y: Scale, left: float, title: str, upper: bool) -> None:
    axis_y(drawing, y, left, left + 156, (lambda v: "") if upper else (lambda v: f"{v:g}"), 4)
    for q in (0.01, 0.02, 0.05, 0.1, 0.2):
        at = float(x(q))
        drawing.line(at, 10, at, 176, "grid")
        drawing.text(at, 191, f"{100 * (1 - q if upper else q):g}%", "tick", "middle")
    drawing.line(left, 176, left + 156, 176, "axis")
    drawing.text(left + 78, 210, title, "title", "middle")


def heat(value: float) -> str:
    """Diverging colour of a figure in [-1, 1]: rust below 0, white at 0, blue above."""
    strong = (178, 74, 40) if value < 0 else (38, 82, 158)
    share = min(abs(value), 1.0) ** 0.85
    return "#" + "".join(f"{round(255 + (c - 255) * share):02x}" for c in strong)


def _contours(points: np.ndarray) -> list[np.ndarray]:
    import contourpy

    cells = 56
    grid = statistics.density_2d(points[:, 0], points[:, 1], 4.0, cells)
    centres = (np.arange(cells) + 0.5) / cells * 8.0 - 4.0
    generator = contourpy.contour_generator(centres, centres, grid)
    lines = [line for mass in _MASSES for line in generator.lines(statistics.level_of_mass(grid, mass))]
    return [np.clip(np.asarray(line), -_LIMIT, _LIMIT) for line in lines if len(line) > 12]


def _evenly(n: int, count: int) -> np.ndarray:
    return np.arange(n) if n <= count else np.linspace(0, n - 1, count).astype(int)


def _integer(value: float) -> str:
    return number(value, 0)
