"""How the model's parameters moved from refit to refit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t

from qfin.report._format import number, scientific
from qfin.report.figures.spark import spark
from qfin.report.validation._data import ValidationData

LEAST_REFITS = 3
_CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class Course:
    """One parameter over the refits.

    Attributes
    ----------
    name : of the parameter, with its factor
    values : shape (refits,), in order
    low, high : where the last value lies with 95 % probability, for all parameters together, if it comes from the same
        normal distribution as those before it; infinite of fewer than 3 refits
    """

    name: str
    values: np.ndarray
    low: float
    high: float

    @property
    def moved(self) -> bool:
        """Whether the last fit is further from those before it than they are from each other."""
        return not self.low <= float(self.values[-1]) <= self.high


def courses(data: ValidationData) -> list[Course]:
    """Every parameter that all refits have, but for those that are 0 in all."""
    fits = [fit["values"] for fit in data.refits]
    names = [name for name in fits[0] if all(name in fit for fit in fits)] if fits else []
    names = [name for name in names if any(fit[name] for fit in fits)]
    return [_course(name, np.array([fit[name] for fit in fits], dtype=float), len(names)) for name in names]


def stability(data: ValidationData) -> dict[str, Any] | None:
    """The table of parameters; None without refits."""
    found = courses(data)
    if not found:
        return None
    return {
        "refits": len(data.refits),
        "first": data.refits[0]["first"],
        "last": data.refits[-1]["first"],
        "tested": len(data.refits) >= LEAST_REFITS,
        "rows": [
            {
                "name": one.name,
                "first": _text(one.values[0]),
                "lowest": _text(one.values.min()),
                "highest": _text(one.values.max()),
                "last": _text(one.values[-1]),
                "moved": one.moved,
                "plot": spark(one.values, f"{one.name} by refit"),
            }
            for one in found
        ],
    }


def _text(value: float) -> str:
    """Four decimals, or a power of ten where these would show little."""
    return number(value, 4) if abs(value) >= 1e-2 else scientific(float(value))


def _course(name: str, values: np.ndarray, parameters: int) -> Course:
    """With the prediction interval of the last value, alike for all parameters (Bonferroni)."""
    before = values[:-1]
    if len(values) < LEAST_REFITS:
        return Course(name, values, -np.inf, np.inf)
    quantile = float(t.ppf(1.0 - (1.0 - _CONFIDENCE) / (2 * parameters), len(before) - 1))
    half = quantile * float(before.std(ddof=1)) * np.sqrt(1.0 + 1.0 / len(before))
    slack = 1e-9 * float(np.abs(values).max())
    return Course(name, values, before.mean() - half - slack, before.mean() + half + slack)
