"""Floating bonds, swaps, caps and credit-default swaps against cached values of QuantLib's test suite (the file is
named beside each), closed forms and no-arbitrage."""

from __future__ import annotations

from datetime import date
from math import exp

import numpy as np
import pandas as pd
import pytest

from qfin.errors import DataError
from qfin.market import RiskFactor
from qfin.risk import Portfolio
from qfin.scenarios import ScenarioSet

RATE = RiskFactor("R", "IR", "decimal", "absolute")
CURVES = {"USD": {"rate": "R"}}


def revalued(trade, as_of, rate, *, market=None, bp=(0.0,), method="full", ageing=False, factors=None):
    """One trade on a flat, continuously compounded curve "USD" of the factor R; `bp` are moves of it, or paths."""
    portfolio = Portfolio.from_dict(
        {"name": "b", "base_currency": "USD", "market": {"curves": CURVES, **(market or {})},
         "trades": [{"name": "it", "currency": "USD", **trade}]}
    )  # fmt: skip
    returns = np.asarray(bp, dtype=float).reshape(len(bp), -1, 1)
    scenarios = ScenarioSet(returns, (RATE,), np.array([rate]), pd.Timestamp(as_of))
    return portfolio.revalue(scenarios, method, ageing=ageing)


def test_the_swap_of_swap_cpp():
    """testCachedValue: -5.872863313209 with coupons at par, on the settlement day, two days on; 10 years, fixed .06,
    spread .001, flat .05."""
    trade = {"instrument": "interest_rate_swap", "notional": 100, "pays": "fixed", "fixed_rate": 0.06,
             "spread": 0.001, "start": "2002-06-19", "maturity": "2012-06-19", "fixed_frequency": "annual",
             "fixed_convention": "unadjusted", "fixed_day_count": "30/360", "floating_frequency": "semiannual",
             "floating_day_count": "actual/360", "calendar": "target"}  # fmt: skip
    pnl = revalued(trade, "2002-06-17", 0.05)
    assert pnl.base_value == pytest.approx(-5.872863313209 * exp(-0.05 * 2 / 365), abs=1e-9)


def test_an_overnight_swap_is_a_ratio_of_discount_factors():
    """One year, one payment: fair at what the curve compounds to, and linear in the fixed rate."""
    trade = {"instrument": "overnight_index_swap", "notional": 100, "pays": "fixed", "fixed_rate": exp(0.05) - 1,
             "start": "2009-02-09", "maturity": "2010-02-09", "calendar": "target", "payment_lag": 0}  # fmt: skip
    pnl = revalued(trade, "2009-02-05", 0.05)
    fair = (exp(0.05 * 365 / 365) - 1) * 360 / 365
    expected = 100 * exp(-0.05 * 4 / 365) * ((1 - exp(-0.05)) - (exp(0.05) - 1) * 365 / 360 * exp(-0.05))
    assert pnl.base_value == pytest.approx(expected, abs=1e-11)
    at_fair = revalued({**trade, "fixed_rate": fair}, "2009-02-05", 0.05)
    assert at_fair.base_value == pytest.approx(0.0, abs=1e-11)


@pytest.mark.parametrize(
    ("option", "strike", "cached"), [("cap", 0.07, 6.87570026732), ("floor", 0.03, 2.65812927959)]
)
def test_the_cap_and_floor_of_capfloor_cpp(option, strike, cached):
    """testCachedValue, on the settlement day, four days on: 20 years, Euribor 6M, volatility .2, flat .05 of
    Actual/360."""
    trade = {"instrument": "cap_floor", "option": option, "notional": 100, "strike": strike, "start": "2002-03-18",
             "maturity": "2022-03-18", "volatility": 0.2, "frequency": "semiannual", "calendar": "target",
             "day_count": "actual/360"}  # fmt: skip
    pnl = revalued(trade, "2002-03-14", 0.05 * 365 / 360)
    assert pnl.base_value == pytest.approx(cached * exp(-0.05 * 4 / 360), rel=1e-11)


def test_the_credit_default_swap_of_creditdefaultswap_cpp():
    """testCachedValue: seller 295.0153398; hazard .01234 and rate .06 of Actual/360, recovery .4."""
    trade = {"instrument": "credit_default_swap", "notional": 10000, "side": "seller", "spread": 0.0120,
             "start": "2005-06-09", "maturity": "2015-06-09", "hazard": 0.01234 * 365 / 360, "recovery": 0.4,
             "frequency": "semiannual", "day_count": "actual/360", "calendar": "target"}  # fmt: skip
    pnl = revalued(trade, "2006-06-09", 0.06 * 365 / 360)
    assert pnl.base_value == pytest.approx(295.0153398, rel=1e-5)


