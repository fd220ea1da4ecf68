"""American, barrier and Asian options against published values, limits and laws.

Published values are those of QuantLib's test suite, which names their books: americanoption.cpp (Ju 1999, exact values
of Geske and Johnson's puts), barrieroption.cpp (Haug, The Complete Guide to Option Pricing Formulas, 1998, p. 72),
asianoption.cpp (Clewlow and Strickland 1998, pp. 118-123).
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfin.errors import DataError
from qfin.market import RiskFactor
from qfin.risk import Portfolio
from qfin.scenarios import ScenarioSet

AS_OF = date(2000, 5, 12)


def revalued(trade, spot, moves=(0.0,), method="full", *, ageing=False, fixings=None, steps=1):
    """One trade on an equity X in dollars; `moves` are scenarios' log returns, or paths of them."""
    market = {"curves": {}, "volatilities": {}, **({"fixings": fixings} if fixings else {})}
    full = {"name": "it", "underlying": "X", "currency": "USD", "quantity": 1, **trade}
    portfolio = Portfolio.from_dict({"name": "b", "base_currency": "USD", "market": market, "trades": [full]})
    returns = np.asarray(moves, dtype=float).reshape(len(moves), -1, 1)
    factors = (RiskFactor("X", "EQ", "USD"),)
    scenarios = ScenarioSet(returns, factors, np.array([spot]), pd.Timestamp(AS_OF))
    return portfolio.revalue(scenarios, method, ageing=ageing)


def value(trade, spot, **more):
    return revalued(trade, spot, **more).base_value


def after(years: float) -> str:
    return str(AS_OF + timedelta(days=round(365 * years)))


@pytest.mark.parametrize(
    ("strike", "years", "volatility", "exact"),
    [
        (35, 0.0833, 0.2, 0.006), (35, 0.3333, 0.2, 0.200), (35, 0.5833, 0.2, 0.433),
        (40, 0.0833, 0.2, 0.852), (40, 0.3333, 0.2, 1.580), (40, 0.5833, 0.2, 1.990),
        (45, 0.0833, 0.2, 5.000), (45, 0.3333, 0.2, 5.088), (45, 0.5833, 0.2, 5.267),
        (35, 0.3333, 0.3, 0.698), (40, 0.5833, 0.3, 3.170), (45, 0.5833, 0.4, 7.383),
    ],
)  # fmt: skip
def test_american_puts_of_geske_and_johnson(strike, years, volatility, exact):
    """Stock 40, rate .0488; days of the year are whole, so years are met to half a day."""
    trade = {"instrument": "american_option", "option": "put", "strike": strike, "expiry": after(years),
             "volatility": volatility, "discount_curve": 0.0488}  # fmt: skip
    assert value(trade, 40.0) == pytest.approx(exact, abs=6e-3)


def binomial_american(sign, spot, strike, years, rate, carry, volatility, steps=2001) -> float:
    """Cox, Ross and Rubinstein (1979)."""
    dt = years / steps
    up = np.exp(volatility * np.sqrt(dt))
    p = (np.exp((rate - carry) * dt) - 1 / up) / (up - 1 / up)
    prices = spot * up ** (2 * np.arange(steps + 1) - steps)
    values = np.maximum(sign * (prices - strike), 0)
    for _ in range(steps):
        prices = prices[:-1] * up
        values = np.exp(-rate * dt) * (p * values[1:] + (1 - p) * values[:-1])
        values = np.maximum(values, sign * (prices - strike))
    return float(values[0])


@pytest.mark.parametrize(
    ("side", "rate", "carry"), [("put", 0.08, 0.0), ("call", 0.03, 0.09), ("put", 0.05, 0.05)]
)
def test_american_options_are_the_limit_of_binomial_trees(side, rate, carry):
    trade = {"instrument": "american_option", "option": side, "strike": 100, "expiry": after(1), "volatility": 0.25,
             "discount_curve": rate, "carry": carry}  # fmt: skip
    sign = 1 if side == "call" else -1
    assert value(trade, 95.0) == pytest.approx(
        binomial_american(sign, 95, 100, 1, rate, carry, 0.25), abs=5e-3
    )


@settings(max_examples=20, deadline=None)
@given(
    spot=st.floats(60, 140), volatility=st.floats(0.1, 0.6), rate=st.floats(0.0, 0.1), carry=st.floats(0, 0.1),
    side=st.sampled_from(["call", "put"]),
)  # fmt: skip
def test_an_american_option_is_worth_the_european_one_and_exercise_or_more(
    spot, volatility, rate, carry, side
):
    common = {"option": side, "strike": 100, "expiry": after(0.75), "volatility": volatility,
              "discount_curve": rate, "carry": carry}  # fmt: skip
    american, european = (
        value({"instrument": kind, **common}, spot) for kind in ("american_option", "european_option")
    )
    exercise = max(spot - 100, 0) if side == "call" else max(100 - spot, 0)
    assert american >= max(european, exercise) - 1e-6 * 100


