"""Volatility, marginals and dependence composed into one generator of scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeGuard

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

if TYPE_CHECKING:
    from qfin.dependence import BornMachine
    from qfin.quantum import Backend, Request

_NEVER = 2.0**-53  # the least probability that marginals tell from none


def has_circuit(model: Copula) -> TypeGuard[BornMachine]:
    """Whether a dependence model draws from a quantum circuit, so that a backend can run it."""
    return hasattr(type(model), "sample_on")


def circuit_model(model: Copula) -> BornMachine:
    """The model, known to have a circuit.

    Raises
    ------
    ConfigError
        if it has none.
    """
    if not has_circuit(model):
        raise ConfigError(f"{model.label} has no circuit to run on a backend; it is drawn from directly")
    return model


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
        self,
        n: int,
        horizon: int = 1,
        random_state: int | np.random.Generator | None = None,
        *,
        backend: Backend | None = None,
        certificate_bound: float = 0.05,
        given: Mapping[str, float] | None = None,
    ) -> ScenarioSet:
        """Draw n scenarios of `horizon` days after the fitted history.

        `random_state` overrides the dependence model's own; the same integer gives the same set.

        Parameters
        ----------
        backend : where the model's circuit runs, a shot a scenario and day; None: drawn from its exact probabilities.
            The set's lineage then holds what ran where, and a certificate of how far that was from the exact circuit
        certificate_bound : distance of Z-correlators that still passes, see `qfin.quantum.certify`; a set that does
            not pass says so in its lineage
        given : returns of some factors, each in its own return unit ({"EURUSD": -0.03}): the others are drawn from what
            the model says of them on such a day; one day ahead only

        Raises
        ------
        ConfigError
            if n or horizon is not at least 1, the model has no circuit, or the backend cannot run it; if returns are
            given for more than one day ahead or on a backend, or the dependence model cannot be conditioned.
        DataError
            if a return is given of a factor that there is not, or no return can be that, or its marginal does not reach
            so far.
        BackendError
            if the backend fails.
        """
        self._check_fitted()
        for name, count in {"n": n, "horizon": horizon}.items():
            if count < 1:
                raise ConfigError(f"{name} must be at least 1, not {count}")
        seed = self.dependence.random_state if random_state is None else random_state
        lineage = self._lineage(int(seed) if isinstance(seed, int | np.integer) else None)
        if given:
            return self._sample_given(n, horizon, random_state, backend, given, lineage)
        if backend is None:
            uniforms = self.dependence.sample(n * horizon, random_state)
        else:
            uniforms, drawn = self._sample_on(backend, n * horizon, random_state, certificate_bound)
            lineage |= drawn
        innovations = self.marginals.ppf(uniforms).reshape(n, horizon, len(self.factors_))
        return ScenarioSet(
            self.volatility.simulate(innovations), self.factors_, self.levels_, self.as_of_, lineage
        )

    def _sample_given(
        self,
        n: int,
        horizon: int,
        random_state: int | np.random.Generator | None,
        backend: Backend | None,
        given: Mapping[str, float],
        lineage: dict[str, Any],
    ) -> ScenarioSet:
        if horizon != 1 or backend is not None:
            raise ConfigError(
                "returns can be given one day ahead only, and of draws from exact probabilities"
            )
        held = self._probabilities_of(given)
        uniforms = self.dependence.sample(n, random_state, given=held)
        returns = self.volatility.simulate(self.marginals.ppf(uniforms)[:, None, :])
        for name, value in given.items():
            returns[:, 0, self._column(name)] = value
        lineage |= {"given": {name: float(value) for name, value in given.items()}}
        return ScenarioSet(returns, self.factors_, self.levels_, self.as_of_, lineage)

    def first_day_probabilities(self, scenarios: ScenarioSet) -> np.ndarray:
        """Marginal probabilities of the first day's returns of scenarios drawn from this model, shape (n, d) in (0, 1).

        They are what the dependence model drew: uniform in each column, whatever the model.
        """
        self._check_fitted()
        return self.marginals.cdf(self._innovations(scenarios.returns[:, 0, :]))

    def _probabilities_of(self, given: Mapping[str, float]) -> dict[int, float]:
        """Marginal probabilities of returns tomorrow, by column."""
        d = len(self.factors_)
        lowest, highest = self._tomorrow(self.marginals.ppf(np.outer([_NEVER, 1.0 - _NEVER], np.ones(d))))
        returns, columns = np.zeros((1, d)), [self._column(name) for name in given]
        for k, value in zip(columns, given.values(), strict=True):
            self._check_return(k, value, lowest[k], highest[k])
            returns[0, k] = value
        uniforms = self.marginals.cdf(self._innovations(returns))[0]
        return {k: float(uniforms[k]) for k in columns}

    def _innovations(self, returns: np.ndarray) -> np.ndarray:
        """Innovations behind returns one day ahead, in which they are linear: shape (n, d) to (n, d)."""
        d = len(self.factors_)
        at_zero, at_one = self._tomorrow(np.array([np.zeros(d), np.ones(d)]))
        return (returns - at_zero) / (at_one - at_zero)

    def _tomorrow(self, innovations: np.ndarray) -> np.ndarray:
        """Returns one day ahead, shape (n, d) to (n, d)."""
        return self.volatility.simulate(innovations[:, None, :])[:, 0, :]

    def _check_return(self, column: int, value: float, lowest: float, highest: float) -> None:
        factor = self.factors_[column]
        if not np.isfinite(value) or (factor.return_type == "relative" and value <= -1.0):
            raise DataError(f"{factor.name} = {value} is given, and no {factor.return_unit} can be that")
        if not lowest <= value <= highest:
            raise DataError(
                f"{factor.name} = {value:g} is given, and its marginal reaches from {lowest:.4g} to {highest:.4g} on "
                "one day (less than 1e-15 of probability lies beyond); give a smaller move"
            )

    def _column(self, name: str) -> int:
        names = [factor.name for factor in self.factors_]
        if name not in names:
            raise DataError(f"there is no risk factor {name!r}; choose from: {', '.join(names)}")
        return names.index(name)

    def request(
        self, n: int, horizon: int = 1, random_state: int | np.random.Generator | None = None
    ) -> Request:
        """What `sample` with the same arguments asks of a backend.

        Raises
        ------
        ConfigError
            if the model has no circuit.
        """
        self._check_fitted()
        return circuit_model(self.dependence).request(n * horizon, random_state)

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

    def _sample_on(
        self, backend: Backend, n: int, random_state: int | np.random.Generator | None, bound: float
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Points drawn on a backend, shape (n, d), and what the lineage says of it."""
        from qfin.quantum import certify

        model = circuit_model(self.dependence)
        uniforms, draws = model.sample_on(backend, n, random_state)
        overhead = draws.lineage.get("variance_overhead", 1.0)
        exact = getattr(model, "probabilities_", None)  # a wide circuit has no table of outcomes
        certificate = certify(draws, model.correlators if exact is None else exact, bound, overhead=overhead)
        return uniforms, {**draws.lineage, "certificate": certificate.to_dict()}

    def _lineage(self, seed: int | None) -> dict[str, Any]:
        stages = {"volatility": self.volatility, "marginals": self.marginals, "dependence": self.dependence}
        return {
            "model": {name: kind_of(stage) for name, stage in stages.items()},
            "history": self.history_,
            "seed": seed,
            "backend": "exact" if has_circuit(self.dependence) else "classical",
            "job_ids": [],
            "code": code_version(),
        }

    def _check_fitted(self) -> None:
        if not hasattr(self, "factors_"):
            raise NotFittedError("this ScenarioModel is not fitted yet; call fit(returns) first")
