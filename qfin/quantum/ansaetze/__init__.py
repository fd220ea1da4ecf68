"""Parametrised circuits to train."""

from __future__ import annotations

from typing import Any

from qfin.quantum.ansaetze._base import Ansatz
from qfin.registry import Room

ANSAETZE: Room[Ansatz] = Room("qfin.quantum.ansaetze", "ansatz")


def __getattr__(name: str) -> Any:
    return ANSAETZE.export(name)


__all__ = ["ANSAETZE", "Ansatz"]
