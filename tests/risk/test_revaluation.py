"""The revaluation loop against a QuantLib market built afresh for each scenario, and the laws of a P&L."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pandas as pd
import pytest
import QuantLib as ql
from hypothesis import given, settings
from hypothesis import strategies as st

from qfin.market import ReturnsFrame, read_prices
from qfin.risk import Portfolio
from qfin.scenarios import ScenarioSet
from qfin.shipped import shipped

BOOKS = {"fx_book.json": "fx", "fx_hedges.csv": "fx", "multi_book.json": "multi", "ust_book.json": "ust"}
DAY_COUNT = ql.Actual365Fixed()


def shipped_case(name: str, n: int) -> tuple[Portfolio, ScenarioSet]:
    """A shipped portfolio, and days drawn from its own history, tripled so that they reach far."""
    history = ReturnsFrame.from_prices(read_prices(BOOKS[name]))
    days = np.random.default_rng(3).integers(0, len(history), n)
    scenarios = ScenarioSet(
        3 * history.values[days][:, None, :], history.factors, history.levels, history.as_of
    )
    return Portfolio.read(shipped(f"portfolios/{name}")), scenarios


def date_of(day) -> ql.Date:
    return ql.Date(day.day, day.month, day.year)


class SlowMarket:
    """Everything QuantLib needs, made once more for each scenario; a curve is a plain `ZeroCurve`."""

    def __init__(
        self, portfolio: Portfolio, scenarios: ScenarioSet, levels: np.ndarray, today: ql.Date
    ) -> None:
        self.today = today
        self.level = dict(zip(scenarios.names, levels.tolist(), strict=True))
        self.pillar = {f.name: f.pillar for f in scenarios.factors}
        self.static = portfolio.market

    def quote(self, number: float) -> ql.QuoteHandle:
        return ql.QuoteHandle(ql.SimpleQuote(number))

    def curve(self, source: str | float) -> ql.YieldTermStructureHandle:
        if not isinstance(source, str):
            return self.handle({"1Y": source, "50Y": source}, ql.Continuous, ql.Annual)
        curve = self.static.curves[source]
        if isinstance(curve.rate, float):
            return self.curve(curve.rate)
        if curve.factors:
            assert curve.compounding == "semiannual"
            rates = {self.pillar[name]: self.level[name] / 100 for name in curve.factors}
            return self.handle(rates, ql.Compounded, ql.Semiannual)
        return self.handle(dict(curve.pillars), ql.Continuous, ql.Annual)

    def handle(
        self, rates: dict[str, float], compounding: int, frequency: int
    ) -> ql.YieldTermStructureHandle:
        dates = [self.today, *(self.today + ql.Period(t) for t in rates), self.today + ql.Period("90Y")]
        values = [*rates.values()]
        values = [values[0], *values, values[-1]]
        curve = ql.ZeroCurve(dates, values, DAY_COUNT, ql.NullCalendar(), ql.Linear(), compounding, frequency)
        return ql.YieldTermStructureHandle(curve)

    def dollars(self, amount: float, currency: str) -> float:
        if currency == "USD":
            return amount
        direct = self.level.get(f"{currency}USD")
        return amount * direct if direct else amount / self.level[f"USD{currency}"]

    def value(self, trade) -> float:
        return getattr(self, type(trade).__name__)(trade)

    def CashPosition(self, t) -> float:
        return self.dollars(t.quantity * (self.level[t.factor] if t.factor else 1.0), t.currency)

    def FxForward(self, t) -> float:
        bought, sold = self.curve(t.pair[:3]), self.curve(t.pair[3:])
        day = date_of(t.maturity)
        value = self.level[t.pair] * bought.discount(day) - t.strike * sold.discount(day)
        return self.dollars(t.notional * value, t.pair[3:])

    def EuropeanOption(self, t) -> float:
        currency = t.currency or t.underlying[3:]
        carry = self.curve(t.carry or 0.0) if t.currency else self.curve(t.underlying[:3])
        vol = t.volatility if isinstance(t.volatility, float) else self.static.volatilities[t.underlying]
        surface = ql.BlackConstantVol(self.today, ql.NullCalendar(), vol, DAY_COUNT)
        process = ql.GarmanKohlagenProcess(
            self.quote(self.level[t.underlying]),
            carry,
            self.curve(currency),
            ql.BlackVolTermStructureHandle(surface),
        )
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if t.option == "call" else ql.Option.Put, t.strike)
        option = ql.VanillaOption(payoff, ql.EuropeanExercise(date_of(t.expiry)))
        option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
        return self.dollars(t.quantity * option.NPV(), currency)

    def FixedRateBond(self, t) -> float:
        frequency = {"annual": ql.Annual, "semiannual": ql.Semiannual}[t.frequency]
        schedule = ql.Schedule(
            date_of(t.issue), date_of(t.maturity), ql.Period(frequency), ql.NullCalendar(),
            ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Backward, False,
        )  # fmt: skip
        count = ql.ActualActual(ql.ActualActual.ISMA, schedule)
        bond = ql.FixedRateBond(0, 100.0, schedule, [t.coupon], count)
        bond.setPricingEngine(ql.DiscountingBondEngine(self.curve(t.curve)))
        return self.dollars(t.face * bond.NPV() / 100, t.currency)


def slow_values(portfolio: Portfolio, scenarios: ScenarioSet, rows: np.ndarray, today: ql.Date) -> np.ndarray:
    """Values of every trade at levels, a row a scenario, on a day."""
    before = ql.Settings.instance().evaluationDate
    ql.Settings.instance().evaluationDate = today
    try:
        markets = [SlowMarket(portfolio, scenarios, row, today) for row in rows]
        return np.array([[market.value(trade) for trade in portfolio.trades] for market in markets])
    finally:
        ql.Settings.instance().evaluationDate = before


@pytest.mark.parametrize("days", [0, 10])
@pytest.mark.parametrize("name", BOOKS)
@pytest.mark.parametrize("method", ["full", "proxy"])
def test_every_value_is_that_of_a_fresh_market(name, days, method):
    """Of the shipped trades two notes pay a coupon in the ten weekdays after the as-of date."""
    portfolio, scenarios = shipped_case(name, 40)
    if days:
        spread = np.repeat(scenarios.returns / days, days, axis=1)
        scenarios = ScenarioSet(spread, scenarios.factors, scenarios.levels, scenarios.as_of)
    pnl = portfolio.revalue(scenarios, method, ageing=days > 0)
    today = date_of(scenarios.as_of)
    then = date_of(scenarios.as_of + days * pd.offsets.BDay())
    base = slow_values(portfolio, scenarios, scenarios.levels[None], today)[0]
    coupons = np.zeros(len(portfolio.trades))
    if days and name == "ust_book.json":
        coupons[[3, 5]] = 6e6 * 0.05875 / 2, -7e6 * 0.06 / 2
    aged = slow_values(portfolio, scenarios, scenarios.levels[None], then)[0] + coupons
    moved = slow_values(portfolio, scenarios, scenarios.horizon_levels(), then) + coupons
    assert pnl.horizon_date == date(then.year(), then.month(), then.dayOfMonth())
    np.testing.assert_allclose(pnl.base_values, base, rtol=1e-11, atol=1e-6)
    np.testing.assert_allclose(pnl.theta, aged - base, rtol=1e-8, atol=1e-5)
    np.testing.assert_allclose(pnl.values, moved - base, rtol=1e-9, atol=1e-5)
    assert (pnl.theta != 0).sum() == (0 if not days else sum(hasattr(t, "after_today") and t.after_today != ()
                                                          for t in portfolio.trades))  # fmt: skip
    assert (
        np.abs(pnl.values).max(axis=0).min() > 100 or name == "ust_book.json"
    )  # every trade moves, but dollars


def test_shipped_portfolios_are_worth_looking_at():
    for name in BOOKS:
        portfolio, scenarios = shipped_case(name, 200)
        pnl = portfolio.revalue(scenarios)
        assert pnl.value_at_risk(0.99) > 0.003 * abs(pnl.base_value)
        assert len(portfolio.trades) >= 6


def test_no_move_is_no_gain(book, scenario_set, draws):
    portfolio, scenarios = shipped_case("fx_book.json", 3)
    still = ScenarioSet(np.zeros((3, 5, 4)), scenarios.factors, scenarios.levels, scenarios.as_of)
    pnl = portfolio.revalue(still)
    np.testing.assert_array_equal(pnl.values, np.tile(pnl.theta, (3, 1)))
    assert (portfolio.revalue(still, ageing=False).values == 0.0).all()
    assert (pnl.base_values != 0.0).all()


def test_permuting_scenarios_permutes_the_gains():
    portfolio, scenarios = shipped_case("ust_book.json", 60)
    order = np.random.default_rng(0).permutation(60)
    shuffled = ScenarioSet(scenarios.returns[order], scenarios.factors, scenarios.levels, scenarios.as_of)
    np.testing.assert_array_equal(
        portfolio.revalue(shuffled).values, portfolio.revalue(scenarios).values[order]
    )


def test_factors_are_found_by_name_not_by_place():
    portfolio, scenarios = shipped_case("ust_book.json", 20)
    order = [2, 0, 3, 1]
    moved = ScenarioSet(
        scenarios.returns[:, :, order],
        tuple(scenarios.factors[k] for k in order),
        scenarios.levels[order],
        scenarios.as_of,
    )
    np.testing.assert_array_equal(portfolio.revalue(moved).values, portfolio.revalue(scenarios).values)


def test_several_days_count_as_their_compounded_move():
    portfolio, scenarios = shipped_case("fx_book.json", 30)
    days = scenarios.returns * np.array([0.5, 0.3, 0.2])[None, :, None]
    spread = ScenarioSet(days, scenarios.factors, scenarios.levels, scenarios.as_of)
    np.testing.assert_allclose(
        portfolio.revalue(spread, ageing=False).values,
        portfolio.revalue(scenarios, ageing=False).values,
        atol=1e-6,
    )


@settings(max_examples=10)
@given(scale=st.floats(-5, 5).filter(lambda x: abs(x) > 0.01), strike=st.floats(0.8, 1.5))
def test_a_trade_of_twice_the_size_gains_twice(book, scenario_set, draws, scale, strike):
    fields = {"underlying": "EURUSD", "option": "put", "strike": strike, "expiry": "2001-01-31"}
    one = {"instrument": "european_option", "name": "one", "quantity": 1e6, **fields}
    more = {**one, "name": "more", "quantity": scale * 1e6}
    pnl = book(one, more).revalue(scenario_set(draws(3)))
    np.testing.assert_allclose(pnl.values[:, 1], scale * pnl.values[:, 0], rtol=1e-9, atol=1e-6)


def test_the_evaluation_date_is_put_back(book, scenario_set, draws):
    ql.Settings.instance().evaluationDate = ql.Date(3, 3, 2015)
    trade = {"instrument": "fx_forward", "name": "f", "pair": "EURUSD", "notional": 1, "strike": 1,
             "maturity": "2001-01-31"}  # fmt: skip
    book(trade).revalue(scenario_set(draws(2)))
    assert ql.Settings.instance().evaluationDate == ql.Date(3, 3, 2015)


def test_a_negative_oil_price_is_a_price(book, scenario_set, draws):
    moves = np.zeros((1, 10))
    moves[0, 4] = -120.0
    oil = {"instrument": "cash_position", "name": "oil", "quantity": 10, "currency": "USD", "factor": "WTI"}
    assert book(oil).revalue(scenario_set(moves)).total[0] == pytest.approx(-1200)


def test_importing_the_room_imports_no_heavy_library():
    code = (
        "import sys, qfin.risk as r; r.Portfolio.read(sys.argv[1]); "
        "print([m for m in ('QuantLib', 'qiskit', 'sklearn', 'scipy.stats', 'numba', 'prefect') if m in sys.modules])"
    )
    path = str(shipped("portfolios/fx_book.json"))
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_two_threads_do_not_share_an_evaluation_date():
    """QuantLib has one evaluation date for the process; a scheduler may run two revaluations in two threads."""
    cases = [shipped_case(name, 400) for name in ("fx_book.json", "ust_book.json")]
    alone = [portfolio.revalue(scenarios).values for portfolio, scenarios in cases]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda case: case[0].revalue(case[1]).values, cases * 3))
    for k, values in enumerate(together):
        np.testing.assert_array_equal(values, alone[k % 2])
