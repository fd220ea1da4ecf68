"""Work shared out to copies of this process, which have everything that it has built already."""

from __future__ import annotations

import mmap
import multiprocessing
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from qfin.errors import BackendError

T = TypeVar("T")
_function: Callable[[Any], Any] | None = None


def can_copy() -> bool:
    """Whether this process can be copied as it runs: only while no other thread may hold a lock."""
    return "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1


def share_out(function: Callable[[Any], T], items: Sequence[Any], workers: int) -> list[T]:
    """`function` of each item, in order; in `workers` copies of this process if it can be copied, else here.

    Errors of the function reach the caller as they are.

    Raises
    ------
    BackendError
        if a copy ends before it is done.
    """
    if min(workers, len(items)) < 2 or not can_copy():
        return [function(item) for item in items]
    with _copies(function, min(workers, len(items))) as pool:
        pending = pool.map_async(_call, items, chunksize=1)
        before = {process.pid for process in pool._pool}
        while not pending.ready():
            pending.wait(0.2)
            if {process.pid for process in pool._pool} != before:
                raise BackendError(
                    "a process that valued trades has ended (out of memory?); run with workers = 1"
                )
        return list(pending.get())


def shared_array(shape: tuple[int, ...]) -> np.ndarray:
    """Zeros that copies of this process write into, and all of them read."""
    size = int(np.prod(shape)) * 8
    return np.frombuffer(mmap.mmap(-1, max(size, 8)), dtype=float, count=int(np.prod(shape))).reshape(shape)


@contextmanager
def _copies(function: Callable[[Any], Any], workers: int) -> Iterator[Any]:
    global _function
    _function = function
    try:
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            yield pool
    finally:
        _function = None


def _call(item: Any) -> Any:
    assert _function is not None
    return _function(item)
