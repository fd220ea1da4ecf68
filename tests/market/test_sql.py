"""The sql reader, on SQLite; and that no message of it holds a password."""

from __future__ import annotations

import sqlite3
import sys
import traceback
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy

from qfin.errors import BackendError, ConfigError, DataError
from qfin.market import READERS
from qfin.market.readers.sql import SqlQuery

ROWS = [("2024-01-02", 1.10, 140), ("2024-01-03", None, 141), ("2024-01-04", 1.11, 142)]


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "prices.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table rates (date text, EURUSD real, USDJPY integer)")
        connection.executemany("insert into rates values (?, ?, ?)", ROWS)
    return f"sqlite:///{path}"


def test_reads_a_query(database: str) -> None:
    prices = READERS.build(
        {"kind": "sql", "url": database, "query": "select * from rates order by date"}
    ).read()
    assert list(prices.index) == list(pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"]))
    assert prices["USDJPY"].tolist() == [140.0, 141.0, 142.0]
    assert np.isnan(prices["EURUSD"].iloc[1])
    assert prices.index.name == "date"


def test_percent_and_colon_are_the_query_s_own(database: str) -> None:
    query = "select date, USDJPY from rates where date like '2024-01-0%' and ':x' = ':x'"
    assert len(SqlQuery(query, url=database).read()) == 3


def test_dates_that_are_dates(database: str) -> None:
    query = "select USDJPY, date(date) as day from rates"
    assert SqlQuery(query, url=database, date_column="day").read().index[2] == pd.Timestamp("2024-01-04")


def test_the_url_can_come_from_the_environment(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = SqlQuery("select date, USDJPY from rates", url_env="PRICES_URL")
    with pytest.raises(ConfigError, match="the environment variable PRICES_URL is not set"):
        reader.read()
    monkeypatch.setenv("PRICES_URL", database)
    assert len(reader.read()) == 3


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select * from prices", "the query failed on sqlite:///.*: no such table: prices"),
        ("selekt 1", "the query failed on .*: near .selekt.: syntax error"),
        ("select * from rates where date > '2030'", "the query returned no rows"),
        ("select date from rates", "the query's result has one column only"),
        (
            "select * from rates union all select '2024-01-03', 1, 2",
            "row 4 repeats the date 2024-01-03 of row 2",
        ),
        (
            "select date, 'n.a.' as A from rates",
            "the query's result: row 1, column A: 'n.a.' is not a number",
        ),
        ("select 'x' || date as date, USDJPY from rates", "row 1, column date: 'x2024-01-02' is not a date"),
        ("select null as date, 1 as A", "row 1, column date: there is no date; exclude it in the query"),
        ("select date, 1 as A, 2 as A from rates", "the query's result has two columns 'A'"),
    ],
)
def test_what_it_says_of_bad_queries(database: str, query: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        SqlQuery(query, url=database).read()
    assert "\n" not in str(caught.value)


def test_a_misspelt_file_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "prices.db"
    with pytest.raises(DataError, match=r"there is no database .*prices\.db"):
        SqlQuery("select 1", url=f"sqlite:///{path}").read()
    assert not path.exists()


def test_wrong_parameters(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="needs one of url and url_env"):
        SqlQuery("select 1")
    with pytest.raises(ConfigError, match="needs one of url and url_env"):
        SqlQuery("select 1", url=database, url_env="X")
    with pytest.raises(DataError, match="has no column 'day'; it has: date, EURUSD, USDJPY"):
        SqlQuery("select * from rates", url=database, date_column="day").read()
    with pytest.raises(ConfigError, match="SQLAlchemy knows no database 'nosuch'"):
        SqlQuery("select 1", url="nosuch://host/db").read()
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(ConfigError, match=r"databases .postgresql.psycopg2. need: pip install psycopg2"):
        SqlQuery("select 1", url="postgresql+psycopg2://host/db").read()


SECRET = "s3cret/@:pw"
WRITTEN = "s3cret%2F%40%3Apw"


@pytest.fixture
def postgres(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """A driver that quotes its connection string when it cannot connect, as some do."""

    class DriverError(Exception):
        pass

    def connect(*args: object, **kwargs: object) -> None:
        raise driver.raises(f"no route with password={SECRET} ({WRITTEN})\nsecond line")

    driver = types.SimpleNamespace(
        paramstyle="pyformat", __version__="2.9", Error=DriverError, connect=connect, raises=DriverError
    )
    driver.extras = driver.extensions = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "psycopg2", driver)
    return driver


@pytest.mark.parametrize("raises", ["its own", "another"])
def test_a_database_that_cannot_be_reached(
    postgres: types.SimpleNamespace, monkeypatch: pytest.MonkeyPatch, raises: str
) -> None:
    monkeypatch.setenv("PRICES_URL", f"postgresql+psycopg2://me:{WRITTEN}@host/db?sslpassword={WRITTEN}")
    postgres.raises = postgres.Error if raises == "its own" else OSError
    with pytest.raises(
        BackendError, match=r"me:\*\*\*@host/db\?sslpassword=\*\*\* cannot be reached: no route"
    ) as caught:
        SqlQuery("select 1", url_env="PRICES_URL").read()
    assert caught.value.retry
    printed = "".join(traceback.format_exception(caught.value))
    assert SECRET not in printed
    assert WRITTEN not in printed


def test_no_password_in_a_configuration() -> None:
    for url in (f"postgresql://me:{WRITTEN}@host/db", f"postgresql://host/db?password={WRITTEN}"):
        with pytest.raises(
            ConfigError, match="the url has a password, which the configuration would publish"
        ) as caught:
            SqlQuery("select 1", url=url)
        assert SECRET not in str(caught.value)
        assert WRITTEN not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"sqlite://me:{WRITTEN}@/prices.db",
        f"nosuch://me:{WRITTEN}@host/db",
        f"postgresql://me:{WRITTEN}@host:port/db",
        f"me:{WRITTEN}@host",
    ],
)
def test_no_password_in_the_error_of_a_url_that_is_wrong(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PRICES_URL", url)
    with pytest.raises((ConfigError, DataError)) as caught:
        SqlQuery("select 1", url_env="PRICES_URL").read()
    printed = "".join(traceback.format_exception(caught.value))
    assert SECRET not in printed
    assert WRITTEN not in printed


def test_a_connection_that_breaks_off_may_be_tried_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object, *args: object) -> None:
        raise sqlalchemy.exc.OperationalError("select 1", {}, Exception("gone"), connection_invalidated=True)

    monkeypatch.setattr(sqlalchemy.engine.Connection, "exec_driver_sql", broken)
    with pytest.raises(BackendError, match="broke off: gone") as caught:
        SqlQuery("select 1", url=database).read()
    assert caught.value.retry