BARRIERS = [  # kind, barrier, side, value at strikes 90, 100, 110: volatility .25
    ("down_out", 95, "call", (9.0246, 6.7924, 4.8759)), ("down_out", 100, "call", (3.0, 3.0, 3.0)),
    ("up_out", 105, "call", (2.6789, 2.3580, 2.3453)), ("down_in", 95, "call", (7.7627, 4.0109, 2.0576)),
    ("up_in", 105, "call", (14.1112, 8.4482, 4.5910)), ("down_out", 95, "put", (2.2798, 2.2947, 2.6252)),
    ("up_out", 105, "put", (3.7760, 5.4932, 7.5187)), ("down_in", 95, "put", (2.9586, 6.5677, 11.9752)),
    ("up_in", 105, "put", (1.4653, 3.3721, 7.0846)),
]  # fmt: skip


def barrier(kind, level, side, strike, **more):
    """Half a year as a whole one with half the rates and half the variance."""
    return {"instrument": "barrier_option", "option": side, "strike": strike, "expiry": after(1), "barrier": level,
            "barrier_type": kind, "rebate": 3, "volatility": 0.25 * 0.5**0.5, "discount_curve": 0.04, "carry": 0.02,
            **more}  # fmt: skip


@pytest.mark.parametrize(("kind", "level", "side", "values"), BARRIERS)
def test_barrier_options_of_haug(kind, level, side, values):
    """Stock 100, rate .08, yield .04, half a year, rebate 3."""
    for strike, published in zip((90, 100, 110), values, strict=True):
        assert value(barrier(kind, level, side, strike), 100.0) == pytest.approx(published, abs=1e-4)


@pytest.mark.parametrize("kind", ["down_in", "down_out", "up_in", "up_out"])
@pytest.mark.parametrize("side", ["call", "put"])
@pytest.mark.parametrize("strike", [80, 100, 120])
def test_barrier_closed_forms_are_quantlibs_numbers(kind, side, strike):
    level = 90 if kind.startswith("down") else 112
    moves = np.log(np.linspace(70, 140, 60) / 100)
    trade = barrier(kind, level, side, strike)
    full, fast = (revalued(trade, 100.0, moves, method) for method in ("full", "proxy"))
    assert fast.certificate.counts["closed form"] == 1
    np.testing.assert_allclose(fast.values, full.values, rtol=0, atol=1e-11)


@pytest.mark.parametrize("side", ["call", "put"])
def test_in_and_out_together_are_the_european_option(side):
    common = {k: v for k, v in barrier("up_in", 112, side, 100, rebate=0).items() if k not in
              ("barrier", "barrier_type", "rebate")}  # fmt: skip
    moves = np.log(np.linspace(80, 130, 20) / 100)
    parts = [revalued(barrier(kind, 112, side, 100, rebate=0), 100.0, moves) for kind in ("up_in", "up_out")]
    whole = revalued({**common, "instrument": "european_option"}, 100.0, moves)
    np.testing.assert_allclose(parts[0].values + parts[1].values, whole.values, atol=1e-11)


def test_a_barrier_touched_on_the_way_is_remembered():
    """Two paths to the same price: one touches 110 on its first day."""
    up = np.log(1.12)
    paths = [[0.0, 0.0], [up, -up]]
    out = revalued(barrier("up_out", 110, "call", 100), 100.0, paths, ageing=True)
    assert out.values[1, 0] + out.base_value == pytest.approx(3.0)  # the rebate
    assert out.values[0, 0] + out.base_value < 3.0
    begun = revalued(barrier("up_in", 110, "call", 100, rebate=0), 100.0, paths, ageing=True)
    assert begun.values[1, 0] > begun.values[0, 0]
    for trade in (barrier("up_out", 110, "call", 100), barrier("up_in", 110, "call", 100)):
        fast = revalued(trade, 100.0, paths, "proxy", ageing=True)
        np.testing.assert_allclose(fast.values, revalued(trade, 100.0, paths, ageing=True).values, atol=1e-11)


@pytest.mark.parametrize("kind", ["european_option", "american_option", "barrier_option", "asian_option"])
def test_an_option_that_ends_on_the_way_is_what_it_paid(kind):
    """Expiry two days in; the price on that day counts, not the one at the horizon."""
    trade = {"instrument": kind, "option": "call", "strike": 100, "expiry": "2000-05-16", "volatility": 0.2,
             "discount_curve": 0.05}  # fmt: skip
    trade |= {"barrier": 130, "barrier_type": "up_out"} if kind == "barrier_option" else {}
    trade |= {"fixings": ["2000-05-16"]} if kind == "asian_option" else {}
    paths = [[0.02, 0.03, -0.2], [-0.02, -0.03, 0.2]]
    pnl = revalued(trade, 100.0, paths, ageing=True)
    np.testing.assert_allclose(pnl.values[:, 0] + pnl.base_value, [100 * np.exp(0.05) - 100, 0.0], atol=1e-10)


