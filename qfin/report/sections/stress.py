"""Named moves, the rest of the market given them, and the most probable large loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qfin.market import RiskFactor
from qfin.report import _format as form
from qfin.report._data import ReportData
from qfin.report.figures.bars import bars
from qfin.report.figures.layout import HALF, NARROW, responsive


def stress(data: ReportData) -> dict[str, Any] | None:
    """What the stress of the main model found; None without one."""
    found = data.stress
    if found is None:
        return None
    currency, factors = data.base_currency, data.factors
    gains = [(row["name"], row["pnl"]) for row in found["moves"]]
    calm = found["unconditional"]
    return {
        "plot": responsive(
            lambda width: bars(gains, f"Gain by the move alone, {currency}", width), HALF, NARROW
        ),
        "var": f"VaR {100 * calm['var_level']:g}%",
        "es": f"ES {100 * calm['es_level']:g}%",
        "rows": [_row(row, factors) for row in found["moves"]],
        "calm": [form.amount(calm[key]) for key in ("value_at_risk", "expected_shortfall")],
        "factors": data.names,
        "why_none": next(
            (row["conditional"]["why_none"] for row in found["moves"] if "why_none" in row["conditional"]),
            None,
        ),
        "reverse": _reverse(found["reverse"], factors, currency),
    }


def _row(row: Mapping[str, Any], factors: Sequence[RiskFactor]) -> dict[str, Any]:
    given = row["conditional"]
    known = given.get("factors", {})
    driver, loss = min(row["trades"].items(), key=lambda item: item[1])
    return {
        "name": row["name"],
        "pnl": form.amount(row["pnl"], signed=True),
        "driver": f"{driver} ({form.amount(loss, signed=True)})" if loss < 0 else "no trade",
        "mean": form.amount(given["mean_pnl"], signed=True) if known else "",
        "measures": [
            form.amount(given[key]) if known else "" for key in ("value_at_risk", "expected_shortfall")
        ],
        "cells": [_cell(row, known, factor) for factor in factors],
    }


def _cell(row: Mapping[str, Any], known: Mapping[str, Any], factor: RiskFactor) -> dict[str, Any]:
    """A factor's move: as given, or its mean under the model, with 5 and 95 % quantiles to be shown on hovering."""
    if factor.name in row["move"]:
        return {"text": form.move(row["move"][factor.name], factor), "given": True, "tip": "given"}
    if factor.name not in known:
        return {"text": "", "given": False, "tip": ""}
    one = known[factor.name]
    tip = f"5 to 95 %: {form.move(one['lower'], factor)} to {form.move(one['upper'], factor)}"
    return {"text": form.move(one["mean"], factor), "given": False, "tip": tip}


def _found(found: Mapping[str, Any]) -> str | None:
    """How probable the eigensolver made its answer, beside what it started from; None without one."""
    if not found["eigensolver"] or found["found_probability"] is None:
        return None
    before, after = found["eigensolver"]["probability"], found["found_probability"]
    return (
        f"A measurement of the trained state finds its answer with a probability of {form.percent(after, 3)}, of the "
        f"model’s own state with {form.percent(before, 3)}."
    )


def _reverse(found: Mapping[str, Any], factors: Sequence[RiskFactor], currency: str) -> dict[str, Any]:
    rows = [("exact", found["method"], found["exact"])]
    if found["eigensolver"]:
        how = f"variational eigensolver, {found['evaluations']:,} gradients, {found['shots']:,} shots"
        rows.append(("variational", how, found["eigensolver"]))
    return {
        "bound": form.money(found["bound"], currency),
        "same": found["same"],
        "found": _found(found),
        "sentence": f"{form.number(found['losing'])} of {form.number(found['cells'])} scenarios lose as much; together "
        f"they have a probability of {form.percent(found['probability'], 2)}.",
        "rows": [
            {
                "how": how,
                "loss": form.amount(one["loss"]),
                "probability": "" if one["probability"] is None else form.percent(one["probability"], 3),
                "cells": [form.move(one["moves"][factor.name], factor) for factor in factors],
            }
            for _, how, one in rows
        ],
    }
