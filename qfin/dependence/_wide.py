"""A grid of any number of qubits: bits of days and points of bits, where outcomes are too many for one integer."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from qfin.dependence._base import DensityCopula, inside
from qfin.dependence._recalibration import Recalibration
from qfin.quantum import Grid

if TYPE_CHECKING:
    from qfin.quantum import Backend, Draws, Request


@dataclass(frozen=True)
class WideGrid:
    """The cells of `qfin.quantum.Grid`, factor by factor: column k * bits + j of a table of bits is bit j of factor k.

    Parameters
    ----------
    bits, n_factors, bins, code : as of a `Grid`, at any number of qubits
    """

    bits: int
    n_factors: int
    bins: str
    code: str

    @property
    def n_qubits(self) -> int:
        """Qubits, and columns of a table of bits."""
        return self.bits * self.n_factors

    @property
    def edges(self) -> np.ndarray:
        """Edges of the bins of every factor, shape (2**bits + 1,)."""
        return self._one.edges

    def bins_of_points(self, U: np.ndarray) -> np.ndarray:
        """Bin of each coordinate, shape (n, d) to (n, d)."""
        return np.searchsorted(self.edges[1:-1], U, side="right")

    def bits_of(self, U: np.ndarray) -> np.ndarray:
        """Bits of the cell each point lies in, shape (n, d) to (n, n_qubits) uint8."""
        return self.bits_of_bins[self.bins_of_points(U)].reshape(len(U), -1)

    def bins_of(self, bits: np.ndarray) -> np.ndarray:
        """Bins of outcomes, shape (n, n_qubits) to (n, d)."""
        words = bits.reshape(len(bits), self.n_factors, self.bits).astype(np.int64) @ (
            1 << np.arange(self.bits)
        )
        return self._bin_of_word[words]

    def spread(self, bins: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Points uniform inside their cells, shape (n, d) to (n, d)."""
        return inside(self.edges[bins] + rng.random(bins.shape) * np.diff(self.edges)[bins])

    def margins(self, masses: np.ndarray) -> Recalibration:
        """The map to uniform margins of bins with these masses, shape (d, 2**bits)."""
        return Recalibration.from_density(self.edges, masses / np.diff(self.edges))

    def drawn_margins(self, bins: np.ndarray) -> Recalibration:
        """The same of draws, shape (n, d); a bin that drew nothing counts as half a draw."""
        counts = [np.bincount(column, minlength=len(self.edges) - 1) for column in bins.T]
        masses = np.array(counts) + 0.5
        return self.margins(masses / masses.sum(axis=1, keepdims=True))

    @cached_property
    def bits_of_bins(self) -> np.ndarray:
        """Bits of each bin, shape (2**bits, bits) uint8."""
        word_of_bin = np.argsort(self._bin_of_word)
        return ((word_of_bin[:, None] >> np.arange(self.bits)) & 1).astype(np.uint8)

    @cached_property
    def _one(self) -> Grid:
        return Grid(self.bits, 1, self.bins, self.code)

    @cached_property
    def _bin_of_word(self) -> np.ndarray:
        return self._one.bins_of(np.arange(self._one.n_cells))[:, 0]


class WideOnBackends(DensityCopula):
    """What a circuit of any width does on backends: a shot is a cell, whose point is drawn inside it.

    Subclasses have the parameters `bits`, `bins` and `code`.
    """

    bits: int
    bins: str
    code: str

    @abstractmethod
    def request(self, shots: int, random_state: int | np.random.Generator | None = None) -> Request:
        """What `sample_on` asks of a backend."""

    def sample_on(
        self, backend: Backend, n: int, random_state: int | np.random.Generator | None = None
    ) -> tuple[np.ndarray, Draws]:
        """Draw n points whose cells come from a backend, a shot a point; margins uniform as the backend drew them.

        Returns
        -------
        U : shape (n, d), strictly inside (0, 1)
        draws : the outcomes that they are made of, in the same order

        Raises
        ------
        ConfigError, BackendError
            of the backend.
        """
        self._check_fitted()
        rng = np.random.default_rng(self.random_state if random_state is None else random_state)
        draws = backend.run(self.request(n, rng))
        bins = self._wide.bins_of(draws.bits()[0])
        points = self._wide.drawn_margins(bins).forward(self._spread(bins, rng))
        return inside(self._mixed(points, rng)), draws

    def _spread(self, bins: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Points of cells given by bins, shape (n, d)."""
        return self._wide.spread(bins, rng)

    @property
    def _wide(self) -> WideGrid:
        return WideGrid(self.bits, self.n_features_in_, self.bins, self.code)
