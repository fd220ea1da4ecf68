"""Which bits stand for which bin."""

from __future__ import annotations

from typing import Any

from qfin.quantum.codes._base import Code
from qfin.registry import Room

CODES: Room[Code] = Room("qfin.quantum.codes", "bit code")


def __getattr__(name: str) -> Any:
    return CODES.export(name)


__all__ = ["CODES", "Code"]
