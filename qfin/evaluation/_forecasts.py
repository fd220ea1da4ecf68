"""Forecasts day after day: a scenario model fitted to the past, and what it says of each of the days that follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from qfin.dependence import DEPENDENCE
from qfin.errors import ConfigError, DataError
from qfin.marginals import MARGINALS
from qfin.market import ReturnsFrame
from qfin.model import ScenarioModel
from qfin.volatility import VOLATILITY

Spec = str | Mapping[str, Any]

_POOL = 2**17
_STATE = ("backcast_", "next_variance_")  # where a filter stands, not what was fitted


@dataclass(frozen=True)
class Composition:
    """The three stages of a scenario model, as specs."""

    volatility: Spec
    marginals: Spec
    dependence: Spec

    def build(self) -> ScenarioModel:
        """The model, not fitted.

        Raises
        ------
        ConfigError
            if a spec names no kind there is, or a parameter it does not take.
        """
        return ScenarioModel(
            VOLATILITY.build(self.volatility),
            MARGINALS.build(self.marginals),
            DEPENDENCE.build(self.dependence),
        )


@dataclass(frozen=True)
class Span:
    """Days of a history that one fit is made of and those it forecasts, by row of the history, ends not included.

    Attributes
    ----------
    fitted : first row of the fit; it ends where the forecasts begin
    first, last : rows whose returns are forecast first and last + 1; a forecast is made on the day before
    """

    fitted: int
    first: int
    last: int


def spans(
    days: int, tested: int, training: int, refit_every: int, window: Literal["expanding", "rolling"]
) -> tuple[Span, ...]:
    """The fits of a walk over the last `tested` of `days` days of returns.

    Raises
    ------
    DataError
        if the history is shorter than the days tested and those of the first fit.
    """
    if days < tested + training:
        raise DataError(
            f"the history has {days} days of returns; {tested} days tested after a first fit of {training} take "
            f"{tested + training}: give more history, or set backtest.days or backtest.training_days lower"
        )
    starts = range(days - tested, days, refit_every)
    return tuple(
        Span(0 if window == "expanding" else start - training, start, min(start + refit_every, days))
        for start in starts
    )


class Forecaster:
    """A model fitted to a span's days, and its draws for each of the days it forecasts.

    Parameters
    ----------
    history : all of it
    span : which days
    composition : the model
    seed : of the draws; each day has random numbers of its own, whatever the span

    Raises
    ------
    QfinError
        of the model, where it cannot be fitted to these days.
    """

    def __init__(self, history: ReturnsFrame, span: Span, composition: Composition, seed: int) -> None:
        self._history, self._span, self._seed = history, span, seed
        self.model = composition.build().fit(_rows(history, span.fitted, span.first))

    def paths(self, n: int, horizon: int) -> Iterator[np.ndarray]:
        """Returns drawn for the next `horizon` days, shape (n, horizon, d), once for each day of the span.

        The volatility moves on with the realised returns, the rest stays as fitted: so each day takes its innovations
        at random from 131,072 draws of the fit, whose own share of hits at 99 % is right to .03 percentage points.
        """
        volatility, values = deepcopy(self.model.volatility), self._history.values
        for row in range(self._span.first, self._span.last):
            rng = np.random.default_rng([self._seed, row])
            yield volatility.simulate(self._innovations[rng.integers(_POOL, size=(n, horizon))])
            volatility.advance(values[row : row + 1])

    @cached_property
    def _innovations(self) -> np.ndarray:
        """Draws of the fitted marginals and dependence, shape (131,072, d)."""
        rng = np.random.default_rng([self._seed, self._span.first, *b"innovations"])
        return self.model.marginals.ppf(self.model.dependence.sample(_POOL, rng))

    @cached_property
    def pseudo_observations(self) -> np.ndarray:
        """Realised days through the filter and marginals, which have not seen them: shape (days, d) inside (0, 1)."""
        rows = _rows(self._history, self._span.fitted, self._span.last)
        return self.model.pseudo_observations(rows)[self._span.first - self._span.fitted :]

    def rosenblatt(self, draws: int = 199) -> np.ndarray | None:
        """Rosenblatt transforms of the realised days' dependence, shape (days, d); None where there are none to be had.

        Column k is the rank of u_k among draws conditional on u_1 ... u_{k-1}, with a uniform number for the place
        between two of them: exactly uniform if the model is right, whatever the number of draws (Rosenblatt 1952).
        A vine has its own, in closed form.
        """
        U, copula = self.pseudo_observations, self.model.dependence
        if hasattr(copula, "rosenblatt"):
            transforms: np.ndarray = copula.rosenblatt(U)
            return transforms
        rng = np.random.default_rng([self._seed, self._span.first, *b"rosenblatt"])
        found = U.copy()
        try:
            for day, k in np.ndindex(len(U), U.shape[1]):
                if k:
                    given = {j: float(U[day, j]) for j in range(k)}
                    below = (copula.sample(draws, rng, given=given)[:, k] < U[day, k]).sum()
                    found[day, k] = (below + rng.uniform()) / (draws + 1)
        except (ConfigError, DataError):
            return None
        return found

    def parameters(self) -> dict[str, float]:
        """Fitted parameters by name and factor, a prior's and tails' shapes too, to be compared from fit to fit."""
        model, factors = self.model, self._history.names
        found = _fitted(model.volatility, factors) | _fitted(model.marginals, factors)
        for factor, one in zip(factors, getattr(model.marginals, "distributions_", ()), strict=False):
            found |= {
                f"{side} tail shape {factor}": float(x)
                for side, x in zip(("lower", "upper"), one.shape, strict=True)
            }
        prior = _fitted(getattr(model.dependence, "prior_", None), factors)
        return found | {f"prior {name}": x for name, x in prior.items()} | _fitted(model.dependence, factors)


def _rows(history: ReturnsFrame, first: int, last: int) -> ReturnsFrame:
    """Some of the days, with the levels of the history's end: a walk over past days values today's market."""
    days = slice(first, last)
    return ReturnsFrame(history.values[days], history.dates[days], history.factors, history.levels)


def _fitted(stage: Any, factors: tuple[str, ...]) -> dict[str, float]:
    """Parameters of one stage."""
    found: dict[str, float] = {}
    for name, value in vars(stage).items() if stage is not None else ():
        if name.endswith("_") and not name.startswith("_") and name not in _STATE:
            found |= _named(name.rstrip("_").replace("_", " "), value, factors)
    return found


def _named(name: str, value: Any, factors: tuple[str, ...]) -> dict[str, float]:
    """A number, one number a factor, or a correlation matrix, under names a person can read."""
    array = np.asarray(value) if isinstance(value, np.ndarray | float) else np.empty((0, 0, 0))
    d = len(factors)
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        return {}
    if array.ndim == 0:
        return {name: float(array)}
    if array.shape == (d,):
        return {f"{name} {factor}": float(x) for factor, x in zip(factors, array, strict=True)}
    if array.shape == (d, d):
        rows, columns = np.triu_indices(d, 1)
        return {
            f"{name} {factors[i]} {factors[j]}": float(array[i, j])
            for i, j in zip(rows, columns, strict=True)
        }
    return {}
