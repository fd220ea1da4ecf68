"""scikit-learn estimators that draw scenarios as linear returns of assets, the way portfolio optimisers take them.

Either serves as `skfolio.prior.SyntheticData(distribution_estimator=...)`. skfolio itself is not imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
from pydantic import Field
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import validate_data

from qfin.dependence import DEPENDENCE
from qfin.errors import ConfigError, DataError, NotFittedError
from qfin.marginals import MARGINALS
from qfin.market import ReturnsFrame, RiskFactor, infer_factors
from qfin.model import ScenarioModel
from qfin.registry import Room, check_estimator
from qfin.volatility import VOLATILITY

_FIRST_DAY = "2000-01-03"  # of days that have no date
_NOT_ASSETS = {"IR": "an interest rate", "VOL": "a volatility"}


class _LinearReturns(BaseEstimator):
    """Draws of a fitted model as linear returns, a column an asset of `X`."""

    horizon: int
    random_state: int | None
    model_: ScenarioModel
    columns_: list[int]

    def sample(
        self,
        n_samples: int = 1,
        conditioning: Mapping[str | int, float] | None = None,
        random_state: int | None = None,
    ) -> np.ndarray:
        """Draw linear returns P_{T+horizon} / P_T - 1 after the last fitted day, shape (n_samples, n_assets).

        Parameters
        ----------
        conditioning : linear returns held fixed, by name or by column of `X` ({"WTI": -0.08}): the others are drawn
            from what the model says of them on such a day; one day ahead only
        random_state : seed of these draws; None: the estimator's, else the dependence model's. The same seed gives
            the same draws

        Raises
        ------
        NotFittedError
            before `fit`.
        ConfigError
            if `n_samples` is below 1, an asset is held at anything but a number, or `horizon` is not 1 or the
            dependence model cannot be conditioned.
        DataError
            if there is no such asset, or its return is past all that the model holds possible.
        """
        if not hasattr(self, "model_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit(X) first")
        if n_samples < 1:
            raise ConfigError(f"n_samples must be at least 1, not {n_samples}")
        seed = self.random_state if random_state is None else random_state
        given = dict(self._given(key, value) for key, value in (conditioning or {}).items())
        scenarios = self.model_.sample(n_samples, self.horizon, seed, given=given)
        return (scenarios.horizon_levels() / scenarios.levels - 1.0)[:, self.columns_]

    def _given(self, key: str | int, value: float) -> tuple[str, float]:
        """A factor's name, and a linear return of it in the factor's own return unit."""
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise ConfigError(
                f"conditioning holds {key!r} at {value!r}; wanted one number, bounds and arrays are not possible"
            )
        column = self._column(key)
        factor, level = self.model_.factors_[column], float(self.model_.levels_[column])
        _check_asset(factor, level)
        if not -1.0 < value < np.inf:
            raise DataError(f"{factor.name} cannot return {value:g}: a linear return is finite and above -1")
        return factor.name, float(factor.returns(np.array([level, level * (1.0 + value)]))[0])

    def _column(self, key: str | int) -> int:
        """Column of the model: of a factor's name, or of a column of X."""
        if isinstance(key, str):
            return _position(key, self.model_.factors_)
        if not 0 <= key < len(self.columns_):
            raise DataError(
                f"conditioning names the column {key}; wanted 0 to {len(self.columns_) - 1}, or a name"
            )
        return self.columns_[key]


