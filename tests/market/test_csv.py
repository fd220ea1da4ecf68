"""The csv reader: what it reads, and what it says of files it cannot read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfin.errors import ConfigError, DataError
from qfin.market import READERS, read_prices
from qfin.market.readers.csv import CsvFile

GOOD = "date,EURUSD,GBPUSD\n2024-01-02,1.10,1.27\n2024-01-03,1.09,1.26\n2024-01-04,1.11,1.25\n"


def write(folder: Path, content: str | bytes, name: str = "prices.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_reads_dates_and_floats(tmp_path: Path) -> None:
    prices = CsvFile(write(tmp_path, GOOD)).read()
    assert prices.index.name == "date"
    assert list(prices.index) == list(pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"]))
    assert list(prices.columns) == ["EURUSD", "GBPUSD"]
    assert prices.to_numpy().tolist() == [[1.10, 1.27], [1.09, 1.26], [1.11, 1.25]]
    assert "factors" not in prices.attrs


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("\n", ",\n"),
        GOOD.replace("1.10", ' "1.10" '),
        GOOD.replace("date", "Date"),
        GOOD.replace("date", ""),
    ],
    ids=["byte-order mark", "CRLF", "blank lines", "comma at the end", "quotes", "Date", "unnamed dates"],
)
def test_reads_what_programs_write(tmp_path: Path, text: str) -> None:
    pd.testing.assert_frame_equal(
        CsvFile(write(tmp_path, text)).read(), CsvFile(write(tmp_path, GOOD, "good.csv")).read()
    )


def test_finds_the_column_called_date_wherever_it_is(tmp_path: Path) -> None:
    prices = CsvFile(write(tmp_path, "EURUSD,DATE\n1.1,2024-01-02\n1.2,2024-01-03\n")).read()
    assert list(prices.columns) == ["EURUSD"]
    assert prices.index[0] == pd.Timestamp("2024-01-02")


def test_parameters(tmp_path: Path) -> None:
    path = write(tmp_path, "day;EURUSD;GBPUSD\n31.12.2023;1.1;1.2\n01.01.2024;1.2;1.3\n")
    spec = {"kind": "csv", "path": str(path), "separator": ";", "date_column": "day", "columns": ["GBPUSD"]}
    prices = READERS.build(spec).read()
    assert prices["GBPUSD"].tolist() == [1.2, 1.3]
    assert list(prices.columns) == ["GBPUSD"]
    assert prices.index[1] == pd.Timestamp("2024-01-01")


def test_missing_values_stay_missing(tmp_path: Path) -> None:
    prices = CsvFile(
        write(tmp_path, "date,A,B\n2024-01-02,,NaN\n2024-01-03,N/A,2\n2024-01-04,null,-\n")
    ).read()
    assert np.isnan(prices["A"]).all()
    assert prices["B"].isna().tolist() == [True, False, True]


def test_dates_of_the_usual_formats(tmp_path: Path) -> None:
    wanted = [pd.Timestamp("2024-01-30"), pd.Timestamp("2024-02-01")]
    for first, second in [
        ("2024-01-30", "2024-02-01"),
        ("20240130", "20240201"),
        ("30/01/2024", "01/02/2024"),
        ("01/30/2024", "02/01/2024"),
        ("30.01.2024", "01.02.2024"),
        ("30-Jan-2024", "01-Feb-2024"),
        ("2024-01-30 00:00:00", "2024-02-01 00:00:00"),
        ("2024-01-30T00:00:00Z", "2024-02-01T00:00:00Z"),
        ("2024-01-30 00:00:00+01:00", "2024-02-01 00:00:00+02:00"),
    ]:
        prices = CsvFile(write(tmp_path, f"date,A\n{first},1\n{second},2\n")).read()
        assert list(prices.index) == wanted, first


def test_a_date_format_settles_what_is_ambiguous(tmp_path: Path) -> None:
    path = write(tmp_path, "date,A\n01/02/2024,1\n02/02/2024,2\n")
    with pytest.raises(
        DataError, match=r"row 2, column date: dates such as '01/02/2024' can be read in more than one way"
    ):
        CsvFile(path).read()
    assert CsvFile(path, date_format="%d/%m/%Y").read().index[0] == pd.Timestamp("2024-02-01")
    assert CsvFile(path, date_format="%m/%d/%Y").read().index[0] == pd.Timestamp("2024-01-02")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"prices.csv is empty; it needs a header"),
        (" \n\n", r"prices.csv is empty"),
        ("date,EURUSD\n", r"prices.csv has a header but no rows"),
        (
            "2024-01-02,1.1\n2024-01-03,1.2\n",
            r"prices.csv has no header: row 1 begins with '2024-01-02'",
        ),
        ("20240102,1.1\n20240103,1.2\n", r"prices.csv has no header: row 1 begins with '20240102'"),
        ("date;EURUSD\n2024-01-02;1,1\n", r"seems to be separated by ';', not by ','; give separator = ';'"),
        ("date\tEURUSD\n2024-01-02\t1.1\n", r"seems to be separated by a tab .*; give separator = '\\t'"),
        ("date\n2024-01-02\n", r"prices.csv has one column only"),
        ("date,A\n2024-01-02,1\nyesterday,2\n", r"prices.csv: row 3, column date: 'yesterday' is not a date"),
        (
            "date,A\n2024-01-02,1\n\n2024-02-30,2\n",
            r"prices.csv: row 4, column date: '2024-02-30' is not a date",
        ),
        ("date,A\n2024-01-02,1\n,2\n", r"row 3, column date: '' is not a date"),
        (
            "date,A\n13/01/2024,1\n14/01/2024,2\n01/15/2024,2\n",
            r"row 4, column date: '01/15/2024' is not a date",
        ),
        (
            "date,A\n2024-01-02,1\n2024-01-03,2\n2024-01-02,3\n",
            r"prices.csv: row 4 repeats the date 2024-01-02 of row 2; keep one",
        ),
        (
            "date,A\n2024-01-02,1\n2024-01-03,n.a.\n",
            r"prices.csv: row 3, column A: 'n.a.' is not a number; correct it",
        ),
        (
            'date,A\n2024-01-02,"1,234.5"\n',
            r"row 2, column A: '1,234.5' is not a number; write numbers plainly",
        ),
        ("date,A\n2024-01-02,1_000\n", r"row 2, column A: '1_000' is not a number"),
        ("date,A,A\n2024-01-02,1,2\n", r"prices.csv has two columns 'A'"),
        ("date,A\n2024-01-02,1,2\n", r"prices.csv: row 2 has 3 cells and the header has 2"),
        ("date,A,\n2024-01-02,1,2\n", r"prices.csv: column 3 has no name"),
        (
            'date,A\n2024-01-02,"1\n2024-01-03,2\n',
            r"prices.csv: row 2 has a quote that is not closed",
        ),
        (
            "date,A\n2024-01-02,1\n2024-01-03,caf\xe9\n".encode("latin-1"),
            r"is not UTF-8 text \(byte 0xe9 in row 3\)",
        ),
        ("date,A\n2024-01-02,1\n".encode("utf-16"), r"is not UTF-8 text \(byte 0xff in row 1\)"),
    ],
)
def test_what_it_says_of_bad_files(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_prices(write(tmp_path, content))
    assert "\n" not in str(caught.value)
    assert "prices.csv" in str(caught.value)


def test_what_it_says_of_wrong_parameters(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    with pytest.raises(DataError, match=r"prices.csv has no column 'day'; it has: date, EURUSD, GBPUSD"):
        CsvFile(path, date_column="day").read()
    with pytest.raises(DataError, match=r"prices.csv has no column 'EURGBP'; it has: EURUSD, GBPUSD"):
        CsvFile(path, columns=["EURGBP"]).read()
    with pytest.raises(
        DataError, match=r"row 2, column date: '2024-01-02' is not a date; write dates as '%d/%m/%Y' says"
    ):
        CsvFile(path, date_format="%d/%m/%Y").read()
    with pytest.raises(ConfigError, match="date_format '%Q' cannot be used"):
        CsvFile(path, date_format="%Q").read()
    with pytest.raises(ConfigError, match="reader 'csv': separator = '::' is not allowed"):
        READERS.build({"kind": "csv", "path": str(path), "separator": "::"})


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*nowhere.csv"):
        read_prices(tmp_path / "nowhere.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"folder.csv cannot be read: Is a directory"):
        read_prices(tmp_path / "folder.csv")


@settings(max_examples=30)
@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**15), 10**15).map(float),
        min_size=1,
        max_size=20,
    )
)
def test_floats_come_back_exactly(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    dates = pd.date_range("2020-01-01", periods=len(values), name="date")
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    pd.DataFrame({"A": values}, index=dates).to_csv(path)
    prices = CsvFile(path).read()
    assert prices["A"].tolist() == values
    assert list(prices.index) == list(dates)
