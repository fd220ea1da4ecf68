"""What a circuit's outcome probabilities are trained to."""

from __future__ import annotations

from typing import Any

from qfin.quantum.losses._base import Loss
from qfin.registry import Room

LOSSES: Room[Loss] = Room("qfin.quantum.losses", "loss")


def __getattr__(name: str) -> Any:
    return LOSSES.export(name)


__all__ = ["LOSSES", "Loss"]
