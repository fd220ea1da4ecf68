"""ORE cases: the layouts, and that their dates carry the scenarios. `benchmarks/ore.py` runs them in ORE itself."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from qfin.errors import ConfigError, DataError
from qfin.market import ReturnsFrame, read_prices
from qfin.risk import Portfolio
from qfin.risk.ore import export
from qfin.scenarios import ScenarioSet
from qfin.shipped import shipped

FILES = {
    *("portfolio.xml", "curveconfig.xml", "todaysmarket.xml", "simulation.xml", "conventions.xml"),
    *("pricingengine.xml", "ore.xml", "market.txt", "fixings.txt", "historical_scenarios.csv", "README.txt"),
}


def drawn(name: str, n: int = 40, horizon: int = 1) -> ScenarioSet:
    history = ReturnsFrame.from_prices(read_prices(name))
    days = np.random.default_rng(3).integers(0, len(history), (n, horizon))
    return ScenarioSet(history.values[days], history.factors, history.levels, history.as_of)


@pytest.fixture(
    scope="module", params=[("fx_book.json", "fx"), ("fx_hedges.csv", "fx"), ("multi_book.json", "multi")]
)
def case(request, tmp_path_factory):
    book, history = request.param
    portfolio, scenarios = Portfolio.read(shipped(f"portfolios/{book}")), drawn(history, horizon=2)
    return portfolio, scenarios, export(portfolio, scenarios, tmp_path_factory.mktemp("ore") / "case")


def test_all_files_are_there_and_read(case):
    _, _, folder = case
    assert {path.name for path in folder.iterdir()} == FILES
    for path in folder.glob("*.xml"):
        assert ElementTree.parse(path).getroot().tag


def test_every_quote_that_curves_name_is_in_the_market(case):
    _, _, folder = case
    market = {line.split()[1] for line in (folder / "market.txt").read_text().splitlines()}
    curves = ElementTree.parse(folder / "curveconfig.xml").getroot()
    named = {quote.text for quote in curves.iter("Quote")} | {
        quote.text for quote in curves.iter("SpotQuote")
    }
    assert named
    assert named <= market


def test_consecutive_dates_are_the_scenarios(case):
    _, scenarios, folder = case
    levels = pd.read_csv(folder / "historical_scenarios.csv", parse_dates=["Date"], index_col="Date")
    assert levels.index[-1] <= scenarios.as_of
    assert len(levels) == len(scenarios) + 2
    ratios = (levels.shift(-1) / levels).iloc[1:-1]
    moved = scenarios.horizon_levels() / scenarios.levels
    checked = 0
    for k, name in enumerate(scenarios.names):
        if f"EquitySpot/{name}/0" in ratios:
            np.testing.assert_allclose(ratios[f"EquitySpot/{name}/0"], moved[:, k], rtol=1e-12)
            checked += 1
        first, second = name[:3], name[3:]
        if f"FXSpot/{first}USD/0" in ratios and second == "USD":
            np.testing.assert_allclose(ratios[f"FXSpot/{first}USD/0"], moved[:, k], rtol=1e-12)
            checked += 1
        if f"FXSpot/{second}USD/0" in ratios and first == "USD":
            np.testing.assert_allclose(ratios[f"FXSpot/{second}USD/0"], 1 / moved[:, k], rtol=1e-12)
            checked += 1
    assert checked >= 3
    still = levels.filter(like="DiscountCurve")
    assert (still.nunique() == 1).all()
    run = ElementTree.parse(folder / "ore.xml").getroot()
    (period,) = (p.text for p in run.iter("Parameter") if p.get("name") == "historicalPeriod")
    assert period == f"{levels.index[1]:%Y-%m-%d},{levels.index[-1]:%Y-%m-%d}"


def test_every_trade_is_there_with_its_name(case):
    portfolio, _, folder = case
    trades = ElementTree.parse(folder / "portfolio.xml").getroot().findall("Trade")
    assert [trade.get("id") for trade in trades] == [trade.name for trade in portfolio.trades]


def test_the_same_case_is_the_same_bytes(case, tmp_path):
    portfolio, scenarios, folder = case
    again = export(portfolio, scenarios, tmp_path / "again")
    for name in FILES:
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_what_ore_has_no_place_for_is_told_at_once(tmp_path):
    portfolio = Portfolio.read(shipped("portfolios/ust_book.json"))
    with pytest.raises(
        DataError, match=r"trade 'One-year bill': no fixed_rate_bond is exported to ORE; those that are: "
    ) as error:
        export(portfolio, drawn("ust"), tmp_path / "case")
    assert str(error.value).count("no fixed_rate_bond") == 5
    assert not (tmp_path / "case").exists()
    option = {"instrument": "european_option", "underlying": "EURUSD", "option": "call", "strike": 1.1,
              "expiry": "2027-02-26", "quantity": 1e6}  # fmt: skip
    two = Portfolio.from_dict(
        {"name": "b", "base_currency": "USD", "market": {"curves": {"USD": 0.03, "EUR": 0.02}},
         "trades": [{**option, "name": "a", "volatility": 0.1}, {**option, "name": "b", "volatility": 0.2}]}
    )  # fmt: skip
    with pytest.raises(DataError, match="trade 'b': ORE has one volatility for EURUSD, and another trade"):
        export(two, drawn("fx"), tmp_path / "case")


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "mine.txt").write_text("mine")
    portfolio = Portfolio.read(shipped("portfolios/fx_book.json"))
    with pytest.raises(ConfigError, match="case is there already; name a new folder"):
        export(portfolio, drawn("fx"), tmp_path / "case")
    assert (tmp_path / "case" / "mine.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["case"]
