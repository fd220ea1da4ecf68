"""Figures for a spreadsheet, a case for ORE, and queries on the Parquet files without qfin."""

from __future__ import annotations

import json

import pytest

from qfin.store import Store


def risk_of(store):
    return next(ref for ref in Store(store).refs() if ref.startswith("risk/"))


def test_a_workbook_holds_the_tables(qfin, full, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    store = full
    risk = risk_of(store)
    made = qfin("export", risk, tmp_path / "risk.xlsx", "--store", store)
    assert made.code == 0
    book = openpyxl.load_workbook(tmp_path / "risk.xlsx")
    about = Store(store).get(risk).json("risk.json")
    assert {"Summary", "Measures", "Levels", "ES by trade", "ES by factor", "Trades", "Worst scenarios", "Error budget",
            "Valuation"} <= set(book.sheetnames)  # fmt: skip
    heads, *rows = book["Measures"].iter_rows(values_only=True)
    column = heads.index("value")
    assert [row[column] for row in rows] == pytest.approx(
        [row["value"] for row in about["measures"]], rel=1e-14
    )
    heads, *rows = book["ES by trade"].iter_rows(values_only=True)
    assert sum(row[heads.index("component")] for row in rows) == pytest.approx(about["measures"][1]["value"])
    again = qfin("export", risk, tmp_path / "risk.xlsx", "--store", store)
    assert (again.code, again.err) == (
        2,
        f"error: {tmp_path / 'risk.xlsx'} is there already; name a new file\n",
    )
    qfin("export", risk, tmp_path / "other.xlsx", "--store", store)
    assert (tmp_path / "other.xlsx").read_bytes() == (tmp_path / "risk.xlsx").read_bytes()


def test_an_ore_case_is_a_folder(qfin, config, full, tmp_path):
    store = full
    made = qfin(
        "export", risk_of(store), tmp_path / "case", "--to", "ore", "--config", config, "--store", store
    )
    assert made.code == 0
    assert (tmp_path / "case" / "ore.xml").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{risk}", "{tmp}/risk.csv"), "is no spreadsheet; name a file that ends in .xlsx"),
        (("ingest/{ingest}", "{tmp}/risk.xlsx"), "wanted one of 'risk'"),
        (("{risk}", "{tmp}/case", "--to", "csv"), "Invalid value for '--to'"),
    ],
)
def test_mistakes(qfin, full, tmp_path, arguments, message):
    store = full
    known = {
        "risk": risk_of(store),
        "tmp": tmp_path,
        "ingest": next(r for r in Store(store).refs() if r.startswith("ingest/")).partition("/")[2],
    }
    shown = qfin("export", *(a.format(**known) for a in arguments), "--store", store)
    assert shown.code == 2
    assert message in shown.err


def test_duckdb_and_polars_read_what_is_published(full):
    """The queries of docs/risk.md."""
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    store = full
    risk = Store(store).get(risk_of(store))
    scenarios = Store(store).get(risk.parents["scenarios"])
    about = json.loads(risk.path("risk.json").read_text())
    pnl, drawn = risk.path("pnl.parquet"), scenarios.path("scenarios.parquet")
    ((var,),) = duckdb.sql(f"select quantile_disc(-total, 0.99) from '{pnl}'").fetchall()
    assert var == pytest.approx(about["measures"][0]["value"], rel=1e-12)
    worst = duckdb.sql(
        f"select scenario, total, EURUSD from '{pnl}' join '{drawn}' using (scenario) where step = 1 "
        "order by total, scenario limit 10"
    ).fetchall()
    assert [row[0] for row in worst][:3] == [row["scenario"] for row in about["worst"]][:3]
    frame = polars.scan_parquet(pnl).sort("total", "scenario").head(10).collect()
    assert frame["scenario"].to_list() == [row["scenario"] for row in about["worst"]]
