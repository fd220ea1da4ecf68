"""What every dependence model does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field
from sklearn.base import BaseEstimator

from qfin.errors import DataError, NotFittedError
from qfin.registry import check_estimator

Floor = Annotated[float, Field(ge=0.0, lt=1.0)]
Seed = Annotated[int, Field(ge=0)] | None
DEFAULT_FLOOR = 1e-3


class Copula(BaseEstimator, ABC):
    """A distribution on the unit cube that can be fitted and drawn from.

    Subclasses implement `_fit` and `_draw`, set fitted attributes whose names end with an underscore, take
    `random_state` if fitting or drawing is random, and carry the `label` that tables and figures show.
    """

    label: ClassVar[str]
    random_state: int | None

    def fit(self, U: np.ndarray, y: Any = None) -> Self:
        """Fit to pseudo-observations.

        Parameters
        ----------
        U : shape (n, d), strictly inside (0, 1), a row a day, a column a factor
        y : ignored, scikit-learn's convention

        Raises
        ------
        ConfigError
            if a parameter is outside its bounds.
        DataError
            naming row and column of a value outside (0, 1), or a constant column, or if there are too few rows.
        """
        check_estimator(self)
        U = check_unit_cube(U)
        n, d = U.shape
        if n < self.min_rows(d):
            raise DataError(
                f"{type(self).__name__} needs at least {self.min_rows(d)} rows for {d} factors; there are {n}"
            )
        constant = np.ptp(U, axis=0) == 0
        if constant.any():
            raise DataError(f"column {int(np.argmax(constant))} of U is constant; drop that factor")
        self.n_features_in_ = U.shape[1]
        try:
            self._fit(U)
        except BaseException:
            del self.n_features_in_  # half fitted is not fitted
            raise
        return self

    def sample(self, n: int, random_state: int | np.random.Generator | None = None) -> np.ndarray:
        """Draw n points, shape (n, d), strictly inside (0, 1).

        `random_state` overrides the model's own; with an integer (there or here) every call draws the same
        points, with a generator or None every call goes on.
        """
        self._check_fitted()
        if n < 1:
            raise DataError(f"the number of draws must be at least 1, not {n}")
        seed = self.random_state if random_state is None else random_state
        return inside(self._sample(int(n), np.random.default_rng(seed)))

    def details(self) -> dict[str, Any]:
        """What the fitted model says of itself, as JSON values: correlation, degrees of freedom, ..."""
        self._check_fitted()
        return {}

    @classmethod
    def min_rows(cls, d: int) -> int:
        """Fewest days the model can be fitted to, for d factors."""
        return d + 2

    def _sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._draw(n, rng)

    def _check_fitted(self) -> None:
        if not hasattr(self, "n_features_in_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit(U) first")

    @abstractmethod
    def _fit(self, U: np.ndarray) -> None: ...

    @abstractmethod
    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray: ...


class DensityCopula(Copula):
    """A copula with a density.

    What is fitted is mixed with a small independent component, the density floor:
    c = (1 - floor) c_model + floor. It keeps every held-out log density finite; all models have the same one by
    default, so that none wins by it. `score_samples` is the density of exactly what `sample` draws, floor
    included.

    Subclasses implement `_fit`, `_draw` and `_log_density` of c_model.
    """

    floor: float

    def score_samples(self, U: np.ndarray) -> np.ndarray:
        """Log copula density at each point in nats, shape (n, d) to (n,); 0 everywhere for independence."""
        self._check_fitted()
        U = check_unit_cube(U)
        if U.shape[1] != self.n_features_in_:
            raise DataError(
                f"U has {U.shape[1]} columns; {type(self).__name__} was fitted to {self.n_features_in_}"
            )
        model = self._log_density(U)
        if self.floor == 0.0:
            return model
        return np.logaddexp(np.log1p(-self.floor) + model, np.log(self.floor))

    def score(self, U: np.ndarray, y: Any = None) -> float:
        """Mean log copula density in nats a day."""
        return float(np.mean(self.score_samples(U)))

    def _sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._mixed(self._draw(n, rng), rng)

    def _mixed(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Points of c_model, shape (n, d), made points of the mixture in place."""
        independent = np.flatnonzero(rng.random(len(points)) < self.floor)
        points[independent] = rng.random((len(independent), points.shape[1]))
        return points

    @abstractmethod
    def _log_density(self, U: np.ndarray) -> np.ndarray: ...


def check_unit_cube(U: np.ndarray) -> np.ndarray:
    """U as a float array of shape (n, d), strictly inside (0, 1)."""
    U = np.asarray(U, dtype=float)
    if U.ndim != 2 or 0 in U.shape:
        raise DataError(f"U has shape {U.shape}; wanted (days, factors), at least one of each")
    inside = (U > 0.0) & (U < 1.0)
    if not inside.all():
        row, column = np.argwhere(~inside)[0]
        raise DataError(
            f"U[{row}, {column}] = {U[row, column]:.6g} is not strictly between 0 and 1; "
            "map the data through their marginals first"
        )
    return U


def inside(U: np.ndarray) -> np.ndarray:
    """U, with what lies on the border of the cube moved just inside it."""
    return np.clip(U, 2.0**-53, 1.0 - 2.0**-53)
