"""What stages tell whoever watches: a stage begins, a stage has ended with an artifact.

Watchers are the process's, not a call's: stages may run on threads of a scheduler that knows nothing of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qfin.store import Artifact, Store


@dataclass(frozen=True)
class StageEvent:
    """A stage begins (`artifact` is None) or has ended.

    `label` says which of several of its kind it is ("Student-t copula"), and may be empty; `seconds` is how long
    it took.
    """

    stage: str
    label: str = ""
    artifact: Artifact | None = None
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """Stage and label, as people read them."""
        return f"{self.stage}: {self.label}" if self.label else self.stage


Watcher = Callable[[StageEvent], None]
_watchers: list[Watcher] = []


@contextmanager
def watching(watcher: Watcher | None) -> Iterator[None]:
    """While the context lasts, `watcher` is called with every event of every stage in this process."""
    if watcher is None:
        yield
        return
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def publish(
    store: Store,
    stage: str,
    inputs: Mapping[str, Any],
    write: Callable[[Path], Mapping[str, Any]],
    parents: Mapping[str, Artifact] | None = None,
    label: str = "",
) -> Artifact:
    """`store.publish`, told to the watchers."""
    _tell(StageEvent(stage, label))
    began = time.perf_counter()
    artifact = store.publish(stage, inputs, write, parents)
    _tell(StageEvent(stage, label, artifact, time.perf_counter() - began))
    return artifact


def _tell(event: StageEvent) -> None:
    for watcher in tuple(_watchers):
        watcher(event)
