"""What figures share: several widths of one drawing, and the colours of models."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

WIDE, MIDDLE, HALF, NARROW = 1120, 660, 545, 356
COLOURS = 6


def responsive(draw: Callable[[int], Markup], wide: int = WIDE, narrow: int = NARROW) -> Markup:
    """One figure drawn for wide, middling (also paper) and narrow screens; the style sheet shows one of them."""
    classes = {"wide": wide, "middle": MIDDLE} if wide > 1.3 * MIDDLE else {"wide middle": wide}
    return Markup("").join(
        Markup('<div class="{}">{}</div>').format(cls, draw(width))
        for cls, width in {**classes, "narrow": narrow}.items()
    )


def colour(index: int) -> str:
    """Class of the model at a place in the report: 0 is the one it is about."""
    return "c0" if index == 0 else f"c{1 + (index - 1) % (COLOURS - 1)}"


def stroke(index: int) -> str:
    """Classes of a model's curve."""
    return f"line {colour(index)}{' thick' if index == 0 else ''}{' dash' if index >= COLOURS else ''}"


def spread(places: Sequence[float], least: float) -> list[float]:
    """Places of labels moved up just enough to stand `least` apart, in the order given."""
    order = sorted(range(len(places)), key=lambda k: -places[k])
    moved, last = list(places), float("inf")
    for k in order:
        moved[k] = last = min(places[k], last - least)
    return moved
