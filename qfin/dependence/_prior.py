"""A classical copula on a grid: the probability of each cell, and points inside a cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from qfin.dependence._base import Copula, DensityCopula, inside
from qfin.dependence._recalibration import Recalibration
from qfin.errors import ConfigError
from qfin.quantum import Grid
from qfin.registry import kind_of

_FILL_DRAWS = 8  # prior draws for each point that has to be filled in
_CHUNK = 2**16  # points filled in from one pool of prior draws, and the smallest pool
_ROUNDS = 4  # pools drawn for a chunk
_FEW = 32  # a cell with fewer draws than this gets its probability from the density
_NODES = 16  # points a cell at which the density is averaged
_PARTS = 4  # parts of a bin in which a margin is recalibrated


def as_prior(prior: Any, floor: float, random_state: int | None) -> DensityCopula | None:
    """An unfitted copula from a kind's name, a mapping with `kind`, or an instance; None for "none".

    Raises
    ------
    ConfigError
        if it has no density (the message lists the kinds that have one), or is itself a quantum model.
    """
    from sklearn.base import clone

    from qfin.dependence import DEPENDENCE

    if prior == "none":
        return None
    model = clone(prior) if isinstance(prior, Copula) else DEPENDENCE.build(prior)
    if not isinstance(model, DensityCopula) or hasattr(model, "prior"):
        kinds = [k for k in DEPENDENCE.kinds() if _can_be_prior(DEPENDENCE.load(k))]
        raise ConfigError(
            f"{kind_of(model)!r} cannot be a prior, which needs a density of its own; choose one of: "
            f"none, {', '.join(kinds)}"
        )
    return model.set_params(floor=floor, random_state=random_state)


class UniformCells:
    """No prior: every cell as probable as it is large, and its points spread evenly."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    def fill(self, outcomes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Points uniform inside the cells, shape (n,) to (n, d)."""
        return self.grid.decode(outcomes, rng)

    def log_density(self, U: np.ndarray) -> np.ndarray:
        """0: shape (n, d) to (n,)."""
        return np.zeros(len(U))

    def tabulate(self, draws: int, rng: np.random.Generator) -> UniformTable:
        """Its cell probabilities, which need no draws."""
        return UniformTable(self.grid)


