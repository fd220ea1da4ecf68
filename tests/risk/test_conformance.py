"""What every instrument must do, present and future: the room is enumerated, each docstring holds its own example."""

from __future__ import annotations

import csv
import json
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from qfin.errors import DataError
from qfin.registry import kind_of
from qfin.risk import INSTRUMENTS, Instrument, Portfolio
from qfin.risk._market import Discount, Fixing, Hazard, Price, Volatility

KINDS = INSTRUMENTS.kinds()


@pytest.fixture(params=KINDS)
def example(request) -> dict:
    return INSTRUMENTS.load(request.param).example()


@pytest.fixture
def trade(example) -> Instrument:
    fields_of = {k: v for k, v in example.items() if k != "instrument"}
    return INSTRUMENTS.build({"kind": example["instrument"], **fields_of})


def test_there_are_instruments():
    assert {"cash_position", "european_option", "fixed_rate_bond", "fx_forward"} <= set(KINDS)


def test_the_example_is_of_its_own_kind(trade, example):
    assert kind_of(trade) == example["instrument"]
    assert trade.name == example["name"]


def test_it_survives_its_json_form(trade, book):
    portfolio = book(trade.to_dict())
    assert portfolio.trades == (trade,)
    assert Portfolio.from_dict(portfolio.to_dict()) == portfolio
    assert Portfolio.from_dict(portfolio.to_dict()).content_hash == portfolio.content_hash


def test_it_survives_its_csv_form(trade, book, tmp_path):
    plain = trade.to_dict()
    cells = {k: " ".join(v) if isinstance(v, list) else str(v) for k, v in plain.items()}
    with (tmp_path / "book.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(cells))
        writer.writeheader()
        writer.writerow(cells)
    head = {k: v for k, v in book(plain).to_dict().items() if k != "trades"}
    (tmp_path / "book.market.json").write_text(json.dumps(head))
    assert Portfolio.read(tmp_path / "book.csv").trades == (trade,)


def test_it_is_frozen(trade):
    with pytest.raises(FrozenInstanceError):
        trade.name = "other"


def test_it_says_what_it_needs_and_the_needs_are_met(trade, factors, market, book):
    needs = trade.needs()
    assert all(isinstance(need, Price | Discount | Hazard | Volatility | Fixing) for need in needs.values())
    assert set(needs) <= {f.name for f in fields(trade)}
    assert book(trade.to_dict()).problems(factors, trade_day(trade)) == []
    assert len(trade.value_currency) == 3
    assert trade.description


def trade_day(trade: Instrument):
    """A day on which every example lives."""
    import pandas as pd

    return pd.Timestamp("2000-05-12")


def test_it_is_revalued_and_its_value_answers_to_every_factor_it_needs(trade, book, scenario_set, factors):
    portfolio = book(trade.to_dict())
    market = portfolio.market_on(factors, trade_day(trade))
    needed = {name for need in trade.needs().values() for name in market.factor_names(need)}
    converted = {name for name, _ in market.conversion(trade.value_currency, "USD")}
    up = np.diag([{"FX": 0.02, "EQ": 0.02, "CMD": 3.0, "VOL": 0.2, "IR": 30.0}[f.type] for f in factors])
    pnl = portfolio.revalue(scenario_set(np.vstack([np.zeros(len(factors)), up, -up])), ageing=False)
    assert np.isfinite(pnl.base_value)
    assert pnl.values[0, 0] == 0
    for k, factor in enumerate(factors):
        moved = pnl.values[[1 + k, 1 + len(factors) + k], 0]
        if factor.name in needed | converted:
            assert (moved != 0).all(), factor.name
        else:
            assert (moved == 0).all(), factor.name


def test_a_scenario_is_valued_the_same_whatever_came_before(trade, book, scenario_set, draws):
    portfolio, returns = book(trade.to_dict()), draws(12)
    together = portfolio.revalue(scenario_set(returns)).values
    alone = [portfolio.revalue(scenario_set(returns[k : k + 1])).values[0] for k in range(12)]
    np.testing.assert_array_equal(together, alone)


def test_every_missing_and_unknown_field_is_told_at_once(example, book):
    wrong = {"instrument": example["instrument"], "name": "odd", "colour": "red"}
    required = [f.name for f in fields(INSTRUMENTS.load(example["instrument"])) if f.name in example]
    with pytest.raises(DataError, match=r"trade 'odd' .*colour: there is no such field") as error:
        book(wrong)
    for name in required:
        if name != "name" and name in required_fields(example["instrument"]):
            assert f"{name} is missing" in str(error.value)
    assert "\n" not in str(error.value)


def required_fields(kind: str) -> set[str]:
    return {
        p.name
        for p in next(k for k in INSTRUMENTS.describe() if k.name == kind).parameters
        if p.default == "required"
    }


def test_the_one_line_and_the_parameters_read_well(example):
    kind = next(k for k in INSTRUMENTS.describe() if k.name == example["instrument"])
    assert kind.summary.endswith(".")
    documented = INSTRUMENTS.load(kind.name).__doc__ or ""
    for parameter in kind.parameters:
        assert "object at 0x" not in parameter.type
        assert parameter.name == "name" or f"\n    {parameter.name} : " in documented


@pytest.mark.parametrize("days", [0, 1, 10])
def test_a_closed_form_is_quantlibs_number(trade, book, scenario_set, draws, days):
    returns = draws(30 * max(days, 1), seed=4).reshape(30, max(days, 1), -1)
    pnl = book(trade.to_dict()).revalue(scenario_set(returns), ageing=days > 0)
    fast = book(trade.to_dict()).revalue(scenario_set(returns), "proxy", ageing=days > 0)
    (certificate,) = fast.certificate.trades
    assert certificate.method == (
        "full" if kind_of(trade) in ("american_option", "asian_option") else "closed form"
    )
    np.testing.assert_allclose(
        fast.values, pnl.values, rtol=0, atol=4e-12 * max(trade.size, abs(pnl.base_value))
    )


def test_it_survives_the_way_to_a_worker(trade):
    import pickle

    trade.needs()  # what is made with QuantLib on the way stays here
    assert pickle.loads(pickle.dumps(trade)) == trade
