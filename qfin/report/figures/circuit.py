"""Inside a circuit: how its gradient falls with its size, and which bits share information."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from qfin.report._format import number, scientific
from qfin.report._svg import Drawing, Scale, axis_y
from qfin.report.figures.dependence import heat
from qfin.report.figures.layout import spread

_TOP, _BASE, _LEFT, _MARGIN = 12, 236, 52, 72
_MATRIX, _FAINT = 252, 0.35


def plateau(
    sizes: pd.DataFrame, limits: tuple[float, float], own_layers: int, colour: str, title: str, width: int
) -> Markup:
    """Median squared gradient against the number of qubits with its 95 % band, a curve a number of layers.

    `sizes` are rows of one initialisation; `limits` of the logarithmic axis are shared between figures.
    """
    drawing = Drawing(width, 274, f"Squared gradient at initialisation against qubits, {title}")
    qubits = np.unique(sizes["qubits"])
    x = Scale(float(qubits[0]), float(max(qubits[-1], qubits[0] + 1)), _LEFT, width - _MARGIN)
    y = Scale(*limits, _BASE, _TOP, log=True)
    ticks = np.unique(np.round(np.linspace(qubits[0], qubits[-1], min(len(qubits), 7))))
    for n in ticks:
        drawing.line(float(x(n)), _TOP, float(x(n)), _BASE, "grid")
        drawing.text(float(x(n)), _BASE + 15, number(n), "tick", "middle")
    axis_y(drawing, y, _LEFT, x.stop, _power)
    drawing.line(_LEFT, _BASE, x.stop, _BASE, "axis")
    drawing.text((_LEFT + x.stop) / 2, _BASE + 33, "Qubits", "title", "middle")
    curves = [group.sort_values("qubits") for _, group in sizes.groupby("layers")]
    for place, rows in enumerate(curves):
        depth = int(rows["layers"].iloc[0])
        shade = {"style": f"opacity:{_shade(place, len(curves)):.2f}"}
        at = x(rows["qubits"])
        upper, lower = (y(np.clip(rows[end], *limits)) for end in ("upper", "lower"))
        drawing.area(at, upper, lower, f"band {colour}")
        cls = f"line {colour}{' thick' if depth == own_layers else ''}"
        drawing.curve(at, y(np.clip(rows["median"], *limits)), cls, _layers(depth), **shade)
    ends = [float(y(np.clip(rows["median"].iloc[-1], *limits))) + 4 for rows in curves]
    for rows, end in zip(curves, spread(ends, 13.0), strict=True):
        depth = int(rows["layers"].iloc[0])
        drawing.text(x.stop + 7, end, _layers(depth), f"marktext {colour}" if depth == own_layers else "note")
    return drawing.svg()


def plateau_limits(sizes: pd.DataFrame) -> tuple[float, float]:
    """Whole powers of ten around every median and band that is finite and positive."""
    values = sizes[["median", "lower", "upper"]].to_numpy(float).ravel()
    values = values[np.isfinite(values) & (values > 0.0)]
    if not len(values):
        return 0.1, 10.0
    low, high = np.floor(np.log10(values.min())), np.ceil(np.log10(values.max()))
    return float(10.0**low), float(10.0 ** max(high, low + 1))


def information(factors: Sequence[str], bits: int, matrix: np.ndarray, top: float, title: str) -> Markup:
    """Mutual information of each two bits as coloured cells, factor by factor; `top` has the full colour.

    Parameters
    ----------
    matrix : shape (n, n), symmetric, qubit 0 first
    """
    n = len(matrix)
    cell = float(np.clip(_MATRIX / n, 10, 34))
    left, top_edge = 24 + 7.2 * max(map(len, factors)), 36.0
    drawing = Drawing(left + cell * n + 4, top_edge + cell * n + 4, title)
    block = cell * bits
    for k, factor in enumerate(factors):
        middle = block * (k + 0.5)
        drawing.text(left - 18, top_edge + middle + 4, factor, "tick", "end")
        if 7.0 * len(factor) <= block:
            drawing.text(left + middle, 12, factor, "tick", "middle")
    names = [f"{factors[q // bits]} {q % bits}" for q in range(n)]
    for i in range(n):
        digit = "tick" if cell >= 13 else "tick small"
        drawing.text(left - 5, top_edge + cell * (i + 0.5) + 4, str(i % bits), digit, "end")
        drawing.text(left + cell * (i + 0.5), top_edge - 6, str(i % bits), digit, "middle")
        for j in range(n):
            if i != j:
                value = float(matrix[i, j])
                drawing.add(
                    "rect", tip=f"{names[i]}, {names[j]}: {number(value, 4)} nats",
                    x=left + cell * j + 0.5, y=top_edge + cell * i + 0.5, width=cell - 1, height=cell - 1,
                    style=f"fill:{heat(max(value, 0.0) / top)}",
                )  # fmt: skip
    for k in range(len(factors) + 1):
        drawing.line(left, top_edge + block * k, left + cell * n, top_edge + block * k, "axis")
        drawing.line(left + block * k, top_edge, left + block * k, top_edge + cell * n, "axis")
    return drawing.svg("natural")


def _shade(place: int, count: int) -> float:
    """Faint for the shallowest circuit, full for the deepest."""
    return 1.0 if count == 1 else _FAINT + (1.0 - _FAINT) * place / (count - 1)


def _layers(depth: int) -> str:
    return "1 layer" if depth == 1 else f"{depth} layers"


def _power(value: float) -> str:
    """`10⁻⁵`."""
    return scientific(value).removeprefix("1.0·")
