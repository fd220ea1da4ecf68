"""Portfolios, their revaluation by QuantLib over a scenario set, and risk measures with intervals.

pnl = Portfolio.read("book.json").revalue(scenarios)
pnl.value_at_risk(0.99), pnl.expected_shortfall(0.975)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfin.risk._certificate import RevaluationCertificate, TradeCertificate
from qfin.risk._measures import (
    CONVENTIONS,
    ES_CONVENTIONS,
    Measure,
    expected_shortfall,
    expected_shortfall_interval,
    tail_weights,
    value_at_risk,
    value_at_risk_interval,
)
from qfin.risk._pnl import PnL
from qfin.risk._portfolio import Portfolio
from qfin.risk._report import risk_report
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
    "Curve",
    "Instrument",
    "Measure",
    "PnL",
    "Portfolio",
    "RevaluationCertificate",
    "StaticMarket",
    "TradeCertificate",
    "expected_shortfall",
    "expected_shortfall_interval",
    "risk_report",
    "tail_weights",
    "value_at_risk",
    "value_at_risk_interval",
]


def __getattr__(name: str) -> Any:
    return INSTRUMENTS.export(name)
