"""The arrays that a sweep over a circuit works in, and the calls of the kernels that fill them."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from qfin.quantum._stages import Tables

Pair = tuple[np.ndarray, np.ndarray]  # real and imaginary parts
_LEAST_SHARED = 1 << 17  # outcomes from which several threads pay
_LEAST_FREED = 1 << 20  # outcomes from which arrays are given back as soon as a sweep is done with them
_BLOCK, _UNITS, _GROUPS = 16, 32, 16  # block of `_kernels`, shares of larger passes, and groups of columns


class Sweeps:
    """One state psi of a circuit and its adjoint lambda; only one call at a time may use them.

    `psi` is the state after `forward`. With large states no more than three are held at any time: psi and what a sweep
    needs beside it, two while the loss works with probabilities and their slopes.
    """

    def __init__(self, tables: Tables, dtype: np.dtype[Any]) -> None:
        self._tables, self._dtype = tables, dtype
        self._fields, self._shared = tuple(tables), tables.size >= _LEAST_SHARED
        self._arrays: dict[str, Pair] = {}
        moves = tables.stages["moves"]
        self._moves = int(moves.sum())
        self._skipped = int(moves[0]) if len(moves) > 1 else 0  # |0...0> is not moved
        n_high = tables.class_of.shape[1]
        self._n_phases = max(8, n_high) + (1 << tables.low_bits + int(tables.stages["rank"].max()))
        blocks = tables.size >> _BLOCK
        self._overlaps = np.empty((max(2, min(1, blocks) * _UNITS, 2 * blocks), tables.bits))
        self._by_high = np.empty((_GROUPS, n_high))
        self._from_zero = True

    @property
    def psi(self) -> Pair:
        return self._pair("psi", self._tables.size)

    def forward(
        self, angles: np.ndarray, initial: np.ndarray | None, last_phases: bool = False
    ) -> np.ndarray:
        """Probability of each state, shape (2**n,), from a vector or, if None, from |0...0>."""
        self._from_zero = initial is None
        if initial is not None:
            self._start(initial)
        by_state = np.empty(self._tables.size, dtype=self._dtype)
        self._run(
            engine().kernels.forward,
            self.psi,
            self._spare,
            self._phases(),
            self._from_zero,
            last_phases,
            angles,
            self._fields,
            by_state,
        )
        if (self._moves - (self._skipped if self._from_zero else 0)) % 2:
            self._arrays["psi"], self._arrays["spare"] = self._arrays["spare"], self._arrays["psi"]
        self._give_back("spare", "phases")
        return by_state

    def weigh(self, weights: np.ndarray) -> None:
        """lambda = w psi, shape (2**n,) the weights."""
        for part, adjoint in zip(self.psi, self._pair("lambda", self._tables.size), strict=True):
            np.multiply(weights, part, out=adjoint)

    def backward(self, angles: np.ndarray) -> np.ndarray:
        """dL/dangle, shape (angles,), from psi and lambda, which are lost."""
        gradient = np.zeros(len(angles))
        self._run(
            engine().kernels.backward,
            self.psi,
            self._arrays["lambda"],
            self._spare,
            self._phases(),
            self._overlaps,
            self._by_high,
            self._from_zero,
            angles,
            self._fields,
            gradient,
        )
        self._give_back("lambda", "spare", "phases")
        return gradient

    @property
    def _spare(self) -> Pair:
        return self._pair("spare", self._tables.size if self._moves else 8)

    def _phases(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        cosine, sine = self._pair("phases", self._n_phases)
        return (cosine if self._dtype == np.float64 else np.empty(self._n_phases)), cosine, sine

    def _pair(self, name: str, size: int) -> Pair:
        if name not in self._arrays:
            self._arrays[name] = np.empty(size, dtype=self._dtype), np.empty(size, dtype=self._dtype)
        return self._arrays[name]

    def _give_back(self, *names: str) -> None:
        if self._tables.size >= _LEAST_FREED:
            for name in names:
                self._arrays.pop(name, None)

    def _start(self, initial: np.ndarray) -> None:
        for part, values in zip(self.psi, (initial.real, initial.imag), strict=True):
            part[: len(values)] = values
            part[len(values) :] = 0.0

    def _run(self, kernel: Any, *arguments: Any) -> None:
        threads = engine().threads
        threads.run(kernel, threads.thread_count() if self._shared else 1, *arguments)


class Engine(NamedTuple):
    kernels: Any
    threads: Any


@cache
def engine() -> Engine:
    """What needs Numba, imported with the first sweep."""
    from qfin.quantum import _kernels, _threads

    return Engine(_kernels, _threads)
