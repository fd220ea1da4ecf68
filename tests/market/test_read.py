"""`read_prices`: what names a source, which dates and factors are kept, what the fill rules do and say."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qfin.errors import ConfigError, DataError
from qfin.market import READERS, Reader, RiskFactor, check_prices, read_prices

NAN = np.nan
DATES = pd.date_range("2024-01-01", periods=6, name="date")


class Given(Reader):
    """A reader of a frame made in a test."""

    def __init__(self, columns: dict[str, list[float]], index: pd.DatetimeIndex = DATES) -> None:
        self.frame = pd.DataFrame(columns, index=index)

    def read(self) -> pd.DataFrame:
        return self.frame


HOLES = {"A": [1, 2, NAN, 4, 5, NAN], "B": [NAN, 2, 3, 4, NAN, 6]}


def notes(prices: pd.DataFrame) -> list[str]:
    return [finding.message for finding in check_prices(prices).oddities]


def test_a_source_is_a_path_a_name_or_a_reader(tmp_path: Path) -> None:
    fx = read_prices("fx")
    pd.testing.assert_frame_equal(read_prices(READERS.build({"kind": "bundled", "name": "fx"})), fx)
    fx.tail(5).to_csv(tmp_path / "x.CSV")
    assert read_prices(tmp_path / "x.CSV")["EURUSD"].tolist() == fx["EURUSD"].tail(5).tolist()
    for path in (tmp_path / "x.CSV", str(tmp_path / "x.CSV")):
        assert len(read_prices(path)) == 5


@pytest.mark.parametrize("source", ["fy", "prices.xlsx", "", Path("prices")])
def test_what_it_says_of_a_source_there_is_not(source: str | Path) -> None:
    wanted = (
        r"is neither a shipped data set \(fx, fx18, multi, ust\) nor a file; paths end in .csv or .parquet"
    )
    with pytest.raises(ConfigError, match=wanted):
        read_prices(source)


def test_the_period(tmp_path: Path) -> None:
    kept = read_prices("fx", start="2020-01-02", end=date(2020, 1, 31))
    assert (kept.index[0], kept.index[-1]) == (pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-31"))
    assert kept.attrs["factors"] == read_prices("fx").attrs["factors"]
    assert read_prices("fx", end="1999-01-05").index[-1] == pd.Timestamp("1999-01-05")
    at_noon = Given({"A": [1, 2, 3, 4, 5, 6]}, DATES + pd.Timedelta(hours=12))
    assert len(read_prices(at_noon, start="2024-01-02", end="2024-01-03")) == 2
    with pytest.raises(
        DataError, match="fx has no prices from 2030-01-01 to 2031-01-01; it has 1999-01-04 to 2026-10-30"
    ):
        read_prices("fx", start="2030-01-01", end="2031-01-01")
    with pytest.raises(ConfigError, match="start = 'soon' is not a date; write it as 2024-01-31"):
        read_prices("fx", start="soon")


def test_the_factors() -> None:
    prices = read_prices("multi", factors=["WTI", RiskFactor("AAPL", "EQ", "USD", "relative")])
    assert list(prices.columns) == ["WTI", "AAPL"]
    assert [f.return_type for f in prices.attrs["factors"]] == ["log", "relative"]
    assert prices.attrs["factors"][0].unit == "USD per barrel"
    undescribed = Given({"A": [1, 2, 3, 4, 5, 6], "B": [1, 2, 3, 4, 5, 7]})
    assert "factors" not in read_prices(undescribed, factors=["B"]).attrs
    with pytest.raises(DataError, match="multi has no factor 'GOLD'; it has: EURUSD, GBPUSD"):
        read_prices("multi", factors=["GOLD"])
    with pytest.raises(ConfigError, match="factors names 'WTI' twice"):
        read_prices("multi", factors=["WTI", "WTI"])
    with pytest.raises(ConfigError, match="factors is an empty list"):
        read_prices("multi", factors=[])


def test_fill_none_keeps_missing_values() -> None:
    prices = read_prices(Given(HOLES))
    np.testing.assert_array_equal(prices.to_numpy(), np.column_stack([HOLES["A"], HOLES["B"]]))
    assert "notes" not in prices.attrs


def test_fill_common_days() -> None:
    prices = read_prices(Given(HOLES), fill="common_days")
    assert prices.to_numpy().tolist() == [[2, 2], [4, 4]]
    assert notes(prices) == [
        "A: common_days: dropped 2 dates on which it has no value, first 2024-01-03",
        "B: common_days: dropped 2 dates on which it has no value, first 2024-01-01",
    ]


def test_fill_previous() -> None:
    prices = read_prices(Given(HOLES), fill="previous")
    assert prices.to_numpy().tolist() == [[2, 2], [2, 3], [4, 4], [5, 4], [5, 6]]
    assert notes(prices) == [
        "B: previous: dropped 1 date before its first value, first 2024-01-01",
        "A: previous: filled 2 dates from the date before, first 2024-01-03",
        "B: previous: filled 1 date from the date before, first 2024-01-05",
    ]


def test_fill_changes_nothing_where_nothing_is_missing() -> None:
    whole = Given({"A": [1, 2, 3, 4, 5, 6]})
    for fill in ("none", "common_days", "previous"):
        prices = read_prices(whole, fill=fill)  # type: ignore[arg-type]
        pd.testing.assert_frame_equal(prices, whole.frame)
        assert prices.attrs == {}
    with pytest.raises(
        ConfigError, match="there is no fill rule 'linear'; choose one of: none, common_days, previous"
    ):
        read_prices(whole, fill="linear")  # type: ignore[arg-type]


def test_only_the_factors_that_are_used_decide_what_is_dropped() -> None:
    assert len(read_prices(Given(HOLES), fill="common_days", factors=["A"])) == 4


def test_rows_out_of_order_are_sorted_and_noted() -> None:
    newest_first = read_prices(Given({"A": [1, 2, 3, 4, 5, 6]}, DATES[::-1]))
    assert newest_first["A"].tolist() == [6, 5, 4, 3, 2, 1]
    assert notes(newest_first) == [
        "2024-01-05 came after 2024-01-06: the rows were not in order and were sorted by date"
    ]
    shuffled = read_prices(Given({"A": [1, 3, 2, 4, 5, 6]}, DATES[[0, 2, 1, 3, 4, 5]]), fill="previous")
    assert shuffled["A"].tolist() == [1, 2, 3, 4, 5, 6]
    assert "2024-01-02 came after 2024-01-03" in notes(shuffled)[0]


def test_the_reader_s_own_frame_stays_as_it_is() -> None:
    reader = Given(HOLES)
    before = reader.frame.copy()
    filled = read_prices(reader, fill="previous")
    filled.iloc[0, 0] = -1
    unfilled = read_prices(reader)
    unfilled.iloc[0, 0] = -1
    pd.testing.assert_frame_equal(reader.frame, before)
    assert reader.frame.attrs == {}


def test_importing_the_room_is_light() -> None:
    code = (
        "import sys, qfin.market; "
        "print(sorted({'sklearn', 'scipy', 'sqlalchemy', 'qiskit', 'numba', 'urllib.request'} & set(sys.modules)))"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "[]"
