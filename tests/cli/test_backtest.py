"""`qfin backtest`, its page, and the report that has it as a section."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qfin.store import Store

BACKTEST = """
[backtest]
days = 60
training_days = 200
refit_every = 60
scenarios = 200
horizons = [1, 2]
levels = [0.95]
[backtest.models]
model = {}
"as they come" = { volatility = "none", dependence = "bootstrap" }
"""


@pytest.fixture
def tested(qfin, config, full, tmp_path):
    path = tmp_path / "backtest.toml"
    path.write_text(config.read_text(encoding="utf-8") + BACKTEST, encoding="utf-8")
    return path, qfin("backtest", "--config", path, "--store", full)


def _page(store: Path, out: str) -> str:
    """The page of the report that a command says it has made."""
    (ref,) = set(re.findall(r"report/[0-9a-f]{20}", out))
    return Store(store).get(ref).path("report.html").read_text(encoding="utf-8")


def test_it_says_what_held_and_makes_a_page(qfin, tested, full):
    path, outcome = tested
    assert outcome.code == 0
    assert re.search(r"model +95 % +\d+ +3\.0", outcome.out)
    assert re.search(r"as they come +95 % +\d+ +3\.0", outcome.out)
    assert outcome.out.count("-day P&L of FX book") == 2
    ref = outcome.out.split()[0]
    assert f"qfin report {ref}" in outcome.out
    again = qfin("backtest", "--config", path, "--store", full)
    assert again.out == outcome.out
    page = qfin("report", ref, "--store", full)
    assert page.code == 0
    html = _page(full, page.out)
    assert "as they come" in html
    assert html.count("Evidence against the forecasts") == 3  # for wide, middling and narrow screens
    assert "Kupiec proportion of failures (95.0%): " in html


def test_beside_a_risk_artifact_it_is_a_section_of_the_report(qfin, tested, full):
    ref = tested[1].out.split()[0]
    risk = next((full / "risk").glob("[0-9a-f]*")).name
    outcome = qfin("report", f"risk/{risk}", ref, "--store", full)
    assert outcome.code == 0
    html = _page(full, outcome.out)
    assert '<section id="backtest">' in html
    assert '<a href="#backtest">' in html


def test_days_that_are_not_there_are_named(qfin, config, full, tmp_path):
    path = tmp_path / "long.toml"
    path.write_text(config.read_text(encoding="utf-8") + "backtest.days = 9000\n", encoding="utf-8")
    outcome = qfin("backtest", "--config", path, "--store", full)
    assert outcome.code == 2
    assert "9000 days tested after a first fit of 1000 take 10000: give more history" in outcome.err
    assert "Traceback" not in outcome.err
