"""Volatility filters: take today's volatility out of a history of returns, and put it back when scenarios are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfin.registry import Room
from qfin.volatility._base import VolatilityFilter

if TYPE_CHECKING:
    from qfin.volatility.ewma import Ewma as Ewma
    from qfin.volatility.garch import Garch as Garch
    from qfin.volatility.none import Unfiltered as Unfiltered

VOLATILITY: Room[VolatilityFilter] = Room("qfin.volatility", "volatility filter")


def __getattr__(name: str) -> Any:
    return VOLATILITY.export(name)
