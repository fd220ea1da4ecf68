"""Prices from a file, a shipped data set or any reader: one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from qfin.errors import ConfigError, DataError
from qfin.market._factors import RiskFactor, known_factors
from qfin.market.readers._base import Reader
from qfin.shipped import shipped

Fill = Literal["none", "common_days", "previous"]
Day = str | date | pd.Timestamp


def read_prices(
    source: str | Path | Reader,
    *,
    start: Day | None = None,
    end: Day | None = None,
    fill: Fill = "none",
    factors: Sequence[RiskFactor | str] | None = None,
) -> pd.DataFrame:
    """Prices by date, a float column a risk factor, oldest first.

    Parameters
    ----------
    source : a file (.csv or .parquet), a shipped data set ("fx", "fx18", "multi", "ust"), or a reader
    start, end : first and last date to keep, both included
    fill : what to do about missing values. "none" keeps them as NaN (`check_prices` and `ReturnsFrame` then stop at
        them); "common_days" keeps the dates on which every factor has a value; "previous" carries the last value
        forward, and drops the dates before each factor has one
    factors : the factors to use, in this order: names, or `RiskFactor`s where the source does not describe them well

    The index is called "date". `.attrs["factors"]` holds the `RiskFactor`s where the source or `factors` describe them.
    Nothing is repaired silently: rows that were not in order and what the fill rule did are noted in
    `.attrs["notes"]`, which `check_prices` reports as oddities.

    Raises
    ------
    DataError
        naming file, row and column of what cannot be read.
    ConfigError
        if there is no such data set or fill rule; the message lists those there are.
    """
    if fill not in get_args(Fill):
        raise ConfigError(f"there is no fill rule {fill!r}; choose one of: {', '.join(get_args(Fill))}")
    reader = source if isinstance(source, Reader) else _reader(source)
    prices = reader.read()
    notes = [*prices.attrs.get("notes", ())]
    prices = _with_factors(prices, factors, source)
    prices, sorting = _sorted(prices)
    prices = _between(prices, start, end, source)
    filled, filling = _filled(prices, fill)
    filled.attrs = {k: v for k, v in prices.attrs.items() if k != "notes"}
    if notes := [*notes, *sorting, *filling]:
        filled.attrs["notes"] = notes
    return filled


def shipped_names() -> tuple[str, ...]:
    """Names of the data sets that come with qfin."""
    return tuple(sorted(path.stem for path in shipped().glob("*.parquet")))


def _reader(source: str | Path) -> Reader:
    match Path(source).suffix.lower():
        case ".csv":
            from qfin.market.readers.csv import CsvFile

            return CsvFile(source)
        case ".parquet" | ".pq":
            from qfin.market.readers.parquet import ParquetFile

            return ParquetFile(source)
    if str(source) in shipped_names():
        from qfin.market.readers.bundled import BundledData

        return BundledData(str(source))  # type: ignore[arg-type]
    raise ConfigError(
        f"{str(source)!r} is neither a shipped data set ({', '.join(shipped_names())}) nor a file; "
        "paths end in .csv or .parquet"
    )


def _with_factors(
    prices: pd.DataFrame, factors: Sequence[RiskFactor | str] | None, source: str | Path | Reader
) -> pd.DataFrame:
    if factors is None:
        return prices
    there = {factor.name: factor for factor in known_factors(prices)}
    chosen = []
    for factor in factors:
        name = factor if isinstance(factor, str) else factor.name
        if name not in there:
            raise DataError(f"{_name_of(source)} has no factor {name!r}; it has: {', '.join(there)}")
        chosen.append(there[name] if isinstance(factor, str) else factor)
    if not chosen:
        raise ConfigError("factors is an empty list; name at least one, or leave it out to use every column")
    names = [factor.name for factor in chosen]
    if len(set(names)) < len(names):
        raise ConfigError(f"factors names {max(names, key=names.count)!r} twice; name each once")
    described = "factors" in prices.attrs or any(isinstance(factor, RiskFactor) for factor in factors)
    prices = prices[names]
    if described:
        prices.attrs["factors"] = tuple(chosen)
    return prices


def _sorted(prices: pd.DataFrame) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    if prices.index.is_monotonic_increasing:
        return prices, []
    at = int(np.argmax(np.diff(prices.index.to_numpy()) < np.timedelta64(0)))
    message = (
        f"{prices.index[at + 1]:%Y-%m-%d} came after {prices.index[at]:%Y-%m-%d}: "
        "the rows were not in order and were sorted by date"
    )
    note = {"check": "unsorted dates", "date": f"{prices.index[at + 1]:%Y-%m-%d}", "message": message}
    return prices.sort_index(kind="stable"), [note]


def _between(
    prices: pd.DataFrame, start: Day | None, end: Day | None, source: str | Path | Reader
) -> pd.DataFrame:
    if start is None and end is None:
        return prices
    dates = pd.DatetimeIndex(prices.index)
    first = _day(start, "start") if start is not None else prices.index[0]
    last = _day(end, "end") if end is not None else prices.index[-1]
    kept = prices[(dates >= first) & (dates.normalize() <= last)]
    if kept.empty:
        raise DataError(
            f"{_name_of(source)} has no prices from {first:%Y-%m-%d} to {last:%Y-%m-%d}; "
            f"it has {prices.index[0]:%Y-%m-%d} to {prices.index[-1]:%Y-%m-%d}"
        )
    return kept


def _day(day: Day, what: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(day)
    except ValueError:
        raise ConfigError(f"{what} = {day!r} is not a date; write it as 2024-01-31") from None


def _filled(prices: pd.DataFrame, fill: Fill) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    if fill == "none" or not prices.isna().to_numpy().any():
        return prices.copy(), []
    if fill == "common_days":
        kept = prices.dropna()
        return kept, [*_dropped(prices, kept, "common_days: dropped {} on which it has no value")]
    carried = prices.ffill()
    kept = carried.dropna()
    notes = [*_dropped(prices, kept, "previous: dropped {} before its first value")]
    for name in prices:
        filled = prices.index[prices[name].isna() & carried[name].notna()].intersection(kept.index)
        if len(filled):
            count = _count(len(filled), "date")
            message = f"{name}: previous: filled {count} from the date before, first {filled[0]:%Y-%m-%d}"
            notes.append(_note(str(name), filled[0], message))
    return kept, notes


def _dropped(prices: pd.DataFrame, kept: pd.DataFrame, text: str) -> Iterator[dict[str, Any]]:
    """One note for each series that made a fill rule drop dates."""
    gone = prices.loc[prices.index.difference(kept.index)]
    blank = gone.ffill().isna() if text.startswith("previous") else gone.isna()
    for name in prices:
        dates = gone.index[blank[name]]
        if len(dates):
            message = f"{name}: {text.format(_count(len(dates), 'date'))}, first {dates[0]:%Y-%m-%d}"
            yield _note(str(name), dates[0], message)


def _note(factor: str, day: pd.Timestamp, message: str) -> dict[str, Any]:
    return {"check": "filled", "factor": factor, "date": f"{day:%Y-%m-%d}", "message": message}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _name_of(source: str | Path | Reader) -> str:
    return type(source).__name__ if isinstance(source, Reader) else str(source)
