"""Chebyshev interpolation of a function of one to three variables on a box, refined until new nodes agree.

Nodes are the Chebyshev-Lobatto points of 2^l + 1 in each dimension, so that those of a level are among those of the
next: what the function was there is never computed twice (Trefethen, Approximation Theory and Approximation Practice,
2013, chapters 2 to 4; Gaß, Glau, Mahlstedt and Mair, Chebyshev interpolation for parametric option pricing, 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]
_FIRST_LEVEL = 1
_LAST_LEVEL = 7
_ROWS = 8192


class TooManyNodes(Exception):
    """The function would need more nodes than it is worth, or more than there are levels for."""


@lru_cache(maxsize=_LAST_LEVEL + 1)
def lobatto(level: int) -> np.ndarray:
    """The 2^level + 1 points -cos(pi j / 2^level), increasing, in [-1, 1]."""
    points = -np.cos(np.pi * np.arange(2**level + 1) / 2**level)
    points[2 ** (level - 1)] = 0.0
    return points


@lru_cache(maxsize=_LAST_LEVEL + 1)
def _to_coefficients(level: int) -> np.ndarray:
    """Values at the Lobatto points to coefficients of Chebyshev polynomials."""
    return np.linalg.inv(_polynomials(lobatto(level), 2**level))


def _polynomials(x: np.ndarray, degree: int) -> np.ndarray:
    """T_0 ... T_degree at x: shape (n,) to (n, degree + 1)."""
    return np.polynomial.chebyshev.chebvander(x, degree)


@dataclass(frozen=True, eq=False)
class Tensor:
    """An interpolant on a box.

    Attributes
    ----------
    low, high : shape (k,), the box
    coefficients : an axis a dimension
    nodes : how many values of the function it took
    error : the largest disagreement at nodes of the next level of one dimension, before they were taken in
    """

    low: np.ndarray
    high: np.ndarray
    coefficients: np.ndarray
    nodes: int
    error: float

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values at points of the box: shape (n, k) to (n,)."""
        return np.concatenate(
            [self._some(points[k : k + _ROWS]) for k in range(0, max(len(points), 1), _ROWS)]
        )

    def _some(self, points: np.ndarray) -> np.ndarray:
        x = np.clip((2 * points - self.low - self.high) / (self.high - self.low), -1.0, 1.0)
        bases = [_polynomials(x[:, k], size - 1) for k, size in enumerate(self.coefficients.shape)]
        mixed = np.tensordot(bases[0], self.coefficients, axes=(1, 0))
        for basis in bases[1:]:
            mixed = np.einsum("nk,nk...->n...", basis, mixed)
        return np.asarray(mixed)


def interpolate(
    function: Function, low: np.ndarray, high: np.ndarray, tolerance: float, budget: int
) -> Tensor:
    """An interpolant on the box from `low` to `high`, shape (k,) each, k of one to three.

    Each dimension is refined until the function at the nodes of its next level is what the interpolant says there, to
    `tolerance`.

    Raises
    ------
    TooManyNodes
        if that takes more than `budget` values of the function.
    """
    known: dict[tuple[float, ...], float] = {}
    levels = [_FIRST_LEVEL] * len(low)
    grid = _Grid(function, low, high, known, budget)
    while True:
        tensor = grid.tensor(levels)
        errors = [grid.disagreement(tensor, levels, k) for k in range(len(levels))]
        rough = [k for k, error in enumerate(errors) if error > tolerance]
        if not rough:
            return Tensor(tensor.low, tensor.high, tensor.coefficients, len(known), max(errors))
        for k in rough:
            levels[k] += 1
        if max(levels) >= _LAST_LEVEL:
            raise TooManyNodes


@dataclass(frozen=True)
class _Grid:
    function: Function
    low: np.ndarray
    high: np.ndarray
    known: dict[tuple[float, ...], float]
    budget: int

    def tensor(self, levels: Sequence[int]) -> Tensor:
        coefficients = self._values([lobatto(level) for level in levels])
        for k, level in enumerate(levels):
            coefficients = np.moveaxis(np.tensordot(_to_coefficients(level), coefficients, axes=(1, k)), 0, k)
        return Tensor(self.low, self.high, coefficients, len(self.known), 0.0)

    def disagreement(self, tensor: Tensor, levels: Sequence[int], k: int) -> float:
        """Largest distance from the function at the nodes that one dimension's next level adds."""
        axes = [lobatto(level) for level in levels]
        axes[k] = lobatto(levels[k] + 1)[1::2]
        wanted = self._values(axes).ravel()
        return float(np.abs(tensor(self._points(axes)) - wanted).max())

    def _points(self, axes: Sequence[np.ndarray]) -> np.ndarray:
        unit = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
        return (self.low + self.high + unit * (self.high - self.low)) / 2

    def _values(self, axes: Sequence[np.ndarray]) -> np.ndarray:
        unit = list(
            map(tuple, np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")], axis=1).tolist())
        )
        points = self._points(axes)
        new = [row for row, key in enumerate(unit) if key not in self.known]
        if len(self.known) + len(new) > self.budget:
            raise TooManyNodes
        if new:
            for row, value in zip(new, self.function(points[new]).tolist(), strict=True):
                self.known[unit[row]] = value
        return np.array([self.known[key] for key in unit]).reshape([len(axis) for axis in axes])
