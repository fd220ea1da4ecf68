"""What every instrument is: a frozen specification that says what it needs and how QuantLib values it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from qfin.errors import DataError
from qfin.registry import kind_of
from qfin.risk._fields import checked_fields
from qfin.risk._market import Need

if TYPE_CHECKING:
    import numpy as np

    from qfin.risk._arrays import Arrays
    from qfin.risk._quantlib import Quotes

Pricer = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Instrument(ABC):
    """One trade. Its fields are the trade's fields in a portfolio file; they are checked and converted when it is made.

    A new instrument is one file with a frozen, keyword-only dataclass: fields with types of `qfin.risk._fields`, the
    members below, and in its docstring a section `Example` that holds one trade in JSON form.

    name : how errors and reports call the trade
    """

    name: str

    after_today: ClassVar[tuple[str, ...]] = ()
    """Fields that hold a day after the as-of date."""
    until_today: ClassVar[tuple[str, ...]] = ()
    """Fields that hold a day on or before the as-of date."""

    def __post_init__(self) -> None:
        clean, problems = checked_fields(type(self), {f.name: getattr(self, f.name) for f in fields(self)})
        problems = problems or list(self._inconsistencies(clean))
        if problems:
            raise DataError(f"trade {self.name!r} ({kind_of(self)}): {'; '.join(problems)}")
        for name, value in clean.items():
            object.__setattr__(self, name, value)

    @property
    @abstractmethod
    def value_currency(self) -> str:
        """Code of the currency that its pricer values it in."""

    @property
    @abstractmethod
    def description(self) -> str:
        """The trade in a few words, for reports."""

    @abstractmethod
    def needs(self) -> Mapping[str, Need]:
        """What it is valued with, by the field that names it."""

    @abstractmethod
    def build(self, quotes: Quotes) -> Pricer:
        """Its QuantLib instrument on `quotes`: a function of nothing that values it, in `value_currency`, at what the
        quotes are set to when it is called.

        The value is of `quotes.reference`. If that is after the as-of date, what was due in between (`quotes.between`)
        belongs to the value, as it was paid and without interest; a trade that has ended is what it paid."""

    def closed_form(self, arrays: Arrays) -> np.ndarray | None:
        """The same value in every scenario at once, shape (n,) or one number for all; None if it has no closed form.

        It must be QuantLib's number to 1e-12 of it, or of `size`: that is checked on a sample wherever it is used."""
        return None

    @property
    def size(self) -> float:
        """An amount of `value_currency` that errors of rounding are measured against where the value is near zero."""
        return 0.0

    def __getstate__(self) -> dict[str, Any]:
        """Its fields alone: what is made of them with QuantLib does not leave the process."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def date_problems(self, as_of: date) -> Iterator[str]:
        """What is wrong with its days on an as-of date, each a clause that begins with the field's name."""
        for name in self.after_today:
            if getattr(self, name) <= as_of:
                yield f"{name} {getattr(self, name)} is not after the as-of date {as_of}"
        for name in self.until_today:
            if getattr(self, name) > as_of:
                yield f"{name} {getattr(self, name)} is after the as-of date {as_of}"

    def to_dict(self) -> dict[str, Any]:
        """The trade in JSON form; fields left out where they are."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"instrument": kind_of(self), **{k: _plain(v) for k, v in values.items() if v is not None}}

    @classmethod
    def example(cls) -> dict[str, Any]:
        """The trade in its docstring's section `Example`, in JSON form."""
        example = json.loads((cls.__doc__ or "").partition("Example\n    -------\n")[2])
        return dict(example)

    @classmethod
    def _inconsistencies(cls, values: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong between fields that are right one by one."""
        yield from ()


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value
