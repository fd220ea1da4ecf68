"""What figures share: two widths of one drawing, and the colours of models."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

WIDE, HALF, NARROW = 1120, 545, 356
COLOURS = 6


def responsive(draw: Callable[[int], Markup], wide: int = WIDE, narrow: int = NARROW) -> Markup:
    """One figure drawn for wide and for narrow screens; the style sheet shows one of them."""
    return Markup('<div class="wide">{}</div><div class="narrow">{}</div>').format(draw(wide), draw(narrow))


def colour(index: int) -> str:
    """Class of the model at a place in the report: 0 is the one it is about."""
    return "c0" if index == 0 else f"c{1 + (index - 1) % (COLOURS - 1)}"


def stroke(index: int) -> str:
    """Classes of a model's curve."""
    return f"line {colour(index)}{' thick' if index == 0 else ''}{' dash' if index >= COLOURS else ''}"
