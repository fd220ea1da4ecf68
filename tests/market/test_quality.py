"""The quality report: what is an error, what an oddity, what each message says, and that nothing else is reported."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfin.errors import DataError
from qfin.market import Finding, QualityReport, ReturnsFrame, RiskFactor, check_prices

DATES = pd.bdate_range("2024-01-01", periods=300, name="date")  # the first is a Monday


def walk(seed: int = 0, scale: float = 0.01) -> np.ndarray:
    return np.exp(np.cumsum(scale * np.random.default_rng(seed).standard_normal(len(DATES))))


@pytest.fixture
def prices() -> pd.DataFrame:
    return pd.DataFrame({"EURUSD": walk(1), "GBPUSD": walk(2), "USDJPY": walk(3)}, index=DATES)


def only(report: QualityReport) -> Finding:
    (finding,) = report.findings
    return finding


def test_a_clean_history_has_no_findings(prices: pd.DataFrame) -> None:
    report = check_prices(prices)
    assert report.findings == ()
    report.raise_for_errors()
    assert report.to_dict() == {
        "rows": 300,
        "first": "2024-01-01",
        "last": "2025-02-21",
        "factors": ["EURUSD", "GBPUSD", "USDJPY"],
        "findings": [],
    }


def test_gap(prices: pd.DataFrame) -> None:
    prices.iloc[3, 0] = np.nan
    finding = only(check_prices(prices))
    assert (finding.severity, finding.check, finding.factor) == ("error", "gap", "EURUSD")
    assert finding.date == DATES[3]
    with pytest.raises(
        DataError, match=r"^EURUSD is not finite on 2024-01-04; it has no value where other series have one"
    ):
        ReturnsFrame.from_prices(prices)
    prices.iloc[7:9, 0] = np.nan
    assert "on 2024-01-04 and 2 more dates;" in only(check_prices(prices)).message


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_not_finite(prices: pd.DataFrame, value: float) -> None:
    prices.iloc[3, 1] = value
    finding = only(check_prices(prices))
    assert (finding.severity, finding.check, finding.factor) == ("error", "not finite", "GBPUSD")
    with pytest.raises(
        DataError,
        match=r"^GBPUSD is not finite on 2024-01-04; correct the price, drop the row, or name a fill",
    ):
        ReturnsFrame.from_prices(prices)


def test_a_row_without_any_value_is_not_a_gap(prices: pd.DataFrame) -> None:
    prices.iloc[3] = np.nan
    assert [finding.check for finding in check_prices(prices).findings] == ["not finite"] * 3


@pytest.mark.parametrize("value", [0.0, -37.63])
@pytest.mark.parametrize("return_type", ["log", "relative", "absolute"])
def test_not_positive(prices: pd.DataFrame, value: float, return_type: str) -> None:
    prices.iloc[3, 0] = value
    factor = RiskFactor("EURUSD", unit="USD", return_type=return_type)  # type: ignore[arg-type]
    report = check_prices(prices, [factor])
    if return_type == "absolute":
        assert report.errors == ()
        return
    finding = only(report)
    assert (finding.severity, finding.check) == ("error", "not positive")
    wanted = rf"^EURUSD is not positive on 2024-01-04 \({value:g}\), so it has no {return_type} return; .* 'absolute'"
    with pytest.raises(DataError, match=wanted):
        ReturnsFrame.from_prices(prices, [factor])


def test_a_displacement_allows_what_is_above_its_negative(prices: pd.DataFrame) -> None:
    prices["R"] = walk(5) - 1.0 + 0.5
    prices.iloc[3, 3] = -0.01
    assert check_prices(prices, [RiskFactor("R", "IR", "decimal", "log", displacement=0.02)]).errors == ()
    report = check_prices(prices, [RiskFactor("R", "IR", "decimal", "log", displacement=0.01)])
    assert "R is not positive on 2024-01-04 (-0.01 + 0.01)" in report.errors[0].message


def test_constant(prices: pd.DataFrame) -> None:
    prices["PEG"] = 7.8
    finding = only(check_prices(prices))
    assert (finding.severity, finding.check, finding.factor) == ("error", "constant", "PEG")
    with pytest.raises(DataError, match=r"^PEG is constant \(7.8 on all 300 dates\); drop it"):
        ReturnsFrame.from_prices(prices)


def test_duplicate_and_unsorted_dates(prices: pd.DataFrame) -> None:
    repeated = prices.iloc[[0, 1, 1, 2, 3, 3, *range(4, 300)]]
    with pytest.raises(
        DataError, match=r"^the date 2024-01-02 repeats and 1 more repeated date; keep one row of each"
    ):
        ReturnsFrame.from_prices(repeated)
    swapped = prices.iloc[[0, 2, 1, *range(3, 300)]]
    finding = only(check_prices(swapped))
    assert (finding.check, finding.date) == ("unsorted dates", DATES[1])
    with pytest.raises(
        DataError, match=r"^2024-01-02 comes after 2024-01-03; sort the rows by date, oldest first"
    ):
        ReturnsFrame.from_prices(swapped)


def test_shapes_that_leave_nothing_to_check(prices: pd.DataFrame) -> None:
    for frame, message in [
        (prices.iloc[:1], "there is 1 row of prices; a return needs 2"),
        (prices.iloc[:0], "there are no rows of prices; a return needs 2"),
        (prices[[]], "there is no column of prices"),
        (prices.reset_index(drop=True), "the prices are not indexed by date"),
        (prices.set_axis([pd.NaT, *DATES[1:]]), "row 1 of the prices has no date"),
        (prices.assign(EURUSD="1.1"), "EURUSD holds str values, not numbers"),
        (prices.set_axis(["A", "A", "B"], axis=1), "A is the name of two columns"),
    ]:
        with pytest.raises(DataError, match=message):
            ReturnsFrame.from_prices(frame)
    with pytest.raises(
        DataError, match="there is no column 'EURGBP'; the prices have: EURUSD, GBPUSD, USDJPY"
    ):
        ReturnsFrame.from_prices(prices, [RiskFactor("EURGBP")])


def test_calendar_hole(prices: pd.DataFrame) -> None:
    week = prices.drop(
        DATES[5:10]
    )  # the week from Monday 8 January: ten days between two Fridays and Mondays
    finding = only(check_prices(week))
    assert (finding.severity, finding.check, finding.factor) == ("oddity", "calendar hole", None)
    assert finding.message == "no prices for 10 days between 2024-01-05 and 2024-01-15"
    assert check_prices(prices.drop(DATES[5:7])).findings == ()  # a long holiday: 5 days
    monthly = prices.set_axis(pd.date_range("2000-01-31", periods=300, freq="ME", name="date"))
    assert check_prices(monthly).findings == ()
    assert only(check_prices(monthly.drop(monthly.index[4:7]))).check == "calendar hole"


def test_stale_run(prices: pd.DataFrame) -> None:
    prices.iloc[10:14, 0] = prices.iloc[10, 0]
    assert check_prices(prices).findings == ()  # four equal prices are none
    prices.iloc[10:16, 0] = prices.iloc[10, 0]
    prices.iloc[100:105, 0] = prices.iloc[100, 0]
    finding = only(check_prices(prices))
    assert (finding.severity, finding.check, finding.date) == ("oddity", "stale", DATES[10])
    assert finding.message == (
        f"EURUSD stays at {prices.iloc[10, 0]:g} for 6 dates from 2024-01-15 to 2024-01-22 and 1 more such run"
    )
    assert len(ReturnsFrame.from_prices(prices)) == 299  # an oddity is kept


def test_outlier(prices: pd.DataFrame) -> None:
    prices.iloc[50:, 0] *= np.exp(0.5)
    finding = only(check_prices(prices))
    assert (finding.severity, finding.check, finding.date) == ("oddity", "outlier", DATES[50])
    returns = np.diff(np.log(prices["EURUSD"]))
    deviation = np.abs(returns - np.median(returns))
    z = deviation[49] / (1.4826 * np.median(deviation))
    assert finding.message == (
        f"EURUSD moves by {returns[49]:+.2%} (log) on 2024-03-11, {z:.0f} robust standard deviations"
    )
    assert z > 12


def test_outliers_of_absolute_returns_are_in_their_unit() -> None:
    levels = 4 + 0.05 * np.cumsum(np.random.default_rng(1).standard_normal(300))
    levels[100:] += 2
    frame = pd.DataFrame({"UST10Y": levels}, index=DATES)
    report = check_prices(frame, [RiskFactor("UST10Y", "IR", "per cent", "absolute")])
    assert only(report).message.startswith("UST10Y moves by +196.7 bp on 2024-05-20, ")
    assert np.diff(levels)[99] * 100 == pytest.approx(196.7, abs=0.05)


def test_no_more_than_ten_outliers_are_told_singly(prices: pd.DataFrame) -> None:
    # A series that stands still on most days, so that the median deviation is zero, and moves on 12.
    levels = np.ones(300)
    levels[10:250:40] = 2.0
    prices["CDS"] = levels
    found = [f for f in check_prices(prices).findings if f.check == "outlier"]
    assert len(found) == 11
    assert found[-1].message.startswith("CDS has 2 more returns beyond 12 robust standard deviations")


def test_a_series_that_moves_on_few_days_has_no_outliers_for_that(prices: pd.DataFrame) -> None:
    moves = np.where(np.random.default_rng(7).random(300) < 0.35, np.diff(np.log(walk(8)), prepend=0.0), 0.0)
    prices["CDS"] = np.exp(np.cumsum(moves))
    assert np.median(np.abs(moves)) == 0.0
    assert [f.check for f in check_prices(prices).findings] == ["stale"]


def test_errors_come_first_and_the_others_are_counted(prices: pd.DataFrame) -> None:
    prices.iloc[10:16, 0] = prices.iloc[10, 0]
    prices.iloc[3, 1] = np.nan
    prices.iloc[4, 2] = 0.0
    prices["PEG"] = 1.0
    report = check_prices(prices)
    assert [f.severity for f in report.findings] == ["error"] * 3 + ["oddity"]
    with pytest.raises(DataError, match=r"^GBPUSD is not finite on 2024-01-04; .* \(and 2 more\)$"):
        report.raise_for_errors()
    assert json.loads(json.dumps(report.to_dict()))["findings"][0]["date"] == "2024-01-04"
    assert len(report.errors) + len(report.oddities) == len(report.findings)


def test_columns_chosen_from_a_described_frame_keep_their_description(prices: pd.DataFrame) -> None:
    prices.attrs["factors"] = (RiskFactor("USDJPY", return_type="relative"), RiskFactor("EURUSD"))
    returns = ReturnsFrame.from_prices(prices[["GBPUSD", "USDJPY"]])
    assert returns.names == ("GBPUSD", "USDJPY")
    assert returns.factors[1].return_type == "relative"
    assert returns.factors[0] == RiskFactor("GBPUSD", "FX", "USD per GBP")


@settings(max_examples=40)
@given(st.integers(0, 299), st.integers(0, 2), st.sampled_from([np.nan, np.inf, 0.0, -1.0]))
def test_one_bad_price_is_found_wherever_it_is(row: int, column: int, value: float) -> None:
    frame = pd.DataFrame({"EURUSD": walk(1), "GBPUSD": walk(2), "USDJPY": walk(3)}, index=DATES)
    frame.iloc[row, column] = value
    error = only(check_prices(frame))
    assert error.severity == "error"
    assert error.date == DATES[row]
    assert error.factor == frame.columns[column]
    assert f"{error.factor} is not " in error.message
    assert f"{DATES[row]:%Y-%m-%d}" in error.message
