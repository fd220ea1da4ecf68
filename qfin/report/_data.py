"""What a report is drawn from: plain values, read from artifacts and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from qfin.market import RiskFactor


@dataclass(frozen=True)
class Interval:
    """A figure with its confidence interval; `lower` and `upper` are None where there is none."""

    value: float
    lower: float | None = None
    upper: float | None = None
    confidence: float | None = None

    @property
    def contains_zero(self) -> bool:
        """Whether the interval contains 0: no evidence of a difference. False without an interval."""
        return self.lower is not None and self.upper is not None and self.lower <= 0.0 <= self.upper


@dataclass(frozen=True)
class Measure:
    """A risk measure of one model; positive is a loss."""

    name: str
    level: float
    figure: Interval
    convention: str

    @property
    def title(self) -> str:
        """`VaR 99%`."""
        return f"{self.name} {100 * self.level:g}%"


@dataclass(frozen=True, eq=False)
class DiagnosisData:
    """What a `diagnose` artifact says of a model's circuit.

    Attributes
    ----------
    about : `diagnosis.json`
    gradients : a row for each number of qubits, of layers and initialisation ("model" or "uniform")
    ansatz : a row for each number of layers
    bits, factors : mutual information, a row for each two qubits, each two factors
    gates : a row for each gate with free angles, the one that earns most first
    """

    ref: str
    about: Mapping[str, Any]
    gradients: pd.DataFrame
    ansatz: pd.DataFrame
    bits: pd.DataFrame
    factors: pd.DataFrame
    gates: pd.DataFrame


@dataclass(frozen=True, eq=False)
class RaceData:
    """What a `race` artifact found.

    Attributes
    ----------
    about : `race.json`
    daily : date, model, seed, log_density
    learning, expressiveness : a row a model and number of training days, a row a model and setting
    """

    ref: str
    about: Mapping[str, Any]
    daily: pd.DataFrame
    learning: pd.DataFrame
    expressiveness: pd.DataFrame


@dataclass(frozen=True, eq=False)
class BacktestData:
    """What a `backtest` artifact found.

    Attributes
    ----------
    about : `backtest.json`
    daily : a row a model, day, horizon and level
    """

    ref: str
    about: Mapping[str, Any]
    daily: pd.DataFrame


@dataclass(frozen=True, eq=False)
class ModelData:
    """One model of the comparison, from its scenarios to its risk figures.

    Attributes
    ----------
    loss : shape (n,), loss of the portfolio in each scenario, in base currency; positive is a loss
    first_day : shape (n, d), one-day returns of the first step, in each factor's own return unit
    score : mean held-out log copula density, nats a day; None without a density, and `why_none` says why
    daily : the same day by day, or None
    training : columns step, loss, held_out_loss, or None for a model that is not trained by steps
    circuit : an SVG drawing, or None
    diagnosis : of its circuit, or None
    backend : what its scenarios were drawn on
    certificate : distance of what a backend drew from the exact circuit, or None where nothing was drawn on one
    """

    label: str
    kind: str
    measures: tuple[Measure, ...]
    loss: np.ndarray
    first_day: np.ndarray
    volatility: str | None
    seed: int | None
    score: Interval | None
    why_none: str | None
    daily: pd.Series | None
    details: Mapping[str, Any]
    training: pd.DataFrame | None
    circuit: str | None
    diagnosis: DiagnosisData | None = None
    backend: str | None = None
    certificate: Mapping[str, Any] | None = None

    @property
    def confidence(self) -> float:
        """Of the intervals of its score."""
        return self.score.confidence or 0.95 if self.score else 0.95

    def measure(self, name: str) -> Measure | None:
        """The first measure of that name, or None."""
        return next((m for m in self.measures if m.name == name), None)


@dataclass(frozen=True, eq=False)
class HistoryData:
    """The history behind all models.

    Attributes
    ----------
    prices : levels by date
    returns : shape (T, d), in each factor's own return unit
    pseudo_observations : shape (T', d), inside (0, 1)
    quality : what the checks of the data said
    """

    prices: pd.DataFrame
    returns: np.ndarray
    dates: pd.DatetimeIndex
    pseudo_observations: np.ndarray
    quality: Mapping[str, Any]
    attribution: str | None


@dataclass(frozen=True)
class Step:
    """One artifact of the lineage: what it is, what determined it, what it consists of."""

    ref: str
    stage: str
    summary: Mapping[str, Any]
    parents: Mapping[str, str]
    inputs: str
    seed: int | None
    code: Mapping[str, str]
    files: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything a report shows. `models[0]` is the one the report is about, the others are its rivals; `artifacts` are
    the references it was made from, `risk` is the main model's `risk.json` and `stress`
    its `stress.json`."""

    portfolio: str
    base_currency: str
    portfolio_value: float
    as_of: pd.Timestamp
    horizon: int
    factors: tuple[RiskFactor, ...]
    levels: np.ndarray
    models: tuple[ModelData, ...]
    trades: tuple[Mapping[str, Any], ...]
    trade_pnl: np.ndarray
    worst: tuple[Mapping[str, Any], ...]
    static_market: tuple[Any, ...]
    history: HistoryData
    encoding: Mapping[str, Any]
    discretisation: tuple[Mapping[str, Any], ...]
    lineage: tuple[Step, ...]
    artifacts: tuple[str, ...]
    races: tuple[RaceData, ...] = ()
    backtests: tuple[BacktestData, ...] = ()
    risk: Mapping[str, Any] = field(default_factory=dict)
    stress: Mapping[str, Any] | None = None

    @property
    def main(self) -> ModelData:
        """The model the report is about."""
        return self.models[0]

    @property
    def rivals(self) -> tuple[ModelData, ...]:
        """The models it is compared with."""
        return self.models[1:]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the risk factors."""
        return tuple(factor.name for factor in self.factors)
