"""The content of `risk.json`."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from qfin.errors import QfinError
from qfin.market import ReturnsFrame
from qfin.risk import Figures, Window, nearest_days, risk_report
from qfin.scenarios import ScenarioSet

TRADES = [
    {"instrument": "cash_position", "name": "euros", "quantity": 1e6, "currency": "EUR"},
    {"instrument": "european_option", "name": "puts", "underlying": "EURUSD", "option": "put", "strike": 1.1,
     "expiry": "2001-01-31", "quantity": 1e6},
    {"instrument": "european_option", "name": "calls", "underlying": "AAPL", "option": "call", "strike": 60,
     "expiry": "2001-01-31", "quantity": -100, "currency": "USD", "carry": 0.02, "volatility": 0.25},
    {"instrument": "fixed_rate_bond", "name": "note", "face": 1e6, "currency": "USD", "coupon": 0.06,
     "issue": "2000-02-15", "maturity": "2005-02-15", "curve": "UST"},
]  # fmt: skip


@pytest.fixture(scope="module")
def made(book, scenario_set, draws):
    portfolio, scenarios = book(*TRADES), scenario_set(draws(400).reshape(200, 2, -1))
    pnl = portfolio.revalue(scenarios)
    return (
        portfolio,
        scenarios,
        pnl,
        risk_report(portfolio, scenarios, pnl, label="Bootstrap", kind="bootstrap"),
    )


def test_it_is_plain_json(made):
    *_, report = made
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_its_head(made):
    _, _, pnl, report = made
    head = {k: v for k, v in report.items() if not isinstance(v, list | dict)}
    assert head == {
        "label": "Bootstrap", "kind": "bootstrap", "portfolio": "Book", "base_currency": "USD",
        "portfolio_value": pnl.base_value, "as_of": "2000-05-12", "horizon": 2, "scenarios": 200,
    }  # fmt: skip


def test_its_measures_are_the_pnls_with_open_ends_null(made):
    _, _, pnl, report = made
    var, es = report["measures"]
    assert (var["measure"], var["level"], es["measure"], es["level"]) == ("VaR", 0.99, "ES", 0.975)
    assert var["value"] == pnl.value_at_risk(0.99)
    assert es["value"] == pnl.expected_shortfall(0.975)
    assert (var["lower"], var["upper"]) == (
        pnl.value_at_risk_interval(0.99)[0],
        None,
    )  # 200 scenarios are too few
    assert (es["lower"], es["upper"]) == pnl.expected_shortfall_interval(0.975)
    assert "inverted CDF" in var["convention"]
    assert "tail integral" in es["convention"]


def test_its_worst_scenarios_add_up(made):
    _, scenarios, pnl, report = made
    worst = report["worst"]
    assert [row["pnl"] for row in worst] == sorted(pnl.total)[:10]
    for row in worst:
        assert sum(row["trades"].values()) == pytest.approx(row["pnl"], abs=1e-6)
        np.testing.assert_array_equal(
            list(row["moves"].values()), scenarios.horizon_returns()[row["scenario"]]
        )
        assert tuple(row["moves"]) == scenarios.names
        assert sum(row["factors"].values()) == pytest.approx(row["pnl"], abs=1e-6)


def test_its_trades_say_what_they_are(made):
    *_, pnl, report = made
    assert [row["name"] for row in report["trades"]] == ["euros", "puts", "calls", "note"]
    assert [row["value"] for row in report["trades"]] == pnl.base_values.tolist()
    assert (
        report["trades"][1]["description"] == "bought put on 1,000,000 EURUSD, strike 1.1, expiry 2001-01-31"
    )
    assert report["trades"][3]["description"] == "1,000,000 USD, 6% annual, due 2005-02-15"


def test_its_static_market_is_what_no_scenario_moves(made):
    *_, report = made
    assert report["static_market"] == [
        {"item": "volatility EURUSD", "value": "7.5%", "trades": ["puts"]},
        {"item": "curve USD", "value": "3.6% flat, continuous", "trades": ["puts", "calls"]},
        {"item": "curve EUR", "value": "1.95% 3M, 2.05% 1Y, 2.3% 5Y, continuous", "trades": ["puts"]},
        {"item": "volatility", "value": "25%", "trades": ["calls"]},
        {"item": "carry", "value": "2% flat, continuous", "trades": ["calls"]},
    ]


def test_its_revaluation_says_how_trades_were_valued(made):
    _, _, pnl, report = made
    about = report["revaluation"]
    assert (about["method"], about["ageing"], about["horizon_date"]) == ("full", True, "2000-05-16")
    assert about["theta"] == pytest.approx(pnl.theta.sum())
    assert [trade["method"] for trade in about["trades"]] == ["full"] * 4
    assert sum(trade["theta"] for trade in report["trades"]) == pytest.approx(about["theta"])


def test_its_contributions_sum_to_their_measure(made):
    *_, report = made
    values = {row["measure"]: row["value"] for row in report["measures"]}
    for measure, value in values.items():
        for table in ("trade", "currency", "factor"):
            rows = report["contributions"][measure][table]
            assert sum(row["component"] for row in rows) == pytest.approx(value, rel=1e-9)
            assert [row["component"] for row in rows] == sorted((r["component"] for r in rows), reverse=True)
    factors = {row["part"] for row in report["contributions"]["ES"]["factor"]}
    assert {"EURUSD", "AAPL", "UST1Y", "UST10Y", "time", "factors together"} <= factors
    assert "WTI" not in factors  # moves no trade


@pytest.fixture(scope="module")
def with_history(book, scenario_set, draws):
    scenarios = scenario_set(draws(400).reshape(200, 2, -1))
    dates = pd.bdate_range(end="2000-05-12", periods=300)
    history = ReturnsFrame(draws(300, seed=5), dates, scenarios.factors, scenarios.levels)
    figures = Figures(
        levels=(0.95, 0.9), horizons=(1,), windows=(Window("winter", date(1999, 12, 1), date(2000, 2, 28)),)
    )
    portfolio = book(*TRADES)
    pnl = portfolio.revalue(scenarios)
    return portfolio, scenarios, history, risk_report(portfolio, scenarios, pnl, figures, history=history)


def test_its_levels_are_a_table_of_horizons(with_history):
    portfolio, scenarios, _, report = with_history
    rows = report["levels"]
    assert [(r["horizon"], r["measure"], r["level"]) for r in rows] == [
        (days, measure, level) for days in (1, 2) for level in (0.9, 0.95) for measure in ("VaR", "ES")
    ]
    one = portfolio.revalue(scenarios.until(1))
    assert rows[0]["value"] == one.value_at_risk(0.9)
    assert rows[-1]["value"] == portfolio.revalue(scenarios).expected_shortfall(0.95)


def test_its_windows_are_historical_simulations(with_history):
    portfolio, _, history, report = with_history
    (window,) = report["windows"]
    past = ScenarioSet.from_history(history, 2, date(1999, 12, 1), date(2000, 2, 28))
    inside = (history.dates >= "1999-12-01") & (history.dates <= "2000-02-28")
    assert window["scenarios"] == len(past) == inside.sum() - 1
    assert window["measures"][0]["value"] == portfolio.revalue(past).value_at_risk(0.99)
    assert "blocks of" in window["measures"][0]["convention"]


def test_the_nearest_day_of_a_scenario_that_is_the_history_is_that_day(with_history):
    _, _, history, report = with_history
    past = ScenarioSet.from_history(history, 2)
    rows = np.array([7, 150])
    found = nearest_days(past, history, rows)
    assert [day.end for day in found] == [history.dates[8], history.dates[151]]
    assert all(day.distance < 1e-9 < day.size for day in found)
    assert {"end", "distance", "size", "moves"} == set(report["worst"][0]["nearest"])


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        (Figures(horizons=(3,)), "measures.horizons has 3, and scenarios go over 2 days"),
        (
            Figures(windows=(Window("w", date(2010, 1, 1), date(2010, 2, 1)),)),
            "the window from 2010-01-01 to 2010-02-01 has 0 days of the history",
        ),
    ],
)
def test_figures_that_cannot_be(with_history, figures, message):
    portfolio, scenarios, history, _ = with_history
    pnl = portfolio.revalue(scenarios)
    with pytest.raises(QfinError, match=message):
        risk_report(portfolio, scenarios, pnl, figures, history=history)
