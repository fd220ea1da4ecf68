"""What every loss does."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from qfin.errors import DataError


class Loss(ABC):
    """A differentiable function of outcome probabilities."""

    @abstractmethod
    def __call__(self, probabilities: np.ndarray) -> tuple[float, np.ndarray]:
        """Value at probabilities p, shape (2**n,), and gradient dL/dp of the same shape, every p free."""


def check_target(target: np.ndarray) -> np.ndarray:
    """A target distribution as a read-only float array of shape (2**n,).

    Raises
    ------
    DataError
        if its length is no power of two, or an entry is negative or not finite, or all are 0.
    """
    target = np.array(target, dtype=float)
    if target.ndim != 1 or len(target) < 2 or len(target) & (len(target) - 1):
        raise DataError(
            f"a target has shape {target.shape}; wanted (2**n,), a weight for each outcome of n qubits"
        )
    wrong = ~np.isfinite(target) | (target < 0.0)
    if wrong.any():
        outcome = int(np.argmax(wrong))
        raise DataError(
            f"the target's weight of outcome {outcome} is {target[outcome]}; wanted a number >= 0"
        )
    if not target.any():
        raise DataError("all weights of the target are 0; wanted at least one positive")
    target.flags.writeable = False
    return target
