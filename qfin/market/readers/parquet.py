"""Prices from a Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from qfin.errors import DataError
from qfin.market._price_file import described_factors
from qfin.market.readers._base import Reader, choose_columns, parse_dates, price_frame
from qfin.market.readers._text import find_date_column


class ParquetFile(Reader):
    """A Parquet file: a column of dates (or a pandas datetime index), a column of prices for each factor.

    Parameters
    ----------
    path : the file
    date_column : name of the column of dates; by default the one called "date" (in any case), else the only one that
        holds dates, else the first
    columns : the price columns to read; by default all
    """

    def __init__(
        self, path: str | Path, date_column: str | None = None, columns: Sequence[str] | None = None
    ) -> None:
        self.path = path
        self.date_column = date_column
        self.columns = columns

    def read(self) -> pd.DataFrame:
        """Prices of the file, and its factors if qfin wrote it; a DataError counts rows from 1."""
        name = str(self.path)
        table = _table(Path(self.path))
        if not table.num_rows:
            raise DataError(f"{name} is empty; it needs a row of prices for each date")
        at = _date_position(table, self.date_column, name)
        title = table.column_names[at]
        chosen = choose_columns([c for k, c in enumerate(table.column_names) if k != at], self.columns, name)
        dates = _dates(table.column(at), f"{name}: row ", f", column {title}")
        values = {c: _numbers(table.column(c), f"{name}: row ", f", column {c}") for c in chosen}
        factors = [f for f in described_factors(table.schema, name) if f.name in values]
        return price_frame(dates, values, lambda row: f"{name}: row {row + 1}", factors)


def _table(path: Path) -> pa.Table:
    if not path.is_file():
        raise DataError(f"there is no file {path}; check the path")
    if not path.stat().st_size:
        raise DataError(f"{path} is empty; it needs a row of prices for each date")
    try:
        with pq.ParquetFile(path) as file:  # not read_table: it takes folder names such as "a=1" for columns
            return file.read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a readable Parquet file: {str(error).splitlines()[0]}") from None


def _date_position(table: pa.Table, date_column: str | None, name: str) -> int:
    names = table.column_names
    if date_column is not None:
        if date_column not in names:
            raise DataError(f"{name} has no column {date_column!r}; it has: {', '.join(names)}")
        return int(names.index(date_column))
    called = find_date_column(names)
    if called is not None:
        return called
    temporal = [k for k, field in enumerate(table.schema) if pa.types.is_temporal(field.type)]
    return temporal[0] if len(temporal) == 1 else 0


def _dates(column: pa.ChunkedArray, before: str, after: str) -> pd.DatetimeIndex:
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy())) + 1
        raise DataError(f"{before}{row}{after}: there is no date; drop the row")
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return pd.DatetimeIndex(column.to_pandas()).tz_localize(None).as_unit("us")
    return parse_dates([str(value) for value in column.to_pylist()], lambda row: f"{before}{row + 1}{after}")


def _numbers(column: pa.ChunkedArray, before: str, after: str) -> np.ndarray:
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        row = int(np.argmax(column.is_valid().to_numpy()))
        raise DataError(
            f"{before}{row + 1}{after}: {str(column[row].as_py())!r} is not a number (the column holds {kind}); "
            "store numbers, or name the columns to read"
        )
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=float)
