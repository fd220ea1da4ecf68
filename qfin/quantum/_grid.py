"""The grid between the unit cube and bitstrings, and the one place that states the order of bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np

from qfin.errors import ConfigError, DataError
from qfin.quantum.bins import BINS
from qfin.quantum.codes import CODES, Code

_MOST_QUBITS = 62
_MOST_BITS = 16


@dataclass(frozen=True)
class Grid:
    """The unit cube of `n_factors` dimensions cut into cells, 2**bits bins a factor, each cell one bitstring.

    Bit j of an integer outcome is qubit j (little-endian, Qiskit's own). Factor k owns qubits k*bits to
    (k+1)*bits - 1, the least significant bit of its code word first.

    Parameters
    ----------
    bits : bits of a factor, 1 to 16
    n_factors : dimensions of the cube, d; at most 62 qubits in all
    bins : kind of bins, see `BINS`
    code : kind of bit code, see `CODES`
    """

    bits: int
    n_factors: int
    bins: str = "tail_refined"
    code: str = "gray"

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= _MOST_BITS:
            raise ConfigError(f"a grid has 1 to {_MOST_BITS} bits a factor, not {self.bits}")
        if self.n_factors < 1 or self.n_qubits > _MOST_QUBITS:
            raise ConfigError(
                f"a grid of {self.n_factors} factors with {self.bits} bits each has {self.n_qubits} qubits; "
                f"wanted 1 to {_MOST_QUBITS}"
            )
        BINS.load(self.bins)
        CODES.load(self.code)

    @property
    def n_qubits(self) -> int:
        """Qubits, and bits of an outcome."""
        return self.bits * self.n_factors

    @property
    def n_cells(self) -> int:
        """Cells, 2**n_qubits."""
        return 1 << self.n_qubits

    @cached_property
    def edges(self) -> np.ndarray:
        """Edges of the bins of every factor, shape (2**bits + 1,), from 0 to 1."""
        edges = BINS.build(self.bins).edges(self.bits)
        edges.flags.writeable = False
        return edges

    def bin_index(self, U: np.ndarray) -> np.ndarray:
        """Bin of each coordinate, shape (n, d) in [0, 1] to (n, d) int64; a bin owns its lower edge."""
        U = np.asarray(U, dtype=float)
        if U.ndim != 2 or U.shape[1] != self.n_factors:
            raise DataError(f"U has shape {U.shape}; the grid wants (n, {self.n_factors})")
        outside = ~((U >= 0.0) & (U <= 1.0))
        if outside.any():
            row, column = np.argwhere(outside)[0]
            raise DataError(f"U[{row}, {column}] = {U[row, column]} is not in [0, 1]")
        return np.searchsorted(self.edges[1:-1], U, side="right").astype(np.int64)

    def encode(self, U: np.ndarray) -> np.ndarray:
        """Outcome of the cell each point lies in, shape (n, d) to (n,) int64."""
        words = self._code.encode(self.bin_index(U), self.bits)
        return np.bitwise_or.reduce(words << self._first_qubits, axis=1)

    def bits_of(self, outcomes: np.ndarray) -> np.ndarray:
        """Bits of outcomes, shape (n,) to (n, n_qubits) uint8; column j is qubit j."""
        outcomes = self._check_outcomes(outcomes)
        return ((outcomes[:, None] >> np.arange(self.n_qubits)) & 1).astype(np.uint8)

    def bins_of(self, outcomes: np.ndarray) -> np.ndarray:
        """Bins of outcomes, shape (n,) to (n, d) int64."""
        words = (self._check_outcomes(outcomes)[:, None] >> self._first_qubits) & (2**self.bits - 1)
        return self._code.decode(words, self.bits)

    def decode(self, outcomes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A point drawn uniformly in each outcome's cell, shape (n,) to (n, d), strictly inside (0, 1)."""
        lower, upper = self.cell_bounds(outcomes)
        points = lower + rng.random(lower.shape) * (upper - lower)
        return np.clip(points, np.maximum(lower, np.finfo(float).tiny), np.nextafter(upper, 0.0))

    def cell_bounds(self, outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner of the cell of each outcome, both shape (n, d)."""
        bins = self.bins_of(outcomes)
        return self.edges[bins], self.edges[bins + 1]

    def cell_volumes(self) -> np.ndarray:
        """Volume of every cell, shape (n_cells,), indexed by outcome; they sum to 1."""
        by_word = np.diff(self.edges)[self._bin_of_word]
        return reduce(
            lambda volumes, _: np.multiply.outer(by_word, volumes).ravel(), range(self.n_factors - 1), by_word
        )

    def bin_masses(self, probabilities: np.ndarray) -> np.ndarray:
        """Marginal mass of each bin of each factor, shape (n_cells,) to (d, 2**bits)."""
        probabilities = np.asarray(probabilities, dtype=float)
        if probabilities.shape != (self.n_cells,):
            raise DataError(
                f"probabilities have shape {probabilities.shape}; the grid has {self.n_cells} cells"
            )
        masses = np.empty((self.n_factors, 2**self.bits))
        for factor in range(self.n_factors):
            by_word = probabilities.reshape(-1, 2**self.bits, 1 << (factor * self.bits)).sum(axis=(0, 2))
            masses[factor, self._bin_of_word] = by_word
        return masses

    def to_dict(self) -> dict[str, Any]:
        """The grid for JSON, its edges included for readers in other languages."""
        return {
            "bits": self.bits,
            "n_factors": self.n_factors,
            "bins": self.bins,
            "code": self.code,
            "edges": self.edges.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Grid:
        """The grid that `to_dict` wrote.

        Raises
        ------
        DataError
            if its edges are not the ones its kind of bins has here.
        """
        grid = cls(values["bits"], values["n_factors"], values["bins"], values["code"])
        if "edges" in values and list(values["edges"]) != grid.edges.tolist():
            raise DataError(f"the stored edges are not those of {grid.bins!r} bins; encode the history again")
        return grid

    @cached_property
    def _code(self) -> Code:
        return CODES.build(self.code)

    @property
    def _first_qubits(self) -> np.ndarray:
        return np.arange(self.n_factors) * self.bits

    @cached_property
    def _bin_of_word(self) -> np.ndarray:
        return self._code.decode(np.arange(2**self.bits), self.bits)

    def _check_outcomes(self, outcomes: np.ndarray) -> np.ndarray:
        outcomes = np.asarray(outcomes)
        if outcomes.ndim != 1 or not np.issubdtype(outcomes.dtype, np.integer):
            raise DataError(
                f"outcomes are {outcomes.dtype} of shape {outcomes.shape}; wanted integers of shape (n,)"
            )
        outcomes = outcomes.astype(np.int64)
        if len(outcomes) and not (outcomes.min() >= 0 and outcomes.max() < self.n_cells):
            raise DataError(
                f"outcomes reach from {outcomes.min()} to {outcomes.max()}; wanted 0 to {self.n_cells - 1}"
            )
        return outcomes
