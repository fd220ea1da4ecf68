"""Negative log-likelihood."""

from __future__ import annotations

import numpy as np

from qfin.quantum.losses._base import Loss, check_target


class NegativeLogLikelihood(Loss):
    """Negative log-likelihood in nats, -sum over outcomes x of target(x) log p(x).

    Parameters
    ----------
    target : shape (2**n,), weight of each outcome, such as the frequencies of observed cells or a mixture of them with
        a prior. If the weights sum to 1 the loss is the cross-entropy, in nats a day.

    An outcome with weight but without probability makes the loss +inf; nothing is added to hide it.
    """

    def __init__(self, target: np.ndarray) -> None:
        self.target = check_target(target)
        seen = np.flatnonzero(self.target)
        self._seen = slice(None) if len(seen) == len(self.target) else seen
        self._minus_weights = -self.target[self._seen]

    def __call__(self, probabilities: np.ndarray) -> tuple[float, np.ndarray]:
        seen = probabilities[self._seen]
        with np.errstate(divide="ignore"):
            value = float(
                np.add.reduce(self._minus_weights * np.log(seen))
            )  # BLAS' threads would be in the way
            if isinstance(self._seen, slice):
                return value, self._minus_weights / seen
            gradient = np.zeros(len(probabilities))
            gradient[self._seen] = self._minus_weights / seen
            return value, gradient
