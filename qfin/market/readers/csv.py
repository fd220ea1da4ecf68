"""Prices from a delimited text file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field

from qfin.errors import DataError
from qfin.market.readers._base import Reader
from qfin.market.readers._text import parse_prices


class CsvFile(Reader):
    """A CSV file: a header, a column of dates, a column of prices for each factor.

    Parameters
    ----------
    path : the file, UTF-8
    date_column : name of the column of dates; by default the one called "date" (in any case), else the first
    date_format : how dates are written, as for `strptime` ("%d/%m/%Y"); by default ISO 8601, or the one usual format
        that fits every row
    separator : what stands between two cells
    columns : the price columns to read; by default all
    """

    def __init__(
        self,
        path: str | Path,
        date_column: str | None = None,
        date_format: str | None = None,
        separator: Annotated[str, Field(min_length=1, max_length=1)] = ",",
        columns: Sequence[str] | None = None,
    ) -> None:
        self.path = path
        self.date_column = date_column
        self.date_format = date_format
        self.separator = separator
        self.columns = columns

    def read(self) -> pd.DataFrame:
        """Prices of the file; a DataError names the row as an editor numbers it."""
        return parse_prices(
            _text(Path(self.path)),
            str(self.path),
            separator=self.separator,
            date_column=self.date_column,
            date_format=self.date_format,
            columns=self.columns,
        )


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"there is no file {path}; check the path") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path} is not UTF-8 text (byte 0x{raw[error.start]:02x} in row {row}); save it as CSV in UTF-8"
        ) from None
