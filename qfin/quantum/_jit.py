"""Compiling kernels, with a cache on disk where there can be one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile at the first call with arguments of a kind; keep machine code beside the file or in the user's cache."""
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except (RuntimeError, OSError):  # no folder for the cache can be written: compile for this process alone
        return njit(**_OPTIONS)(function)


def inner(function: Callable[..., Any]) -> Any:
    """Compile as a part of the kernels that call it."""
    return njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)(function)
