"""What every dependence model does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field
from sklearn.base import BaseEstimator
from threadpoolctl import ThreadpoolController

from qfin.errors import ConfigError, DataError, NotFittedError
from qfin.registry import check_estimator

Floor = Annotated[float, Field(ge=0.0, lt=1.0)]
Seed = Annotated[int, Field(ge=0)] | None
DEFAULT_FLOOR = 1e-3


class Copula(BaseEstimator, ABC):
    """A distribution on the unit cube that can be fitted and drawn from.

    Subclasses implement `_fit` and `_draw`, set fitted attributes whose names end with an underscore, take
    `random_state` if fitting or drawing is random, and carry the `label` that tables and figures show.

    `quantum` says that a quantum circuit or a quantum state is what is trained, `random_fit` that another seed gives
    another fit.
    """

    label: ClassVar[str]
    quantum: ClassVar[bool] = False
    random_fit: ClassVar[bool] = False
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
        self.n_features_in_, self.n_days_ = d, n
        try:
            # a second thread costs small matrices more than it does for them
            with _libraries().limit(limits=1, user_api="blas"):
                self._fit(U)
        except BaseException:
            del self.n_features_in_  # half fitted is not fitted
            raise
        return self

    def sample(
        self,
        n: int,
        random_state: int | np.random.Generator | None = None,
        *,
        given: Mapping[int, float] | None = None,
    ) -> np.ndarray:
        """Draw n points, shape (n, d), strictly inside (0, 1).

        `random_state` overrides the model's own; with an integer (there or here) every call draws the same
        points, with a generator or None every call goes on.

        Parameters
        ----------
        given : factors held at a value, {column: value inside (0, 1)}; the others are drawn from the model's
            distribution conditional on it, exactly

        Raises
        ------
        ConfigError
            if the model cannot be conditioned exactly.
        DataError
            if `n` is below 1, or `given` names no factor or a value outside (0, 1), or leaves none to draw.
        """
        self._check_fitted()
        if n < 1:
            raise DataError(f"the number of draws must be at least 1, not {n}")
        seed = self.random_state if random_state is None else random_state
        rng = np.random.default_rng(seed)
        if not given:
            return inside(self._sample(int(n), rng))
        columns, values = self._condition(given)
        points = np.empty((n, self.n_features_in_))
        points[:, columns] = values
        others = np.setdiff1d(np.arange(self.n_features_in_), columns)
        points[:, others] = inside(self._sample_given(int(n), columns, values, rng))
        return points

    def details(self) -> dict[str, Any]:
        """What the fitted model says of itself, as JSON values: correlation, degrees of freedom, ..."""
        self._check_fitted()
        return {}

    def n_parameters(self) -> int | None:
        """Fitted parameters; None where there are none to count (a bootstrap keeps the days)."""
        known = self.details().get("parameters")
        if known is not None:
            return int(known)
        correlation = getattr(self, "correlation_", None)
        if correlation is None:
            return None
        d = len(correlation)
        return d * (d - 1) // 2 + hasattr(self, "degrees_of_freedom_")

    def warnings(self) -> list[str]:
        """What a user should know before trusting the fit; empty where there is nothing."""
        parameters = self.n_parameters()
        if parameters is not None and parameters > self.n_days_:
            return [
                f"{type(self).label} has {parameters} parameters and was fitted to {self.n_days_} days; "
                "trust its held-out score only, or give it more days"
            ]
        return []

    @classmethod
    def min_rows(cls, d: int) -> int:
        """Fewest days the model can be fitted to, for d factors."""
        return d + 2

    def _sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._draw(n, rng)

    def _condition(self, given: Mapping[int, float]) -> tuple[np.ndarray, np.ndarray]:
        """Columns in rising order, shape (k,), and their values, checked."""
        d = self.n_features_in_
        for column, value in given.items():
            if isinstance(column, bool) or not isinstance(column, int | np.integer) or not 0 <= column < d:
                raise DataError(f"given names the column {column!r}; wanted 0 to {d - 1}")
            if not 0.0 < value < 1.0:
                raise DataError(f"given[{column}] = {value} is not strictly between 0 and 1")
        if len(given) == d:
            raise DataError("given holds every factor; leave at least one to draw")
        columns = np.array(sorted(given), dtype=np.int64)
        return columns, np.array([given[column] for column in columns], dtype=float)

    def _sample_given(
        self, n: int, columns: np.ndarray, values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """The columns not in `columns`, in order, drawn conditional on those: shape (n, d - k)."""
        raise ConfigError(f"{type(self).label} cannot be conditioned exactly; take another model")

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

    Subclasses implement `_fit`, `_draw` and `_log_density` of c_model, and where it can be conditioned exactly
    `_draw_given` and `_log_margin`.
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

    def _sample_given(
        self, n: int, columns: np.ndarray, values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Of the mixture: a draw is independent as often as the floor's share of the density at `values` says."""
        points = self._draw_given(n, columns, values, rng)
        model = (1.0 - self.floor) * np.exp(self._log_margin(columns, values))
        independent = np.flatnonzero(rng.random(n) < self.floor / (model + self.floor))
        points[independent] = rng.random((len(independent), points.shape[1]))
        return points

    def _draw_given(
        self, n: int, columns: np.ndarray, values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Like `_sample_given`, of c_model alone."""
        return super()._sample_given(n, columns, values, rng)

    def _log_margin(self, columns: np.ndarray, values: np.ndarray) -> float:
        """Log density of c_model's margin on `columns` at `values`; 0 for one column, whose margin is uniform."""
        if len(columns) == 1:
            return 0.0
        raise ConfigError(f"{type(self).label} can be conditioned on one factor only; take another model")

    def _mixed(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Points of c_model, shape (n, d), made points of the mixture in place."""
        independent = np.flatnonzero(rng.random(len(points)) < self.floor)
        points[independent] = rng.random((len(independent), points.shape[1]))
        return points

    @abstractmethod
    def _log_density(self, U: np.ndarray) -> np.ndarray: ...


@cache
def _libraries() -> ThreadpoolController:
    """The BLAS of NumPy and SciPy, looked for once, on another thread: the search would lose an interrupt."""
    import scipy.linalg  # noqa: F401

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ThreadpoolController).result()


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
