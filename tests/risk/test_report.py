"""The content of `risk.json`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from qfin.risk import risk_report

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
    head = {k: v for k, v in report.items() if not isinstance(v, list)}
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