class UniformTable:
    """Cell probabilities without a prior, exact."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.probabilities = grid.cell_volumes()

    def recalibration(self, probabilities: np.ndarray) -> Recalibration:
        """The map that makes margins uniform once the cells have these probabilities, shape (n_cells,)."""
        return by_bins(self.grid, probabilities, self.probabilities)


class PriorCells:
    """A fitted copula, cell by cell of a grid."""

    def __init__(self, model: DensityCopula, grid: Grid) -> None:
        self.model = model
        self.grid = grid

    def log_density(self, U: np.ndarray) -> np.ndarray:
        """Log density of the prior, shape (n, d) to (n,)."""
        return self.model._log_density(U)

    def fill(self, outcomes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Points from the prior conditional on their cells, shape (n,) to (n, d).

        Fresh prior draws are handed out by cell, each once; what is left after a few rounds, cells where the prior
        hardly ever falls, is filled evenly.
        """
        points = self.grid.decode(outcomes, rng)
        for start in range(0, len(outcomes), _CHUNK):
            waiting = np.arange(start, min(start + _CHUNK, len(outcomes)))
            for _ in range(_ROUNDS):
                waiting = self._hand_out(outcomes, waiting, points, rng)
        return points

    def _hand_out(
        self, outcomes: np.ndarray, waiting: np.ndarray, points: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Fill the waiting points whose cell a fresh pool of prior draws reaches; those that wait on."""
        if len(waiting) == 0:
            return waiting
        pool = inside(self.model._draw(max(_FILL_DRAWS * len(waiting), _CHUNK), rng))
        cells = self.grid.encode(pool)
        order = np.argsort(cells, kind="stable")
        count = np.bincount(cells, minlength=self.grid.n_cells)
        first = np.cumsum(count) - count
        wanted = outcomes[waiting]
        turn = _turn(wanted)
        found = turn < count[wanted]
        points[waiting[found]] = pool[order[first[wanted[found]] + turn[found]]]
        return waiting[~found]

    def tabulate(self, draws: int, rng: np.random.Generator) -> PriorTable:
        """Its cell probabilities, estimated from `draws` draws."""
        return PriorTable(self, draws, rng)


class PriorTable:
    """Cell probabilities of a prior.

    Attributes
    ----------
    probabilities : shape (n_cells,), by outcome: the share of the prior's draws that fall into each cell; a cell with
        few draws gets the mean density at points inside it times its volume, but no less than a sixteenth of its share:
        those points may miss a sliver where all of its density is
    """

    def __init__(self, prior: PriorCells, draws: int, rng: np.random.Generator) -> None:
        grid = prior.grid
        self._edges = grid.edges
        self._points = inside(prior.model._draw(draws, rng))
        self._outcomes = grid.encode(self._points)
        counts = np.bincount(self._outcomes, minlength=grid.n_cells)
        few = np.flatnonzero(counts < _FEW)
        probabilities = counts / draws
        probabilities[few] = np.maximum(_by_density(prior, few, rng), probabilities[few] / _NODES)
        self.probabilities = probabilities / probabilities.sum()

    def recalibration(self, probabilities: np.ndarray) -> Recalibration:
        """The map that makes margins uniform once the cells have these probabilities, shape (n_cells,).

        The prior's own margins are uniform, so a weighted margin's density is the mean ratio of the prior's draws at
        that place: exactly 1 everywhere where no cell was changed.
        """
        knots = subdivide(self._edges, _PARTS)
        weights = (probabilities / self.probabilities)[self._outcomes]
        density = np.ones((self._points.shape[1], len(knots) - 1))
        for k, column in enumerate(self._points.T):
            part = np.searchsorted(knots, column, side="right") - 1
            count = np.bincount(part, minlength=len(knots) - 1)
            total = np.bincount(part, weights, minlength=len(knots) - 1)
            np.divide(total, count, out=density[k], where=count > 0)
        return Recalibration.from_density(knots, density)


def by_bins(grid: Grid, probabilities: np.ndarray, prior: np.ndarray) -> Recalibration:
    """The map that makes each bin's mass its width, linear inside the bins; exact where the prior is uniform there."""
    return Recalibration.from_density(grid.edges, grid.bin_masses(probabilities) / grid.bin_masses(prior))


def _by_density(prior: PriorCells, outcomes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    nodes = max(1, min(_NODES, 2**22 // max(1, len(outcomes))))
    total = np.zeros(len(outcomes))
    for _ in range(nodes):
        total += np.exp(prior.log_density(inside(prior.grid.decode(outcomes, rng))))
    return np.maximum(total / nodes, 1e-12) * prior.grid.cell_volumes()[outcomes]


def subdivide(edges: np.ndarray, parts: int) -> np.ndarray:
    """Edges with each bin cut into equal parts, shape (bins + 1,) to (bins * parts + 1,)."""
    positions = np.arange((len(edges) - 1) * parts + 1) / parts
    return np.interp(positions, np.arange(len(edges)), edges)


def _turn(outcomes: np.ndarray) -> np.ndarray:
    """For each entry, how many equal ones stand before it."""
    order = np.argsort(outcomes, kind="stable")
    ranked = outcomes[order]
    first = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    runs = np.diff(np.r_[first, len(ranked)])
    turn = np.empty(len(outcomes), dtype=np.int64)
    turn[order] = np.arange(len(ranked)) - np.repeat(first, runs)
    return turn


def _can_be_prior(cls: type) -> bool:
    return issubclass(cls, DensityCopula) and "prior" not in cls._get_param_names()
