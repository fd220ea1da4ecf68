"""Instruments: one file each, valued by QuantLib."""

from __future__ import annotations

from qfin.registry import Room
from qfin.risk.instruments._base import Instrument

INSTRUMENTS: Room[Instrument] = Room("qfin.risk.instruments", "instrument")

__all__ = ["INSTRUMENTS", "Instrument"]
