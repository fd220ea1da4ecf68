"""Closed forms and proxies against full revaluation: bounds that hold, tails that are exact, reasons that are told."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfin.errors import ConfigError
from qfin.risk._chebyshev import TooManyNodes, interpolate, lobatto
from qfin.risk._proxy import Proxy, Rejected, fit_proxy
from qfin.risk.instruments import Instrument
from qfin.risk.instruments.european_option import EuropeanOption
from qfin.risk.instruments.fixed_rate_bond import FixedRateBond

CALL = {"instrument": "european_option", "name": "call", "underlying": "EURUSD", "option": "call", "strike": 1.12,
        "expiry": "2000-08-31", "quantity": 1e6}  # fmt: skip
YEN = {"instrument": "european_option", "name": "yen", "underlying": "USDJPY", "option": "put", "strike": 155,
       "expiry": "2000-11-13", "quantity": 2e6, "volatility": "USDJPYVOL"}  # fmt: skip
BOND = {"instrument": "fixed_rate_bond", "name": "bond", "face": 1e6, "currency": "USD", "coupon": 0.06,
        "issue": "1999-11-30", "maturity": "2008-11-30", "frequency": "semiannual", "curve": "UST"}  # fmt: skip
DOLLARS = {"instrument": "cash_position", "name": "dollars", "quantity": 1e6, "currency": "USD"}
EUROS = {"instrument": "cash_position", "name": "euros", "quantity": -5e5, "currency": "EUR"}


@pytest.fixture
def without_closed_forms(monkeypatch):
    for kind in (EuropeanOption, FixedRateBond):
        monkeypatch.setattr(kind, "closed_form", Instrument.closed_form)


@pytest.mark.parametrize("level", range(1, 7))
def test_nodes_of_a_level_are_among_those_of_the_next(level):
    assert set(lobatto(level).tolist()) <= set(lobatto(level + 1).tolist())
    assert lobatto(level)[0] == -1.0
    assert len(lobatto(level)) == 2**level + 1


@settings(max_examples=40, deadline=None)
@given(
    coefficients=st.lists(st.floats(-3, 3), min_size=5, max_size=5),
    low=st.floats(-5, 5),
    width=st.floats(0.1, 10),
)
def test_a_polynomial_is_its_own_interpolant(coefficients, low, width):
    found = interpolate(
        lambda x: np.polynomial.polynomial.polyval(x[:, 0], coefficients),
        np.array([low]), np.array([low + width]), 1e-7, 200,
    )  # fmt: skip
    at = np.linspace(low, low + width, 50)
    np.testing.assert_allclose(
        found(at[:, None]), np.polynomial.polynomial.polyval(at, coefficients), atol=1e-6
    )
    assert found.nodes <= 17 + 16


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_an_analytic_function_is_met_to_its_tolerance(dimensions):
    low, high = np.full(dimensions, -1.0), np.array([2.0, 1.5, 1.0])[:dimensions]
    asked = []

    def function(x: np.ndarray) -> np.ndarray:
        asked.append(len(x))
        return np.exp(x.sum(axis=1)) + np.sin(2 * x[:, 0] * x[:, -1])

    found = interpolate(function, low, high, 1e-6, 50_000)
    at = np.random.default_rng(0).uniform(low, high, (5000, dimensions))
    error = np.abs(found(at) - function(at)).max()
    assert error < 1e-5
    assert found.nodes == sum(asked[:-1])  # each node was asked for once


def test_a_jump_takes_too_many_nodes():
    with pytest.raises(TooManyNodes):
        interpolate(lambda x: np.sign(x[:, 0] - 0.3), np.array([-1.0]), np.array([1.0]), 1e-3, 10_000)


def test_beyond_three_variables_groups_meet_a_function_that_is_nearly_additive():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(4000, 6)) * [1.0, 0.5, 0.4, 0.2, 0.2, 0.1]

    def function(x: np.ndarray) -> np.ndarray:
        return np.exp(x[:, 0]) * (1 + 0.1 * x[:, 4]) + np.sin(x[:, 1] + x[:, 2]) + x[:, 3] ** 2 + x[:, 5]

    found = fit_proxy(function, points, points[:50], function(points[:50]), 1e-2, 20_000)
    assert isinstance(found, Proxy)
    assert np.abs(found(points) - function(points)).max() < 1e-2
    assert found.nodes < 10_000


def test_a_function_whose_variables_act_together_has_one_tensor_or_none():
    points = np.random.default_rng(1).normal(size=(4000, 5))
    exact = np.prod(points[:50], axis=1)
    found = fit_proxy(lambda x: np.prod(x, axis=1), points, points[:50], exact, 1e-3, 50_000)
    assert isinstance(found, Proxy)
    assert [len(term.columns) for term in found.terms] == [5]
    none = fit_proxy(lambda x: np.prod(x, axis=1), points, points[:50], exact, 1e-3, 500)
    assert isinstance(none, Rejected)
    assert none.reason == "its bound needs more than 500 nodes"


@pytest.mark.parametrize("seed", range(5))
def test_no_error_is_past_its_bound_on_fresh_scenarios(book, scenario_set, draws, without_closed_forms, seed):
    """Fresh: nothing was tuned on them; fat tails widen the box that the nodes have to fill."""
    fat = draws(2000, seed) * np.sqrt(3 / np.random.default_rng(seed).chisquare(3, (2000, 1)))
    scenarios, portfolio = scenario_set(fat), book(CALL, YEN, BOND, EUROS)
    exact, fast = portfolio.revalue(scenarios), portfolio.revalue(scenarios, "proxy", tail=0.001)
    certificate = fast.certificate
    assert certificate.counts["proxy"] >= 1
    assert all(trade.reason for trade in certificate.trades if trade.method == "full")
    errors = np.abs(exact.values - fast.values).max(axis=0)
    for error, trade in zip(errors, certificate.trades, strict=True):
        assert error <= max(trade.bound, 1e-6), trade
        assert trade.largest_error <= max(trade.bound, 1e-6)
    assert 0 < certificate.bound < 0.01 * exact.total.std()


def test_var_and_es_rest_on_exact_prices_from_the_level_that_is_certified(
    book, scenario_set, draws, without_closed_forms
):
    scenarios, portfolio = scenario_set(draws(2000)), book(CALL, YEN, BOND)
    exact, fast = (
        portfolio.revalue(scenarios),
        portfolio.revalue(scenarios, "proxy", tolerance=0.02, tail=0.03),
    )
    assert fast.certificate.tail == 60
    assert 0.97 <= fast.certificate.exact_from < 0.98
    for level in (fast.certificate.exact_from, 0.98, 0.99, 0.995):
        assert fast.value_at_risk(level) == exact.value_at_risk(level)
        assert fast.expected_shortfall(level) == pytest.approx(exact.expected_shortfall(level), rel=1e-14)
    assert (fast.values != exact.values).mean() > 0.9


def test_a_closed_form_is_quantlibs_number(book, scenario_set, draws):
    scenarios, portfolio = scenario_set(draws(500)), book(CALL, YEN, BOND, DOLLARS, EUROS)
    exact, fast = portfolio.revalue(scenarios), portfolio.revalue(scenarios, "proxy")
    assert fast.certificate.counts == {"closed form": 5, "proxy": 0, "full": 0}
    assert (fast.certificate.bound, fast.certificate.exact_from) == (0.0, 0.0)
    np.testing.assert_allclose(fast.values, exact.values, rtol=0, atol=1e-12 * 2e6)


def test_a_closed_form_that_is_not_quantlibs_number_is_not_used(book, scenario_set, draws, monkeypatch):
    right = EuropeanOption.closed_form
    monkeypatch.setattr(EuropeanOption, "closed_form", lambda self, arrays: right(self, arrays) * (1 + 1e-10))
    scenarios, portfolio = scenario_set(draws(500)), book(CALL)
    fast = portfolio.revalue(scenarios, "proxy", tail=1.0)
    assert fast.certificate.trades[0].method == "proxy"
    np.testing.assert_array_equal(fast.values, portfolio.revalue(scenarios).values)


def test_few_scenarios_are_valued_in_full_and_said_to_be(book, scenario_set, draws, without_closed_forms):
    scenarios, portfolio = scenario_set(draws(100)), book(CALL, DOLLARS)
    fast = portfolio.revalue(scenarios, "proxy")
    assert [trade.method for trade in fast.certificate.trades] == ["full", "closed form"]
    assert "fewer than 128 scenarios" in fast.certificate.trades[0].reason
    np.testing.assert_array_equal(fast.values, portfolio.revalue(scenarios).values)


def test_a_trade_that_cannot_meet_its_bound_is_valued_in_full_and_the_reason_is_told(
    book, scenario_set, draws, monkeypatch
):
    build = EuropeanOption.build

    def jumps(self, quotes):
        price, spot = build(self, quotes), quotes.quote(self._spot)
        return lambda: price() + (50_000.0 if spot.value() > 1.12 else 0.0)

    monkeypatch.setattr(EuropeanOption, "build", jumps)
    monkeypatch.setattr(EuropeanOption, "closed_form", Instrument.closed_form)
    scenarios, portfolio = scenario_set(draws(500)), book(CALL, BOND)
    fast = portfolio.revalue(scenarios, "proxy")
    assert [trade.method for trade in fast.certificate.trades] == ["full", "closed form"]
    assert fast.certificate.trades[0].reason.startswith("its bound needs more than 125 nodes")
    np.testing.assert_array_equal(fast.values[:, 0], portfolio.revalue(scenarios).values[:, 0])


@pytest.mark.parametrize("method", ["full", "proxy"])
def test_two_workers_give_the_bytes_of_one(book, scenario_set, draws, without_closed_forms, method):
    scenarios, portfolio = scenario_set(draws(300)), book(CALL, BOND, DOLLARS)
    alone, shared = (portfolio.revalue(scenarios, method, workers=workers) for workers in (1, 2))
    assert alone.values.tobytes() == shared.values.tobytes()
    assert alone.certificate == shared.certificate


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "quick"}, "there is no method 'quick'; choose one of: full, proxy"),
        ({"tolerance": 0}, "tolerance = 0 is not allowed"),
        ({"tail": 1.5}, "tail = 1.5 is not allowed"),
        ({"workers": -1}, "workers = -1 is not allowed"),
    ],
)
def test_bad_options(book, scenario_set, draws, options, message):
    with pytest.raises(ConfigError, match=message):
        book(DOLLARS).revalue(scenario_set(draws(2)), **options)


COPIES = """
import hashlib, sys, threading
sys.path.insert(0, sys.argv[1])
import numpy as np
from conftest import book, draws, scenario_set
from qfin.risk._copies import can_copy
assert can_copy()
put = {"instrument": "american_option", "underlying": "AAPL", "option": "put", "strike": 55, "expiry": "2001-01-19",
       "currency": "USD", "discount_curve": 0.06}
