"""The Student-t copula."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy.special import gammaln, stdtr, stdtrit

from qfin.dependence._base import DEFAULT_FLOOR, DensityCopula, Floor, Seed
from qfin.dependence._correlation import (
    Radial,
    conditional,
    kendall_correlation,
    likelihood_correlation,
    positive_definite,
    squared_distance,
)

LEAST, MOST = 1.0, 200.0
DegreesOfFreedom = Annotated[float, Field(ge=LEAST, le=MOST)]


class StudentTCopula(DensityCopula):
    """Correlation with tails that move together: the classical champion and default prior.

    c(u) = t_{nu,R}(x) / prod t_nu(x_k), x_k = t_nu^{-1}(u_k) (Demarta and McNeil, The t copula and related
    copulas, 2005). Degrees of freedom nu by profile likelihood between 1 and 200, where it is nearly Gaussian.

    Parameters
    ----------
    correlation : "kendall" inverts Kendall's tau pair by pair, sin(pi tau / 2), unmoved by outliers (McNeil,
        Frey and Embrechts 2015, section 7.5.1); "likelihood" maximises the likelihood of correlation and
        degrees of freedom together. A matrix with an eigenvalue below 1e-6 (a factor that repeats others) is
        moved off that edge by the eigenvalue method, and `details()` says so.
    degrees_of_freedom : held at this value; None estimates them
    floor : weight of the independent component mixed in
    random_state : seed of the draws

    Attributes
    ----------
    correlation_ : shape (d, d)
    degrees_of_freedom_ : nu
    repaired_ : whether the correlation had to be made positive definite
    """

    label: ClassVar[str] = "Student-t copula"
    correlation_: np.ndarray
    degrees_of_freedom_: float
    repaired_: bool

    def __init__(
        self,
        correlation: Literal["kendall", "likelihood"] = "kendall",
        degrees_of_freedom: DegreesOfFreedom | None = None,
        floor: Floor = DEFAULT_FLOOR,
        random_state: Seed = None,
    ) -> None:
        self.correlation = correlation
        self.degrees_of_freedom = degrees_of_freedom
        self.floor = floor
        self.random_state = random_state

    def details(self) -> dict[str, Any]:
        """The fitted correlation matrix and degrees of freedom, and whether the matrix was repaired."""
        self._check_fitted()
        return {
            "correlation": self.correlation_.tolist(),
            "correlation_repaired": self.repaired_,
            "degrees_of_freedom": self.degrees_of_freedom_,
        }

    def _fit(self, U: np.ndarray) -> None:
        self.correlation_, self.repaired_ = positive_definite(kendall_correlation(U))
        # the likelihood of a singular estimate has no maximum to climb to
        climb = self.correlation == "likelihood" and not self.repaired_
        self.degrees_of_freedom_ = float(self.degrees_of_freedom or self._profile(U, climb))
        if climb:
            scores = stdtrit(self.degrees_of_freedom_, U)
            best = self._climb(scores, self.degrees_of_freedom_, self.correlation_)
            self.correlation_, self.repaired_ = positive_definite(best)

    def _profile(self, U: np.ndarray, climb: bool) -> float:
        """Degrees of freedom of the highest likelihood, searched on 1/nu, where it is close to quadratic."""
        from scipy.optimize import minimize_scalar

        correlation = self.correlation_

        def loss(reciprocal: float) -> float:
            nonlocal correlation
            nu, scores = 1.0 / reciprocal, stdtrit(1.0 / reciprocal, U)
            if climb:
                correlation = self._climb(scores, nu, correlation)
            return -float(np.mean(_log_density_at(scores, correlation, nu)))

        bounds = (1.0 / MOST, 1.0 / LEAST)
        return 1.0 / minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4}).x

    @staticmethod
    def _climb(scores: np.ndarray, nu: float, start: np.ndarray) -> np.ndarray:
        return likelihood_correlation(scores, _radial(nu, scores.shape[1]), start)

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        nu, factor = self.degrees_of_freedom_, np.linalg.cholesky(self.correlation_)
        points = rng.standard_normal((n, len(factor))) @ factor.T
        points /= np.sqrt(rng.chisquare(nu, n) / nu)[:, None]
        return stdtr(nu, points)

    def _draw_given(
        self, n: int, columns: np.ndarray, values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """A t distribution again (Ding, On the conditional distribution of the multivariate t distribution, 2016)."""
        nu, k = self.degrees_of_freedom_, len(columns)
        mean, scale, distance = conditional(self.correlation_, columns, stdtrit(nu, values))
        factor = np.linalg.cholesky(scale * (nu + distance) / (nu + k))
        points = rng.standard_normal((n, len(mean))) @ factor.T
        points /= np.sqrt(rng.chisquare(nu + k, n) / (nu + k))[:, None]
        return stdtr(nu, mean + points)

    def _log_margin(self, columns: np.ndarray, values: np.ndarray) -> float:
        nu, inner = self.degrees_of_freedom_, self.correlation_[np.ix_(columns, columns)]
        return float(_log_density_at(stdtrit(nu, values)[None], inner, nu)[0])

    def _log_density(self, U: np.ndarray) -> np.ndarray:
        nu = self.degrees_of_freedom_
        return _log_density_at(stdtrit(nu, U), self.correlation_, nu)


def _log_density_at(scores: np.ndarray, correlation: np.ndarray, nu: float) -> np.ndarray:
    """Log density of the t copula at x = t_nu^{-1}(u), shape (n, d) to (n,)."""
    d = scores.shape[1]
    distance, log_determinant = squared_distance(scores, correlation)
    constant = (
        gammaln((nu + d) / 2) + (d - 1) * gammaln(nu / 2) - d * gammaln((nu + 1) / 2) - log_determinant / 2
    )
    margins = np.log1p(scores**2 / nu).sum(axis=1)
    return constant - (nu + d) / 2 * np.log1p(distance / nu) + (nu + 1) / 2 * margins


def _radial(nu: float, d: int) -> Radial:
    def radial(squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return -(nu + d) / 2 * np.log1p(squared / nu), (nu + d) / (nu + squared)

    return radial
