"""Amounts as horizontal bars: parts of a measure, sources of its error."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from qfin.report._format import amount, number
from qfin.report._svg import Drawing, Scale, axis_x, padded

_ROW = 27


def bars(
    rows: Sequence[tuple[str, float]], title: str, width: int, signed: bool = True, negative: str = "c2"
) -> Markup:
    """A bar a row: (label, amount); a negative one points left and has a colour of its own."""
    left = min(6.9 * max(len(label) for label, _ in rows) + 18, 0.42 * width)
    room = 74
    height = _ROW * len(rows) + 46
    drawing = Drawing(width, height, title)
    low, high = padded([0.0, *(value for _, value in rows)], share=0.0)
    x = Scale(min(low, 0.0), max(high, 0.0), left + (room if low < 0 else 0), width - room)
    count = max(1, min(5, round((x.stop - x.start) / 75)))
    axis_x(drawing, x, height - 38, 4, lambda v: number(v, x.decimals(count)), count, title)
    for place, (label, value) in enumerate(rows):
        y = 4 + _ROW * (place + 0.5)
        start, stop = sorted((float(x(0.0)), float(x(value))))
        tip = f"{label}: {amount(value, signed)}"
        cls = f"barmark {negative if value < 0 else 'c0'}"
        drawing.add("rect", tip=tip, x=start, y=y - 7, width=max(stop - start, 0.6), height=14, cls=cls)
        drawing.text(left - 8, y + 4, _shortened(label, left), "rowname ink", "end")
        ahead = value >= 0
        drawing.text(
            stop + 6 if ahead else start - 6, y + 4, amount(value, signed), "note", None if ahead else "end"
        )
    drawing.line(float(x(0.0)), 4, float(x(0.0)), height - 38, "zero")
    return drawing.svg()


def _shortened(label: str, room: float) -> str:
    most = max(int((room - 10) / 6.6), 4)
    return label if len(label) <= most else label[: most - 1] + "…"
