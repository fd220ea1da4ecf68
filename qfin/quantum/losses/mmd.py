"""Maximum mean discrepancy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum.losses._base import Loss, check_target


class MaximumMeanDiscrepancy(Loss):
    """Squared maximum mean discrepancy between outcomes and a target, with a Gaussian kernel of the Hamming distance.

    MMD^2 = sum over x, y of (p - q)(x) (p - q)(y) k(x, y), k the mean over bandwidths sigma of
    exp(-|x - y|_H / (2 sigma^2)). The kernel is a product over bits, so that the Walsh-Hadamard transform
    makes it diagonal: MMD^2 = sum over a of w(a) WHT(p - q)(a)^2, w(a) the mean of s^|a| (1 - s)^(n - |a|),
    s = (1 - exp(-1/(2 sigma^2)))/2. (Rudolph et al., arXiv 2305.02881, eq. 12.)

    Parameters
    ----------
    target : shape (2**n,), weights of outcomes, normalised to sum 1
    bandwidths : the sigmas, in units of the square root of a bit
    """

    def __init__(self, target: np.ndarray, bandwidths: Sequence[float] = (0.5, 1.0, 2.0)) -> None:
        if not len(bandwidths) or not all(np.isfinite(sigma) and sigma > 0 for sigma in bandwidths):
            raise ConfigError(
                f"bandwidths = {list(bandwidths)} are not allowed; wanted at least one, all above 0"
            )
        target = check_target(target)
        self.target = target / target.sum()
        self.bandwidths = tuple(float(sigma) for sigma in bandwidths)
        self._spectrum = _spectrum(len(target), self.bandwidths)

    def __call__(self, probabilities: np.ndarray) -> tuple[float, np.ndarray]:
        from qfin.quantum._kernels import walsh_hadamard

        transform = np.array(probabilities - self.target)
        walsh_hadamard(transform)
        weighted = self._spectrum * transform
        value = float((weighted * transform).sum())
        walsh_hadamard(weighted)
        return value, 2.0 * weighted

    def unbiased(self, frequencies: np.ndarray, shots: int) -> float:
        """Estimate of MMD^2, whose mean over draws is the exact one, from the frequencies of independent shots.

        The value at the frequencies is too large by (1 - sum over x, y of p(x) p(y) k(x, y)) / shots on average,
        because a shot is as near as can be to itself. Without those pairs it is the U-statistic of Gretton et al.
        (JMLR 13, 2012, lemma 6, eq. 3; the target is known exactly here). It can be negative, near the target.

        Parameters
        ----------
        frequencies : share of the shots that gave each outcome, shape (2**n,)
        shots : at least 2
        """
        from qfin.quantum._kernels import walsh_hadamard

        if shots < 2:
            raise ConfigError(f"shots = {shots}; an unbiased discrepancy wants at least 2")
        transform = np.array(frequencies, dtype=float)
        walsh_hadamard(transform)
        pairs = float((self._spectrum * transform**2).sum())
        return self(frequencies)[0] - (1.0 - pairs) / (shots - 1)


def _spectrum(size: int, bandwidths: Sequence[float]) -> np.ndarray:
    """w(a) for each outcome a, shape (size,)."""
    bits = size.bit_length() - 1
    ones = np.bitwise_count(np.arange(size)).astype(float)
    shares = [(1.0 - np.exp(-1.0 / (2.0 * sigma**2))) / 2.0 for sigma in bandwidths]
    return np.mean([s**ones * (1.0 - s) ** (bits - ones) for s in shares], axis=0)
