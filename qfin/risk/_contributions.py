"""What each part of a portfolio adds to value at risk and expected shortfall.

A part is anything whose gains add up to the portfolio's: a trade, the trades of a currency, the move of a factor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qfin.errors import DataError
from qfin.risk._measures import MeasureName, expected_shortfall, tail_weights, value_at_risk

CONVENTION = (
    "component: the part's mean loss in the scenarios of the tail (ES), or by a local linear fit over those around "
    "the quantile (VaR); incremental: the measure less what it is without the part"
)
"""To be printed beside contributions."""

_ROUNDING = 1e-12  # of the largest loss


@dataclass(frozen=True)
class Contribution:
    """What one part adds to one measure; amounts in the base currency, positive adds to the loss.

    Attributes
    ----------
    part : its name
    component : Euler's part of the measure; those of all parts sum to it
    marginal : component for each unit of the part's value on the as-of date; None if that is not known or zero
    incremental : the measure less the measure without the part
    standalone : the measure of the part alone
    """

    part: str
    component: float
    marginal: float | None
    incremental: float
    standalone: float


def contributions(
    gains: np.ndarray,
    parts: Sequence[str],
    measure: MeasureName,
    level: float,
    *,
    values: np.ndarray | None = None,
    without: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> tuple[Contribution, ...]:
    """Contributions of parts whose gains sum to the portfolio's.

    Euler's allocation (Tasche 1999, Risk contributions and performance measurement, equations 5.10 and 5.13): of the
    expected shortfall, E[L_k | L in the tail]; of the value at risk, E[L_k | L = VaR], estimated by a local linear fit
    of L_k on L at it (Fan and Gijbels 1996, section 2.3) over the scenarios around the quantile, with a triangular
    kernel in rank of half-width sqrt(n level (1 - level)).

    Parameters
    ----------
    gains : shape (n, p)
    parts : p names
    measure, level : "VaR" or "ES" and its level
    values : shape (p,), of the parts on the as-of date
    without : shape (n, p), the portfolio's gain without each part; None: the others' sum
    weights : shape (n,), probabilities of the scenarios up to a factor
    """
    gains = np.asarray(gains, dtype=float)
    if gains.ndim != 2 or gains.shape[1] != len(parts):
        raise DataError(f"gains have shape {gains.shape}; wanted (scenarios, {len(parts)}), a column a part")
    losses = _tied(-gains.sum(axis=1))
    figure = value_at_risk if measure == "VaR" else expected_shortfall
    whole = figure(losses, level, weights)
    shares = (
        tail_weights(losses, level, weights) if measure == "ES" else _around(losses, level, whole, weights)
    )
    components = -(shares @ gains)
    rest = -without if without is not None else losses[:, None] + gains
    return tuple(
        Contribution(
            part,
            float(components[k]),
            float(components[k] / values[k]) if values is not None and values[k] else None,
            whole - figure(rest[:, k], level, weights),
            figure(-gains[:, k], level, weights),
        )
        for k, part in enumerate(parts)
    )


def grouped(values: np.ndarray, groups: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Columns of the same group summed, shape (n, p) to (n, g), and the groups in order of appearance."""
    names = tuple(dict.fromkeys(groups))
    membership = np.array([[group == name for name in names] for group in groups], dtype=float)
    return np.asarray(values) @ membership, names


def _tied(losses: np.ndarray) -> np.ndarray:
    """Losses that are equal but for the rounding of their parts' sum made equal, so that they share alike."""
    order = np.argsort(losses, kind="stable")
    ordered = losses[order]
    begins = np.diff(ordered, prepend=-np.inf) > _ROUNDING * np.abs(losses).max()
    tied = np.empty_like(losses)
    tied[order] = ordered[np.flatnonzero(begins)[np.cumsum(begins) - 1]]
    return tied


def _around(losses: np.ndarray, level: float, whole: float, weights: np.ndarray | None) -> np.ndarray:
    """What part each scenario has in the value at risk, shape (n,): weights of a local linear fit at it.

    There the portfolio's own loss is fitted as just that, so the parts sum to it. Losses that are equal share alike.
    """
    n, order = len(losses), np.argsort(losses, kind="stable")
    ordered = losses[order]
    mass = np.full(n, 1.0 / n) if weights is None else np.asarray(weights, dtype=float) / np.sum(weights)
    width = max(math.sqrt(n * level * (1.0 - level)), 1.0)
    ranks = np.arange(n) - int(np.searchsorted(ordered, whole))
    kernel = np.maximum(1.0 - np.abs(ranks) / width, 0.0) * mass[order]
    _, place = np.unique(ordered, return_inverse=True)
    alike = np.bincount(place, kernel) / np.bincount(place, mass[order])
    near = alike[place] * mass[order] / kernel.sum()
    apart = ordered - near @ ordered
    if len(np.unique(ordered[near > 0.0])) > 1:
        near = near * (1.0 + (whole - near @ ordered) / (near @ apart**2) * apart)
    shares = np.empty(n)
    shares[order] = near
    return shares


def as_rows(found: Sequence[Contribution]) -> list[Mapping[str, object]]:
    """Contributions as JSON values, the largest component first."""
    rows = sorted(found, key=lambda c: -c.component)
    return [dict(vars(row)) for row in rows]