def asian(average, **more):
    return {"instrument": "asian_option", "option": "call", "strike": 100, "average": average, **more}


def test_a_geometric_asian_option_of_clewlow_and_strickland():
    """Ten fixings over a year of 360 days, Actual/360: 5.3425606635; stock 100, yield .03, rate .06, volatility .2."""
    days = [str(AS_OF + timedelta(days=round(360 / 10 * (k + 1)))) for k in range(10)]
    scale = 365 / 360  # rates and variance of 360-day years on qfin's 365-day ones
    trade = asian("geometric", fixings=days, expiry=days[-1], volatility=0.2 * scale**0.5,
                  discount_curve=0.06 * scale, carry=0.03 * scale)  # fmt: skip
    assert value(trade, 100.0) == pytest.approx(5.3425606635, abs=1e-8)


def turnbull_wakeman(spot, strike, times, years, rate, carry, volatility, past=()):
    """First two moments of the average, lognormal: Haug 2007, section 4.20.3, by sums over all pairs of fixings."""
    n = len(times) + len(past)
    forwards = spot * np.exp((rate - carry) * np.array(times))
    first = forwards.sum() / n
    pairs = np.minimum.outer(times, times)
    second = (np.outer(forwards, forwards) * np.exp(volatility**2 * pairs)).sum() / n**2
    left = strike - sum(past) / n
    deviation = np.sqrt(np.log(second / first**2))
    from statistics import NormalDist

    d1 = (np.log(first / left) + deviation**2 / 2) / deviation
    normal = NormalDist().cdf
    return np.exp(-rate * years) * (first * normal(d1) - left * normal(d1 - deviation))


@pytest.mark.parametrize("past", [{}, {"2000-04-28": 97.0, "2000-05-05": 104.0}])
def test_an_arithmetic_asian_option_has_the_moments_of_its_average(past):
    ahead = ["2000-06-30", "2000-07-31", "2000-08-31"]
    trade = asian("arithmetic", fixings=[*past, *ahead], expiry="2000-09-15", volatility=0.3, discount_curve=0.05,
                  carry=0.01)  # fmt: skip
    times = [(date.fromisoformat(day) - AS_OF).days / 365 for day in ahead]
    years = (date(2000, 9, 15) - AS_OF).days / 365
    expected = turnbull_wakeman(100.0, 100, times, years, 0.05, 0.01, 0.3, tuple(past.values()))
    got = value(trade, 100.0, fixings={"X": past} if past else None)
    assert got == pytest.approx(expected, rel=1e-3)


def test_prices_on_the_way_belong_to_the_average():
    """One of two fixings lies on the way: high there, the same at the horizon."""
    trade = asian("arithmetic", fixings=["2000-05-15", "2000-12-15"], expiry="2000-12-15", volatility=0.2,
                  discount_curve=0.05)  # fmt: skip
    low, high = revalued(trade, 100.0, [[0.0, 0.0], [0.1, -0.1]], ageing=True).values[:, 0]
    assert high > low + 2.0


BAD = [
    (asian("arithmetic", fixings=["2000-07-31", "2000-06-30"], expiry="2000-08-31", volatility=0.2),
     "fixings should be one day or more, each after the one before"),
    (asian("arithmetic", fixings=["2000-07-31"], expiry="2000-06-30", volatility=0.2),
     "fixings: the last, 2000-07-31, is after the expiry 2000-06-30"),
    (barrier("sideways", 95, "call", 100), "barrier_type should be 'down_in', 'down_out', 'up_in' or 'up_out'"),
    (barrier("up_in", 0, "call", 100), "barrier should be greater than 0, got 0"),
    (barrier("up_in", 120, "call", 0, rebate=-1), "strike should be greater than 0, got 0; .*rebate should be greater"),
]  # fmt: skip


@pytest.mark.parametrize(("trade", "message"), BAD)
def test_bad_fields(trade, message):
    with pytest.raises(DataError, match=message):
        value(trade, 100.0)


def test_a_past_fixing_that_is_missing_is_named():
    trade = asian("arithmetic", fixings=["2000-04-28", "2000-07-31"], expiry="2000-07-31", volatility=0.2,
                  discount_curve=0.0)  # fmt: skip
    with pytest.raises(
        DataError, match=r"trade 'it': fixings: .*has no fixing of 'X' on 2000-04-28; give it under"
    ):
        value(trade, 100.0)
