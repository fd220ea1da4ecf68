"""The Gaussian copula."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.special import ndtr, ndtri

from qfin.dependence._base import DEFAULT_FLOOR, DensityCopula, Floor, Seed
from qfin.dependence._correlation import likelihood_correlation, positive_definite, squared_distance


class GaussianCopula(DensityCopula):
    """Dependence by correlation alone, without tail dependence; correlation by maximum likelihood.

    c(u) = phi_R(z) / prod phi(z_k), z_k = Phi^{-1}(u_k) (McNeil, Frey and Embrechts, Quantitative Risk
    Management, 2015, section 7.5). A matrix with an eigenvalue below 1e-6 (a factor that repeats others) is
    moved off that edge by the eigenvalue method, and `details()` says so.

    Parameters
    ----------
    floor : weight of the independent component mixed in
    random_state : seed of the draws

    Attributes
    ----------
    correlation_ : shape (d, d)
    repaired_ : whether the estimate had to be made positive definite
    """

    label: ClassVar[str] = "Gaussian copula"
    correlation_: np.ndarray
    repaired_: bool

    def __init__(self, floor: Floor = DEFAULT_FLOOR, random_state: Seed = None) -> None:
        self.floor = floor
        self.random_state = random_state

    def details(self) -> dict[str, Any]:
        """The fitted correlation matrix, and whether it was repaired."""
        self._check_fitted()
        return {"correlation": self.correlation_.tolist(), "correlation_repaired": self.repaired_}

    def _fit(self, U: np.ndarray) -> None:
        scores = ndtri(U)
        start, repaired = positive_definite(np.atleast_2d(np.corrcoef(scores, rowvar=False)))
        if not repaired:  # the likelihood of a singular estimate has no maximum to climb to
            start, repaired = positive_definite(likelihood_correlation(scores, _radial, start))
        self.correlation_, self.repaired_ = start, repaired

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        factor = np.linalg.cholesky(self.correlation_)
        return ndtr(rng.standard_normal((n, len(factor))) @ factor.T)

    def _log_density(self, U: np.ndarray) -> np.ndarray:
        scores = ndtri(U)
        distance, log_determinant = squared_distance(scores, self.correlation_)
        return 0.5 * (np.einsum("ij,ij->i", scores, scores) - distance - log_determinant)


def _radial(squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return -0.5 * squared, np.ones_like(squared)
