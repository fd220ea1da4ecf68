"""Where two files differ: paths of JSON values, columns of tables, arrays of archives, else the first line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_CLOCKS = ("fit_seconds", "seconds")  # keys and columns that hold wall-clock times
_WIDTH = 40


@dataclass(frozen=True)
class Difference:
    """One place in which two files differ.

    where : path of a JSON value (`models.0.fit_seconds`), a table's column, an archive's array, or a line of text
    by : both values, or the largest absolute difference; empty where there is nothing to say
    """

    where: str
    by: str = ""

    @property
    def is_timing(self) -> bool:
        """Whether it is a wall-clock time, which no two runs share."""
        return self.where.rpartition(".")[2] in _CLOCKS

    def __str__(self) -> str:
        return f"{self.where} ({self.by})" if self.by else self.where


def differences(stored: Path, replayed: Path) -> tuple[Difference, ...]:
    """Where two files of one name differ that have not the same bytes; at least one place."""
    look = _LOOKS.get(stored.suffix, _text_differences)
    return tuple(look(stored, replayed)) or (Difference("no value", "written in another way"),)


def value_differences(stored: Any, replayed: Any, path: str = "") -> Iterator[Difference]:
    """Where two JSON values differ."""
    if isinstance(stored, dict) and isinstance(replayed, dict):
        pairs = {key: (stored.get(key, _NOTHING), replayed.get(key, _NOTHING)) for key in stored | replayed}
    elif isinstance(stored, list) and isinstance(replayed, list) and len(stored) == len(replayed):
        pairs = {str(k): pair for k, pair in enumerate(zip(stored, replayed, strict=True))}
    else:
        if stored != replayed:
            yield Difference(path or "the whole", f"{_short(stored)} → {_short(replayed)}")
        return
    for key, pair in pairs.items():
        yield from value_differences(*pair, f"{path}.{key}" if path else key)


class _Nothing:
    """What stands where a key is missing."""

    def __repr__(self) -> str:
        return "nothing"


_NOTHING = _Nothing()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"


def _json_differences(stored: Path, replayed: Path) -> Iterator[Difference]:
    return value_differences(*(json.loads(path.read_text(encoding="utf-8")) for path in (stored, replayed)))


def _table_differences(stored: Path, replayed: Path) -> Iterator[Difference]:
    import pyarrow.parquet as pq

    one, two = pq.read_table(stored), pq.read_table(replayed)
    yield from value_differences(_metadata(one), _metadata(two), "metadata")
    if one.column_names != two.column_names:
        yield Difference("columns", f"{_short(one.column_names)} → {_short(two.column_names)}")
    if len(one) != len(two):
        yield Difference("rows", f"{len(one)} → {len(two)}")
        return
    for name in one.column_names:
        if name in two.column_names:
            yield from _column_differences(name, one.column(name), two.column(name))


def _metadata(table: pa.Table) -> dict[str, Any]:
    """What qfin and pandas wrote beside the values."""
    return {
        key.decode(): _read(text)
        for key, text in (table.schema.metadata or {}).items()
        if key[:5] != b"ARROW"
    }


def _read(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")


def _column_differences(name: str, one: pa.ChunkedArray, two: pa.ChunkedArray) -> Iterator[Difference]:
    import pyarrow as pa

    if one.type != two.type:
        yield Difference(name, f"{one.type} → {two.type}")
    elif pa.types.is_floating(one.type) or pa.types.is_integer(one.type):
        yield from _array_differences(name, one.to_numpy(), two.to_numpy())
    elif not one.equals(two):
        yield Difference(name)


def _archive_differences(stored: Path, replayed: Path) -> Iterator[Difference]:
    import numpy as np

    with np.load(stored, allow_pickle=False) as one, np.load(replayed, allow_pickle=False) as two:
        if one.files != two.files:
            yield Difference("arrays", f"{_short(one.files)} → {_short(two.files)}")
        for name in one.files:
            if name in two.files:
                yield from _array_differences(name, one[name], two[name])


def _array_differences(name: str, one: np.ndarray, two: np.ndarray) -> Iterator[Difference]:
    import numpy as np

    if one.shape != two.shape or one.dtype != two.dtype:
        yield Difference(name, f"{one.dtype} {one.shape} → {two.dtype} {two.shape}")
    elif one.dtype.kind not in "fiu":
        if not np.array_equal(one, two):
            yield Difference(name)
    elif not np.array_equal(one, two, equal_nan=one.dtype.kind == "f"):
        yield Difference(name, f"by {_largest(one, two):.3g} at most")


def _largest(one: np.ndarray, two: np.ndarray) -> float:
    import numpy as np

    apart = np.abs(one.astype(float) - two.astype(float))
    return float(np.nanmax(apart)) if np.isfinite(apart).any() else float("inf")


def _text_differences(stored: Path, replayed: Path) -> Iterator[Difference]:
    one, two = (
        path.read_text(encoding="utf-8", errors="replace").splitlines() for path in (stored, replayed)
    )
    for number, (old, new) in enumerate(zip(one, two, strict=False), start=1):
        if old != new:
            yield Difference(f"line {number}")
            return
    if len(one) != len(two):
        yield Difference("lines", f"{len(one)} → {len(two)}")


_LOOKS: Mapping[str, Callable[[Path, Path], Iterator[Difference]]] = {
    ".json": _json_differences,
    ".parquet": _table_differences,
    ".npz": _archive_differences,
}
