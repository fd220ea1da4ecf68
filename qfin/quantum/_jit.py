"""Compiling kernels, with a cache on disk where there can be one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def kernel(
    signature: Any, *, inner: bool = False, reassociate: bool = True
) -> Callable[[Callable[..., Any]], Any]:
    """Compile for one signature at import and keep the machine code beside the file or in the user's cache.

    `inner` says that only other kernels call it; `reassociate` lets sums change their order, which vector units need.
    """
    options = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": {"reassoc", "contract", "nsz"} if reassociate else {"contract"},
        "no_cpython_wrapper": inner,
        "no_cfunc_wrapper": inner,
    }

    def compile(function: Callable[..., Any]) -> Any:
        try:
            return njit(signature, cache=True, **options)(function)
        except (
            RuntimeError,
            OSError,
        ):  # no folder for the cache can be written: compile for this process alone
            return njit(signature, **options)(function)

    return compile
