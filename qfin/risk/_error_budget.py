"""How far a risk figure may lie from the true one, source by source, in one table that adds up to an interval."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Literal

Source = Literal[
    "discretisation", "model fit", "finite shots", "device noise", "finite scenarios", "proxy prices"
]
COMBINATION = (
    "standard errors add by their squares and are taken times the normal quantile of the confidence; a bound of the "
    "proxies' errors is added as it is"
)
"""How a budget adds up, to be printed beside it."""


@dataclass(frozen=True)
class ErrorSource:
    """One source of error of one figure.

    Attributes
    ----------
    source : its name
    error : its size in the base currency: a standard error, or, where `bound`, the most that it can be
    method : how it was estimated, or why it is zero
    bound : whether it is a bound
    """

    source: Source
    error: float
    method: str
    bound: bool = False


@dataclass(frozen=True)
class ErrorBudget:
    """All sources of error of one figure.

    Attributes
    ----------
    measure, level, value : the figure, base currency
    sources : a row a source
    confidence : of the interval
    """

    measure: str
    level: float
    value: float
    sources: tuple[ErrorSource, ...]
    confidence: float

    @property
    def error(self) -> float:
        """Standard error of all sources that have one, together; base currency."""
        return math.sqrt(sum(s.error**2 for s in self.sources if not s.bound))

    @property
    def half_width(self) -> float:
        """Half the length of the interval."""
        quantile = NormalDist().inv_cdf((1 + self.confidence) / 2)
        return quantile * self.error + sum(s.error for s in self.sources if s.bound)

    @property
    def interval(self) -> tuple[float, float]:
        """Value less and plus the half width."""
        return self.value - self.half_width, self.value + self.half_width

    def to_dict(self) -> dict[str, Any]:
        """The budget as JSON values; each source with its share of the variance (of a bound: None)."""
        lower, upper = self.interval
        variance = self.error**2
        rows = [
            {**asdict(s), "share": None if s.bound else (s.error**2 / variance if variance else 0.0)}
            for s in self.sources
        ]
        return {
            "measure": self.measure,
            "level": self.level,
            "value": self.value,
            "confidence": self.confidence,
            "sources": rows,
            "error": self.error,
            "lower": lower,
            "upper": upper,
            "combination": COMBINATION,
        }


def standard_error(lower: float, upper: float, confidence: float) -> float:
    """The standard error that a normal interval of that confidence has; infinite if an end is."""
    return (upper - lower) / (2 * NormalDist().inv_cdf((1 + confidence) / 2))
