"""Forward chaining: how much weight the data get and when to stop, chosen on days that follow the ones fitted.

A copula does not change when a factor is transformed by an increasing function, so every block of days is taken by its
own ranks: a change of volatility from one block to the next is no evidence for or against a circuit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.stats import rankdata

from qfin.dependence._search import Shape

FOLDS = 8

Gains = Callable[[np.ndarray, np.ndarray], Sequence[np.ndarray]]


@dataclass(frozen=True)
class Choice:
    """One setting and what it gained on the days that follow the ones fitted.

    Attributes
    ----------
    data_weight : share of the data in the training target, the rest is the prior
    steps : training steps
    gain : nats a day over not training at all, mean over the folds
    standard_error : of that mean, between folds
    curve : the same gain after 0, 1, 2, ... steps, interpolated between the steps looked at
    shape : of the circuit
    half_life : days after which a day counts half; None: all count the same
    """

    data_weight: float
    steps: int
    gain: float
    standard_error: float
    curve: tuple[float, ...]
    shape: Shape | None = None
    half_life: float | None = None


def folds(n: int) -> Iterator[tuple[slice, slice]]:
    """Expanding windows over n days in time order: eight pairs of (days fitted, days that follow)."""
    edges = np.linspace(0, n, FOLDS + 2).astype(int)
    for end, following in pairwise(edges[1:]):
        yield slice(0, int(end)), slice(int(end), int(following))


def choose(
    U: np.ndarray, weights: Sequence[float], gains: Gains, steps: int | None = None, cautious: bool = True
) -> tuple[Choice, list[Choice]]:
    """The setting that gained most on the days following those fitted, and the one tried of each weight.

    Of a weight's steps the best mean gain is taken or, if `cautious`, the fewest whose gain is within one standard
    error, between folds, of it (the one-standard-error rule: Breiman et al., Classification and Regression Trees,
    1984, section 3.4.3): a gain that differs in sign from fold to fold is then not believed, and not training at all
    is chosen.

    Parameters
    ----------
    U : shape (n, d), training days only, in time order
    weights : data weights to choose from
    gains : of (days fitted, days that follow), both by their own ranks: for each weight a validation curve, nats a day
        after 0, 1, 2, ... steps
    steps : fixes the number of steps
    cautious : training starts from a model worth keeping
    """
    curves = [gains(ranked(U[fitted]), ranked(U[following])) for fitted, following in folds(len(U))]
    tried = []
    for index, weight in enumerate(weights):
        shortest = min(len(fold[index]) for fold in curves)
        by_fold = np.array([fold[index][:shortest] for fold in curves])
        mean = by_fold.mean(axis=0)
        error = by_fold.std(axis=0, ddof=1) / np.sqrt(len(by_fold))
        best = int(np.argmax(mean))
        if steps is not None:
            best = min(steps, shortest - 1)
        elif cautious:
            best = int(np.argmax(mean >= mean[best] - error[best]))
        tried.append(Choice(float(weight), best, float(mean[best]), float(error[best]), tuple(mean.tolist())))
    return max(tried, key=lambda choice: choice.gain), tried


def ranked(U: np.ndarray) -> np.ndarray:
    """A block of days by its own ranks, shape (n, d)."""
    return rankdata(U, axis=0) / (len(U) + 1)
