"""A distribution over the cells of a grid as a copula: what every model of bitstrings shares."""

from __future__ import annotations

from typing import Any

import numpy as np

from qfin.dependence._base import DensityCopula, inside
from qfin.dependence._density import log_density
from qfin.dependence._prior import PriorCells, UniformCells, as_prior
from qfin.dependence._recalibration import Recalibration
from qfin.errors import ConfigError, DataError
from qfin.quantum import Grid

MAX_QUBITS = 24
_PRIOR_DRAWS = 2**18
_MOST_REJECTED = 200  # proposals for one conditional draw, on average


class CellCopula(DensityCopula):
    """A copula whose cells have the probabilities of bitstrings, and a prior's density inside them.

        c(u) = c_prior(v) P(cell of v) / P_prior(cell of v) / prod_k g_k(v_k),    v = G^{-1}(u),

    G the model's own marginal distribution functions, so that margins are uniform exactly. Without a prior the density
    inside a cell is uniform. At most 24 qubits: all cells are tabulated.

    Subclasses have the parameters `bits`, `bins`, `code`, `prior`, `floor`, `random_state`, and in `_fit` call
    `_begin` and then `_settle_on` the probabilities they found.

    Attributes
    ----------
    probabilities_ : shape (2**n_qubits,), of the model's outcomes; bit j of the index is qubit j
    prior_probabilities_ : the same of the prior
    prior_ : the fitted prior, None without
    """

    bits: int
    bins: str
    code: str
    prior: Any

    probabilities_: np.ndarray
    prior_probabilities_: np.ndarray | None
    prior_: DensityCopula | None
    recalibration_: Recalibration

    def _begin(self, U: np.ndarray) -> np.ndarray:
        """Fit the prior to U, and return its cell probabilities, shape (n_cells,)."""
        d = U.shape[1]
        check_qubits(self._bits * d, f"{self._bits} bits for each of {d} factors")
        self._check_ties(U)
        self.prior_, cells = self._prior_cells(U)
        self._table = cells.tabulate(_PRIOR_DRAWS, self._rng("prior draws"))
        self.prior_probabilities_ = self._table.probabilities
        return self._table.probabilities

    def _settle_on(self, probabilities: np.ndarray) -> None:
        """Take these cell probabilities, shape (n_cells,), and make the margins uniform."""
        self.probabilities_ = probabilities
        self.recalibration_ = self._table.recalibration(probabilities)
        del self._table

    def _check_ties(self, U: np.ndarray) -> None:
        """Refuse a value that recurs on clearly more days than its bin's width stands for."""
        edges = Grid(self._bits, 1, self.bins, self.code).edges
        for k, column in enumerate(U.T):
            values, counts = np.unique(column, return_counts=True)
            most = int(np.argmax(counts))
            part = int(np.searchsorted(edges[1:-1], values[most], side="right"))
            width, share = edges[part + 1] - edges[part], counts[most] / len(U)
            if share > width + 5.0 * np.sqrt(width * (1.0 - width) / len(U)):
                raise DataError(
                    f"column {k} of U is {values[most]:.4g} on {share:.0%} of the days, and the bin it lies in holds "
                    f"{width:.1%}; drop that factor or take fewer bits"
                )

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        outcomes = draw_outcomes(self.probabilities_, n, rng)
        return self.recalibration_.forward(self._cells.fill(outcomes, rng))

    def _log_density(self, U: np.ndarray) -> np.ndarray:
        assert self.prior_probabilities_ is not None
        return log_density(
            U, self._cells, self.probabilities_, self.prior_probabilities_, self.recalibration_
        )

    def _draw_given(
        self, n: int, columns: np.ndarray, values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Draws of the prior conditional on the values, each kept with probability ratio / largest ratio.

        ratio is P(cell) / P_prior(cell), its largest taken over the cells that the values leave possible: exactly the
        model's own conditional distribution (von Neumann 1951).
        """
        held = self._held(columns, values)
        possible = self._possible(columns, held)
        mass = self.probabilities_[possible].sum()
        if not mass > 0.0:
            raise DataError("the condition has probability zero under the model; move it or raise the floor")
        ratio = self._ratio
        largest = float(ratio[possible].max())
        others = np.setdiff1d(np.arange(self.n_features_in_), columns)
        points, count = np.empty((n, len(others))), 0
        for _ in range(_MOST_REJECTED):
            proposals = self._prior_given(max(2 * (n - count), 1024), columns, held, rng)
            kept = rng.random(len(proposals)) * largest < ratio[self._grid.encode(proposals)]
            fresh = self.recalibration_.forward(proposals[kept])[: n - count][:, others]
            points[count : count + len(fresh)] = fresh
            count += len(fresh)
            if count == n:
                return points
        raise DataError(
            f"the condition is so improbable under the model that {_MOST_REJECTED} rounds gave {count} of {n} draws; "
            "ask for fewer, or for a condition nearer the middle"
        )

    def _log_margin(self, columns: np.ndarray, values: np.ndarray) -> float:
        if len(columns) == 1:
            return 0.0
        held = self._held(columns, values)
        rng = self._rng("margin")
        proposals = self._prior_given(2**16, columns, held, rng)
        average = float(self._ratio[self._grid.encode(proposals)].mean())
        corner = np.full((1, self.n_features_in_), 0.5)
        corner[0, columns] = values
        slope = self.recalibration_.log_slopes(corner)[0, columns].sum()
        prior = 0.0 if self.prior_ is None else self.prior_._log_margin(columns, held)
        with np.errstate(divide="ignore"):
            return float(prior + np.log(average) - slope)

    def _held(self, columns: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Values before recalibration, shape (k,)."""
        corner = np.full((1, self.n_features_in_), 0.5)
        corner[0, columns] = values
        return self.recalibration_.inverse(corner)[0][0, columns]

    def _possible(self, columns: np.ndarray, held: np.ndarray) -> np.ndarray:
        """Outcomes whose cells hold the values, shape (n_possible,)."""
        corner = np.full((1, self.n_features_in_), 0.5)
        corner[0, columns] = held
        here = int(self._grid.encode(corner)[0])
        mask = sum((2**self._bits - 1) << (int(k) * self._bits) for k in columns)
        outcomes = np.arange(self._grid.n_cells)
        return np.flatnonzero((outcomes & mask) == (here & mask))

    def _prior_given(
        self, n: int, columns: np.ndarray, held: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Points of the prior's c_model with the held values in their columns, shape (n, d)."""
        d = self.n_features_in_
        others = np.setdiff1d(np.arange(d), columns)
        points = np.empty((n, d))
        points[:, columns] = held
        rest = (
            rng.random((n, len(others)))
            if self.prior_ is None
            else self.prior_._draw_given(n, columns, held, rng)
        )
        points[:, others] = inside(rest)
        return points

    @property
    def _ratio(self) -> np.ndarray:
        assert self.prior_probabilities_ is not None
        return self.probabilities_ / self.prior_probabilities_

    @property
    def _grid(self) -> Grid:
        return Grid(self._bits, self.n_features_in_, self.bins, self.code)

    @property
    def _bits(self) -> int:
        """Bits of a factor; a model that chooses them overrides it."""
        return self.bits

    @property
    def _cells(self) -> PriorCells | UniformCells:
        return UniformCells(self._grid) if self.prior_ is None else PriorCells(self.prior_, self._grid)

    def _prior_cells(self, U: np.ndarray) -> tuple[DensityCopula | None, PriorCells | UniformCells]:
        """The prior fitted to U, and its cells."""
        prior = as_prior(self.prior, self.floor, self.random_state)
        if prior is None:
            return None, UniformCells(self._grid)
        return prior.fit(U), PriorCells(prior, self._grid)

    def _counts(self, U: np.ndarray) -> np.ndarray:
        """Share of the days in each cell, shape (n_cells,)."""
        return np.bincount(self._grid.encode(U), minlength=self._grid.n_cells) / len(U)

    def _rng(self, purpose: str) -> np.random.Generator:
        if self.random_state is None:
            return np.random.default_rng()
        return np.random.default_rng([self.random_state, *purpose.encode()])


def draw_outcomes(probabilities: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Outcomes with the given probabilities, shape (n,) int64, by inversion."""
    cumulative = np.cumsum(probabilities)
    return np.searchsorted(cumulative / cumulative[-1], rng.random(n), side="right").astype(np.int64)


def check_qubits(n: int, what: str) -> int:
    """n, if all outcomes of so many qubits can be tabulated."""
    if n > MAX_QUBITS:
        raise ConfigError(
            f"{what} need {n} qubits, and a model with a table of all outcomes does at most {MAX_QUBITS}; take fewer "
            "bits or factors, or the dependence model 'mps', or 'factor' around this one"
        )
    return n
