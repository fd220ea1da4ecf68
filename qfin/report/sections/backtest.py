"""Backtests: whether the VaR and ES of scenario models held, day after day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from qfin.report import _format as form
from qfin.report._data import BacktestData
from qfin.report.figures.backtest import Course, course
from qfin.report.figures.layout import responsive

_SHOWN = {
    "Kupiec": "Kupiec proportion of failures",
    "Christoffersen": "Christoffersen conditional coverage",
    "Dynamic quantile": "dynamic quantile",
    "Z1": "Acerbi-Székely Z1",
    "Z2": "Acerbi-Székely Z2",
    "E-backtest": "e-backtest of the ES",
}


def backtest(data: BacktestData) -> dict[str, Any]:
    """What the template shows of a backtest."""
    about = data.about
    first = about["models"][0]
    shapes = [shape for shape in first["horizons"] if not shape["overlapping"]]
    return {
        "ref": data.ref,
        "portfolio": about["portfolio"],
        "first": first["name"],
        "about": f"{form.number(about['days'])} days, {about['first']} to {about['last']}; {about['refits']} fits of "
        f"{form.number(about['training_days'])} days ({about['window']}), {form.number(about['scenarios'])} scenarios "
        "a day",
        "significance": form.percent(about["significance"], 0),
        "tests": list(_SHOWN),
        "plot": _plot(data),
        "shapes": [_shape(about, number, shape["horizon"]) for number, shape in enumerate(shapes)],
        "sentences": _sentences(first),
    }


def _plot(data: BacktestData) -> Any:
    """The first model's one-day P&L with the VaR of the highest level and the ES of the lowest; None without one."""
    name = data.about["models"][0]["name"]
    rows = data.daily[(data.daily["model"] == name) & (data.daily["horizon"] == 1)]
    if rows.empty:
        return None
    high, low = rows["level"].max(), rows["level"].min()
    var, es = rows[rows["level"] == high], rows[rows["level"] == low]
    names = (f"VaR {100 * high:g}%", f"ES {100 * low:g}%")
    drawn = Course(
        pd.DatetimeIndex(var["date"]),
        var["pnl"].to_numpy(),
        var["var"].to_numpy(),
        es["es"].to_numpy(),
        {names[0]: var["evidence_var"].to_numpy(), names[1]: es["evidence_es"].to_numpy()},
        names,
        1.0 / data.about["significance"],
    )
    return {
        "svg": responsive(lambda width: course(drawn, data.about["base_currency"], width)),
        "names": names,
        "limit": f"{1.0 / data.about['significance']:g}",
    }


def _shape(about: Mapping[str, Any], number: int, horizon: int) -> dict[str, Any]:
    rows = []
    for model in about["models"]:
        here = [shape for shape in model["horizons"] if not shape["overlapping"]][number]
        rows += [_row(model, level) for level in here["levels"]]
    days = [s for s in about["models"][0]["horizons"] if not s["overlapping"]][number]["days"]
    span = "One-day P&L" if horizon == 1 else f"P&L over {horizon} days, every {horizon}th"
    return {"title": f"{span}: {form.number(days)} of them", "rows": rows}


def _row(model: Mapping[str, Any], level: Mapping[str, Any]) -> dict[str, Any]:
    tests = {test["name"]: test for test in level["tests"]}
    green, against = level["green_share"], level["against_first"]
    return {
        "name": model["name"],
        "quantum": model["quantum"],
        "level": form.percent(level["level"]),
        "hits": level["hits"],
        "expected": form.number(level["expected"], 1),
        "cells": [_cell(tests[name]) for name in _SHOWN.values()],
        "green": "" if green is None else form.percent(green, 0),
        "against": _cell(against) if against else {"text": "", "tip": "", "rejected": False},
    }


def _cell(test: Mapping[str, Any]) -> dict[str, Any]:
    """The p-value that decides, with the finding on hovering."""
    if "why_not_run" in test:
        return {"text": "–", "tip": test["why_not_run"], "rejected": False}
    return {
        "text": form.number(test["deciding_p_value"], 3),
        "tip": test["sentence"],
        "rejected": test["rejected"],
    }


def _sentences(model: Mapping[str, Any]) -> list[str]:
    """Every test's finding on the first model, horizon and level by level."""
    shape = model["horizons"][0]
    groups = [(f" ({form.percent(level['level'])})", level["tests"]) for level in shape["levels"]]
    return [
        f"{test['name']}{which}: {test['sentence']}"
        for which, tests in [*groups, ("", shape["tests"])]
        for test in tests
        if "sentence" in test
    ]
