"""Negative log-likelihood with more weight on a tail."""

from __future__ import annotations

import numpy as np

from qfin.errors import DataError
from qfin.quantum.losses._base import Loss, check_target
from qfin.quantum.losses.nll import NegativeLogLikelihood


class TailWeightedLikelihood(Loss):
    """Negative log-likelihood plus the censored likelihood of a tail, in nats.

    (1 - w) sum_x q(x) [-ln p(x)] + w { sum_{x in T} q(x) [-ln p(x)] - q(not T) ln p(not T) }, q the target, T the tail.
    The second term is the censored likelihood of Diks, Panchenko and van Dijk (2011, eq. 12): it asks what is in the
    tail and how much, and nothing of the rest. Both terms are proper, so their sum is lowest at p = q; merely weighting
    tail days would not be.

    Parameters
    ----------
    target : shape (2**n,), weight of each outcome
    tail : shape (2**n,), whether an outcome is in the tail; None: none is, and the loss is the plain likelihood
    weight : w, in [0, 1]

    Raises
    ------
    DataError
        if the tail is not of the target's shape, or the weight outside [0, 1].
    """

    def __init__(self, target: np.ndarray, tail: np.ndarray | None = None, weight: float = 0.5) -> None:
        self.target = check_target(target)
        tail = np.zeros(len(self.target), dtype=bool) if tail is None else np.asarray(tail, dtype=bool)
        if tail.shape != self.target.shape:
            raise DataError(f"the tail has shape {tail.shape}; the target has {self.target.shape}")
        if not 0.0 <= weight <= 1.0:
            raise DataError(f"the tail's weight is {weight}; wanted 0 to 1")
        self._weight = weight if tail.any() else 0.0
        self._body = ~tail
        self._body_target = float(self.target[self._body].sum())
        self._plain = NegativeLogLikelihood(np.where(tail, self.target, (1.0 - self._weight) * self.target))

    def __call__(self, probabilities: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = self._plain(probabilities)
        share = self._weight * self._body_target
        if share == 0.0:
            return value, gradient
        body = float(probabilities[self._body].sum())
        with np.errstate(divide="ignore"):
            return value - share * float(np.log(body)), gradient - self._body * (share / body)
