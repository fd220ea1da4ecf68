"""A trade's value as Chebyshev interpolants of its variables, with a bound on their error.

Up to three variables make one tensor. Beyond three, the three that matter most make one and every other variable a
tensor of two with the one that matters most; where that is not enough, every other pair has its interaction as well (an
anchored decomposition: Rabitz and Alış, General foundations of high-dimensional model representations, 1999), and in
the end all of them make one tensor if that is not too many nodes:

    f(x) = T_123(x1, x2, x3) + sum_i>3 [ T_1i(x1, xi) - T_1i(x1, ai) ]
           + sum_ij [ T_ij(xi, xj) - T_ij(xi, aj) - T_ij(ai, xj) + T_ij(ai, aj) ],   a the anchor
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from qfin.risk._chebyshev import Tensor, TooManyNodes, interpolate

Function = Callable[[np.ndarray], np.ndarray]
_SAFETY = 8.0
_PAIR_ROWS = 2
_FAR_ROWS = 8


@dataclass(frozen=True, eq=False)
class Term:
    """A tensor of some of the variables, less what it says with some of them (each of `without`) at the anchor."""

    columns: tuple[int, ...]
    tensor: Tensor
    without: tuple[int, ...] = ()

    def __call__(self, points: np.ndarray, anchor: np.ndarray) -> np.ndarray:
        """Values at points of all variables, shape (n, v) to (n,)."""
        values = np.zeros(len(points))
        for count in range(len(self.without) + 1):
            for fixed in combinations(self.without, count):
                at = points[:, self.columns].copy()
                for column in fixed:
                    at[:, self.columns.index(column)] = anchor[column]
                values += (-1) ** count * self.tensor(at)
        return values


@dataclass(frozen=True, eq=False)
class Proxy:
    """An approximation of a function of v variables: terms that are added.

    anchor : shape (v,), where variables stand that a term does not have; nodes : values of the function it took
    """

    terms: tuple[Term, ...]
    anchor: np.ndarray
    nodes: int

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values at points, shape (n, v) to (n,)."""
        return np.asarray(sum(term(points, self.anchor) for term in self.terms))


@dataclass(frozen=True)
class Rejected:
    """Why a trade has no proxy."""

    reason: str


def fit_proxy(
    function: Function, points: np.ndarray, sample: np.ndarray, exact: np.ndarray, bound: float, budget: int
) -> Proxy | Rejected:
    """A proxy on the range of `points`, or why there is none.

    Tensors are refined until new nodes agree to an eighth of `bound`, all of them together; the whole must then agree
    to as much with `exact`, the function at a `sample` of points, and with the function at those of `points` that lie
    furthest out in one variable, in two at once, and in all.

    Parameters
    ----------
    function : shape (k, v) to (k,)
    points : shape (n, v), where it will be asked
    sample, exact : shapes (s, v) and (s,), points that no node was put at, and the function there
    bound : on the error, in the function's unit
    budget : most values of the function that it may take
    """
    fit = _Fit(function, points, bound / _SAFETY, budget)
    if not fit.moving:
        return Rejected("nothing that moves it has an effect alone")
    far = points[_far_rows(points, fit.anchor, fit.moving)]
    checks, wanted = np.vstack([sample, far]), np.concatenate([exact, function(far)])
    fit.spent += len(far)
    try:
        for terms in fit.attempts():
            proxy = Proxy(tuple(terms), fit.anchor, fit.spent)
            error = float(np.abs(proxy(checks) - wanted).max())
            if error <= bound / _SAFETY:
                return proxy
    except TooManyNodes:
        return Rejected(f"its bound needs more than {budget:,} nodes")
    return Rejected(f"its variables act together too much: held-out error {error:,.3g}, bound {bound:,.3g}")


class _Fit:
    """Terms of a function around an anchor, made within a budget of its values."""

    def __init__(self, function: Function, points: np.ndarray, tolerance: float, budget: int) -> None:
        self.function, self.budget, self.spent = function, budget, 0
        self.low, self.high = points.min(axis=0), points.max(axis=0)
        self.anchor = np.median(points, axis=0)
        self.moving = self._ranked(np.flatnonzero(self.high > self.low))
        count = max(len(self.moving) - 2, 1) + len(self.other_pairs())
        self.share = tolerance / count

    def attempts(self) -> Iterator[list[Term]]:
        """Terms, each time more of them: the leading ones, all pairs' interactions, one tensor of all variables."""
        first, rest = self.moving[:3], self.moving[3:]
        terms = [self._term(tuple(first), ())] + [self._term((first[0], k), (k,)) for k in rest]
        yield terms
        if rest:
            yield terms + [self._term(pair, pair) for pair in self.other_pairs()]
            yield [self._term(tuple(self.moving), ())]

    def other_pairs(self) -> list[tuple[int, int]]:
        """Pairs that no leading tensor has."""
        return [
            (self.moving[i], self.moving[j])
            for i, j in combinations(range(len(self.moving)), 2)
            if i and j > 2
        ]

    def _term(self, columns: tuple[int, ...], without: tuple[int, ...]) -> Term:
        at = list(columns)

        def partial(points: np.ndarray) -> np.ndarray:
            whole = np.tile(self.anchor, (len(points), 1))
            whole[:, at] = points
            return self.function(whole)

        left = self.budget - self.spent
        tensor = interpolate(partial, self.low[at], self.high[at], self.share, left)
        self.spent += tensor.nodes
        return Term(columns, tensor, without)

    def _ranked(self, moving: np.ndarray) -> list[int]:
        """The variables that move, the one with the largest effect first; without those that have none."""
        if len(moving) <= 3:
            return [int(k) for k in moving]
        ends = np.tile(self.anchor, (2 * len(moving) + 1, 1))
        for place, k in enumerate(moving):
            ends[2 * place, k], ends[2 * place + 1, k] = self.low[k], self.high[k]
        values = self.function(ends)
        self.spent += len(ends)
        effects = np.abs(values[:-1] - values[-1]).reshape(-1, 2).max(axis=1)
        return [int(moving[k]) for k in np.argsort(-effects, kind="stable") if effects[k] > 0.0]


def _far_rows(points: np.ndarray, anchor: np.ndarray, moving: list[int]) -> np.ndarray:
    """Rows of points that lie furthest out: in each variable, in each two at once, and in all."""
    away = np.abs(points[:, moving] - anchor[moving])
    away = away / away.max(axis=0)
    products = [away[:, i] * away[:, j] for i, j in combinations(range(len(moving)), 2)]
    rows = {int(row) for row in away.argmax(axis=0)}
    for product in products:
        rows |= set(np.argpartition(-product, _PAIR_ROWS - 1)[:_PAIR_ROWS].tolist())
    rows |= set(np.argsort(-away.sum(axis=1), kind="stable")[:_FAR_ROWS].tolist())
    return np.array(sorted(rows))