def test_a_floater_is_worth_its_face_when_it_is_fixed():
    trade = {"instrument": "floating_rate_bond", "face": 100, "issue": "2000-05-12", "maturity": "2005-05-12",
             "fixing_days": 0, "calendar": "none", "convention": "unadjusted"}  # fmt: skip
    assert revalued(trade, "2000-05-12", 0.06).base_value == pytest.approx(100, rel=1e-12)
    dear = revalued({**trade, "spread": 0.01}, "2000-05-12", 0.06).base_value
    assert dear > 103


def test_a_payer_and_a_receiver_are_a_fixed_and_a_floating_bond():
    swap = {"instrument": "interest_rate_swap", "notional": 1e6, "pays": "floating", "fixed_rate": 0.065,
            "start": "2000-05-12", "maturity": "2005-05-12", "fixed_frequency": "semiannual",
            "floating_frequency": "semiannual", "calendar": "none", "fixing_days": 0,
            "fixed_convention": "unadjusted", "floating_convention": "unadjusted"}  # fmt: skip
    fixed = {"instrument": "fixed_rate_bond", "face": 1e6, "coupon": 0.065, "issue": "2000-05-12",
             "maturity": "2005-05-12", "frequency": "semiannual", "day_count": "30/360"}  # fmt: skip
    moves = [-100.0, -10.0, 0.0, 50.0, 200.0]
    received = revalued(swap, "2000-05-12", 0.06, bp=moves)
    bond = revalued(fixed, "2000-05-12", 0.06, bp=moves)
    np.testing.assert_allclose(
        received.values + received.base_values, bond.values + bond.base_values - 1e6, atol=1e-5
    )
    paid = revalued({**swap, "pays": "fixed"}, "2000-05-12", 0.06, bp=moves)
    np.testing.assert_allclose(paid.values, -received.values, atol=1e-6)


def test_a_cap_less_a_floor_is_a_swap():
    common = {"notional": 1e6, "start": "2000-08-15", "maturity": "2005-08-15", "calendar": "none"}
    strip = {**common, "instrument": "cap_floor", "strike": 0.055, "volatility": 0.2, "convention": "unadjusted",
             "frequency": "quarterly"}  # fmt: skip
    swap = {**common, "instrument": "interest_rate_swap", "pays": "fixed", "fixed_rate": 0.055,
            "fixed_frequency": "quarterly", "fixed_day_count": "actual/360", "floating_frequency": "quarterly",
            "fixed_convention": "unadjusted", "floating_convention": "unadjusted"}  # fmt: skip
    moves = [-150.0, 0.0, 150.0]
    for model, volatility in (("black", 0.2), ("bachelier", 0.01)):
        cap, floor = (
            revalued(
                {**strip, "option": option, "model": model, "volatility": volatility},
                "2000-05-12",
                0.06,
                bp=moves,
            )
            for option in ("cap", "floor")
        )
        payer = revalued(swap, "2000-05-12", 0.06, bp=moves)
        np.testing.assert_allclose(cap.values - floor.values, payer.values, atol=1e-5)
        assert cap.base_value - floor.base_value == pytest.approx(payer.base_value, abs=1e-5)


def test_protection_without_default_or_spread():
    trade = {"instrument": "credit_default_swap", "notional": 1e6, "side": "buyer", "spread": 0.01,
             "start": "2000-05-12", "maturity": "2005-05-12", "hazard": 0.0, "calendar": "none",
             "convention": "unadjusted", "frequency": "annual", "day_count": "actual/365"}  # fmt: skip
    years = [(date(2000 + k, 5, 12) - date(2000, 5, 12)).days / 365 for k in range(1, 6)]
    spans = np.diff([0, *years])
    premium = -1e6 * 0.01 * sum(s * exp(-0.06 * y) for s, y in zip(spans, years, strict=True))
    assert revalued(trade, "2000-05-12", 0.06).base_value == pytest.approx(premium, rel=1e-12)
    risky = revalued({**trade, "spread": 0.0, "hazard": 0.02, "recovery": 0.0}, "2000-05-12", 0.0)
    assert risky.base_value == pytest.approx(1e6 * (1 - exp(-0.02 * years[-1])), rel=1e-12)


LIVING = {
    "floating_rate_bond": {"face": 1e6, "issue": "1999-11-20", "maturity": "2004-05-20", "spread": 0.002},
    "interest_rate_swap": {"notional": 1e6, "pays": "fixed", "fixed_rate": 0.063, "start": "1999-11-22",
                           "maturity": "2004-05-22", "floating_frequency": "quarterly"},
    "overnight_index_swap": {"notional": 1e6, "pays": "floating", "fixed_rate": 0.06, "start": "2000-05-10",
                             "maturity": "2002-05-10", "frequency": "semiannual"},
    "cap_floor": {"option": "cap", "notional": 1e6, "strike": 0.055, "start": "1999-11-20",
                  "maturity": "2004-05-20", "volatility": 0.2},
    "credit_default_swap": {"notional": 1e6, "side": "seller", "spread": 0.012, "start": "1999-12-20",
                            "maturity": "2005-06-20", "hazard": "BANK"},
}  # fmt: skip
PAST = {"fixings": {"USD-3M": {"2000-02-17": 0.061, "2000-02-18": 0.061, "2000-02-22": 0.061, "2000-02-21": 0.061},
                    "USD-ON": {"2000-05-10": 0.06, "2000-05-11": 0.061}},
        "curves": {**CURVES, "BANK": {"pillars": {"1Y": 0.01, "5Y": 0.02}}}}  # fmt: skip


