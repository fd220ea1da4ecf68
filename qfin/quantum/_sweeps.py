"""The arrays that a sweep over a circuit works in, and the calls of the kernels that fill them."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from qfin.quantum._stages import Tables

Pair = tuple[np.ndarray, np.ndarray]  # real and imaginary parts
Shape = int | tuple[int, int]
_LEAST_SHARED = 1 << 17  # outcomes from which several threads pay
_MOST_KEPT = 1 << 16  # phases up to which those of all stages are kept from a sweep to the one back
_LEAST_FREED = 1 << 20  # outcomes from which arrays are given back as soon as a sweep is done with them
# Block of `_turns`, shares of its larger passes, and groups of columns of `_kernels`.
_BLOCK, _UNITS, _GROUPS = 16, 32, 16


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
        n_high, stages = tables.class_of.shape[1], len(tables.stages)
        n_phases = max(8, n_high) + (1 << tables.low_bits + int(tables.stages["rank"].max()))
        kept = (stages + 1) * n_phases <= _MOST_KEPT
        self._passing = ("spare",) if kept else ("spare", "phases")
        self._shapes: dict[str, Shape] = {
            "psi": tables.size,
            "lambda": tables.size,
            "spare": tables.size if self._moves else 8,
            "phases": (stages + 1 if kept else 1, n_phases),
        }
        blocks = tables.size >> _BLOCK
        self._overlaps = np.empty((max(2, min(1, blocks) * _UNITS, 2 * blocks), tables.bits))
        self._by_high = np.empty((_GROUPS, n_high))
        self._from_zero = True

    @property
    def psi(self) -> Pair:
        return self._pair("psi")

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
            self._pair("spare"),
            self._phases(),
            self._from_zero,
            last_phases,
            angles,
            self._fields,
            by_state,
        )
        if (self._moves - (self._skipped if self._from_zero else 0)) % 2:
            self._arrays["psi"], self._arrays["spare"] = self._arrays["spare"], self._arrays["psi"]
        self._give_back(*self._passing)
        return by_state

    def weigh(self, weights: np.ndarray) -> None:
        """lambda = w psi, shape (2**n,) the weights."""
        psi, adjoint = self._pair("psi"), self._pair("lambda")
        np.multiply(weights, psi[0], out=adjoint[0])
        np.multiply(weights, psi[1], out=adjoint[1])

    def backward(self, angles: np.ndarray) -> np.ndarray:
        """dL/dangle, shape (angles,), from psi and lambda, which are lost."""
        gradient = np.zeros(len(angles))
        self._run(
            engine().kernels.backward,
            self.psi,
            self._arrays["lambda"],
            self._pair("spare"),
            self._phases(),
            self._overlaps,
            self._by_high,
            self._from_zero,
            angles,
            self._fields,
            gradient,
        )
        self._give_back("lambda", *self._passing)
        return gradient

    def _phases(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        cosine, sine = self._pair("phases")
        return (cosine if self._dtype == np.float64 else np.empty(cosine.shape)), cosine, sine

    def _pair(self, name: str) -> Pair:
        pair = self._arrays.get(name)
        if pair is None:
            shape = self._shapes[name]
            pair = self._arrays[name] = np.empty(shape, dtype=self._dtype), np.empty(shape, dtype=self._dtype)
        return pair

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
