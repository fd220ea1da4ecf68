"""The validation pack: what it finds in synthetic evidence, and whether it opens, fits and prints."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qfin.report import BacktestData, collect
from qfin.report.sections.backtest import _SHOWN
from qfin.report.validation import Status, ValidationData, findings, monitoring, render_validation
from qfin.report.validation._stability import courses
from qfin.report.validation._view import code

NAMES = {**_SHOWN, "PIT": "PIT Berkowitz"}
METHOD = {
    "stage": "dependence",
    "kind": "born",
    "summary": "A circuit.",
    "paragraphs": ["Bins 2**bits, **untrained** `start`.", "    c(u) = P(u) < 1"],
    "parameters": {"bits": "3", "steps": "chosen"},
}
CHECK = {"name": "Scenarios", "against": "themselves", "passed": True, "finding": "The same."}


def outcome(name: str, rejected: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "rejected": rejected,
        "deciding_p_value": 0.01 if rejected else 0.4,
        "sentence": "So.",
    }


def backtest(
    rejected: str = "", green: float = 1.0, values: tuple[float, ...] = (1.0, 1.1, 0.9, 1.05)
) -> BacktestData:
    """Four fits of one model over 300 days, with one test that rejects, or none."""
    days = pd.bdate_range("2025-01-01", periods=300)
    tests = [outcome(name, name == rejected) for name in NAMES.values()]
    level = {
        "level": 0.99,
        "hits": 3,
        "expected": 3.0,
        "green_share": green,
        "tests": tests,
        "against_first": None,
    }
    shape = {"horizon": 1, "overlapping": False, "days": 300, "levels": [level], "tests": []}
    parameters = [
        {
            "first": f"{days[75 * k]:%Y-%m-%d}",
            "last": "",
            "values": {"alpha EURUSD": v, "beta EURUSD": 0.9 + k / 99},
        }
        for k, v in enumerate(values)
    ]
    model = {"name": "model", "quantum": True, "horizons": [shape], "parameters": parameters}
    about = {
        "models": [model], "portfolio": "FX book", "base_currency": "USD", "significance": 0.05, "days": 300,
        "first": "2025-01-01", "last": "2026-02-24", "refits": 4, "training_days": 200, "window": "rolling",
        "scenarios": 500, "refit_every": 75,
    }  # fmt: skip
    pnl = np.random.default_rng(1).normal(size=300)
    same = {"model": "model", "horizon": 1, "level": 0.99, "var": 2.3, "es": 2.7}
    daily = pd.DataFrame({"date": days, "pnl": pnl, **same, "evidence_var": 1.0, "evidence_es": 1.0})
    return BacktestData("backtest/0", about, daily)


def row(setting: str, value: int, var: float, own: bool = False) -> dict[str, Any]:
    measure = {"level": 0.99, "value": var, "lower": 0.9 * var, "upper": 1.1 * var}
    return {"setting": setting, "value": value, "own": own, "score": {"mean": 0.4, "lower": 0.3, "upper": 0.5},
            "VaR": measure, "ES": measure}  # fmt: skip


@pytest.fixture(scope="session")
def data(risks: Any, store: Any) -> ValidationData:
    """A validation of the synthetic run in which everything holds."""
    report = collect(risks, store)
    counts = {"closed form": 4, "proxy": 0, "full": 0}
    report = replace(
        report,
        risk={**report.risk, "revaluation": {"ageing": True, "counts": counts, "bound": 0.0}},
        backtests=(backtest(),),
    )
    var = report.models[0].measures[0].figure.value
    rows = [row("bits", 2, 1.01 * var), row("bits", 3, var, own=True)]
    left_out = [{"setting": "bits", "value": 7, "why": "takes 28 qubits"}]
    files = tuple((f"file{k}.parquet", f"{k:064x}") for k in range(9))
    chain = tuple(
        (f"{stage}/{'0' * 20}", "Born machine", files) for stage in ("ingest", "encode", "train", "generate")
    )
    return ValidationData(
        report,
        "generate/1",
        "risk/1",
        (METHOD,) * 4,
        (CHECK,) * 8,
        {"rows": rows, "left_out": left_out},
        (),
        chain,
    )


def status(data: ValidationData, part: str) -> Status:
    return next(finding.status for finding in findings(data) if finding.part.startswith(part))


def with_backtest(data: ValidationData, *tests: BacktestData) -> ValidationData:
    return replace(data, report=replace(data.report, backtests=tests))


def test_where_everything_holds_it_says_so_and_names_what_is_missing(data: ValidationData) -> None:
    found = {finding.part: finding.status for finding in findings(data)}
    assert found.pop("Race") == Status.OPEN
    assert set(found.values()) == {Status.HOLDS}


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        (backtest("Kupiec proportion of failures"), Status.FAILS),
        (backtest("Christoffersen conditional coverage"), Status.FAILS),
        (backtest("Acerbi-Székely Z2"), Status.FAILS),
        (backtest(green=0.89), Status.FAILS),
        (backtest("PIT Berkowitz"), Status.LOOK),
        (backtest(green=0.9), Status.HOLDS),
    ],
    ids=["Kupiec", "Christoffersen", "Z2", "green", "another", "just green"],
)
def test_what_a_backtest_comes_to(data: ValidationData, test: BacktestData, wanted: Status) -> None:
    assert status(with_backtest(data, test), "Backtest") == wanted


def test_a_failed_check_and_an_error_of_the_data_do_not_hold(data: ValidationData) -> None:
    assert status(replace(data, checks=({**CHECK, "passed": False},)), "Implementation") == Status.FAILS
    assert status(replace(data, checks=({**CHECK, "passed": None}, CHECK)), "Implementation") == Status.HOLDS
    quality = {"findings": [{"severity": "error", "check": "gap"}]}
    history = replace(data.report.history, quality=quality)
    assert status(replace(data, report=replace(data.report, history=history)), "Data") == Status.FAILS


def test_a_figure_that_leaves_its_interval_is_to_be_looked_at(data: ValidationData) -> None:
    var = data.report.models[0].measures[0].figure
    assert var.upper is not None
    rows = [row("bits", 2, 1.01 * var.upper), row("bits", 3, var.value, own=True)]
    moved = replace(data, sensitivity={"rows": rows, "left_out": []})
    assert status(moved, "Sensitivity") == Status.LOOK
    budget = [{"measure": m, "value": var.value, "lower": 0.0, "upper": 9e9} for m in ("VaR", "ES")]
    wide = replace(moved, report=replace(data.report, risk={**data.report.risk, "error_budget": budget}))
    assert status(wide, "Sensitivity") == Status.HOLDS


def test_a_last_refit_unlike_the_others_is_seen(data: ValidationData) -> None:
    assert status(with_backtest(data, backtest(values=(1.0, 1.1, 0.9, 9.0))), "Parameters") == Status.LOOK
    assert status(with_backtest(data, backtest(values=(1.0, 1.1))), "Parameters") == Status.OPEN


def test_the_last_refit_of_a_stable_model_is_called_unlike_at_the_stated_rate(data: ValidationData) -> None:
    rng, runs = np.random.default_rng(4), 800
    moved = 0
    for _ in range(runs):
        fits = [
            {"first": "", "values": {f"p{k}": float(v) for k, v in enumerate(rng.normal(size=6))}}
            for _ in range(8)
        ]
        one = backtest()
        about: Mapping[str, Any] = {**one.about, "models": [{**one.about["models"][0], "parameters": fits}]}
        moved += any(c.moved for c in courses(with_backtest(data, replace(one, about=about))))
    low, high = stats.binom.ppf([0.0005, 0.9995], runs, 0.05)
    assert low <= moved <= high


def test_monitoring_limits_are_basels_at_99_per_cent(data: ValidationData) -> None:
    hits = monitoring(data)[0]
    assert hits.what == "Losses beyond VaR 99% in 250 days"
    assert hits.amber.startswith("5 (")
    assert "89.2%" in hits.amber  # Basel Committee 1996, table 2: 4 or fewer, .8922
    assert hits.red == "10 (99.97%)"
    evidence = monitoring(data)[1]
    assert evidence.red.startswith("20 (5%")


def test_text_marks_code_and_emphasis_and_escapes_the_rest() -> None:
    text = "2**bits and **untrained, it is** `a<b` & 2**n"
    assert code(text) == "2**bits and <b>untrained, it is</b> <code>a&lt;b</code> &amp; 2**n"


def test_the_same_data_give_the_same_bytes(data: ValidationData) -> None:
    assert render_validation(data) == render_validation(data)


@pytest.fixture(scope="module")
def path(data: ValidationData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("validation") / "validation.html"
    file.write_text(render_validation(data), encoding="utf-8")
    return file


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_without_complaint_or_overflow(chromium: Any, path: Path, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("section").count() == 12
    assert complaints == []
    context.close()


@pytest.mark.browser
def test_it_prints_without_broken_pages(chromium: Any, path: Path, tmp_path: Path) -> None:
    """No page is all but empty, none ends with a heading, and tables that go on repeat theirs."""
    if shutil.which("pdftotext") is None:
        pytest.skip("there is no pdftotext; apt-get install poppler-utils")
    context = chromium.new_context()
    page = context.new_page()
    page.goto(path.as_uri())
    page.pdf(path=str(tmp_path / "pack.pdf"), format="A4")
    headings = {" ".join(text.split()) for text in page.locator("h2, h3").all_inner_texts()}
    context.close()
    run = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "pack.pdf"), "-"], capture_output=True, text=True, check=True
    )
    pages = [
        [" ".join(line.split()) for line in one.splitlines() if line.strip()]
        for one in run.stdout.split("\f")
    ]
    pages = [lines for lines in pages if lines]
    assert 5 < len(pages) < 20
    assert [lines for lines in pages[:-1] if len(lines) < 12] == []
    assert [lines[-1] for lines in pages if lines[-1] in headings] == []
    goes_on = [lines for lines in pages if any(re.search(r"\b[0-9a-f]{64}\b", line) for line in lines)]
    assert all(any(line.startswith("Artifact") for line in lines) for lines in goes_on)


def test_callers_may_leave_the_backtest_out(data: ValidationData) -> None:
    page = render_validation(with_backtest(data))
    assert page.count("<b>Not done.</b>") == 3
