"""A room's plug-ins, found by file name.

A plug-in is one file in a room: its name is the `kind` in configuration, its one public class that derives from the
room's base is the plug-in, the first line of that class's docstring describes it, and the annotations of its `__init__`
(pydantic's, `Annotated[int, Field(ge=1)]` included) are its parameters and their bounds. Files whose names begin with
an underscore are the room's own. There is no second place to register anything.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from qfin.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True)
class Parameter:
    """One keyword of a plug-in: its name, its type and bounds as text, its default as text ('required' if none)."""

    name: str
    type: str
    default: str


@dataclass(frozen=True)
class Kind:
    """One plug-in of a room as `qfin kinds` shows it."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]


class Room(Generic[T]):
    """The plug-ins of the package `package` that derive from the class `base` (named, so that nothing is imported).

    `noun` is what a user calls one of them in an error ("volatility filter", "dependence model").
    """

    def __init__(self, package: str, noun: str) -> None:
        self.package = package
        self.noun = noun

    @property
    def _folder(self) -> Path:
        return Path(str(importlib.import_module(self.package).__file__)).parent

    def kinds(self) -> tuple[str, ...]:
        """Names of the plug-ins, sorted; imports none of them."""
        return tuple(sorted(path.stem for path in self._folder.glob("*.py") if not path.stem.startswith("_")))

    def load(self, kind: str) -> type[T]:
        """The class of one kind.

        Raises
        ------
        ConfigError
            if there is no such kind; the message lists those there are.
        """
        if kind not in self.kinds():
            raise ConfigError(f"there is no {self.noun} {kind!r}{_did_you_mean(kind, self.kinds())}")
        module = importlib.import_module(f"{self.package}.{kind}")
        return typing.cast("type[T]", _plugin_class(module))

    def build(self, spec: str | Mapping[str, Any]) -> T:
        """An instance from configuration: a kind's name, or a mapping with `kind` and the kind's parameters."""
        parameters = {"kind": spec} if isinstance(spec, str) else dict(spec)
        kind = parameters.pop("kind", None)
        if not isinstance(kind, str):
            raise ConfigError(f"a {self.noun} needs a 'kind'; choose one of: {', '.join(self.kinds())}")
        cls = self.load(kind)
        known = _signature(cls)
        for name in parameters:
            if name not in known:
                raise ConfigError(
                    f"{self.noun} {kind!r} has no parameter {name!r}{_did_you_mean(name, known)}"
                )
        missing = [
            n for n, p in known.items() if p.default is inspect.Parameter.empty and n not in parameters
        ]
        if missing:
            raise ConfigError(f"{self.noun} {kind!r} needs the parameter {missing[0]!r}")
        return cls(**check_parameters(cls, parameters, f"{self.noun} {kind!r}"))

    def describe(self) -> list[Kind]:
        """Every kind with its one line and its parameters."""
        found = []
        for name in self.kinds():
            cls = self.load(name)
            hints = _hints(cls)
            found.append(
                Kind(
                    name,
                    (inspect.getdoc(cls) or "").split("\n", 1)[0],
                    tuple(
                        Parameter(
                            n,
                            _type_text(hints.get(n, Any)),
                            "required" if p.default is inspect.Parameter.empty else repr(p.default),
                        )
                        for n, p in _signature(cls).items()
                    ),
                )
            )
        return found

    def export(self, name: str) -> type[T]:
        """The plug-in class called `name`, importing only its own file (for a room's lazy `__getattr__`)."""
        declaration = re.compile(rf"^class {re.escape(name)}\b", re.MULTILINE)
        for kind in self.kinds():
            if declaration.search((self._folder / f"{kind}.py").read_text(encoding="utf-8")):
                return self.load(kind)
        raise AttributeError(f"module {self.package!r} has no attribute {name!r}")


def kind_of(plugin: object) -> str:
    """The kind of a plug-in's class or instance: the name of its file."""
    cls = plugin if isinstance(plugin, type) else type(plugin)
    return cls.__module__.rpartition(".")[2]


def check_parameters(cls: type, values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Check values against the annotations of a class's `__init__`, and return them as those say (`"5"` as 5).

    Raises
    ------
    ConfigError
        naming the parameter, what was wanted and what was given.
    """
    adapters = _adapters(cls)
    checked = dict(values)
    for name, value in values.items():
        if name not in adapters:
            continue
        try:
            checked[name] = adapters[name].validate_python(value)
        except ValidationError as error:
            wanted = error.errors()[0]["msg"]
            wanted = wanted[0].lower() + wanted[1:]
            raise ConfigError(f"{what}: {name} = {value!r} is not allowed: {wanted}") from None
    return checked


def check_estimator(estimator: Any) -> None:
    """Check a scikit-learn estimator's parameters, as `fit` does first."""
    check_parameters(type(estimator), estimator.get_params(deep=False), type(estimator).__name__)


@lru_cache(maxsize=256)
def _adapters(cls: type) -> dict[str, TypeAdapter[Any]]:
    known = _signature(cls)
    return {name: _adapter(hint) for name, hint in _hints(cls).items() if name in known}


def _hints(cls: type) -> dict[str, Any]:
    """Types of a class's parameters; of a dataclass those of its fields, inherited ones in the file they stand in."""
    return typing.get_type_hints(
        cls if dataclasses.is_dataclass(cls) else cls.__init__,  # type: ignore[misc]
        include_extras=True,
    )


def _adapter(hint: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True, strict=False))
    except PydanticUserError:  # the hint carries a configuration of its own (a model, a dataclass)
        return TypeAdapter(hint)


def _signature(cls: type) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(cls).parameters


def _plugin_class(module: types.ModuleType) -> type:
    public = [
        value
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_")
    ]
    if len(public) != 1:
        raise TypeError(f"{module.__name__} must define exactly one public class, it defines {len(public)}")
    return public[0]


def _did_you_mean(name: str, choices: Iterable[str]) -> str:
    choices = list(choices)
    close = difflib.get_close_matches(name, choices, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    return f"{hint} choose one of: {', '.join(choices)}" if choices else "; it takes none"


def _type_text(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Annotated:
        base, *notes = typing.get_args(hint)
        bounds = [str(part) for note in notes for part in getattr(note, "metadata", [note])]
        return (
            f"{_type_text(base)} ({', '.join(_bound_text(b) for b in bounds)})"
            if bounds
            else _type_text(base)
        )
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(repr(choice) for choice in typing.get_args(hint))
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return " | ".join(_type_text(part) for part in typing.get_args(hint))
    if typing.get_args(hint):
        inner = ", ".join("..." if part is ... else _type_text(part) for part in typing.get_args(hint))
        return f"{getattr(hint, '__name__', hint)}[{inner}]"
    return "None" if hint is type(None) else getattr(hint, "__name__", str(hint))


_BOUNDS = {
    "Ge(ge=": ">= ",
    "Gt(gt=": "> ",
    "Le(le=": "<= ",
    "Lt(lt=": "< ",
    "MinLen(min_length=": "length >= ",
    "MaxLen(max_length=": "length <= ",
}


def _bound_text(bound: str) -> str:
    for name, sign in _BOUNDS.items():
        if bound.startswith(name):
            return sign + bound[len(name) : -1]
    return bound
