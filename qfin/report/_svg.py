"""A small drawing kit: scales, axes and marks, written as SVG that needs no script and prints sharp.

Every text is escaped, every coordinate has one decimal, and nothing has an id: the same figure is the same bytes, and
figures never collide in one page. Colours are CSS classes (`c0` the first model, `c1`... its rivals, `h` history).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Self

import numpy as np
from markupsafe import Markup

Array = np.ndarray


@dataclass(frozen=True)
class Scale:
    """From data to pixels: [low, high] to [start, stop], linear or logarithmic."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, values: Any) -> Any:
        """Pixels of values, any shape."""
        low, high, values = self.low, self.high, np.asarray(values, dtype=float)
        if self.log:
            low, high = np.log(low), np.log(high)
            values = np.log(np.maximum(values, 1e-300))
        return self.start + (values - low) / (high - low) * (self.stop - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """About `count` round values inside [low, high]."""
        if self.log:
            return [
                float(f"{m}e{e}")
                for e in range(int(np.floor(np.log10(self.low))), int(np.ceil(np.log10(self.high))) + 1)
                for m in ((1, 2, 5) if np.log10(self.high / self.low) < 4 else (1,))
                if self.low <= float(f"{m}e{e}") * (1 + 1e-9) and float(f"{m}e{e}") <= self.high * (1 + 1e-9)
            ]
        rough = (self.high - self.low) / max(count, 1)
        power = 10.0 ** np.floor(np.log10(rough))
        step = power * min((1, 2, 2.5, 5, 10), key=lambda m: abs(np.log(m * power / rough)))
        first = np.ceil(self.low / step - 1e-9)
        return [
            float(f"{k * step:.12g}") + 0.0 for k in np.arange(first, np.floor(self.high / step + 1e-9) + 1)
        ]

    def decimals(self, count: int = 5) -> int:
        """Decimals that tell these ticks apart and write each exactly."""
        ticks = self.ticks(count)
        return next(
            (k for k in range(8) if all(abs(round(t, k) - t) < 1e-9 * abs(t) + 1e-12 for t in ticks)), 8
        )


def padded(*arrays: Array | Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """The range of all finite values with a margin on either side; never empty."""
    values = np.concatenate([np.ravel(np.asarray(a, dtype=float)) for a in arrays])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    margin = (high - low) * share or abs(high) * share or 1.0
    return low - margin, high + margin


class Drawing:
    """An SVG of a given size in pixels; `label` is what a screen reader says of it."""

    def __init__(self, width: float, height: float, label: str) -> None:
        self.width, self.height, self.label = width, height, label
        self._parts: list[str] = []

    def add(self, tag: str, text: str | None = None, tip: str | None = None, **attributes: Any) -> Self:
        """One element; `cls` is its class, underscores in names become hyphens, `tip` is shown on hovering."""
        written = "".join(f' {_name(k)}="{_value(v)}"' for k, v in attributes.items() if v is not None)
        inner = (f"<title>{escape(tip)}</title>" if tip else "") + ("" if text is None else escape(text))
        self._parts.append(f"<{tag}{written}>{inner}</{tag}>" if inner else f"<{tag}{written}/>")
        return self

    def text(
        self, x: float, y: float, text: str, cls: str = "t", anchor: str | None = None, **more: Any
    ) -> Self:
        """Text at a point; `anchor` is start (default), middle or end."""
        return self.add("text", text, x=x, y=y, cls=cls, text_anchor=anchor, **more)

    def line(self, x1: float, y1: float, x2: float, y2: float, cls: str, tip: str | None = None) -> Self:
        """A straight line."""
        return self.add("path", tip=tip, d=f"M{_p(x1)} {_p(y1)}L{_p(x2)} {_p(y2)}", cls=cls)

    def curve(self, xs: Array, ys: Array, cls: str, tip: str | None = None, **more: Any) -> Self:
        """A line through points; broken where one is not finite."""
        return self.add("path", tip=tip, d=_path(xs, ys), cls=cls, **more)

    def polygon(self, xs: Array, ys: Array, cls: str) -> Self:
        """A closed shape."""
        return self.add("path", d=_path(xs, ys) + "Z", cls=cls)

    def area(self, xs: Array, upper: Array, lower: Array | float, cls: str) -> Self:
        """What lies between two curves over the same x."""
        base = np.broadcast_to(np.asarray(lower, dtype=float), np.shape(upper))
        return self.polygon(np.append(xs, xs[::-1]), np.append(upper, base[::-1]), cls)

    def dots(self, xs: Array, ys: Array, cls: str) -> Self:
        """Many points as one path of strokes without length; their size is the class's stroke width."""
        seen = dict.fromkeys(f"M{_p(x)} {_p(y)}h0" for x, y in zip(xs, ys, strict=True))
        return self.add("path", d="".join(seen), cls=f"dots {cls}")

    def svg(self, cls: str = "") -> Markup:
        """The element, to stand in a page."""
        return Markup(
            f'<svg class="plot {cls}" role="img" aria-label="{escape(self.label)}" '
            f'viewBox="0 0 {_p(self.width)} {_p(self.height)}" '
            f'width="{_p(self.width)}" height="{_p(self.height)}">{"".join(self._parts)}</svg>'
        )


def axis_x(
    drawing: Drawing,
    scale: Scale,
    y: float,
    top: float,
    write: Callable[[float], str],
    count: int = 5,
    title: str = "",
) -> None:
    """Ticks below y, light grid lines up to `top`, the title below."""
    for tick in scale.ticks(count):
        x = float(scale(tick))
        drawing.line(x, top, x, y, "grid")
        drawing.text(x, y + 15, write(tick), "tick", "middle")
    drawing.line(scale.start, y, scale.stop, y, "axis")
    if title:
        drawing.text((scale.start + scale.stop) / 2, y + 32, title, "title", "middle")


def axis_y(
    drawing: Drawing, scale: Scale, x: float, right: float, write: Callable[[float], str], count: int = 5
) -> None:
    """Tick labels left of x and light grid lines to `right`."""
    for tick in scale.ticks(count):
        y = float(scale(tick))
        drawing.line(x, y, right, y, "grid")
        drawing.text(x - 6, y + 4, write(tick), "tick", "end")


def whisker(drawing: Drawing, low: float, high: float, y: float, cls: str) -> None:
    """A horizontal interval with end marks."""
    drawing.add(
        "path", d=f"M{_p(low)} {_p(y)}H{_p(high)}M{_p(low)} {_p(y - 3)}v6M{_p(high)} {_p(y - 3)}v6", cls=cls
    )


def _path(xs: Array, ys: Array) -> str:
    parts, pen = [], "M"
    for x, y in zip(np.asarray(xs, dtype=float), np.asarray(ys, dtype=float), strict=True):
        if not (np.isfinite(x) and np.isfinite(y)):
            pen = "M"
            continue
        parts.append(f"{pen}{_p(x)} {_p(y)}")
        pen = "L"
    return "".join(parts)


def _p(value: float) -> str:
    text = f"{float(value):.1f}"
    return text[:-2] if text.endswith(".0") else text


def _name(key: str) -> str:
    return "class" if key == "cls" else key.replace("_", "-")


def _value(value: Any) -> str:
    if isinstance(value, float | np.floating | int):
        return _p(float(value))
    return escape(str(value))
