"""The parquet reader, and the Parquet form that keeps the factors."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfin.errors import DataError
from qfin.market import ReturnsFrame, RiskFactor, read_prices, write_prices
from qfin.market.readers.parquet import ParquetFile

DATES = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"], name="date")


def store(folder: Path, **columns: object) -> Path:
    path = folder / "prices.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_a_date_column_of_any_type(tmp_path: Path) -> None:
    days = [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)]
    for dates in (
        days,
        pd.Series(DATES),
        pd.Series(DATES).dt.tz_localize("UTC"),
        [d.isoformat() for d in days],
    ):
        prices = ParquetFile(store(tmp_path, A=[1.0, 2.0, 3.0], Date=dates)).read()
        assert list(prices.index) == list(DATES)
        assert prices.index.name == "date"
        assert list(prices.columns) == ["A"]


@pytest.mark.parametrize("name", ["date", "day", None])
def test_a_pandas_index(tmp_path: Path, name: str | None) -> None:
    frame = pd.DataFrame({"A": [1.0, 2.0, 3.0]}, index=DATES.rename(name))
    frame.to_parquet(tmp_path / "x.parquet")
    assert list(ParquetFile(tmp_path / "x.parquet").read().index) == list(DATES)


def test_numbers_of_any_type_and_missing_ones(tmp_path: Path) -> None:
    decimals = [Decimal("1.5"), None, Decimal("2.5")]
    prices = ParquetFile(store(tmp_path, date=DATES, I=[1, None, 3], D=decimals, F=[1.0, np.nan, 2.0])).read()
    assert prices.dtypes.tolist() == [np.dtype(float)] * 3
    assert prices.isna().sum().tolist() == [1, 1, 1]
    assert prices["D"].iloc[2] == 2.5


def test_columns_and_date_column(tmp_path: Path) -> None:
    path = store(tmp_path, note=["x", "y", "z"], day=DATES, B=[1.0, 2.0, 3.0])
    assert list(ParquetFile(path, date_column="day", columns=["B"]).read().columns) == ["B"]
    with pytest.raises(DataError, match="has no column 'when'; it has: note, day, B"):
        ParquetFile(path, date_column="when").read()
    with pytest.raises(
        DataError, match=r"row 1, column note: 'x' is not a number \(the column holds string\)"
    ):
        ParquetFile(path).read()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"date": DATES[[0, 1, 0]], "A": [1.0, 2.0, 3.0]},
            "prices.parquet: row 3 repeats the date 2024-01-02 of row 1",
        ),
        (
            {"date": ["2024-01-02", "x"], "A": [1.0, 2.0]},
            "prices.parquet: row 2, column date: 'x' is not a date",
        ),
        (
            {"date": pa.array([date(2024, 1, 2), None]), "A": [1.0, 2.0]},
            "row 2, column date: there is no date",
        ),
        ({"date": DATES}, "prices.parquet has one column only"),
        ({"date": DATES[:0], "A": pa.array([], pa.float64())}, "prices.parquet is empty"),
        ({"A": [1.0, 2.0], "B": [1.0, 2.0]}, "row 1, column A: '1.0' is not a date"),
    ],
)
def test_what_it_says_of_bad_files(tmp_path: Path, columns: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_prices(store(tmp_path, **columns))


def test_files_that_are_no_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with pytest.raises(DataError, match="there is no file"):
        read_prices(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"x\.parquet is empty"):
        read_prices(path)
    path.write_text("date,A\n2024-01-02,1\n" * 5)
    with pytest.raises(DataError, match=r"x\.parquet is not a readable Parquet file"):
        read_prices(path)
    write_prices(pd.DataFrame({"A": [1.0, 2.0, 3.0]}, index=DATES), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"x\.parquet is not a readable Parquet file"):
        read_prices(path)


def test_prices_keep_their_factors_and_bytes(tmp_path: Path) -> None:
    rate = RiskFactor("R", "IR", "decimal", "log", displacement=0.03, pillar="5Y")
    prices = pd.DataFrame({"R": [-0.01, 0.0, np.nan], "EURUSD": [1.0, 1.1, 1.2]}, index=DATES)
    prices.attrs["factors"] = (rate, RiskFactor("EURUSD", unit="USD per EUR"))
    write_prices(prices, tmp_path / "a.parquet")
    again = read_prices(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(again, prices)
    assert again.attrs["factors"] == prices.attrs["factors"]
    write_prices(again, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_history_of_returns_is_not_taken_for_prices(tmp_path: Path) -> None:
    prices = pd.DataFrame({"EURUSD": [1.0, 1.1, 1.2]}, index=DATES)
    ReturnsFrame.from_prices(prices).write(tmp_path / "returns.parquet")
    with pytest.raises(DataError, match="was written by qfin but does not hold prices"):
        read_prices(tmp_path / "returns.parquet")
