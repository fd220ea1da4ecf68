"""Conditional value at risk of a diagonal Hamiltonian."""

from __future__ import annotations

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum.losses._base import Loss


class ConditionalValueAtRisk(Loss):
    """Mean energy of the lowest part of the outcomes: what a variational eigensolver lowers that wants one of them.

    CVaR_a = t - sum_x p(x) (t - E(x))^+ / a, t the a-quantile of the energies under p: the mean over the lowest a of
    the probability. a = 1 is the expected energy; a small a asks only that good outcomes be there (Barkoutsos et al.,
    Quantum 4, 256 (2020), arXiv 1907.04769, equation 9).

    Parameters
    ----------
    energies : shape (2**n,), of each outcome
    share : a, above 0 and 1 at most
    """

    def __init__(self, energies: np.ndarray, share: float = 0.1) -> None:
        energies = np.array(energies, dtype=float)
        if energies.ndim != 1 or len(energies) < 2 or len(energies) & (len(energies) - 1):
            raise ConfigError(
                f"energies have shape {energies.shape}; wanted (2**n,), one for each outcome of n qubits"
            )
        if not np.isfinite(energies).all():
            raise ConfigError(f"the energy of outcome {int(np.argmin(np.isfinite(energies)))} is not finite")
        if not 0.0 < share <= 1.0:
            raise ConfigError(f"share = {share} is not allowed; wanted a number above 0, 1 at most")
        self.energies, self.share = energies, share
        self._order = np.argsort(energies, kind="stable")

    def __call__(self, probabilities: np.ndarray) -> tuple[float, np.ndarray]:
        reached = np.searchsorted(np.cumsum(probabilities[self._order]), self.share * probabilities.sum())
        quantile = self.energies[self._order[min(int(reached), len(self._order) - 1)]]
        short = np.maximum(quantile - self.energies, 0.0) / self.share
        return float(quantile - probabilities @ short), -short
