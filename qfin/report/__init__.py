"""The HTML report: one self-contained file, made from artifacts alone.

    from qfin.report import collect, render
    html = render(collect(risks, store))

Importing this imports neither pandas nor jinja2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qfin.report._collect import collect, collect_backtest, collect_race
    from qfin.report._data import BacktestData, RaceData, ReportData
    from qfin.report._render import render, render_walk_forward, summary
    from qfin.report._workbook import write_workbook

__all__ = [
    "BacktestData",
    "RaceData",
    "ReportData",
    "collect",
    "collect_backtest",
    "collect_race",
    "render",
    "render_walk_forward",
    "summary",
    "write_workbook",
]

_HOMES = {
    "BacktestData": "_data",
    "RaceData": "_data",
    "ReportData": "_data",
    "collect": "_collect",
    "collect_backtest": "_collect",
    "collect_race": "_collect",
    "render": "_render",
    "render_walk_forward": "_render",
    "summary": "_render",
    "write_workbook": "_workbook",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
