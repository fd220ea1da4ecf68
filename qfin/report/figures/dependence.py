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
TAIL_LEVELS = np.concatenate([np.linspace(0.01, 0.1, 19), np.linspace(0.12, 0.5, 20)])


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
    d = len(names)
    cell = 56 if d <= 6 else 40 if d <= 10 else 30
    left = 10 + 7.2 * max(len(name) for name in names)
    drawing = Drawing(left + cell * d + 6, 24 + cell * d + 8, title)
    for i, name in enumerate(names):
        drawing.text(left - 6, 24 + cell * (i + 0.5) + 4, name, "tick", "end")
        if d <= 6 or i < d:
            shown = name if 7 * len(name) <= cell else name[: max(2, cell // 8)] + "…"
            drawing.text(left + cell * (i + 0.5), 16, shown, "tick", "middle")
        for j, other in enumerate(names):
            value = float(matrix[i, j])
            x, y = left + cell * j, 24 + cell * i
            drawing.add("rect", tip=f"{name}, {other}: {number(value, 3)}", x=x + 1, y=y + 1, width=cell - 2,
                        height=cell - 2, rx=3, style=f"fill:{heat(value)}")  # fmt: skip
            cls = "cell light" if abs(value) > 0.62 else "cell"
            drawing.text(x + cell / 2, y + cell / 2 + 4, number(value, 2), cls if cell > 30 else f"{cls} small", "middle")
    return drawing.svg("natural")


def tails(
    names: tuple[str, str], history: np.ndarray, models: Sequence[np.ndarray], places: Sequence[int], rho: float
) -> Markup:
    """P(both beyond q) given one is, for q from .01 up to one half (left) and on to .99 (right).

    `history` and `models` are pseudo-observations, shape (n, 2); the dashed line is a Gaussian copula with history's
    correlation `rho`, the band the 95% interval of history.
    """
    drawing = Drawing(360, 226, f"{names[0]} and {names[1]}: tail dependence of history and models")
    q = np.concatenate([TAIL_LEVELS, 1 - TAIL_LEVELS[::-1][1:]])
    x, y = Scale(0, 1, 36, 352), Scale(0, 1, 186, 12)
    axis_y(drawing, y, 36, 352, lambda v: f"{v:g}", 5)
    axis_x(drawing, x, 186, 12, lambda v: f"{v:g}", 5, "q: below it (left half), above it (right half)")
    seen = statistics.quantile_dependence(history[:, 0], history[:, 1], q)
    low, high = statistics.binomial_band(seen, q, len(history))
    drawing.area(x(q), y(high), y(low), "band h")
    drawing.curve(x(q), y(statistics.gaussian_quantile_dependence(rho, q)), "line reference")
    for place, sample in reversed(list(zip(places, models, strict=True))):
        drawing.curve(x(q), y(statistics.quantile_dependence(sample[:, 0], sample[:, 1], q)), stroke(place))
    drawing.curve(x(q), y(seen), "line h thick")
    return drawing.svg()


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
    return [np.clip(line, -_LIMIT, _LIMIT) for line in lines if len(line) > 12]


def _evenly(n: int, count: int) -> np.ndarray:
    return np.arange(n) if n <= count else np.linspace(0, n - 1, count).astype(int)


def _integer(value: float) -> str:
    return number(value, 0)
