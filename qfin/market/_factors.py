"""Risk factors: what a column of market data is, and how a level becomes a return and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from qfin.errors import DataError

FactorType = Literal["FX", "EQ", "CMD", "IR", "VOL"]
ReturnType = Literal["log", "absolute", "relative"]
RESERVED = frozenset({"date", "scenario", "step"})
BASIS_POINTS = {"per cent": 100.0, "decimal": 10_000.0}


@dataclass(frozen=True)
class RiskFactor:
    """One risk factor.

    Parameters
    ----------
    name : column of the data, and how trades name it ("EURUSD", "UST10Y")
    type : FX, EQ (equity), CMD (commodity), IR (interest rate), VOL (volatility)
    unit : unit of the level ("USD per EUR", "USD", "per cent", "decimal")
    return_type : "log" ln((x_t + s) / (x_{t-1} + s)), "relative" (x_t + s) / (x_{t-1} + s) - 1,
        "absolute" x_t - x_{t-1}; for IR in basis points, else in the level's unit
    displacement : s above, in the level's unit; lets rates and spreads near or below zero have log or relative returns
    pillar : tenor of a curve's point ("10Y"), else None
    """

    name: str
    type: FactorType = "FX"
    unit: str = ""
    return_type: ReturnType = "log"
    displacement: float = 0.0
    pillar: str | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise DataError("a risk factor needs a name")
        if self.name in RESERVED:
            raise DataError(
                f"{self.name!r} cannot name a risk factor, files of scenarios have such a column; rename it"
            )
        if not np.isfinite(self.displacement):
            raise DataError(f"{self.name}: displacement {self.displacement} is not a number")
        if self.type not in get_args(FactorType):
            raise DataError(
                f"{self.name}: type {self.type!r} is not one of {', '.join(get_args(FactorType))}"
            )
        if self.return_type not in get_args(ReturnType):
            raise DataError(
                f"{self.name}: return type {self.return_type!r} is not one of {', '.join(get_args(ReturnType))}"
            )
        if self.type == "IR" and self.return_type == "absolute" and self.unit not in BASIS_POINTS:
            raise DataError(f"{self.name}: a rate's unit is 'per cent' or 'decimal', not {self.unit!r}")

    @property
    def return_unit(self) -> str:
        """Unit of one return, for axes and tables."""
        if self.return_type != "absolute":
            return f"{self.return_type} return"
        return "bp" if self.type == "IR" else self.unit

    @property
    def _scale(self) -> float:
        """Returns per unit of level change, of absolute returns."""
        return BASIS_POINTS[self.unit] if self.type == "IR" else 1.0

    def returns(self, levels: np.ndarray) -> np.ndarray:
        """Returns of consecutive levels: shape (T,) to (T - 1,)."""
        shifted = np.asarray(levels, dtype=float) + self.displacement
        if self.return_type == "log":
            return np.diff(np.log(shifted))
        if self.return_type == "relative":
            return shifted[1:] / shifted[:-1] - 1.0
        return np.diff(shifted) * self._scale

    def compound(self, returns: np.ndarray, axis: int = -1) -> np.ndarray:
        """Return over several consecutive days from the returns of each, along `axis`."""
        if self.return_type == "relative":
            return np.prod(1.0 + returns, axis=axis) - 1.0
        return np.sum(returns, axis=axis)

    def shock(self, level: float, returns: np.ndarray) -> np.ndarray:
        """Levels that `returns` lead to from `level`; any shape."""
        if self.return_type == "log":
            return (level + self.displacement) * np.exp(returns) - self.displacement
        if self.return_type == "relative":
            return (level + self.displacement) * (1.0 + returns) - self.displacement
        return level + np.asarray(returns) / self._scale


def infer_factors(names: Iterable[str]) -> tuple[RiskFactor, ...]:
    """Log-return factors for columns nobody described: two ISO currency codes make an FX pair (EURUSD: USD per EUR),
    anything else an equity."""
    return tuple(
        RiskFactor(name, "FX", f"{name[3:]} per {name[:3]}")
        if len(name) == 6 and name.isalpha() and name.isupper()
        else RiskFactor(name, "EQ", "")
        for name in names
    )


def known_factors(prices: pd.DataFrame) -> tuple[RiskFactor, ...]:
    """One factor a column: as `prices.attrs["factors"]` describes it, else inferred from its name."""
    described = {factor.name: factor for factor in prices.attrs.get("factors", ())}
    names = [str(column) for column in prices.columns]
    return tuple(described.get(name) or infer_factors([name])[0] for name in names)
