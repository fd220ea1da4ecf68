"""Every instrument against a closed form of its own: no QuantLib on this side."""

from __future__ import annotations

from datetime import date
from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

AS_OF = date(2000, 5, 12)
N = NormalDist().cdf


def years(day: date) -> float:
    """Actual/365 (fixed)."""
    return (day - AS_OF).days / 365.0


def black_scholes(
    side: str, spot: float, strike: float, t: float, rate: float, carry: float, vol: float
) -> float:
    """Garman and Kohlhagen (1983), equations 8 and 9; Black, Scholes and Merton with a dividend yield."""
    d1 = (log(spot / strike) + (rate - carry + vol**2 / 2) * t) / (vol * sqrt(t))
    d2 = d1 - vol * sqrt(t)
    sign = 1 if side == "call" else -1
    return sign * (spot * exp(-carry * t) * N(sign * d1) - strike * exp(-rate * t) * N(sign * d2))


def zero_rate(curve: dict[float, float], t: float) -> float:
    """Linear in time between pillars, flat outside."""
    return float(np.interp(t, list(curve), list(curve.values())))


def node(tenor_years: int) -> float:
    return years(AS_OF.replace(year=AS_OF.year + tenor_years))


def value(book, scenario_set, draws, **trade) -> float:
    """Value today in USD."""
    return book({"name": "it", **trade}).revalue(scenario_set(draws(1))).base_value


@pytest.fixture
def priced(book, scenario_set, draws):
    return lambda **trade: value(book, scenario_set, draws, **trade)


def test_cash_is_its_amount_in_the_base_currency(priced, levels):
    assert priced(instrument="cash_position", quantity=1e6, currency="USD") == 1e6
    assert priced(instrument="cash_position", quantity=-3e6, currency="EUR") == -3e6 * levels["EURUSD"]
    assert priced(instrument="cash_position", quantity=5e8, currency="JPY") == 5e8 / levels["USDJPY"]


def test_a_position_is_its_quantity_at_the_price(priced, levels):
    shares = priced(instrument="cash_position", quantity=-2000, currency="USD", factor="AAPL")
    assert shares == -2000 * levels["AAPL"]


def test_a_cross_currency_goes_through_the_common_one(book, scenario_set, draws, levels):
    pnl = book(
        {"instrument": "cash_position", "name": "yen", "quantity": 1e8, "currency": "JPY"},
        base_currency="EUR",
    ).revalue(scenario_set(draws(1)))
    assert pnl.base_value == pytest.approx(1e8 / levels["USDJPY"] / levels["EURUSD"], rel=1e-15)
    assert pnl.base_currency == "EUR"


@pytest.mark.parametrize("notional", [4e6, -4e6])
def test_forward_is_covered_interest_parity(priced, levels, notional):
    maturity, strike = date(2001, 2, 12), 1.13
    t = years(maturity)
    euro = zero_rate({(date(2000, 8, 12) - AS_OF).days / 365: 0.0195, node(1): 0.0205}, t)
    expected = notional * (levels["EURUSD"] * exp(-euro * t) - strike * exp(-0.036 * t))
    trade = {"pair": "EURUSD", "notional": notional, "strike": strike, "maturity": maturity.isoformat()}
    assert priced(instrument="fx_forward", **trade) == pytest.approx(expected, rel=1e-12)


def test_forward_in_another_currency_is_converted_at_spot(priced, levels):
    maturity = date(2001, 5, 14)
    t = years(maturity)
    yen = 2e6 * (levels["USDJPY"] * exp(-0.036 * t) - 151.0 * exp(-0.009 * t))
    trade = {"pair": "USDJPY", "notional": 2e6, "strike": 151, "maturity": maturity.isoformat()}
    assert priced(instrument="fx_forward", **trade) == pytest.approx(yen / levels["USDJPY"], rel=1e-12)


@pytest.mark.parametrize("side", ["call", "put"])
@pytest.mark.parametrize("strike", [1.0, 1.12, 1.3])
def test_fx_option_is_garman_kohlhagen(priced, levels, side, strike):
    expiry = date(2000, 11, 13)
    t, pound = years(expiry), log(1.0365)
    expected = 3e6 * black_scholes(side, levels["GBPUSD"], strike, t, 0.036, pound, 0.08)
    trade = {
        "underlying": "GBPUSD",
        "option": side,
        "strike": strike,
        "expiry": str(expiry),
        "volatility": 0.08,
    }
    assert priced(instrument="european_option", quantity=3e6, **trade) == pytest.approx(
        expected, rel=1e-11, abs=1e-6
    )


@pytest.mark.parametrize("side", ["call", "put"])
def test_equity_option_is_black_scholes_merton(priced, levels, side):
    expiry = date(2001, 3, 16)
    expected = -500 * black_scholes(side, levels["AAPL"], 60, years(expiry), 0.036, 0.024, 0.3)
    trade = {"underlying": "AAPL", "option": side, "strike": 60, "expiry": str(expiry), "currency": "USD"}
    got = priced(instrument="european_option", quantity=-500, carry=0.024, **trade)
    assert got == pytest.approx(expected, rel=1e-11)


