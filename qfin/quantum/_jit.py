"""Compiling kernels, with a cache on disk where there can be one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import njit

_SOURCES = ("_jit.py", "_kernels.py", "_simd.py", "_stages.py", "_threads.py", "_turns.py")
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile at the first call with arguments of a kind; keep machine code beside the file or in the user's cache.

    Numba looks for changes in the kernel's own file only; the digest makes a change in any file of the engine count.
    """
    function.__qualname__ = f"{function.__qualname__}_{_digest()}"
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except (RuntimeError, OSError):  # no folder for the cache can be written: compile for this process alone
        return njit(**_OPTIONS)(function)


@cache
def _digest() -> str:
    folder = Path(__file__).parent
    return sha256(b"".join((folder / name).read_bytes() for name in _SOURCES)).hexdigest()[:12]


def inner(function: Callable[..., Any]) -> Any:
    """Compile as a part of the kernels that call it."""
    return njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)(function)
