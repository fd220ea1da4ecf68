"""What every reader does, and the steps they share: dates from text, numbers from text, one frame of prices."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfin.errors import ConfigError, DataError
from qfin.market._factors import RiskFactor

MISSING = frozenset({"", "-", "na", "n/a", "#n/a", "nan", "null", "none"})
_DAY_FIRST = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y")
_OTHER = ("%Y/%m/%d", "%Y.%m.%d", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
_OFFSET = re.compile(r"(?<=:\d\d)(?:\.\d+)?\s*(?:Z|[+-]\d\d:?\d\d)$")

Where = Callable[[int], str]

ECB_ATTRIBUTION = "Source: ECB statistics; own calculations."


class Reader(ABC):
    """A source of prices. Its parameters are checked when it is made; nothing is opened before `read`.

    `attribution` is what the source's terms ask to be shown beside anything made from it; None where they ask nothing.
    """

    attribution: str | None = None

    @abstractmethod
    def read(self) -> pd.DataFrame:
        """Prices: float columns named as the factors, indexed by "date", in the order of the source.

        Missing values are NaN: whether they are an error is for `check_prices` to say. `.attrs["factors"]` holds the
        risk factors where the source knows them, `.attrs["notes"]` what a reader of the quality report should know.

        Raises
        ------
        DataError
            where the source has no such data or they cannot be read, naming file, row and column.
        """


def parse_dates(texts: Sequence[str], where: Where, date_format: str | None = None) -> pd.DatetimeIndex:
    """Dates from text, all in one format: the one given, else ISO 8601, else the only usual one that fits every row.

    `where(row)` names a row in a message ("prices.csv: row 7, column date"). A time zone is dropped, not converted.

    Raises
    ------
    DataError
        at the first text that is no date, or where day and month cannot be told apart.
    """
    column = pd.Series([_OFFSET.sub("", text.strip()) for text in texts], dtype=object)
    column[column.str.len() < 6] = ""
    formats = (date_format,) if date_format else ("ISO8601", *_DAY_FIRST, *_MONTH_FIRST, *_OTHER)
    fitting: dict[str, pd.DatetimeIndex] = {}
    best = np.zeros(len(column), dtype=bool)
    for fmt in formats:
        parsed = _parse(column, fmt)
        fits = np.asarray(parsed.notna())
        if fits.all():
            fitting[fmt] = parsed
            if fmt == "ISO8601":
                return parsed
        if fits.sum() > best.sum():
            best = fits
    first, *others = fitting.values() or [None]
    if first is None:
        row = int(np.argmin(best))
        wanted = f"as {date_format!r} says" if date_format else "as 2024-01-31, or give date_format"
        raise DataError(f"{where(row)}: {texts[row]!r} is not a date; write dates {wanted}")
    if any((first != other).any() for other in others):
        raise DataError(
            f"{where(0)}: dates such as {texts[0]!r} can be read in more than one way; "
            f"give date_format, one of: {', '.join(fitting)}"
        )
    return first


def _parse(column: pd.Series, fmt: str) -> pd.DatetimeIndex:
    try:
        parsed = pd.to_datetime(column, format=fmt, errors="coerce")
    except ValueError as error:
        raise ConfigError(f"date_format {fmt!r} cannot be used: {str(error).splitlines()[0]}") from None
    return pd.DatetimeIndex(parsed).as_unit("us")


def parse_numbers(texts: Sequence[str], where: Where) -> np.ndarray:
    """Floats from text; an empty cell and the usual words for "missing" become NaN.

    Raises
    ------
    DataError
        at the first text that is neither.
    """
    values = np.empty(len(texts))
    for row, text in enumerate(texts):
        try:
            values[row] = np.nan if text.strip().lower() in MISSING else _number(text)
        except ValueError:
            raise DataError(f"{where(row)}: {text.strip()!r} is not a number; {_advice(text)}") from None
    return values


def _number(text: str) -> float:
    if "_" in text:  # Python reads 1_000 as a number; a file of prices does not mean one
        raise ValueError
    return float(text)


def _advice(text: str) -> str:
    if re.fullmatch(r"[\s\d.,'%+-]+", text):
        return "write numbers plainly and with a decimal point, such as 1234.5"
    return "correct it, or leave the cell empty if there is no value"


def choose_columns(there: Sequence[str], wanted: Sequence[str] | None, name: str) -> list[str]:
    """The price columns to use: all there are, or those wanted.

    Raises
    ------
    DataError
        if there is none, one is missing, or two have the same name.
    """
    if not there:
        raise DataError(
            f"{name} has one column only; it needs a column of dates and one of prices for each factor"
        )
    for column in there:
        if there.count(column) > 1 and (wanted is None or column in wanted):
            raise DataError(f"{name} has two columns {column!r}; rename one")
    for column in wanted or ():
        if column not in there:
            raise DataError(f"{name} has no column {column!r}; it has: {', '.join(there)}")
    return list(there if wanted is None else wanted)


def price_frame(
    dates: pd.DatetimeIndex,
    columns: Mapping[str, np.ndarray],
    row_name: Where,
    factors: Sequence[RiskFactor] = (),
    notes: Sequence[Mapping[str, Any]] = (),
) -> pd.DataFrame:
    """One frame of prices as `Reader.read` returns it.

    Raises
    ------
    DataError
        where a date repeats, naming both rows.
    """
    repeats = np.flatnonzero(dates.duplicated())
    if len(repeats):
        second = int(repeats[0])
        first = int(np.argmax(dates == dates[second]))
        raise DataError(
            f"{row_name(second)} repeats the date {dates[second]:%Y-%m-%d} of row {_number_of(row_name(first))}; "
            "keep one of them"
        )
    index = pd.DatetimeIndex(dates.tz_localize(None).as_unit("us"), name="date")
    frame = pd.DataFrame(
        {name: np.asarray(values, dtype=float) for name, values in columns.items()}, index=index
    )
    if factors:
        frame.attrs["factors"] = tuple(factors)
    if notes:
        frame.attrs["notes"] = [dict(note) for note in notes]
    return frame


def _number_of(row_name: str) -> str:
    return row_name.rpartition(" ")[2]