@pytest.mark.parametrize("days", [0, 1, 5, 30])
@pytest.mark.parametrize("kind", LIVING)
def test_a_living_trade_has_its_closed_form_on_every_day(kind, days):
    """Payments and fixings lie between the as-of date and thirty weekdays after it."""
    rng = np.random.default_rng(0)
    paths = rng.normal(0, 8, (25, max(days, 1)))
    trade = {"instrument": kind, **LIVING[kind]}
    full, fast = (
        revalued(trade, "2000-05-12", 0.06, market=PAST, bp=paths, method=method, ageing=days > 0)
        for method in ("full", "proxy")
    )
    assert fast.certificate.counts["closed form"] == 1
    np.testing.assert_allclose(fast.values, full.values, rtol=0, atol=2e-6)
    assert np.ptp(full.values) > 10


@pytest.mark.parametrize("kind", LIVING)
def test_what_is_paid_on_the_way_is_kept(kind):
    """Value and payments together move by a day's carry, not by a coupon: 8 weekdays each from before to after."""
    trade = {"instrument": kind, **LIVING[kind]}
    gains = [
        revalued(trade, "2000-05-12", 0.06, market=PAST, bp=[[0.0] * days], ageing=True).theta[0]
        for days in range(1, 30)
    ]
    assert np.abs(np.diff(gains)).max() < 1e6 * 0.065 * 4 / 365


def test_the_missing_fixing_is_named():
    with pytest.raises(
        DataError, match=r"trade 'it': index: .*no fixing of 'USD-3M' on 2000-02-1\d; give it under"
    ):
        revalued({"instrument": "floating_rate_bond", **LIVING["floating_rate_bond"]}, "2000-05-12", 0.06)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("interest_rate_swap", {"notional": -1}, "notional should be greater than 0"),
        ("interest_rate_swap", {"pays": "both"}, "pays should be 'fixed' or 'floating', got 'both'"),
        (
            "interest_rate_swap",
            {"maturity": "1999-01-04"},
            "maturity 1999-01-04 is not after start 1999-11-22",
        ),
        ("cap_floor", {"strike": -0.01}, "strike -0.01 is not above zero, which Black's formula needs"),
        ("cap_floor", {"volatility": None}, "volatility"),
        ("credit_default_swap", {"hazard": -0.01}, "hazard -0.01 is negative"),
        ("credit_default_swap", {"recovery": 1.0}, "recovery should be less than 1"),
        ("floating_rate_bond", {"calendar": "mars"}, "calendar should be 'none', 'weekends'"),
        ("overnight_index_swap", {"frequency": "weekly"}, "frequency should be 'monthly', 'quarterly'"),
    ],
)
def test_bad_fields(kind, change, message):
    with pytest.raises(DataError, match=message):
        revalued({"instrument": kind, **LIVING[kind], **change}, "2000-05-12", 0.06, market=PAST)


def test_hazard_rates_by_factor_move_the_swap(book, scenario_set, factors, market):
    """A credit curve of factors: what their rates hold is relinked in every scenario."""
    curve = {"factors": ["UST1Y", "UST5Y"]}
    trade = {"instrument": "credit_default_swap", "name": "c", "currency": "USD",
             **LIVING["credit_default_swap"], "hazard": "BANK"}  # fmt: skip
    portfolio = book(trade, market={**market, "curves": {**market["curves"], "BANK": curve}})
    moves = 20 * np.random.default_rng(0).standard_normal((12, len(factors)))
    moves[:, [f.type != "IR" for f in factors]] = 0.0
    full, fast = (portfolio.revalue(scenario_set(moves), method) for method in ("full", "proxy"))
    assert fast.certificate.counts["closed form"] == 1
    np.testing.assert_allclose(fast.values, full.values, rtol=0, atol=2e-6)


@pytest.mark.parametrize("method", ["full", "proxy"])
def test_a_rate_that_blacks_formula_has_no_value_for_names_trade_and_scenario(method):
    trade = {"instrument": "cap_floor", **LIVING["cap_floor"]}
    moves = np.zeros(200)
    moves[150] = -900.0
    with pytest.raises(DataError, match="trade 'it' cannot be valued in scenario 150: "):
        revalued(trade, "2000-05-12", 0.06, market=PAST, bp=moves, method=method)