def test_commodity_option_earns_nothing_unless_told(priced, levels):
    expiry = date(2000, 12, 1)
    expected = 100 * black_scholes("call", levels["WTI"], 95, years(expiry), 0.036, 0.0, 0.35)
    trade = {"underlying": "WTI", "option": "call", "strike": 95, "expiry": str(expiry), "currency": "USD"}
    assert priced(instrument="european_option", quantity=100, volatility=0.35, **trade) == pytest.approx(
        expected, rel=1e-11
    )


def test_a_volatility_factor_is_read_in_its_unit(priced, levels):
    expiry = date(2000, 11, 13)
    yen = 1e6 * black_scholes("put", levels["USDJPY"], 150, years(expiry), 0.009, 0.036, 0.095)
    trade = {
        "underlying": "USDJPY",
        "option": "put",
        "strike": 150,
        "expiry": str(expiry),
        "volatility": "USDJPYVOL",
    }
    got = priced(instrument="european_option", quantity=1e6, **trade)
    assert got == pytest.approx(yen / levels["USDJPY"], rel=1e-11)


@settings(max_examples=25)
@given(
    strike=st.floats(0.6, 2.0),
    volatility=st.floats(0.02, 0.8),
    days=st.integers(1, 2000),
    rate=st.floats(-0.02, 0.15),
    carry=st.floats(-0.02, 0.15),
)
def test_put_call_parity(book, scenario_set, draws, strike, volatility, days, rate, carry):
    expiry = date.fromordinal(AS_OF.toordinal() + days).isoformat()
    option = {"instrument": "european_option", "underlying": "EURUSD", "strike": strike, "expiry": expiry,
              "volatility": volatility, "discount_curve": rate, "carry": carry, "quantity": 1e6}  # fmt: skip
    forward = {"instrument": "fx_forward", "name": "forward", "pair": "EURUSD", "notional": 1e6, "strike": strike,
               "maturity": expiry, "discount_curve": rate, "foreign_curve": carry}  # fmt: skip
    portfolio = book(
        {**option, "name": "c", "option": "call"}, {**option, "name": "p", "option": "put"}, forward
    )
    pnl = portfolio.revalue(scenario_set(draws(2)))
    call, put, parity = pnl.base_values
    assert call - put == pytest.approx(parity, abs=1e-6)
    np.testing.assert_allclose(pnl.values[:, 0] - pnl.values[:, 1], pnl.values[:, 2], atol=1e-6)


def semiannual_days(maturity: date, count: int) -> list[date]:
    """Coupon days counted back from maturity, unadjusted (maturity on the 15th, so every month has the day)."""
    days = []
    for k in range(count):
        month = maturity.month - 1 - 6 * k
        days.append(date(maturity.year + month // 12, month % 12 + 1, maturity.day))
    return days[::-1]


def test_bond_is_its_payments_discounted_on_the_pillars(priced, levels):
    zero = {node(y): 2 * log(1 + levels[f"UST{y}Y"] / 200) for y in (1, 3, 5, 10)}
    paid = [day for day in semiannual_days(date(2013, 2, 15), 40) if day > AS_OF]
    flows = {day: 0.065 / 2 for day in paid}
    flows[paid[-1]] += 1
    expected = -2e6 * sum(f * exp(-zero_rate(zero, years(d)) * years(d)) for d, f in flows.items())
    got = priced(instrument="fixed_rate_bond", face=-2e6, currency="USD", coupon=0.065, issue="1998-02-15",
                 maturity="2013-02-15", frequency="semiannual", curve="UST")  # fmt: skip
    assert got == pytest.approx(expected, rel=1e-12)  # past the last pillar, where the curve is flat, too


def test_bond_on_a_flat_yield_that_is_a_factor(priced, levels):
    paid = [day for day in semiannual_days(date(2005, 5, 15), 12) if day > AS_OF]
    first = 0.0675 * 3 / 360  # from issue to 15 May
    flows = [first] + [0.0675 / 2] * (len(paid) - 2) + [1 + 0.0675 / 2]
    growth = 1 + levels["UST5Y"] / 200
    expected = 1e6 * sum(f * growth ** (-2 * years(d)) for d, f in zip(paid, flows, strict=True))
    got = priced(instrument="fixed_rate_bond", face=1e6, currency="USD", coupon=0.0675, issue="2000-05-12",
                 maturity="2005-05-15", frequency="semiannual", curve="UST5", day_count="30/360")  # fmt: skip
    assert got == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("day_count", "first"),
    [("actual/actual", 0.06), ("30/360", 0.06), ("actual/365", 0.06 * 366 / 365)],  # 2000 has a 29 February
)
def test_bond_day_counts(priced, day_count, first):
    maturity = date(2001, 2, 1)
    got = priced(instrument="fixed_rate_bond", face=100, currency="USD", coupon=0.06, issue="2000-02-01",
                 maturity=str(maturity), curve=0.05, day_count=day_count)  # fmt: skip
    assert got == pytest.approx(100 * (1 + first) * exp(-0.05 * years(maturity)), rel=1e-12)


def test_a_coupon_on_the_as_of_date_is_not_counted(priced):
    got = priced(instrument="fixed_rate_bond", face=100, currency="USD", coupon=0.06, issue="1999-05-12",
                 maturity="2001-05-12", curve=0.0)  # fmt: skip
    assert got == pytest.approx(106.0, rel=1e-12)
