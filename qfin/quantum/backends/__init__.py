"""Where circuits run: exactly here, on Aer's simulators, on IBM hardware; one protocol."""

from __future__ import annotations

from typing import Any

from qfin.quantum.backends._base import Backend, Capabilities, Plan, Request
from qfin.quantum.backends._runtime.credentials import using_credentials
from qfin.registry import Room

BACKENDS: Room[Backend] = Room("qfin.quantum.backends", "backend")


def __getattr__(name: str) -> Any:
    return BACKENDS.export(name)


__all__ = ["BACKENDS", "Backend", "Capabilities", "Plan", "Request", "using_credentials"]
