"""Curves of par rates against QuantLib's own bootstrap, and floors and caps of factors."""

from __future__ import annotations

import numpy as np
import pytest
import QuantLib as ql
from hypothesis import given, settings
from hypothesis import strategies as st

from qfin.errors import DataError
from qfin.risk._bootstrap import zero_rates

BOND = {"instrument": "fixed_rate_bond", "name": "bond", "face": 100, "currency": "USD", "coupon": 0.0676,
        "issue": "2000-05-12", "maturity": "2005-05-12", "frequency": "semiannual", "curve": "PAR",
        "day_count": "30/360"}  # fmt: skip
PAR = {"factors": ["UST1Y", "UST3Y", "UST5Y", "UST10Y"], "compounding": "semiannual", "quotation": "par"}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.0, 0.12), min_size=5, max_size=5), st.sampled_from([1, 2, 4]))
def test_a_bond_that_pays_the_par_rate_is_worth_its_face(rates, frequency):
    times = np.array([1.0, 2.0, 5.0, 10.0, 30.0])
    zeros = zero_rates(np.array([rates]), times, frequency)[0]
    if not np.isfinite(zeros).all():  # forward rates past what a curve can hold
        return
    for rate, maturity in zip(rates, times, strict=True):
        at = np.arange(1, round(maturity * frequency) + 1) / frequency
        discounts = np.exp(-np.interp(at, times, zeros) * at)
        assert rate / frequency * discounts.sum() + discounts[-1] == pytest.approx(1.0, abs=1e-12)


def test_it_is_quantlibs_bootstrap():
    """`PiecewiseLinearZero` on bonds at par, unadjusted, 30/360 so that periods are exact; QuantLib 1.44."""
    today = ql.Date(15, 5, 2000)
    ql.Settings.instance().evaluationDate = today
    count, par = ql.Thirty360(ql.Thirty360.BondBasis), [0.0644, 0.0686, 0.0676, 0.0651]
    helpers = []
    for years, rate in zip([1, 3, 5, 10], par, strict=True):
        schedule = ql.Schedule(today, today + ql.Period(years, ql.Years), ql.Period(ql.Semiannual), ql.NullCalendar(),
                               ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Backward, False)  # fmt: skip
        price = ql.QuoteHandle(ql.SimpleQuote(100.0))
        helpers.append(ql.FixedRateBondHelper(price, 0, 100.0, schedule, [rate], count, ql.Unadjusted))
    curve = ql.PiecewiseLinearZero(today, helpers, count)
    zeros = zero_rates(np.array([par]), np.array([1.0, 3.0, 5.0, 10.0]), 2)[0]
    for years, zero in zip([1, 3, 5, 10], zeros, strict=True):
        expected = curve.zeroRate(today + ql.Period(years, ql.Years), count, ql.Continuous).rate()
        assert zero == pytest.approx(expected, abs=2e-8)


def test_a_short_pillar_is_simple_interest():
    zero = zero_rates(np.array([[0.05, 0.06]]), np.array([0.25, 1.0]), 2)[0, 0]
    assert np.exp(-zero * 0.25) == pytest.approx(1 / (1 + 0.05 * 0.25), rel=1e-15)


def test_scenarios_are_bootstrapped_one_by_one():
    rng = np.random.default_rng(0)
    par, times = 0.05 + 0.01 * rng.standard_normal((50, 4)), np.array([1.0, 3.0, 5.0, 10.0])
    together = zero_rates(par, times, 2)
    alone = np.vstack([zero_rates(row[None], times, 2) for row in par])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-14)


@pytest.mark.parametrize("method", ["full", "proxy"])
def test_a_bond_at_its_par_rate_is_worth_its_face_on_a_par_curve(book, scenario_set, draws, market, method):
    curves = {**market["curves"], "PAR": PAR}
    portfolio = book(BOND, market={**market, "curves": curves})
    pnl = portfolio.revalue(scenario_set(draws(300)), method, ageing=False)
    assert pnl.base_value == pytest.approx(100, abs=0.02)  # days of a year are 365, leap years or not
    assert pnl.certificate.counts["closed form" if method == "proxy" else "full"] == 1


def test_static_par_rates_are_bootstrapped_too(book, scenario_set, draws, market):
    levels = {"1Y": 0.0644, "3Y": 0.0686, "5Y": 0.0676, "10Y": 0.0651}
    static = {"pillars": levels, "compounding": "semiannual", "quotation": "par"}
    values = [
        book(BOND, market={**market, "curves": {**market["curves"], "PAR": curve}})
        .revalue(scenario_set(draws(2)))
        .base_value
        for curve in (PAR, static)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-13)


def test_rates_that_no_curve_has_name_trade_factors_and_scenario(book, scenario_set, draws, market, factors):
    curves = {**market["curves"], "PAR": PAR}
    moves = np.zeros((3, len(factors)))
    moves[1, [f.name for f in factors].index("UST10Y")] = 6000.0
    with pytest.raises(DataError, match=r"trade 'bond': .*UST10Y.* are no numbers in scenario 1"):
        book(BOND, market={**market, "curves": curves}).revalue(scenario_set(moves))


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        (
            {"rate": 0.05, "quotation": "par", "compounding": "annual"},
            "of par rates needs pillars or factors",
        ),
        ({"pillars": {"1Y": 0.05, "2Y": 0.05}, "quotation": "par"}, "how often they pay as 'compounding'"),
        ({"rate": 0.05, "quotation": "forward"}, "quotation should be 'zero' or 'par', got 'forward'"),
    ],
)
def test_a_par_curve_that_cannot_be(book, curve, message):
    with pytest.raises(DataError, match=message):
        book(BOND, market={"curves": {"PAR": curve}})


def test_floors_and_caps_hold_levels_and_are_counted(book, scenario_set, draws, market, factors):
    option = {"instrument": "european_option", "name": "yen", "underlying": "USDJPY", "option": "put", "strike": 155,
              "expiry": "2000-11-13", "quantity": 1e6, "volatility": "USDJPYVOL"}  # fmt: skip
    moves = np.zeros((3, len(factors)))
    column = [f.name for f in factors].index("USDJPYVOL")
    moves[:, column] = [-3.0, 0.0, 3.0]
    bounds = {"USDJPYVOL": {"floor": 4.0, "cap": 30.0}}
    held = book(option, market={**market, "bounds": bounds}).revalue(scenario_set(moves))
    moves[:, column] = np.log(np.array([4.0, 9.5, 30.0]) / 9.5)
    np.testing.assert_allclose(held.values, book(option).revalue(scenario_set(moves)).values, rtol=1e-12)
    assert held.bounded == {"USDJPYVOL": 2}


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"USDJPYVOL": {"floor": 2, "cap": 1}}, "market.bounds.USDJPYVOL floor 2 is not below cap 1"),
        (
            {"USDJPYVOX": {"floor": 2}},
            "market.bounds: there is no risk factor 'USDJPYVOX' .*did you mean USDJPYVOL",
        ),
    ],
)
def test_bounds_that_cannot_be(book, scenario_set, draws, market, bounds, message):
    with pytest.raises(DataError, match=message):
        book(BOND, market={**market, "bounds": bounds}).revalue(scenario_set(draws(2)))
