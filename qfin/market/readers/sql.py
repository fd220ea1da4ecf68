"""Prices from a database."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import numpy as np
import pandas as pd

from qfin.errors import BackendError, ConfigError, DataError
from qfin.market.readers._base import Reader, choose_columns, parse_dates, price_frame
from qfin.market.readers._text import find_date_column

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_SECRETS = ("password", "passwd", "pwd", "secret", "token", "key")
_NAME = "the query's result"


class SqlQuery(Reader):
    """A query through SQLAlchemy: a column of dates, a column of prices for each factor.

    Parameters
    ----------
    query : the SELECT statement
    url : the database, as SQLAlchemy writes it ("sqlite:///prices.db"), without a password: configurations are
        published with what they determine
    url_env : the environment variable that holds the URL instead, password included
    date_column : name of the column of dates; by default the one called "date" (in any case), else the first
    date_format : how dates are written if the database holds them as text; by default ISO 8601
    """

    def __init__(
        self,
        query: str,
        url: str | None = None,
        url_env: str | None = None,
        date_column: str | None = None,
        date_format: str | None = None,
    ) -> None:
        self.query = query
        self.url = url
        self.url_env = url_env
        self.date_column = date_column
        self.date_format = date_format
        if (url is None) == (url_env is None):
            raise ConfigError("reader 'sql' needs one of url and url_env")
        if url is not None and _secrets(_parsed(url)):
            raise ConfigError(
                "reader 'sql': the url has a password, which the configuration would publish; "
                "put the url in an environment variable and name that as url_env"
            )

    def read(self) -> pd.DataFrame:
        """Prices that the query returns.

        Raises
        ------
        BackendError
            if the database cannot be reached; no message has the URL's password in it.
        DataError
            if the query fails, or its result cannot be read; rows are counted from 1.
        """
        names, rows = _fetch(self._address(), self.query)
        if not rows:
            raise DataError("the query returned no rows; check its conditions")
        if self.date_column is not None and self.date_column not in names:
            raise DataError(f"{_NAME} has no column {self.date_column!r}; it has: {', '.join(names)}")
        at = (find_date_column(names) or 0) if self.date_column is None else names.index(self.date_column)
        choose_columns([name for k, name in enumerate(names) if k != at], None, _NAME)
        dates = _dates([row[at] for row in rows], names[at], self.date_format)
        values = {
            name: _numbers((row[k] for row in rows), name, len(rows))
            for k, name in enumerate(names)
            if k != at
        }
        return price_frame(dates, values, lambda row: f"{_NAME}: row {row + 1}")

    def _address(self) -> URL:
        if self.url_env is None:
            return _parsed(str(self.url))
        text = os.environ.get(self.url_env)
        if not text:
            raise ConfigError(
                f"the environment variable {self.url_env} is not set; set it to the database's URL"
            )
        return _parsed(text)


def _parsed(text: str) -> URL:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(text)
    except (ArgumentError, ValueError):  # their messages quote the whole URL
        raise ConfigError(
            "the database's URL cannot be read; write it as dialect://user:password@host:port/database"
        ) from None


def _fetch(url: URL, query: str) -> tuple[list[str], Sequence[Sequence[Any]]]:
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    shown = _without_secrets(str(url), url)
    _check_file(url)
    engine = _engine(url)
    try:
        connection = engine.connect()
    except Exception as error:  # whatever the driver raises: it may quote the password
        message = _without_secrets(_first_line(error), url)
        raise BackendError(f"the database {shown} cannot be reached: {message}", retry=True) from None
    with connection:
        try:
            result = connection.exec_driver_sql(query)
            return list(result.keys()), result.fetchall()
        except SQLAlchemyError as error:
            message = _without_secrets(_first_line(error), url)
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise BackendError(f"the database {shown} broke off: {message}", retry=True) from None
            raise DataError(f"the query failed on {shown}: {message}") from None


def _check_file(url: URL) -> None:
    """SQLite would make an empty database of a misspelt path."""
    file = url.database or ":memory:"
    on_disk = url.get_backend_name() == "sqlite" and file != ":memory:" and not file.startswith("file:")
    if on_disk and not Path(file).is_file():
        raise DataError(f"there is no database {file}; check the URL")


def _engine(url: URL) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        return create_engine(url, poolclass=NullPool)
    except NoSuchModuleError:
        raise ConfigError(
            f"SQLAlchemy knows no database {url.drivername!r}; check the beginning of the URL"
        ) from None
    except SQLAlchemyError as error:
        message = _without_secrets(_first_line(error), url)
        raise ConfigError(f"the database's URL cannot be used: {message}") from None
    except ImportError as error:
        raise ConfigError(f"databases {url.drivername!r} need: pip install {error.name}") from None


def _secrets(url: URL) -> set[str]:
    """Everything in a URL that no message may show: the password, and parameters that are called like one."""
    query = {key: value for key, value in url.query.items() if any(word in key.lower() for word in _SECRETS)}
    found = {str(url.password)} if url.password else set()
    for value in query.values():
        found |= {value} if isinstance(value, str) else set(value)
    return found - {""}


def _without_secrets(text: str, url: URL) -> str:
    for secret in _secrets(url):
        for written in (secret, quote(secret, safe=""), quote_plus(secret)):
            text = text.replace(written, "***")
    return text


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__


def _dates(values: Sequence[Any], name: str, date_format: str | None) -> pd.DatetimeIndex:
    for row, value in enumerate(values, start=1):
        if value is None:
            raise DataError(f"{_NAME}: row {row}, column {name}: there is no date; exclude it in the query")
    return parse_dates(
        [str(v) for v in values], lambda row: f"{_NAME}: row {row + 1}, column {name}", date_format
    )


def _numbers(values: Iterable[Any], name: str, count: int) -> np.ndarray:
    numbers = np.empty(count)
    for row, value in enumerate(values):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | Decimal)):
            raise DataError(
                f"{_NAME}: row {row + 1}, column {name}: {value!r} is not a number; convert it in the query"
            )
        numbers[row] = np.nan if value is None else float(value)
    return numbers
