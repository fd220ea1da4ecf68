"""The loss distribution: its body with the measures of every model below it, and its tail."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from qfin.report import _statistics as statistics
from qfin.report._data import Measure, ModelData
from qfin.report._format import amount, between, short
from qfin.report._svg import Drawing, Scale, axis_x, axis_y, padded, whisker
from qfin.report.figures.layout import colour, stroke

_ROW, _TOP, _BASE = 21, 34, 214


def distribution(models: tuple[ModelData, ...], currency: str, width: int) -> Markup:
    """Densities of all models over one axis; below it VaR (dot) and ES (diamond) of each with their intervals."""
    bottom = _BASE + 10 + _ROW * len(models)
    drawing = Drawing(width, bottom + 40, "Loss distribution of every model, with its VaR and ES")
    x = Scale(*_range(models), 12, width - 14)
    margin = 0.1 * (x.high - x.low)
    grid = np.linspace(x.low - margin, x.high + margin, 421)
    inside = (grid >= x.low) & (grid <= x.high)
    curves = [statistics.density(model.loss, grid)[inside] for model in models]
    y = Scale(0.0, max(float(curve.max()) for curve in curves), _BASE, _TOP)
    axis_x(drawing, x, bottom, _TOP, short, 9 if width > 500 else 4, f"Loss, {currency} (positive is a loss)")
    _areas(drawing, x(grid[inside]), y(curves[0]), models[0], x)
    for index in range(len(models) - 1, -1, -1):
        drawing.curve(x(grid[inside]), y(curves[index]), stroke(index))
    _marks(drawing, x, models[0])
    for index, model in enumerate(models):
        _strip(drawing, x, _BASE + 8 + _ROW * (index + 0.5), model, index, currency)
    return drawing.svg()


def tail(models: tuple[ModelData, ...], currency: str, width: int) -> Markup:
    """Probability of losing more than x, on a logarithmic scale, with the 95% band of the first model."""
    drawing = Drawing(width, 330, "Probability of a loss beyond each size, by model")
    least = max(5.0 / min(len(m.loss) for m in models), 2e-4)
    probabilities = np.geomspace(0.2, least, 80)
    quantiles = [np.quantile(m.loss, 1 - probabilities, method="inverted_cdf") for m in models]
    x = Scale(*padded(*quantiles, share=0.02), 52, width - 10)
    y = Scale(least, 0.2, 284, 12, log=True)
    axis_x(drawing, x, 284, 12, short, 7 if width > 500 else 4, f"Loss, {currency}")
    axis_y(drawing, y, 52, width - 10, lambda p: f"{100 * p:g}%")
    low, high = _order_statistics(models[0].loss, probabilities)
    heights = y(probabilities)
    low, high = (np.clip(ends, x.low, x.high) for ends in (low, high))
    drawing.polygon(np.append(x(low), x(high)[::-1]), np.append(heights, heights[::-1]), "band c0")
    for index in range(len(models) - 1, -1, -1):
        drawing.curve(x(quantiles[index]), heights, stroke(index), models[index].label)
    for measure in models[0].measures:
        if least < 1 - measure.level < 0.2:
            at = float(y(1 - measure.level))
            drawing.line(52, at, width - 10, at, "rule")
            drawing.text(width - 12, at - 5, f"level of {measure.title}", "note", "end")
    return drawing.svg()


def _range(models: tuple[ModelData, ...]) -> tuple[float, float]:
    figures = [m.figure for model in models for m in model.measures]
    ends = [f.value if f.upper is None else f.upper for f in figures]
    low = min(float(np.quantile(m.loss, 0.002)) for m in models[:1])
    return padded([low, float(np.quantile(models[0].loss, 0.998)), *ends], share=0.03)


def _areas(drawing: Drawing, xs: np.ndarray, ys: np.ndarray, main: ModelData, x: Scale) -> None:
    drawing.area(xs, ys, _BASE, "area c0")
    var = main.measure("VaR")
    if var is not None:
        beyond = xs >= float(x(var.figure.value))
        drawing.area(xs[beyond], ys[beyond], _BASE, "area deep c0")


def _marks(drawing: Drawing, x: Scale, main: ModelData) -> None:
    """The measures of the main model as upright lines, labelled away from each other; above, where there is no room."""
    ordered = sorted(main.measures, key=lambda m: m.figure.value)
    for place, measure in enumerate(ordered):
        at = float(x(measure.figure.value))
        last, room = place > 0 and place == len(ordered) - 1, at < x.stop - 64
        top = _TOP - 15 if last and not room else _TOP
        drawing.line(at, top - 14, at, _BASE, "mark c0")
        right = last and room
        drawing.text(
            at + (4 if right else -4), top - 5, measure.title, "marktext c0", None if right else "end"
        )


def _strip(drawing: Drawing, x: Scale, y: float, model: ModelData, index: int, currency: str) -> None:
    drawing.text(14, y + 4, model.label, f"rowname {colour(index)}")
    for offset, measure in zip((-4, 4), model.measures, strict=False):
        _mark(
            drawing, x, y + offset, measure, f"{colour(index)}", f"{model.label}: {_tip(measure, currency)}"
        )


def _mark(drawing: Drawing, x: Scale, y: float, measure: Measure, cls: str, tip: str) -> None:
    figure, at = measure.figure, float(x(measure.figure.value))
    if figure.lower is not None and figure.upper is not None:
        whisker(drawing, float(x(figure.lower)), float(x(figure.upper)), y, f"whisker {cls}")
    if measure.name == "ES":
        drawing.add(
            "path", tip=tip, d=f"M{at:.1f} {y - 4.5:.1f}l4.5 4.5l-4.5 4.5l-4.5 -4.5Z", cls=f"dot {cls}"
        )
    else:
        drawing.add("circle", tip=tip, cx=at, cy=y, r=3.6, cls=f"dot {cls}")


def _tip(measure: Measure, currency: str) -> str:
    bounds = between(measure.figure, amount)
    return f"{measure.title} {currency} {amount(measure.figure.value)}" + (f" ({bounds})" if bounds else "")


def _order_statistics(loss: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses whose ranks bracket each quantile with about 95%, by the normal limit of the binomial."""
    n, ordered = len(loss), np.sort(loss)
    middle, half = n * (1 - probabilities), 1.96 * np.sqrt(n * probabilities * (1 - probabilities))
    low, high = (np.clip(np.round(middle + s * half).astype(int) - 1, 0, n - 1) for s in (-1, 1))
    return ordered[low], ordered[high]
