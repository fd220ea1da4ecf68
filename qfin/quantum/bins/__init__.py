"""How the unit interval is cut into 2**bits bins."""

from __future__ import annotations

from typing import Any

from qfin.quantum.bins._base import Bins
from qfin.registry import Room

BINS: Room[Bins] = Room("qfin.quantum.bins", "kind of bins")


def __getattr__(name: str) -> Any:
    return BINS.export(name)


__all__ = ["BINS", "Bins"]
