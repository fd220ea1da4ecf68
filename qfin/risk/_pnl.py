"""Profit and loss of a portfolio over a scenario set, and the risk measures of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from qfin.errors import DataError
from qfin.risk import _measures
from qfin.risk._certificate import RevaluationCertificate
from qfin.risk._measures import Convention, Measure

PNL = "pnl.parquet"


@dataclass(frozen=True, eq=False)
class PnL:
    """What each trade gains in each scenario.

    Attributes
    ----------
    values : shape (n, m), gain of each of m trades in each of n scenarios, base currency; a loss is negative; read-only
    trades : names of the trades, in column order
    base_values : shape (m,), value of each trade on the as-of date, base currency; read-only
    base_currency : code of the currency
    theta : shape (m,), what each trade gains by the passing of time alone, payments included, base currency: part of
        `values`, and zero where the market moves at once; read-only
    horizon_date : the day values are of; None if unknown
    certificate : how trades were valued; None if unknown
    bounded : in how many scenarios a floor or a cap held a factor that has one
    """

    values: np.ndarray
    trades: tuple[str, ...]
    base_values: np.ndarray
    base_currency: str
    theta: np.ndarray = field(default_factory=lambda: np.empty(0))
    horizon_date: date | None = None
    certificate: RevaluationCertificate | None = None
    bounded: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype=float)
        base_values = np.ascontiguousarray(self.base_values, dtype=float)
        m = len(self.trades)
        theta = np.ascontiguousarray(self.theta, dtype=float) if np.size(self.theta) else np.zeros(m)
        if values.ndim != 2 or values.shape[1] != m or len(values) < 1 or base_values.shape != (m,):
            raise DataError(
                f"P&L has shape {values.shape} and base values {base_values.shape}; wanted (scenarios, {m}) and ({m},)"
            )
        if not np.isfinite(values).all():
            scenario, trade = np.argwhere(~np.isfinite(values))[0]
            raise DataError(f"the P&L of trade {self.trades[trade]!r} is not finite in scenario {scenario}")
        for array in (values, base_values, theta):
            array.flags.writeable = False
        object.__setattr__(self, "theta", theta)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "base_values", base_values)

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def total(self) -> np.ndarray:
        """Gain of the whole portfolio, shape (n,)."""
        return self.values.sum(axis=1)

    @property
    def losses(self) -> np.ndarray:
        """Loss of the whole portfolio, shape (n,); positive is a loss."""
        return -self.total

    @property
    def base_value(self) -> float:
        """Value of the portfolio on the as-of date."""
        return float(self.base_values.sum())

    def value_at_risk(self, level: float = 0.99, weights: np.ndarray | None = None) -> float:
        """Value at risk, positive for a loss (see `qfin.risk.value_at_risk`)."""
        return _measures.value_at_risk(self.losses, level, weights)

    def expected_shortfall(
        self,
        level: float = 0.975,
        weights: np.ndarray | None = None,
        convention: Convention = "tail_integral",
    ) -> float:
        """Expected shortfall, positive for a loss (see `qfin.risk.expected_shortfall`)."""
        return _measures.expected_shortfall(self.losses, level, weights, convention)

    def value_at_risk_interval(
        self, level: float = 0.99, confidence: float = 0.95, method: str = "order_statistics"
    ) -> tuple[float, float]:
        """Confidence interval of the value at risk (see `qfin.risk.value_at_risk_interval`)."""
        return _measures.value_at_risk_interval(self.losses, level, confidence, method)

    def expected_shortfall_interval(
        self, level: float = 0.975, confidence: float = 0.95
    ) -> tuple[float, float]:
        """Confidence interval of the expected shortfall (see `qfin.risk.expected_shortfall_interval`)."""
        return _measures.expected_shortfall_interval(self.losses, level, confidence)

    def measures(
        self, var_level: float = 0.99, es_level: float = 0.975, confidence: float = 0.95
    ) -> tuple[Measure, Measure]:
        """VaR and ES with their intervals and conventions."""
        return (
            Measure.of("VaR", self.losses, var_level, confidence),
            Measure.of("ES", self.losses, es_level, confidence),
        )

    def to_frame(self) -> pd.DataFrame:
        """The gains as a DataFrame indexed by scenario: `total`, then a column a trade."""
        frame = pd.DataFrame(self.values, columns=list(self.trades)).rename_axis("scenario")
        frame.insert(0, "total", self.total)
        return frame

    def worst(self, count: int = 10) -> pd.DataFrame:
        """The rows of `to_frame` with the largest losses, worst first; of equal ones the earlier scenario first."""
        order = np.argsort(self.total, kind="stable")[:count]
        return self.to_frame().iloc[order]

    def write(self, folder: str | Path) -> None:
        """Write `pnl.parquet` into `folder`: `scenario` (int32), `total`, a float64 column a trade."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        columns: dict[str, np.ndarray] = {
            "scenario": np.arange(len(self), dtype=np.int32),
            "total": self.total,
        }
        columns |= {trade: self.values[:, k] for k, trade in enumerate(self.trades)}
        split: Sequence[str] = ["total", *self.trades]
        pq.write_table(
            pa.table(columns),
            folder / PNL,
            compression="zstd",
            use_dictionary=False,
            use_byte_stream_split=list(split),
        )
