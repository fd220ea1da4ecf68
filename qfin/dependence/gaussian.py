"""The Gaussian copula."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from scipy.special import ndtr, ndtri

from qfin.dependence._base import DEFAULT_FLOOR, DensityCopula, Floor, Seed
from qfin.dependence._correlation import (
    conditional,
    likelihood_correlation,
    positive_definite,
    shrunk,
    squared_distance,
)


class GaussianCopula(DensityCopula):
    """Dependence by correlation alone, without tail dependence; correlation by maximum likelihood.

    c(u) = phi_R(z) / prod phi(z_k), z_k = Phi^{-1}(u_k) (McNeil, Frey and Embrechts, Quantitative Risk
    Management, 2015, section 7.5). A matrix with an eigenvalue below 1e-6 (a factor that repeats others) is
    moved off that edge by the eigenvalue method, and `details()` says so.

    Parameters
    ----------
    shrinkage : "none"; or the normal scores' correlation pulled towards the identity by the intensity of Ledoit and
        Wolf (2004) or of Chen, Wiesel, Eldar and Hero (2010, "oas"), in the place of maximum likelihood: for many
        factors and few days
    floor : weight of the independent component mixed in
    random_state : seed of the draws

    Attributes
    ----------
    correlation_ : shape (d, d)
    repaired_ : whether the estimate had to be made positive definite
    intensity_ : of the shrinkage, 0 without
    """

    label: ClassVar[str] = "Gaussian copula"
    correlation_: np.ndarray
    repaired_: bool
    intensity_: float

    def __init__(
        self,
        shrinkage: Literal["none", "ledoit_wolf", "oas"] = "none",
        floor: Floor = DEFAULT_FLOOR,
        random_state: Seed = None,
    ) -> None:
        self.shrinkage = shrinkage
        self.floor = floor
        self.random_state = random_state

    def details(self) -> dict[str, Any]:
        """The fitted correlation matrix, whether it was repaired, and how much it was shrunk."""
        self._check_fitted()
        return {
            "correlation": self.correlation_.tolist(),
            "correlation_repaired": self.repaired_,
            "shrinkage": self.intensity_,
        }

    def _fit(self, U: np.ndarray) -> None:
        scores = ndtri(U)
        if self.shrinkage != "none":
            self.correlation_, self.intensity_ = shrunk(scores, self.shrinkage)
            self.repaired_ = False
            return
        self.intensity_ = 0.0
        start, repaired = positive_definite(np.atleast_2d(np.corrcoef(scores, rowvar=False)))
        if not repaired:  # the likelihood of a singular estimate has no maximum to climb to
            start, repaired = positive_definite(likelihood_correlation(scores, _radial, start))
        self.correlation_, self.repaired_ = start, repaired

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        factor = np.linalg.cholesky(self.correlation_)
        return ndtr(rng.standard_normal((n, len(factor))) @ factor.T)

    def _draw_given(
        self, n: int, columns: np.ndarray, values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        mean, scale, _ = conditional(self.correlation_, columns, ndtri(values))
        return ndtr(mean + rng.standard_normal((n, len(mean))) @ np.linalg.cholesky(scale).T)

    def _log_margin(self, columns: np.ndarray, values: np.ndarray) -> float:
        inner = self.correlation_[np.ix_(columns, columns)]
        return float(_log_density_at(ndtri(values)[None], inner)[0])

    def _log_density(self, U: np.ndarray) -> np.ndarray:
        return _log_density_at(ndtri(U), self.correlation_)


def _log_density_at(scores: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Log density of the Gaussian copula at normal scores, shape (n, d) to (n,)."""
    distance, log_determinant = squared_distance(scores, correlation)
    return 0.5 * (np.einsum("ij,ij->i", scores, scores) - distance - log_determinant)


def _radial(squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return -0.5 * squared, np.ones_like(squared)
