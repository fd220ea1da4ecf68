"""What a user gets who gets something wrong: one line with file, trade, field, what is wrong and the choices."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qfin.errors import DataError
from qfin.market import RiskFactor
from qfin.risk import Portfolio
from qfin.shipped import shipped

CASH = {"instrument": "cash_position", "name": "cash", "quantity": 1, "currency": "USD"}
FORWARD = {"instrument": "fx_forward", "name": "fwd", "pair": "EURUSD", "notional": 1e6, "strike": 1.1,
           "maturity": "2001-01-31"}  # fmt: skip
OPTION = {"instrument": "european_option", "name": "opt", "underlying": "EURUSD", "option": "call", "strike": 1.1,
          "expiry": "2001-01-31", "quantity": 1e6}  # fmt: skip
BOND = {"instrument": "fixed_rate_bond", "name": "bond", "face": 100, "currency": "USD", "coupon": 0.05,
        "issue": "2000-02-15", "maturity": "2004-02-15"}  # fmt: skip


@pytest.mark.parametrize(
    ("trade", "message"),
    [
        ({**FORWARD, "instrument": "fx_fwd"}, r"trade 'fwd': there is no instrument 'fx_fwd'; did you mean fx_forward"),
        ({"name": "x"}, r"trade 'x': instrument is missing; choose one of: american_option, "),
        ({**CASH, "name": ""}, r"trade 1 \(cash_position\): name should have at least 1 character, got ''"),
        ({**CASH, "name": "total"}, "trade 'total': choose another name"),
        ({**FORWARD, "strik": 1}, r"trade 'fwd' \(fx_forward\): strik: there is no such field; did you mean strike\?"),
        ({**FORWARD, "strike": 0}, r"trade 'fwd' \(fx_forward\): strike should be greater than 0, got 0"),
        ({**OPTION, "strike": -1.1}, "strike should be greater than 0, got -1.1"),
        ({**OPTION, "option": "cal"}, "option should be 'call' or 'put', got 'cal'"),
        ({**OPTION, "volatility": 0}, r"volatility should be a decimal between 0 and 5 \(0.08 is 8 per cent\), got 0"),
        ({**OPTION, "volatility": 7.5}, r"volatility should be a decimal between 0 and 5 .*got 7.5"),
        ({**OPTION, "discount_curve": 3.6}, r"discount_curve should be a decimal between -0.5 and 1 \(0.036 is 3.6"),
        ({**OPTION, "underlying": "AAPL"}, "currency is missing: AAPL is no currency pair"),
        ({**FORWARD, "pair": "EUR/USD"}, "pair should be two currency codes such as EURUSD, .*got 'EUR/USD'"),
        ({**FORWARD, "maturity": "31.01.2001"}, "maturity should be a date such as 2027-03-31, got '31.01.2001'"),
        ({**FORWARD, "maturity": 20010131}, "maturity should be a date such as 2027-03-31, got 20010131"),
        ({**FORWARD, "maturity": "2300-01-31"}, "maturity should be a date between 1902 and 2198"),
        ({**FORWARD, "notional": "1,000,000"}, "notional should be a valid number, .*got '1,000,000'"),
        ({**FORWARD, "notional": True}, "notional should be a number, got True"),
        ({**CASH, "currency": "dollar"}, "currency should be a currency code such as EUR, got 'dollar'"),
        ({**BOND, "coupon": 5}, r"coupon should be a decimal between -0.5 and 1 \(0.036 is 3.6 per cent\), got 5"),
        ({**BOND, "frequency": "monthly"}, "frequency should be 'annual', 'semiannual' or 'quarterly', got 'monthly'"),
        ({**BOND, "maturity": "1999-02-15"}, "maturity 1999-02-15 is not after issue 2000-02-15"),
        ({**CASH, "quantity": float("nan")}, "quantity should be a finite number, got nan"),
        ("cash", "trade 1: wanted an object with instrument, name"),
    ],
)  # fmt: skip
def test_a_wrong_field(book, trade, message):
    with pytest.raises(DataError, match=message) as error:
        book(trade)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("trade", "message"),
    [
        ({**FORWARD, "pair": "EURUSX"}, r"trade 'fwd': pair: there is no risk factor 'EURUSX' .*did you mean EURUSD\?"),
        ({**FORWARD, "maturity": "2000-05-12"}, "maturity 2000-05-12 is not after the as-of date 2000-05-12"),
        ({**OPTION, "expiry": "1999-01-04"}, "trade 'opt': expiry 1999-01-04 is not after the as-of date"),
        ({**BOND, "issue": "2000-06-15"}, "trade 'bond': issue 2000-06-15 is after the as-of date 2000-05-12"),
        ({**CASH, "currency": "CHF"}, "trade 'cash': currency CHF has no rate against USD .*they have EURUSD, GBP"),
        ({**CASH, "factor": "AAPX"}, r"trade 'cash': factor: there is no risk factor 'AAPX' .*did you mean AAPL\?"),
        ({**CASH, "factor": "UST1Y"}, "factor: UST1Y is a rate, wanted an equity or a commodity"),
        ({**CASH, "factor": "AAPL", "currency": "EUR"}, "factor: AAPL is priced in USD, not in EUR"),
        ({**OPTION, "currency": "USD"}, "underlying: EURUSD is an exchange rate, wanted an equity or a commodity"),
        ({**OPTION, "underlying": "USDJPY"}, "volatility: there is no volatility 'USDJPY' in .*choose one of: AAPL"),
        ({**OPTION, "volatility": "smile"}, "volatility: there is no volatility 'smile'"),
        ({**OPTION, "underlying": "GBPUSD", "volatility": 0.1, "carry": "CHF"}, "carry: there is no curve 'CHF'"),
        ({**BOND, "curve": "UST7"}, r"curve: there is no curve 'UST7' in the portfolio's market; did you mean UST"),
    ],
)  # fmt: skip
def test_what_the_scenarios_do_not_have(book, scenario_set, draws, trade, message):
    with pytest.raises(DataError, match=message):
        book(trade).revalue(scenario_set(draws(2)))


def test_all_trades_and_fields_are_told_at_once(book, factors):
    portfolio = book(
        {**OPTION, "expiry": "1999-01-04", "underlying": "NZDUSD"}, CASH, {**FORWARD, "foreign_curve": "AUD"}
    )
    problems = portfolio.problems(factors, pd.Timestamp("2000-05-12"))
    assert len(problems) == 2
    assert problems[0].startswith("trade 'opt': expiry 1999-01-04 is not after")
    for field in (
        "underlying: there is no risk factor 'NZDUSD'",
        "volatility: ",
        "carry: there is no curve 'NZD'",
    ):
        assert field in problems[0]
    assert problems[1].startswith("trade 'fwd': foreign_curve: there is no curve 'AUD'")
    with pytest.raises(DataError, match=r"^portfolio 'Book': trade 'opt': .*; trade 'fwd': ") as error:
        portfolio.check(factors, pd.Timestamp("2000-05-12"))
    assert "\n" not in str(error.value)


def test_a_long_list_is_cut(book):
    with pytest.raises(DataError, match=r"and 8 more$"):
        book(*({**FORWARD, "name": f"t{k}", "strike": 0} for k in range(20)))


@pytest.mark.parametrize(
    ("market", "message"),
    [
        ({"curve": {}}, "market.curve: there is no such key"),
        ({"curves": {"USD": 3.6}}, r"market.curves.USD.rate should be a decimal between -0.5 and 1 .*got 3.6"),
        ({"curves": {"USD": {}}}, "market.curves.USD should be given by one of: rate, pillars, factors"),
        ({"curves": {"USD": {"rate": 0.03, "factors": ["A", "B"]}}}, "should be given by one of"),
        ({"curves": {"USD": {"pillars": {"1Y": 0.03}}}}, "a curve needs two pillars or more; give a flat"),
        ({"curves": {"USD": {"pillars": {"1Y": 0.03, "12M": 0.03}}}}, "pillars 1Y and 12M are the same"),
        ({"curves": {"USD": {"pillars": {"1Y": 0.03, "2 years": 0.03}}}}, "'2 years' is not a tenor such as 3M"),
        ({"curves": {"USD": {"pillars": {"1Y": 0.03, "90Y": 0.03}}}}, "'90Y' is not a tenor such as 3M or 10Y, 60Y at"),
        ({"curves": {"USD": {"factors": ["UST1Y"]}}}, "market.curves.USD.factors .*at least 2 items"),
        ({"curves": {"USD": {"rate": 0.03, "compounding": "daily"}}}, "compounding should be 'continuous', 'annual'"),
        ({"volatilities": {"EURUSD": -0.1}}, r"market.volatilities.EURUSD should be a decimal between 0 and 5 .*-0.1"),
        ([], "market should be a valid dictionary"),
    ],
)  # fmt: skip
def test_a_wrong_market(book, market, message):
    with pytest.raises(DataError, match=message) as error:
        book(CASH, market=market)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        ({"rate": "EURUSD"}, "curve: EURUSD is an exchange rate, wanted a rate"),
        (
            {"factors": ["UST1Y", "UST2Y"]},
            "curve: there is no risk factor 'UST2Y' in the scenarios; did you mean UST",
        ),
        (
            {"factors": ["UST1Y", "NOPILLAR"]},
            "curve: NOPILLAR has no pillar, so it cannot be a point of a curve",
        ),
        ({"factors": ["UST1Y", "UST12M"]}, "curve: UST1Y and UST12M are both the curve's pillar 12M"),
        ({"rate": "NOUNIT"}, "curve: NOUNIT has the unit '', wanted 'per cent' or 'decimal'"),
    ],
)
def test_a_curve_that_its_factors_do_not_make(book, curve, message):
    factors = (
        RiskFactor("EURUSD"),
        RiskFactor("UST1Y", "IR", "per cent", pillar="1Y"),
        RiskFactor("UST12M", "IR", "per cent", pillar="12M"),
        RiskFactor("NOPILLAR", "IR", "decimal"),
        RiskFactor("NOUNIT", "IR"),
    )
    with pytest.raises(DataError, match=message):
        book(BOND, market={"curves": {"USD": curve}}).check(factors, pd.Timestamp("2000-05-12"))


def test_a_volatility_that_its_factors_do_not_make(book):
    factors = (RiskFactor("EURUSD"), RiskFactor("V", "VOL"), RiskFactor("W", "VOL", "decimal"))
    market = {"curves": {"USD": 0.0, "EUR": 0.0}, "volatilities": {"W": 0.1}}
    for name, message in (
        ("V", "V has the unit ''"),
        ("W", "'W' is both a static volatility and a risk factor"),
    ):
        with pytest.raises(DataError, match=f"volatility: {message}"):
            book({**OPTION, "volatility": name}, market=market).check(factors, pd.Timestamp("2000-05-12"))


def test_a_pair_quoted_the_other_way_round(book):
    factors = (RiskFactor("EURUSD", "FX", "EUR per USD"),)
    with pytest.raises(DataError, match="EURUSD is in EUR per USD, wanted USD per EUR"):
        book({**CASH, "currency": "EUR"}).check(factors, pd.Timestamp("2000-05-12"))


def test_impossible_levels_name_scenario_and_factor(book, scenario_set, factors, levels):
    moves = np.zeros((4, len(factors)))
    oil = [f.name for f in factors].index("WTI")
    moves[2:, oil] = -100
    call = {**OPTION, "underlying": "WTI", "currency": "USD", "volatility": 0.3, "strike": 90}
    with pytest.raises(DataError, match=r"'Book': WTI is -9.3 in scenario 2 \(and in 1 more\), where it can"):
        book(call).revalue(scenario_set(moves))
    moves[:] = 0
    moves[1, 0] = 1000.0
    with pytest.raises(DataError, match="EURUSD is inf in scenario 1, where it cannot be valued"):
        book({**CASH, "currency": "EUR"}).revalue(scenario_set(moves))
    book(CASH).revalue(scenario_set(moves))  # a factor that nobody needs may do what it likes
    gone = np.array([*levels.values()])
    gone[0] = 0.0
    with pytest.raises(DataError, match="EURUSD is 0 on the as-of date"):
        book({**CASH, "currency": "EUR"}).revalue(scenario_set(np.zeros((2, len(factors))), levels=gone))


def test_quantlibs_own_complaint_names_trade_and_scenario(book, scenario_set, factors, monkeypatch):
    from qfin.risk.instruments.cash_position import CashPosition

    def build(self, quotes):
        apple = quotes.quote(self._price("AAPL"))

        def price() -> float:
            if apple.value() > 60:
                raise RuntimeError("root not bracketed")
            return 0.0

        return price

    monkeypatch.setattr(CashPosition, "build", build)
    moves = np.zeros((3, len(factors)))
    moves[1, [f.name for f in factors].index("AAPL")] = 0.2
    with pytest.raises(DataError, match="trade 'cash' cannot be valued in scenario 1: root not bracketed"):
        book(CASH).revalue(scenario_set(moves))


def test_a_portfolio_checks_its_own_head(book):
    with pytest.raises(DataError, match="trade 'cash': the name appears twice"):
        book(CASH, CASH)
    with pytest.raises(DataError, match="base_currency should be a currency code such as USD, got 'usd'"):
        book(CASH, base_currency="usd")
    with pytest.raises(DataError, match="trades: wanted a list of one trade or more"):
        book()
    with pytest.raises(
        DataError, match=r"there is no key 'curves'; choose one of: base_currency, market, name, trades"
    ):
        book(CASH, curves={})
    with pytest.raises(DataError, match="trades: wanted one trade or more"):
        Portfolio("empty", "USD", ())
    trade = book(CASH).trades[0]
    with pytest.raises(DataError, match="trade 'cash': the name appears twice"):
        Portfolio("twice", "USD", (trade, trade))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "book.json: not JSON at line 1, column 1"),
        ('{"name": "x",\n "trades" []}', "book.json: not JSON at line 2, column 11"),
        ("[]", "book.json: a portfolio is a JSON object"),
        ('{"name": "x", "name": "y"}', "book.json: the key 'name' appears twice in one object"),
        ("{}", "book.json: trades: wanted a list .*; name: wanted a text, got None; base_currency should be"),
    ],
)
def test_a_broken_json_file(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        Portfolio.read(write(tmp_path / "book.json", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "book.csv: the file is empty; wanted a header with the columns instrument, name"),
        ("a;b;c\n1;2;3\n", "book.csv: line 1 is no header with the columns instrument and name; it is a;b;c"),
        ("instrument,name,name\n", "book.csv: the column 'name' appears twice"),
        ("instrument,name\ncash_position,x,1\n", "book.csv: line 2 has 3 cells, the header 2"),
        ("instrument,name\n", "book.csv: trades: wanted a list of one trade or more"),
        ("instrument,name,quantity,currency\ncash_position,x,ten,USD\n", "trade 'x' .* quantity should be a valid"),
    ],
)  # fmt: skip
def test_a_broken_csv_file(tmp_path, text, message):
    write(tmp_path / "book.market.json", '{"name": "x", "base_currency": "USD"}')
    with pytest.raises(DataError, match=message):
        Portfolio.read(write(tmp_path / "book.csv", text))


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(DataError, match=r"none.json: there is no such portfolio file"):
        Portfolio.read(tmp_path / "none.json")
    with pytest.raises(DataError, match=r"book.xlsx: a portfolio is a .json or a .csv file"):
        Portfolio.read(tmp_path / "book.xlsx")
    table = write(tmp_path / "book.csv", "instrument,name\n")
    with pytest.raises(
        DataError, match=r"book.csv: book.market.json is missing beside it; it holds the portfolio's name"
    ):
        Portfolio.read(table)
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(DataError, match=r"folder.json: cannot be read"):
        Portfolio.read(tmp_path / "folder.json")
    (tmp_path / "latin.json").write_bytes(b'{"name": "B\xfccher"}')
    with pytest.raises(DataError, match=r"latin.json: cannot be read"):
        Portfolio.read(tmp_path / "latin.json")


def test_a_csv_file_is_the_json_form_as_a_table(tmp_path):
    read = Portfolio.read(shipped("portfolios/fx_hedges.csv"))
    again = Portfolio.read(write(tmp_path / "book.json", json.dumps(read.to_dict())))
    assert again == read
    assert [trade.name for trade in read.trades][:2] == ["Sterling receivable", "Canadian receivable"]


def test_a_table_from_a_spreadsheet_may_have_a_mark_and_blank_lines(tmp_path):
    write(tmp_path / "book.market.json", '{"name": "x", "base_currency": "USD"}')
    text = "\ufeffinstrument,name,quantity,currency\r\ncash_position, dollars ,1e6,USD\r\n,,,\r\n\r\n"
    (trade,) = Portfolio.read(write(tmp_path / "book.csv", text)).trades
    assert (trade.name, trade.quantity) == ("dollars", 1e6)
