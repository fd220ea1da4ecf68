"""One figure of how far scenarios are from history, beside what a perfect model would show.

A perfect model's scenarios differ from history too, because both are finite samples. So a figure is compared with the
same figure between two resamples of the history: one of as many scenarios, one of as many days. Days are resampled in
circular blocks (Politis and Romano 1992), since neighbouring days are not independent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

RESAMPLES = 100


@dataclass(frozen=True)
class Discrepancy:
    """A figure of scenarios against history; higher is worse.

    Attributes
    ----------
    score : what is measured
    value : of the scenarios
    factor : the risk factor, or the pair "EURUSD/SPX", that it belongs to; None if to all
    floor, upper : median and 95 % quantile of a perfect model's figure; None where they are not known
    p_value : probability that a perfect model's figure is as high; None where it is not known
    """

    score: str
    value: float
    factor: str | None = None
    floor: float | None = None
    upper: float | None = None
    p_value: float | None = None

    @classmethod
    def beside(
        cls,
        score: str,
        value: float,
        draws: np.ndarray,
        factor: str | None = None,
        p_value: float | None = None,
    ) -> Discrepancy:
        """The figure beside draws of a perfect model's, shape (resamples,).

        Without a `p_value` of its own it gets the draws' (Davison and Hinkley 1997, section 4.2).
        """
        floor, upper = np.quantile(draws, [0.5, 0.95])
        if p_value is None:
            p_value = (1 + np.count_nonzero(draws >= value)) / (1 + len(draws))
        return cls(score, float(value), factor, float(floor), float(upper), float(p_value))

    def to_dict(self) -> dict[str, Any]:
        """The figure as JSON values."""
        return asdict(self)


def resamples(
    days: int, scenarios: int, steps: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of resamples of the days: as `scenarios` rows in runs of `steps`, and as a history of its own length.

    Yields indices of days, shapes (scenarios,) and (days,). A history is resampled in blocks of the cube root of its
    length (Hall, Horowitz and Jing 1995).
    """
    block = int(np.ceil(np.cbrt(days)))
    for _ in range(RESAMPLES):
        yield _blocks(days, scenarios, steps, rng), _blocks(days, days, block, rng)


def resampled_weights(
    days: int, scenarios: int, steps: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The same pairs as weights of the days, each of shape (resamples, days); rows sum to 1."""
    drawn, past = zip(*resamples(days, scenarios, steps, rng), strict=True)
    return _weights(drawn, days), _weights(past, days)


def _blocks(days: int, size: int, block: int, rng: np.random.Generator) -> np.ndarray:
    starts = rng.integers(days, size=-(-size // block))
    return ((starts[:, None] + np.arange(block)) % days).reshape(-1)[:size]


def _weights(indices: tuple[np.ndarray, ...], days: int) -> np.ndarray:
    return np.array([np.bincount(index, minlength=days) / len(index) for index in indices])
