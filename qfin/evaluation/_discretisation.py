"""What a grid alone costs: the Student-t copula exact, and the same copula on cells."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from qfin.dependence import DensityCopula
from qfin.errors import DataError
from qfin.quantum import Grid

_DRAWS = 2**16
_POINTS = 2**18  # quasi-random points in all the cells of one grid
_TAIL = 0.05
_VAR_LEVEL = 0.99


def discretisation_cost(
    U_train: np.ndarray,
    U_held_out: np.ndarray,
    bits: Sequence[int] = (2, 3, 4, 5),
    bins: str = "tail_refined",
    code: str = "gray",
    seed: int = 0,
) -> list[dict[str, Any]]:
    """What putting the Student-t copula on a grid takes from it, before any quantum model does anything.

    A row for each number of bits:

    bits : of a factor
    held_out_exact : mean log density of the held-out days, nats a day
    held_out_cells : the same with the density even inside each cell
    cost : held_out_exact - held_out_cells
    correlation_error : mean absolute error, over pairs, of the correlation of normal scores
    tail_dependence_exact, tail_dependence_cells : P(U1 < q, U2 < q) / q at q = 5 %, mean over pairs
    var_99_exact, var_99_cells : 99 % VaR of the factors' mean normal score, a loss positive, inverted CDF

    "cells" are draws of the copula encoded and decoded with even jitter inside the cell; both come from the same
    65,536 draws, so that their differences are the grid's.

    Parameters
    ----------
    U_train : shape (n, d), the days the copula is fitted to
    U_held_out : shape (m, d), the days it is scored on
    bits : numbers of bits to compare
    bins, code : kinds of `qfin.quantum`
    seed : of draws, jitter and quasi-random points

    Raises
    ------
    DataError
        with fewer than two factors, or fewer days than the copula needs.
    """
    from qfin.dependence import StudentTCopula

    if np.ndim(U_train) != 2 or np.shape(U_train)[1] < 2:
        raise DataError("dependence on a grid needs at least two factors")
    model = StudentTCopula(random_state=seed).fit(U_train)
    exact = model.score(U_held_out)
    sample = model.sample(_DRAWS)
    exact_figures = _figures(sample)
    rows = []
    for b in bits:
        axis = Grid(b, 1, bins, code)
        cells = _held_out_on_cells(model, axis, U_held_out, seed)
        figures = _figures(_round_trip(axis, sample, np.random.default_rng([seed, b])))
        rows.append(
            {
                "bits": int(b),
                "held_out_exact": exact,
                "held_out_cells": cells,
                "cost": exact - cells,
                "correlation_error": float(np.mean(np.abs(figures[0] - exact_figures[0]))),
                "tail_dependence_exact": exact_figures[1],
                "tail_dependence_cells": figures[1],
                "var_99_exact": exact_figures[2],
                "var_99_cells": figures[2],
            }
        )
    return rows


def _held_out_on_cells(model: DensityCopula, axis: Grid, U: np.ndarray, seed: int) -> float:
    """Mean log density of days with each cell's density averaged over the cell."""
    days, d = U.shape
    bins, cell_of_day = np.unique(
        axis.bin_index(U.reshape(-1, 1)).reshape(days, d), axis=0, return_inverse=True
    )
    density = cell_density(model, axis.edges[bins], axis.edges[bins + 1], seed)
    return float(np.mean(np.log(density[cell_of_day.reshape(-1)])))


def cell_density(model: DensityCopula, lower: np.ndarray, upper: np.ndarray, seed: int) -> np.ndarray:
    """Mean density inside boxes by quasi-random integration; corners of shape (n, d) to (n,).

    Scrambled Sobol points, the same in every box (Owen 1997); works for any number of factors.
    """
    from scipy.stats import qmc

    n, d = lower.shape
    count = 1 << int(np.clip(np.log2(_POINTS / n), 5, 12))
    points = qmc.Sobol(d, rng=np.random.default_rng(seed)).random(count)
    inside = lower[:, None] + points * (upper - lower)[:, None]
    inside = np.clip(inside, 2.0**-53, 1.0 - 2.0**-53).reshape(-1, d)
    return np.exp(model.score_samples(inside)).reshape(n, count).mean(axis=1)


def _round_trip(axis: Grid, sample: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    # factor by factor, because a grid of many factors would not fit into 64 bits
    return axis.decode(axis.encode(sample.reshape(-1, 1)), rng).reshape(sample.shape)


def _figures(sample: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Normal-scores correlation of each pair, mean lower tail dependence, VaR of the mean normal score."""
    from scipy.special import ndtri

    scores, low = ndtri(sample), sample < _TAIL
    pairs = list(combinations(range(sample.shape[1]), 2))
    together = [np.mean(low[:, i] & low[:, j]) / _TAIL for i, j in pairs]
    correlation = np.corrcoef(scores, rowvar=False)[tuple(np.transpose(pairs))]
    loss = -scores.mean(axis=1)
    return correlation, float(np.mean(together)), float(np.quantile(loss, _VAR_LEVEL, method="inverted_cdf"))
