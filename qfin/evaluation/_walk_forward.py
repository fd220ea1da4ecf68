"""Walk-forward: every model fitted to the past and scored on the days that follow, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtri

from qfin.dependence import DEPENDENCE, Copula, DensityCopula
from qfin.errors import ConfigError, DataError, QfinError
from qfin.marginals import MARGINALS
from qfin.market import ReturnsFrame
from qfin.scenarios import energy_score, variogram_score
from qfin.volatility import VOLATILITY

_DRAWS = 64  # for each day, of the ensemble whose energy score is taken

Spec = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Window:
    """Days fitted and the days that follow them.

    Attributes
    ----------
    dates : of the days that follow
    training, following : pseudo-observations, shapes (n, d) and (m, d); the following days are filtered and mapped with
        parameters that have not seen them
    """

    dates: pd.DatetimeIndex
    training: np.ndarray
    following: np.ndarray


@dataclass(frozen=True, eq=False)
class Run:
    """One model with one seed over all windows.

    Attributes
    ----------
    log_density : shape (days,), nats; None without a density
    energy_score, variogram_score : shape (days,), of normal scores, lower is better
    added : shape (days,), log density less its prior's, of a model with a prior
    parameters : of the last fit; None if the model does not say
    """

    name: str
    seed: int
    log_density: np.ndarray | None
    energy_score: np.ndarray
    variogram_score: np.ndarray
    added: np.ndarray | None
    fit_seconds: float
    parameters: int | None


def windows(
    returns: ReturnsFrame,
    volatility: str | Spec,
    marginals: str | Spec,
    first: int,
    every: int,
    kind: Literal["expanding", "rolling"] = "expanding",
) -> Iterator[Window]:
    """Volatility and marginals fitted to the past, and what they make of the days that follow.

    Parameters
    ----------
    first : days before the first one scored; of a rolling window, the days of every fit
    every : days between two fits

    Raises
    ------
    DataError
        if the history has no day after the first window.
    """
    days = len(returns)
    if days <= first:
        raise DataError(f"the history has {days} days of returns, and the first fit alone takes {first}")
    for start in range(first, days, every):
        begin = 0 if kind == "expanding" else start - first
        end = min(start + every, days)
        values = returns.values[begin:end]
        fitted = start - begin
        filtered = VOLATILITY.build(volatility).fit(values[:fitted]).filter(values)
        U = MARGINALS.build(marginals).fit(filtered[:fitted]).cdf(filtered)
        yield Window(returns.dates[start:end], U[:fitted], U[fitted:])


def contest(name: str, spec: Spec, seed: int, days: Sequence[Window]) -> Run:
    """One model fitted and scored on every window.

    Raises
    ------
    QfinError
        of the model, where it cannot be fitted to these data.
    """
    scores, energies, variograms, added, seconds = [], [], [], [], 0.0
    model: Copula
    for number, window in enumerate(days):
        model = DEPENDENCE.build({"random_state": seed, **spec})
        began = time.perf_counter()
        model.fit(window.training)
        seconds += time.perf_counter() - began
        log_density = _log_density(model, window.following)
        if log_density is not None:
            scores.append(log_density)
            prior = getattr(model, "prior_", None)
            if prior is not None:
                added.append(log_density - prior.score_samples(window.following))
        m, d = window.following.shape
        draws = ndtri(model.sample(m * _DRAWS, np.random.default_rng([seed, number]))).reshape(m, _DRAWS, d)
        days_seen = ndtri(window.following)
        energies.append(energy_score(draws, days_seen))
        variograms.append(variogram_score(draws, days_seen))
    return Run(
        name,
        seed,
        np.concatenate(scores) if scores else None,
        np.concatenate(energies),
        np.concatenate(variograms),
        np.concatenate(added) if added else None,
        seconds,
        model.n_parameters(),
    )


def _log_density(model: Copula, U: np.ndarray) -> np.ndarray | None:
    if not isinstance(model, DensityCopula):
        return None
    try:
        return model.score_samples(U)
    except ConfigError:  # a model too large for its density to be had
        return None


def attempt(
    name: str, spec: Spec, seeds: Sequence[int], days: Sequence[Window], told: Callable[[str, int], None]
) -> tuple[list[Run], str | None]:
    """All seeds of one model, or the reason why it cannot enter; one seed where another would change nothing."""
    random = any(DEPENDENCE.load(kind).random_fit for kind in kinds_in(spec))
    runs = []
    try:
        for seed in seeds if random else seeds[:1]:
            told(name, seed)
            runs.append(contest(name, spec, seed, days))
    except QfinError as error:
        return [], str(error)
    return runs, None


def kinds_in(spec: Spec) -> list[str]:
    """The kind of a model, and of those inside it where it is a wrapper."""
    inside = DEPENDENCE.build(spec).get_params(deep=False).get("model")
    if inside is None:
        return [spec["kind"]]
    within = {"kind": inside} if isinstance(inside, str) else inside
    return [spec["kind"], *kinds_in(within)]
