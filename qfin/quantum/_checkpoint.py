"""Checkpoints of a training run: JSON and one NumPy archive, replaced as one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from qfin import persistence
from qfin.errors import StoreError
from qfin.quantum._adam import State

_POINTER = "latest.txt"


class Optimiser(Protocol):
    """A rule for the next angles: a frozen dataclass of qfin, so that a checkpoint can hold it."""

    def start(self, theta: np.ndarray) -> State:
        """The state before the first step."""
        ...

    def step(
        self, theta: np.ndarray, gradient: np.ndarray, state: State, number: int
    ) -> tuple[np.ndarray, State]:
        """Angles and state after step `number`, counted from 1; its arguments are left as they are."""
        ...


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that a run needs to go on: what it began from, where it is, and the best angles so far.

    `fingerprint` is of what is trained, where that can be told without measuring it; `shots` are those behind
    `history`.
    """

    optimiser: Optimiser
    start: np.ndarray
    step: int
    theta: np.ndarray
    state: State
    history: tuple[tuple[int, float, float | None], ...]
    best_step: int
    best_loss: float
    best_theta: np.ndarray
    fingerprint: str = ""
    shots: int = 0


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint; a kill at any moment leaves the last one or this one, whole."""
    name = f"step-{checkpoint.step:08d}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        persistence.save(checkpoint, folder, name)
        for suffix in (".json", ".npz"):
            _flush(folder / f"{name}{suffix}")
        written = folder / f"{_POINTER}.{os.getpid()}"
        written.write_text(name, encoding="utf-8")
        _flush(written)
        written.replace(folder / _POINTER)
    except OSError as error:
        raise StoreError(f"the checkpoint in {folder} cannot be written: {error.strerror}") from error
    for path in folder.glob("step-*"):
        if path.stem != name:
            path.unlink(missing_ok=True)


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The last checkpoint written, None if there is none.

    Raises
    ------
    StoreError
        if it is there and cannot be read.
    """
    pointer = folder / _POINTER
    if not pointer.exists():
        return None
    try:
        checkpoint = persistence.load(folder, pointer.read_text(encoding="utf-8"))
    except (StoreError, OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"the checkpoint in {folder} is damaged; delete the folder to start again"
        ) from error
    if not isinstance(checkpoint, Checkpoint):
        raise StoreError(f"{folder} holds no checkpoint of a training run; name another folder")
    return checkpoint


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
