"""Prices from delimited text: what the csv and the ecb reader share."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qfin.errors import DataError
from qfin.market.readers._base import MISSING, choose_columns, parse_dates, parse_numbers, price_frame

_DELIMITERS = {",": "','", ";": "';'", "\t": "a tab ('\\t')", "|": "'|'"}
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}")


@dataclass(frozen=True)
class _Table:
    """Cells of a file as text, with the line in the file that each row begins on."""

    name: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def row(self, row: int) -> str:
        return f"{self.name}: row {self.lines[row]}"

    def column(self, position: int) -> list[str]:
        return [cells[position] for cells in self.rows]


def parse_prices(
    text: str,
    name: str,
    *,
    separator: str = ",",
    date_column: str | None = None,
    date_format: str | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Prices from delimited text with a header; `name` is what messages call it.

    Raises
    ------
    DataError
        naming row (line of the file, the first is 1) and column.
    """
    table = _split(text, name, separator)
    at = _date_position(table, date_column)
    there = [column for k, column in enumerate(table.header) if k != at]
    chosen = choose_columns(there, columns, name)
    if not table.rows:
        raise DataError(f"{name} has a header but no rows")
    dates = parse_dates(
        table.column(at), lambda row: f"{table.row(row)}, column {table.header[at] or 1}", date_format
    )
    positions = {title: k for k, title in enumerate(table.header) if k != at}
    values = {column: _column(table, positions[column]) for column in chosen}
    return price_frame(dates, values, table.row)


def _column(table: _Table, position: int) -> np.ndarray:
    return parse_numbers(
        table.column(position), lambda row: f"{table.row(row)}, column {table.header[position]}"
    )


def _split(text: str, name: str, separator: str) -> _Table:
    if not text.strip():
        raise DataError(f"{name} is empty; it needs a header and a row of prices for each date")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    rows, lines = [], []
    try:
        for line, cells in enumerate(reader, start=1):
            if any("\n" in cell for cell in cells):
                raise DataError(f"{name}: row {line} has a quote that is not closed; close or remove it")
            if any(cell.strip() for cell in cells):
                rows.append(cells)
                lines.append(line)
    except csv.Error as error:
        raise DataError(f"{name}: row {reader.line_num} cannot be read ({error}); correct it") from None
    header = [title.strip() for title in rows[0]]
    _check_header(header, name, lines[0], separator)
    _check_widths(rows, lines, name, separator)
    table = _Table(name, header, rows[1:], lines[1:])
    return _without_unnamed_columns(table)


def _check_header(header: list[str], name: str, line: int, separator: str) -> None:
    if len(header) == 1:
        seems = max((d for d in _DELIMITERS if d != separator), key=header[0].count)
        if seems in header[0]:
            given = _DELIMITERS.get(separator, repr(separator))
            raise DataError(
                f"{name} seems to be separated by {_DELIMITERS[seems]}, not by {given}; give separator = {seems!r}"
            )
    is_data = [bool(_DATE.fullmatch(title)) for title in header]
    if any(is_data) or all(_is_number(title) for title in header):
        raise DataError(
            f"{name} has no header: row {line} begins with {header[0]!r}; put the names of the columns in the first row"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.lower() in MISSING
    return True


def _check_widths(rows: list[list[str]], lines: list[int], name: str, separator: str) -> None:
    wanted = len(rows[0])
    for cells, line in zip(rows, lines, strict=True):
        if len(cells) != wanted:
            raise DataError(
                f"{name}: row {line} has {len(cells)} cells and the header has {wanted}; "
                f"look for a missing or an extra {_DELIMITERS.get(separator, repr(separator))}"
            )


def _without_unnamed_columns(table: _Table) -> _Table:
    """The table without empty columns that have no name (lines that end with the separator)."""
    drop = {
        k
        for k, title in enumerate(table.header)
        if k and not title and not any(cells[k].strip() for cells in table.rows)
    }
    keep = [k for k in range(len(table.header)) if k not in drop]
    for k in keep[1:]:
        if not table.header[k]:
            raise DataError(f"{table.name}: column {k + 1} has no name; name it in the header")
    return _Table(
        table.name,
        [table.header[k] for k in keep],
        [[cells[k] for k in keep] for cells in table.rows],
        table.lines,
    )


def _date_position(table: _Table, date_column: str | None) -> int:
    if date_column is None:
        return find_date_column(table.header) or 0
    if date_column not in table.header:
        raise DataError(f"{table.name} has no column {date_column!r}; it has: {', '.join(table.header)}")
    return table.header.index(date_column)


def find_date_column(names: Sequence[str]) -> int | None:
    """Position of the column called "date" in any case, if there is one."""
    return next((k for k, name in enumerate(names) if name.lower() == "date"), None)
