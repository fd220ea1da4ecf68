"""Summary tables of a risk artifact as a spreadsheet."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from qfin.errors import ConfigError
from qfin.report._read import document
from qfin.store import Artifact

Table = tuple[list[str], list[list[Any]]]


def write_workbook(risk: Artifact, path: Path) -> None:
    """Write the figures of a `risk` artifact to a new .xlsx file: a sheet a table, amounts as numbers.

    Raises
    ------
    ConfigError
        if the file is there already.
    StoreError
        if `risk.json` is missing or damaged.
    """
    import xlsxwriter

    if path.exists():
        raise ConfigError(f"{path} is there already; name a new file")
    about = document(risk, "risk.json", "measures", "trades", "worst")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(suffix=".xlsx", dir=path.parent)
    os.close(descriptor)
    try:
        with xlsxwriter.Workbook(partial) as book:
            made = datetime.fromisoformat(about["as_of"])  # the same figures give the same bytes
            title = f"{about['portfolio']}, {about['as_of']}"
            book.set_properties({"title": title, "comments": risk.ref, "created": made})
            bold, amount = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
            for name, (heads, rows) in _sheets(about):
                sheet = book.add_worksheet(name)
                sheet.freeze_panes(1, 0)
                sheet.write_row(0, 0, heads, bold)
                for place, row in enumerate(rows, start=1):
                    for column, value in enumerate(row):
                        large = isinstance(value, float) and abs(value) >= 100
                        sheet.write(place, column, value, amount if large else None)
                sheet.autofit()
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _sheets(about: Mapping[str, Any]) -> Iterator[tuple[str, Table]]:
    head = ["label", "portfolio", "base_currency", "portfolio_value", "as_of", "horizon", "scenarios"]
    yield "Summary", (["what", "value"], [[key.replace("_", " "), about[key]] for key in head])
    yield "Measures", _table(about["measures"])
    if "levels" in about:
        yield "Levels", _table(about["levels"])
        yield "Conventions", _table(about["conventions"])
    for measure in ("VaR", "ES"):
        for by in ("trade", "factor", "currency"):
            if "contributions" in about:
                yield f"{measure} by {by}", _table(about["contributions"][measure][by])
    yield "Trades", _table(about["trades"])
    yield "Worst scenarios", _worst(about["worst"])
    windows = [
        {"window": window["name"], "start": window["start"], "end": window["end"], **measure}
        for window in about.get("windows", ())
        for measure in window["measures"]
    ]
    if windows:
        yield "Stressed windows", _table(windows)
    budgets = [
        {"of": f"{budget['measure']} {budget['level']:g}", **source}
        for budget in about.get("error_budget", ())
        for source in budget["sources"]
    ]
    if budgets:
        yield "Error budget", _table(budgets)
    if "revaluation" in about:
        yield "Valuation", _table(about["revaluation"]["trades"])


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    heads = list(dict.fromkeys(key for row in rows for key in row))
    return [head.replace("_", " ") for head in heads], [[row.get(head) for head in heads] for row in rows]


def _worst(rows: Sequence[Mapping[str, Any]]) -> Table:
    flat = []
    for row in rows:
        nearest = row.get("nearest") or {}
        flat.append(
            {"scenario": row["scenario"], "pnl": row["pnl"]}
            | {f"{name} move": value for name, value in row["moves"].items()}
            | {f"{name} gain": value for name, value in (row.get("factors") or {}).items()}
            | {"most like": nearest.get("end"), "distance": nearest.get("distance")}
        )
    return _table(flat)
