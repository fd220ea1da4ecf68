"""Types of a trade's and a market's fields, with their units, and one way to check them in a user's terms."""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any

from pydantic import ConfigDict, Field, GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, core_schema


class _Checked:
    """A note on a field's type: `check` sees the value first; `metadata` is how `qfin kinds` shows the note."""

    def __init__(self, check: Callable[[Any], Any], *metadata: str) -> None:
        self.check = check
        self.metadata = metadata

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("should be a date such as 2027-03-31") from None
    if not 1901 < day.year < 2199:
        raise ValueError("should be a date between 1902 and 2198")
    return day


def _days(value: Any) -> Any:
    """Days that rise; in a table with blanks between them."""
    days = value.split() if isinstance(value, str) else value
    if not isinstance(days, list | tuple):
        raise ValueError("should be a list of dates")
    days = tuple(_day(day) for day in days)
    if not days or any(a >= b for a, b in pairwise(days)):
        raise ValueError("should be one day or more, each after the one before")
    return days


def _code(length: int, example: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, str) or not re.fullmatch(f"[A-Z]{{{length}}}", value):
            raise ValueError(f"should be {example}")
        return value

    return check


def is_currency(code: Any) -> bool:
    """Whether a value is a currency code by its form."""
    return isinstance(code, str) and re.fullmatch("[A-Z]{3}", code) is not None


def is_pair(name: str) -> bool:
    """Whether a name is two currency codes, as FX factors' names are."""
    return re.fullmatch("[A-Z]{6}", name) is not None


def _number(value: Any) -> Any:
    """Numbers are numbers: JSON's true is not 1; a table's text is read as a number if it is one."""
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


def _decimal(low: float, high: float, example: str) -> _Checked:
    """A decimal strictly between two bounds; what is given in per cent mostly falls outside, and is told so."""

    def check(value: Any) -> float:
        try:
            number = float(_number(value))
        except (TypeError, ValueError):
            raise ValueError("should be a number") from None
        if not low < number < high:
            raise ValueError(f"should be a decimal between {low:g} and {high:g} ({example})")
        return number

    return _Checked(check, f"> {low:g}", f"< {high:g}")


def _named(number: _Checked) -> _Checked:
    """A name, or a number as `number` has it; a table's text is a number if it reads as one."""

    def check(value: Any) -> Any:
        try:
            named = isinstance(value, str) and not math.isfinite(float(value))
        except ValueError:
            named = True
        return value if named else number.check(value)

    return _Checked(check, *number.metadata)


_rate = _decimal(-0.5, 1.0, "0.036 is 3.6 per cent")
_volatility = _decimal(0.0, 5.0, "0.08 is 8 per cent")

Day = Annotated[date, _Checked(_day, "ISO 8601")]
Currency = Annotated[str, _Checked(_code(3, "a currency code such as EUR"), "ISO 4217")]
Pair = Annotated[
    str, _Checked(_code(6, "two currency codes such as EURUSD, the price of one EUR in USD"), "FX factor")
]
Amount = Annotated[float, _Checked(_number), Field(allow_inf_nan=False)]
Positive = Annotated[float, _Checked(_number), Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, _Checked(_number), Field(ge=0, le=30)]
NotNegative = Annotated[float, _Checked(_number), Field(ge=0, allow_inf_nan=False)]
Days = Annotated[tuple[Day, ...], _Checked(_days, "rising")]
Share = Annotated[float, _Checked(_number), Field(ge=0, lt=1)]
Rate = Annotated[float, _rate]
Vol = Annotated[float, _volatility]
NamedRate = Annotated[str | float, _named(_rate)]
NamedVol = Annotated[str | float, _named(_volatility)]


def checked_fields(cls: type, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`values` as the fields of the dataclass `cls` want them, and everything that is wrong with them, each a clause
    that begins with the field's name."""
    fields = {f.name: f for f in dataclasses.fields(cls)}
    problems = [
        f"{name}: there is no such field{did_you_mean(name, fields)}" for name in values if name not in fields
    ]
    clean: dict[str, Any] = {}
    for name, field in fields.items():
        if name in values:
            try:
                clean[name] = _adapters(cls)[name].validate_python(values[name])
            except ValidationError as error:
                problems.append(f"{name} {explain(_told(error))}, got {values[name]!r}")
        elif field.default is dataclasses.MISSING:
            problems.append(f"{name} is missing")
    return clean, problems


def explain(detail: Mapping[str, Any]) -> str:
    """One of pydantic's errors as the end of a sentence that begins with the value's name."""
    message = str(detail["msg"])
    for prefix in ("Value error, ", "Input ", "String "):
        message = message.removeprefix(prefix)
    return message[0].lower() + message[1:]


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """The end of a sentence that says `name` is none of the choices."""
    choices = sorted(choices)
    if not choices:
        return "; there are none"
    close = difflib.get_close_matches(name, choices, 1)
    return f"; {f'did you mean {close[0]}? ' if close else ''}choose one of: {', '.join(choices)}"


def _told(error: ValidationError) -> Mapping[str, Any]:
    """Of an optional field's two errors, the one that is not about None."""
    details = error.errors()
    return next((d for d in details if d["type"] != "none_required"), details[0])


@lru_cache(maxsize=64)
def _adapters(cls: type) -> dict[str, TypeAdapter[Any]]:
    hints = typing.get_type_hints(cls, include_extras=True)
    config = ConfigDict(str_strip_whitespace=True, str_min_length=1)
    known = {field.name for field in dataclasses.fields(cls)}
    return {name: TypeAdapter(hint, config=config) for name, hint in hints.items() if name in known}
