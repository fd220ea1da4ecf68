"""Portfolio files to plain values and checked trades; every mistake of a file is told at once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qfin.errors import DataError, QfinError
from qfin.risk._fields import checked_fields, did_you_mean, explain, is_currency
from qfin.risk._static import StaticMarket
from qfin.risk.instruments import INSTRUMENTS, Instrument

_SHOWN = 12
_RESERVED = ("scenario", "total")


def read_file(path: Path) -> dict[str, Any]:
    """The JSON form of a portfolio, from a `.json` file or from a `.csv` table and its `.market.json`.

    Raises
    ------
    DataError
        if a file is missing or cannot be read, with the line where there is one.
    """
    if path.suffix == ".json":
        return read_json(path)
    if path.suffix != ".csv":
        raise DataError(f"{path}: a portfolio is a .json or a .csv file")
    trades = _read_table(path)
    sidecar = path.with_suffix(".market.json")
    if not sidecar.is_file():
        raise DataError(
            f"{path}: {sidecar.name} is missing beside it; it holds the portfolio's name, base_currency and market"
        )
    return {**read_json(sidecar), "trades": trades}


def read_json(path: Path) -> dict[str, Any]:
    """One JSON object, without repeated keys or values that are not finite."""

    def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        for name in names:
            if names.count(name) > 1:
                raise DataError(f"{path}: the key {name!r} appears twice in one object")
        return dict(pairs)

    try:
        raw = json.loads(_text(path), object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    if not isinstance(raw, dict):
        raise DataError(f"{path}: a portfolio is a JSON object with name, base_currency, market and trades")
    return raw


def read_trades(raw: Any) -> tuple[list[Instrument], list[str]]:
    """The trades of a portfolio's JSON form, and everything that is wrong with them."""
    if not isinstance(raw, list) or not raw:
        return [], ["trades: wanted a list of one trade or more"]
    trades, problems = [], []
    for number, fields in enumerate(raw, start=1):
        try:
            trades.append(_trade(fields, number))
        except QfinError as error:
            problems.append(str(error))
    return trades, problems


def header_problems(name: Any, base_currency: Any, trades: Sequence[Instrument]) -> list[str]:
    """What is wrong with a portfolio's name, base currency and names of trades."""
    problems = [] if isinstance(name, str) and name.strip() else [f"name: wanted a text, got {name!r}"]
    if not is_currency(base_currency):
        problems.append(f"base_currency should be a currency code such as USD, got {base_currency!r}")
    names = [trade.name for trade in trades]
    problems += [f"trade {n!r}: the name appears twice" for n in dict.fromkeys(names) if names.count(n) > 1]
    problems += [f"trade {n!r}: choose another name, tables use this one" for n in names if n in _RESERVED]
    return problems


def read_market(raw: Any) -> tuple[StaticMarket, list[str]]:
    """The static market of a portfolio's JSON form, and everything that is wrong with it."""
    try:
        return StaticMarket.model_validate(raw), []
    except ValidationError as error:
        return StaticMarket(), list(dict.fromkeys(_market_problem(d) for d in error.errors()))


def raise_for(source: str, problems: Sequence[str]) -> None:
    """One error that tells all `problems` (the first dozen, and how many more there are)."""
    if problems:
        rest = len(problems) - _SHOWN
        more = [f"and {rest} more"] if rest > 0 else []
        raise DataError(f"{source}: {'; '.join([*problems[:_SHOWN], *more])}")


def _trade(fields: Any, number: int) -> Instrument:
    if not isinstance(fields, Mapping):
        raise DataError(f"trade {number}: wanted an object with instrument, name and the instrument's fields")
    values = dict(fields)
    name = values.get("name")
    called = f"trade {name!r}" if isinstance(name, str) and name else f"trade {number}"
    kind = values.pop("instrument", None)
    if kind not in INSTRUMENTS.kinds():
        said = "instrument is missing" if kind is None else f"there is no instrument {kind!r}"
        raise DataError(f"{called}: {said}{did_you_mean(str(kind), INSTRUMENTS.kinds())}")
    cls = INSTRUMENTS.load(kind)
    _, problems = checked_fields(cls, values)
    if problems:
        raise DataError(f"{called} ({kind}): {'; '.join(problems)}")
    return cls(**values)


def _market_problem(detail: Mapping[str, Any]) -> str:
    place = ".".join(["market", *(str(part) for part in detail["loc"])])
    if detail["type"] == "extra_forbidden":
        return f"{place}: there is no such key"
    given = "" if isinstance(detail["input"], Mapping | list) else f", got {detail['input']!r}"
    return f"{place} {explain(detail)}{given}"


def _read_table(path: Path) -> list[dict[str, str]]:
    reader = csv.reader(io.StringIO(_text(path), newline=""))
    rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    rows = [(line, row) for line, row in rows if any(row)]
    if not rows:
        raise DataError(f"{path}: the file is empty; wanted a header with the columns instrument, name, ...")
    (_, header), *body = rows
    if not {"instrument", "name"} <= set(header):
        raise DataError(
            f"{path}: line 1 is no header with the columns instrument and name; it is {','.join(header)}"
        )
    for column in header:
        if header.count(column) > 1:
            raise DataError(f"{path}: the column {column!r} appears twice")
    for line, row in body:
        if len(row) != len(header):
            raise DataError(f"{path}: line {line} has {len(row)} cells, the header {len(header)}")
    return [{k: v for k, v in zip(header, row, strict=True) if v} for _, row in body]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such portfolio file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
