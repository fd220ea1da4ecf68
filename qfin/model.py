"""Volatility, marginals and dependence composed into one generator of scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from qfin import persistence
from qfin.dependence import Copula
from qfin.errors import ConfigError, DataError, NotFittedError
from qfin.marginals import Marginals
from qfin.market import ReturnsFrame, RiskFactor
from qfin.registry import kind_of
from qfin.scenarios import ScenarioSet
from qfin.store import code_version
from qfin.volatility import VolatilityFilter


class ScenarioModel(BaseEstimator):
    """A generator of scenarios: Sklar's theorem, with each factor's volatility filtered first.

    r_t = mean_t + sigma_t z_t,  z_tk = F_k^{-1}(u_tk),  u_t ~ copula C, independent from day to day
    (filtered historical simulation with a model in the place of the resampled residuals: Barone-Adesi, Giannopoulos
    and Vosper, VaR without correlations, 1999; Sklar 1959).

    Parameters
    ----------
    volatility : a filter of `qfin.volatility`
    marginals : of `qfin.marginals`
    dependence : a copula of `qfin.dependence`

    Attributes
    ----------
    factors_ : the risk factors it was fitted to
    levels_ : shape (d,), their levels on the as-of date
    as_of_ : the last day of the fitted history
    history_ : SHA-256 of the fitted history
    """

    factors_: tuple[RiskFactor, ...]
    levels_: np.ndarray
    as_of_: pd.Timestamp
    history_: str

    def __init__(self, volatility: VolatilityFilter, marginals: Marginals, dependence: Copula) -> None:
        self.volatility = volatility
        self.marginals = marginals
        self.dependence = dependence

    def fit(self, returns: ReturnsFrame) -> Self:
        """Fit all three stages to a history of returns.

        Raises
        ------
        DataError
            if the history is too short for a stage, or a series is constant.
        """
        return self.fit_margins(returns).fit_dependence(self.pseudo_observations(returns))

    def fit_margins(self, returns: ReturnsFrame) -> Self:
        """Fit volatility and marginals only."""
        if not isinstance(returns, ReturnsFrame):
            raise DataError("fit takes a ReturnsFrame; make one with ReturnsFrame.from_prices(prices)")
        self.volatility.fit(returns.values)
        self.marginals.fit(self.volatility.filter(returns.values))
        return self.start_from(returns)

    def start_from(self, returns: ReturnsFrame) -> Self:
        """Let scenarios start at the end of `returns`, to which volatility and marginals are fitted already."""
        self.factors_, self.levels_, self.as_of_ = returns.factors, returns.levels, returns.as_of
        self.history_ = returns.content_hash
        return self

    def fit_dependence(self, U: np.ndarray) -> Self:
        """Fit the copula to pseudo-observations, shape (T, d)."""
        self.dependence.fit(U)
        return self

    def pseudo_observations(self, returns: ReturnsFrame) -> np.ndarray:
        """Returns filtered and mapped through their marginals, shape (T, d) inside (0, 1).

        `returns` begins where the fitted history does and may go on past its end: held-out days are then filtered
        with parameters that have not seen them.
        """
        self._check_fitted()
        return self.marginals.cdf(self.volatility.filter(returns.values))

    def sample(
        self, n: int, horizon: int = 1, random_state: int | np.random.Generator | None = None
    ) -> ScenarioSet:
        """Draw n scenarios of `horizon` days after the fitted history.

        `random_state` overrides the dependence model's own; the same integer gives the same set.

        Raises
        ------
        ConfigError
            if n or horizon is not at least 1.
        """
        self._check_fitted()
        for name, count in {"n": n, "horizon": horizon}.items():
            if count < 1:
                raise ConfigError(f"{name} must be at least 1, not {count}")
        seed = self.dependence.random_state if random_state is None else random_state
        uniforms = self.dependence.sample(n * horizon, random_state)
        innovations = self.marginals.ppf(uniforms).reshape(n, horizon, len(self.factors_))
        return ScenarioSet(
            self.volatility.simulate(innovations), self.factors_, self.levels_, self.as_of_,
            self._lineage(int(seed) if isinstance(seed, int | np.integer) else None),
        )  # fmt: skip

    def write(self, folder: Path) -> None:
        """Write `model.json` and `model.npz` into `folder`."""
        self._check_fitted()
        persistence.save(self, folder)

    @classmethod
    def read(cls, folder: Path) -> ScenarioModel:
        """Read what `write` wrote."""
        model = persistence.load(folder)
        if not isinstance(model, cls):
            raise DataError(f"{folder} holds a {type(model).__name__}, not a {cls.__name__}")
        return model

    def _lineage(self, seed: int | None) -> dict[str, Any]:
        stages = {"volatility": self.volatility, "marginals": self.marginals, "dependence": self.dependence}
        return {
            "model": {name: kind_of(stage) for name, stage in stages.items()},
            "history": self.history_,
            "seed": seed,
            "backend": "exact" if hasattr(type(self.dependence), "circuit_") else "classical",
            "job_ids": [],
            "code": code_version(),
        }

    def _check_fitted(self) -> None:
        if not hasattr(self, "factors_"):
            raise NotFittedError("this ScenarioModel is not fitted yet; call fit(returns) first")
