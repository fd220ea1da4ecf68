"""A room's plug-ins: found by file name, built from configuration, described for people."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qfin.errors import ConfigError
from qfin.registry import Kind, Parameter, Room, kind_of

SMOOTH = '''
from collections.abc import Sequence
from typing import Annotated, Literal
from pydantic import Field
from rooms_of_a_test._base import Base

class _Helper: ...

class Smooth(Base):
    """Smooths.

    More of it.
    """

    def __init__(
        self,
        decay: Annotated[float, Field(gt=0, lt=1)] = 0.94,
        days: Annotated[int, Field(ge=1)] = 5,
        how: Literal["a", "b"] = "a",
        names: Annotated[Sequence[str], Field(min_length=1)] | None = None,
    ) -> None:
        self.decay, self.days, self.how, self.names = decay, days, how, names
'''


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    folder = tmp_path / "rooms_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "_base.py").write_text("class Base: ...")
    (folder / "smooth.py").write_text(SMOOTH)
    (folder / "plain.py").write_text(
        "class Plain:\n    'Does nothing.'\n    def __init__(self, path: str): self.path = path\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield Room("rooms_of_a_test", "filter")
    for name in [name for name in sys.modules if name.partition(".")[0] == "rooms_of_a_test"]:
        del sys.modules[name]


def test_kinds_are_files(room: Room) -> None:
    assert room.kinds() == ("plain", "smooth")
    assert "rooms_of_a_test.smooth" not in sys.modules  # nothing was imported to know that
    assert room.load("smooth").__name__ == "Smooth"
    assert kind_of(room.load("smooth")) == kind_of(room.build("smooth")) == "smooth"
    assert room.export("Plain").__name__ == "Plain"
    assert "rooms_of_a_test.plain" in sys.modules
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        room.export("Nothing")


def test_build(room: Room) -> None:
    assert room.build("smooth").decay == 0.94
    built = room.build({"kind": "smooth", "decay": 0.9, "how": "b", "names": ["x"]})
    assert (built.decay, built.days, built.how, built.names) == (0.9, 5, "b", ["x"])
    assert room.build({"kind": "smooth", "days": "7", "decay": "0.5"}).days == 7
    assert type(room.build({"kind": "smooth", "decay": "0.5"}).decay) is float


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("smoth", "there is no filter 'smoth'; did you mean 'smooth'? choose one of: plain, smooth"),
        ("_base", "there is no filter '_base'; choose one of: plain, smooth"),
        ({"decay": 0.9}, "a filter needs a 'kind'; choose one of: plain, smooth"),
        (
            {"kind": "smooth", "decai": 1},
            "filter 'smooth' has no parameter 'decai'; did you mean 'decay'? choose one of",
        ),
        ({"kind": "plain"}, "filter 'plain' needs the parameter 'path'"),
        (
            {"kind": "smooth", "decay": 1.0},
            "filter 'smooth': decay = 1.0 is not allowed: input should be less than 1",
        ),
        (
            {"kind": "smooth", "days": 2.5},
            "filter 'smooth': days = 2.5 is not allowed: input should be a valid integer",
        ),
        (
            {"kind": "smooth", "how": "c"},
            "filter 'smooth': how = 'c' is not allowed: input should be 'a' or 'b'",
        ),
    ],
)
def test_what_it_says_of_wrong_specifications(
    room: Room, spec: str | dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        room.build(spec)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_describe(room: Room) -> None:
    plain, smooth = room.describe()
    assert plain == Kind("plain", "Does nothing.", (Parameter("path", "str", "required"),))
    assert smooth.summary == "Smooths."
    assert [(p.name, p.type, p.default) for p in smooth.parameters] == [
        ("decay", "float (> 0, < 1)", "0.94"),
        ("days", "int (>= 1)", "5"),
        ("how", "'a' | 'b'", "'a'"),
        ("names", "Sequence[str] (length >= 1) | None", "None"),
    ]


def test_a_file_with_two_public_classes_is_a_mistake_of_its_author(room: Room, tmp_path: Path) -> None:
    (tmp_path / "rooms_of_a_test" / "two.py").write_text("class A: ...\nclass B: ...\n")
    with pytest.raises(TypeError, match="must define exactly one public class, it defines 2"):
        room.load("two")