class ScenarioEstimator(_LinearReturns):
    """Fits volatility, marginals and dependence to linear returns, and draws linear returns.

    Inside is a `ScenarioModel` of log returns: no draw is below -1, and days add up.

    Parameters
    ----------
    volatility, marginals, dependence : kind ("garch", "semiparametric", "born"), mapping of a kind and its parameters
        ({"kind": "born", "bits": 2}), or an instance, which is cloned. With volatility "garch" or "ewma" draws are
        as wide as the market is today, with "none" as it was over the whole history
    horizon : days ahead that a draw spans; returns are compounded over them
    random_state : seed of draws, and of the fit unless the dependence model has its own; None: as it has

    Attributes
    ----------
    model_ : the fitted `ScenarioModel`; its levels are 1
    n_features_in_ : number of assets
    feature_names_in_ : their names, where `X` has some
    """

    def __init__(
        self,
        volatility: Any = "garch",
        marginals: Any = "semiparametric",
        dependence: Any = "born",
        horizon: Annotated[int, Field(ge=1)] = 1,
        random_state: Annotated[int, Field(ge=0)] | None = None,
    ) -> None:
        self.volatility = volatility
        self.marginals = marginals
        self.dependence = dependence
        self.horizon = horizon
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit to a history of linear returns.

        Parameters
        ----------
        X : shape (n_days, n_assets), one-day returns P_t / P_{t-1} - 1, oldest first; a DataFrame's columns name the
            assets (else x0, x1, ...) and its index of dates the days. Any other index is only counted: days are then
            business days from 2000-01-03
        y : ignored, scikit-learn's convention

        Raises
        ------
        ConfigError
            if a kind, a parameter, the horizon or the seed is not one.
        DataError
            naming asset and day of a return that is not finite or not above -1; if days do not increase, an asset is
            constant or named twice, or there are too few days for a stage.
        ValueError, TypeError
            scikit-learn's own, if X is not a two-dimensional array of numbers.
        """
        check_estimator(self)
        dependence = _built(DEPENDENCE, self.dependence)
        if dependence.random_state is None:
            dependence.random_state = self.random_state
        model = ScenarioModel(
            _built(VOLATILITY, self.volatility), _built(MARGINALS, self.marginals), dependence
        )
        _check_names(X)
        values = validate_data(self, X, dtype=float, ensure_all_finite=False, ensure_min_samples=2)
        self.model_ = model.fit(_history(values, _names(self), getattr(X, "index", None)))
        self.columns_ = list(range(self.n_features_in_))
        return self


class FrozenScenarios(_LinearReturns):
    """Draws linear returns from a `ScenarioModel` that is fitted already; neither `fit` nor `clone` changes it.

    Parameters
    ----------
    model : fitted, to prices under returns of any type
    horizon : days ahead that a draw spans; returns are compounded over them
    random_state : seed of draws; None: the dependence model's

    Attributes
    ----------
    model_ : `model`
    columns_ : its column of each column of `X`
    n_features_in_, feature_names_in_ : as of `ScenarioEstimator`
    """

    def __init__(
        self,
        model: ScenarioModel,
        horizon: Annotated[int, Field(ge=1)] = 1,
        random_state: Annotated[int, Field(ge=0)] | None = None,
    ) -> None:
        self.model = model
        self.horizon = horizon
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from `X` which assets are wanted in which order, and nothing else.

        Parameters
        ----------
        X : shape (n_days, n_assets); a DataFrame's columns name factors of the model, all or some; an array's are all
            of them in the model's order
        y : ignored, scikit-learn's convention

        Raises
        ------
        ConfigError
            if `model` is no ScenarioModel, or the horizon or the seed is not one.
        NotFittedError
            if `model` is not fitted.
        DataError
            if a column names no factor, or one without a linear return: a rate, a volatility, a level at or below 0.
        """
        check_estimator(self)
        if not hasattr(self.model, "factors_"):
            raise NotFittedError("the model is not fitted yet; fit it first, or take a ScenarioEstimator")
        _check_names(X)
        validate_data(self, X, ensure_all_finite=False)
        factors = self.model.factors_
        names = getattr(self, "feature_names_in_", None)
        if names is None and self.n_features_in_ != len(factors):
            known = ", ".join(factor.name for factor in factors)
            raise DataError(
                f"X has {self.n_features_in_} columns without names; the model has factors {known}"
            )
        self.columns_ = list(range(len(factors))) if names is None else [_position(n, factors) for n in names]
        for column in self.columns_:
            _check_asset(factors[column], self.model.levels_[column])
        self.model_ = self.model
        return self

    def __sklearn_clone__(self) -> FrozenScenarios:
        return FrozenScenarios(self.model, self.horizon, self.random_state)


def _built(room: Room[Any], spec: Any) -> Any:
    return clone(spec) if isinstance(spec, BaseEstimator) else room.build(spec)


def _check_names(X: Any) -> None:
    if isinstance(X, pd.DataFrame) and X.columns.has_duplicates:
        repeated = X.columns[X.columns.duplicated()][0]
        raise DataError(f"{repeated} is the name of two columns of X; rename one")


def _names(estimator: BaseEstimator) -> list[str]:
    given = getattr(estimator, "feature_names_in_", None)
    return (
        [f"x{k}" for k in range(estimator.n_features_in_)] if given is None else [str(name) for name in given]
    )


def _history(values: np.ndarray, names: list[str], index: Any) -> ReturnsFrame:
    """Log returns of assets at level 1 from their linear returns, shape (n, d)."""
    dated = isinstance(index, pd.DatetimeIndex)
    bad = ~np.isfinite(values) | (values <= -1.0)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        day = f"on {index[row]:%Y-%m-%d}" if dated else f"in row {row} (counted from 0)"
        raise DataError(
            f"{names[column]} is {values[row, column]:g} {day}; a linear return is finite and above -1: "
            "correct it or drop the row"
        )
    constant = np.ptp(values, axis=0) == 0.0
    if constant.any():
        raise DataError(f"{names[int(np.argmax(constant))]} is constant; drop it, it carries no risk")
    dates = index if dated else pd.bdate_range(_FIRST_DAY, periods=len(values))
    return ReturnsFrame(np.log1p(values), dates, infer_factors(names), np.ones(len(names)))


def _position(name: str, factors: tuple[RiskFactor, ...]) -> int:
    names = [factor.name for factor in factors]
    if name not in names:
        raise DataError(f"there is no risk factor {name!r} in the model; choose from: {', '.join(names)}")
    return names.index(name)


def _check_asset(factor: RiskFactor, level: float) -> None:
    """Nothing, of a factor that has a linear return."""
    if factor.type in _NOT_ASSETS:
        raise DataError(
            f"{factor.name} is {_NOT_ASSETS[factor.type]} and has no linear return; leave it out of X"
        )
    if level <= 0.0:
        raise DataError(f"{factor.name} stands at {level:g} and has no linear return; leave it out of X")
