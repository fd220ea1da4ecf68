"""Threads that run one kernel together, each a share of every pass, and wait for one another between passes.

How passes are shared out depends on their sizes alone, so that results are the same bits for any number of threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from qfin.errors import ConfigError
from qfin.quantum._jit import inner

_MOST = 32
_CAME, _TIMES = 0, 8  # in a barrier: threads that have come, and how often all had, on two lines of cache
_NO_BARRIER = np.zeros(16, dtype=np.int64)
_SPINS, _NAP = 400_000, 20  # looks at a barrier, some 0.6 ms, before the first nap; microseconds of a nap
_sleep = types.ExternalFunction("usleep", types.intc(types.uint32))


class Team(NamedTuple):
    """What a kernel knows of the threads that run it."""

    thread: int
    threads: int
    barrier: np.ndarray


def thread_count() -> int:
    """Threads to use: `QFIN_THREADS`, or the processors that this process may use.

    Raises
    ------
    ConfigError
        if QFIN_THREADS is not a whole number from 1 on.
    """
    wanted = os.environ.get("QFIN_THREADS", "").strip()
    if not wanted:
        return min(_MOST, _processors())
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ConfigError(f"QFIN_THREADS = {wanted!r} is not allowed; wanted a whole number from 1 on")
    return min(_MOST, int(wanted))


def run(kernel: Callable[..., Any], threads: int, *arguments: Any) -> None:
    """Call kernel(thread, threads, barrier, *arguments) on every thread.

    If another call holds the threads, this one takes its own alone: two that wait for each other's would never end.
    """
    if threads == 1 or not _pool.free.acquire(blocking=False):
        kernel(0, 1, _NO_BARRIER, *arguments)
        return
    barrier = np.zeros_like(_NO_BARRIER)
    try:
        others = [_pool.submit(kernel, k, threads, barrier, *arguments) for k in range(1, threads)]
        kernel(0, threads, barrier, *arguments)
        for other in others:
            other.result()
    finally:
        _pool.free.release()


class _Pool:
    def __init__(self) -> None:
        self.free = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None

    def submit(self, *call: Any) -> Any:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(_MOST, thread_name_prefix="qfin-engine")
        return self._executor.submit(*call)

    def forget(self) -> None:
        """A forked process has none of its parent's threads."""
        self.__init__()  # type: ignore[misc]


_pool = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.forget)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _place(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return cgutils.gep_inbounds(builder, data, index)


@intrinsic
def _read(typing: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_place(context, builder, array, *args), "seq_cst", 8)

    return types.int64(array, types.intp), generate


@intrinsic
def _add(typing: Any, array: Any, index: Any, number: Any) -> Any:
    """Add to an element and return what was there, in one step."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        step = builder.bitcast(context.cast(builder, args[2], number, types.int64), ir.IntType(64))
        return builder.atomic_rmw("add", _place(context, builder, array, *args[:2]), step, "seq_cst")

    return types.int64(array, types.intp, number), generate


@inner
def wait(team: Team) -> None:
    """Go on when all threads of the team have come here."""
    if team.threads == 1:
        return
    times = _read(team.barrier, _TIMES)
    if _add(team.barrier, _CAME, 1) == team.threads - 1:
        _add(team.barrier, _CAME, -team.threads)
        _add(team.barrier, _TIMES, 1)
        return
    spins = 0
    while _read(team.barrier, _TIMES) == times:
        spins += 1
        if spins > _SPINS:  # the others may be waiting for this very processor
            _sleep(np.uint32(_NAP))