bond = {"instrument": "fixed_rate_bond", "face": 1e6, "currency": "USD", "coupon": 0.06, "issue": "1999-11-30",
        "maturity": "2004-11-30", "curve": "UST"}
portfolio = book(*({**put, "name": f"p{k}", "quantity": 100 + k} for k in range(10)),
                 *({**bond, "name": f"b{k}"} for k in range(10)))
scenarios = scenario_set(draws(10_000))
made = [portfolio.revalue(scenarios, "proxy", workers=workers) for workers in (1, 2)]
assert made[0].certificate.counts == {"closed form": 10, "proxy": 10, "full": 0}
assert made[0].certificate == made[1].certificate
print([hashlib.sha256(pnl.values.tobytes()).hexdigest() for pnl in made])
"""


def test_copies_of_the_process_give_the_bytes_of_one():
    folder = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", COPIES, folder], capture_output=True, text=True, check=True)
    one, other = ast.literal_eval(done.stdout)
    assert one == other


def test_what_goes_wrong_in_a_copy_reaches_the_caller():
    code = (
        "from qfin.errors import DataError\nfrom qfin.risk._copies import share_out\n"
        "def fail(k):\n    if k == 3: raise DataError(f'trade {k}')\n    return k\n"
        "try: share_out(fail, range(6), 2)\nexcept DataError as error: print(error)\n"
        "print(share_out(lambda k: k * k, range(5), 2))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["trade 3", "[0, 1, 4, 9, 16]"]


def test_a_copy_that_dies_is_told():
    code = (
        "import os\nfrom qfin.errors import BackendError\nfrom qfin.risk._copies import share_out\n"
        "try: share_out(lambda k: os._exit(9), range(4), 2)\nexcept BackendError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "a process that valued trades has ended" in done.stdout
