"""What a validation pack is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qfin.report._data import BacktestData, RaceData, ReportData


@dataclass(frozen=True, eq=False)
class ValidationData:
    """A scenario set, its figures, and all that is known about them.

    Attributes
    ----------
    report : everything a report on the set shows; its first model is the one that is validated, the others its rivals
    scenarios : reference of the set
    risk : reference of its risk figures
    method : a row a stage of the model, with its description and parameters
    checks : the implementation tests, a row each: name, against, passed, finding
    sensitivity : `sensitivity.json`
    warnings : what the model says of its own fit
    chain : the artifacts from history to figures, in that order: reference, label and files with their SHA-256
    """

    report: ReportData
    scenarios: str
    risk: str
    method: tuple[Mapping[str, Any], ...]
    checks: tuple[Mapping[str, Any], ...]
    sensitivity: Mapping[str, Any]
    warnings: tuple[str, ...]
    chain: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]

    @property
    def backtest(self) -> BacktestData | None:
        """The backtest of the model, or None."""
        return next(iter(self.report.backtests), None)

    @property
    def race(self) -> RaceData | None:
        """The race of its history, or None."""
        return next(iter(self.report.races), None)

    @cached_property
    def refits(self) -> tuple[Mapping[str, Any], ...]:
        """Parameters of each fit of the backtest, in order; none without a backtest."""
        return tuple(self.backtest.about["models"][0]["parameters"]) if self.backtest else ()
