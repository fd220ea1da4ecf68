"""Portfolios, their revaluation by QuantLib over a scenario set, and risk measures with intervals.

pnl = Portfolio.read("book.json").revalue(scenarios)
pnl.value_at_risk(0.99), pnl.expected_shortfall(0.975)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfin.risk._certificate import RevaluationCertificate, TradeCertificate
from qfin.risk._contributions import Contribution, contributions
from qfin.risk._error_budget import ErrorBudget, ErrorSource, standard_error
from qfin.risk._explain import Explained, explain
from qfin.risk._measures import (
    CONVENTIONS,
    ES_CONVENTIONS,
    Measure,
    MeasureName,
    expected_shortfall,
    expected_shortfall_interval,
    resampled,
    tail_weights,
    value_at_risk,
    value_at_risk_interval,
)
from qfin.risk._neighbours import Neighbour, nearest_days
from qfin.risk._pnl import PnL
from qfin.risk._portfolio import Portfolio
from qfin.risk._report import Figures, Window, risk_report
from qfin.risk._revaluation import Revaluation, revalue
from qfin.risk._static import Curve, StaticMarket
from qfin.risk.instruments import INSTRUMENTS, Instrument

if TYPE_CHECKING:
    from qfin.risk.instruments.cash_position import CashPosition as CashPosition
    from qfin.risk.instruments.european_option import EuropeanOption as EuropeanOption
    from qfin.risk.instruments.fixed_rate_bond import FixedRateBond as FixedRateBond
    from qfin.risk.instruments.fx_forward import FxForward as FxForward

__all__ = [
    "CONVENTIONS",
    "ES_CONVENTIONS",
    "INSTRUMENTS",
    "Contribution",
    "Curve",
    "ErrorBudget",
    "ErrorSource",
    "Explained",
    "Figures",
    "Instrument",
    "Measure",
    "MeasureName",
    "Neighbour",
    "PnL",
    "Portfolio",
    "Revaluation",
    "RevaluationCertificate",
    "StaticMarket",
    "TradeCertificate",
    "Window",
    "contributions",
    "expected_shortfall",
    "expected_shortfall_interval",
    "explain",
    "nearest_days",
    "resampled",
    "revalue",
    "risk_report",
    "standard_error",
    "tail_weights",
    "value_at_risk",
    "value_at_risk_interval",
]


def __getattr__(name: str) -> Any:
    return INSTRUMENTS.export(name)
