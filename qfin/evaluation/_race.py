"""The race: all models on the same days, and who won."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from qfin.dependence import DEPENDENCE
from qfin.errors import DataError
from qfin.evaluation._comparison import confidence_set, verdict
from qfin.evaluation._walk_forward import Run, Spec, Window, attempt, kinds_in, windows
from qfin.market import ReturnsFrame
from qfin.scenarios import mean_score

Told = Callable[[str, int], None]
_LEARNING_TEST_DAYS = 500


@dataclass(frozen=True)
class Rules:
    """What is the same for all models of a race.

    Attributes
    ----------
    volatility, marginals : fitted to each window once
    training_days : of the first fit; of a rolling window, of every fit
    refit_every : days between two fits
    window : "expanding" or "rolling"
    seeds : of each model whose fit is random; the daily score is the mean over them
    level : of intervals, tests and the confidence set
    """

    volatility: str | Spec
    marginals: str | Spec
    training_days: int
    refit_every: int
    window: Literal["expanding", "rolling"]
    seeds: tuple[int, ...]
    level: float


@dataclass(frozen=True, eq=False)
class RaceResult:
    """Everything a race found.

    Attributes
    ----------
    daily : a row a day, model and seed: date, model, seed, log_density (NaN without one), energy_score,
        variogram_score
    summary : JSON values: rules, a mapping a model, who did not enter and why, verdicts
    learning : a row a model and number of training days
    expressiveness : a row a model and setting
    """

    daily: pd.DataFrame
    summary: dict[str, Any]
    learning: pd.DataFrame
    expressiveness: pd.DataFrame


def race(
    returns: ReturnsFrame,
    models: Mapping[str, Spec],
    rules: Rules,
    learning_days: Sequence[int] = (),
    settings: Mapping[str, Spec] | None = None,
    told: Told = lambda name, seed: None,
) -> RaceResult:
    """Walk all models forward over a history.

    Parameters
    ----------
    models : specs with `kind` by the name that tables give them; hyper-parameters are what each model chooses for
        itself inside its training days
    learning_days : training days of the learning curve
    settings : models of which the score is set against the number of parameters, on the learning curve's days
    told : called with the model's name and seed before each is begun

    Raises
    ------
    ConfigError
        if a spec names no kind there is, or a parameter it does not take.
    DataError
        if the history is shorter than the first window and 20 days more, or no model could be fitted.
    """
    for spec in [*models.values(), *(settings or {}).values()]:
        DEPENDENCE.build(spec)
    if len(returns) < rules.training_days + 20:
        raise DataError(
            f"the history has {len(returns)} days of returns; a race that fits {rules.training_days} of them needs at "
            f"least {rules.training_days + 20}: give more, or set race.training_days lower"
        )
    days = _windows(returns, rules, rules.training_days)
    entered, refused = _enter(models, rules.seeds, days, told)
    if not entered:
        raise DataError(f"no model could be fitted: {refused[0]['reason']}")
    dates = pd.DatetimeIndex(np.concatenate([window.dates for window in days]))
    tail = _tail(returns)
    return RaceResult(
        daily=_daily(entered, dates),
        summary=_summary(entered, refused, models, rules, returns, dates, len(days)),
        learning=_learning(returns, models, rules, learning_days, tail, told),
        expressiveness=_expressiveness(returns, settings or {}, rules, tail, told),
    )


def _windows(returns: ReturnsFrame, rules: Rules, first: int) -> list[Window]:
    return list(windows(returns, rules.volatility, rules.marginals, first, rules.refit_every, rules.window))


def _enter(
    models: Mapping[str, Spec], seeds: Sequence[int], days: Sequence[Window], told: Told
) -> tuple[dict[str, list[Run]], list[dict[str, str]]]:
    entered, refused = {}, []
    for name, spec in models.items():
        runs, reason = attempt(name, spec, seeds, days, told)
        if reason is None:
            entered[name] = runs
        else:
            refused.append({"name": name, "reason": reason})
    return entered, refused


def _daily(entered: Mapping[str, Sequence[Run]], dates: pd.DatetimeIndex) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "date": dates,
                "model": run.name,
                "seed": run.seed,
                "log_density": np.nan if run.log_density is None else run.log_density,
                "energy_score": run.energy_score,
                "variogram_score": run.variogram_score,
            }
        )
        for runs in entered.values()
        for run in runs
    ]
    return pd.concat(parts, ignore_index=True)


def _summary(
    entered: Mapping[str, list[Run]],
    refused: list[dict[str, str]],
    models: Mapping[str, Spec],
    rules: Rules,
    returns: ReturnsFrame,
    dates: pd.DatetimeIndex,
    refits: int,
) -> dict[str, Any]:
    labels = {name: label_of(name, models[name]) for name in entered}
    quantum = [name for name in entered if is_quantum(models[name])]
    log_scores = {}
    for name, runs in entered.items():
        scored = [run.log_density for run in runs if run.log_density is not None]
        if scored:
            log_scores[name] = np.mean(scored, axis=0)
    energies = {name: -np.mean([run.energy_score for run in runs], axis=0) for name, runs in entered.items()}
    members = confidence_set(log_scores, rules.level)
    return {
        "factors": list(returns.names),
        "days": len(dates),
        "first": f"{dates[0]:%Y-%m-%d}",
        "last": f"{dates[-1]:%Y-%m-%d}",
        "window": rules.window,
        "first_training_days": rules.training_days,
        "refit_every": rules.refit_every,
        "refits": refits,
        "seeds": list(rules.seeds),
        "level": rules.level,
        "floor": _floor(models),
        "models": [
            _model(name, labels[name], name in quantum, runs, log_scores.get(name), members, rules.level)
            for name, runs in entered.items()
        ],
        "not_entered": refused,
        "verdict": verdict(log_scores, quantum, labels, rules.level),
        "energy_verdict": verdict(
            energies, quantum, labels, rules.level, "points of energy score in its favour"
        ),
    }


def _model(
    name: str,
    label: str,
    quantum: bool,
    runs: Sequence[Run],
    log_score: np.ndarray | None,
    members: Mapping[str, float],
    level: float,
) -> dict[str, Any]:
    means = [float(run.log_density.mean()) for run in runs if run.log_density is not None]
    added = [run.added for run in runs if run.added is not None]
    p_value = members.get(name)
    energy = mean_score(np.mean([run.energy_score for run in runs], axis=0), level)
    variogram = mean_score(np.mean([run.variogram_score for run in runs], axis=0), level)
    return {
        "name": name,
        "label": label,
        "quantum": quantum,
        "parameters": runs[-1].parameters,
        "fit_seconds": float(np.mean([run.fit_seconds for run in runs])),
        "seeds": len(runs),
        "seed_spread": float(np.ptp(means)) if len(means) > 1 else None,
        "log_score": None if log_score is None else mean_score(log_score, level).to_dict(),
        "energy_score": energy.to_dict(),
        "variogram_score": variogram.to_dict(),
        "in_confidence_set": None if p_value is None else p_value >= 1.0 - level,
        "p_value": p_value,
        "adds_to_prior": mean_score(np.mean(added, axis=0), level).to_dict() if added else None,
    }


def _tail(returns: ReturnsFrame) -> int:
    """Last days on which learning curves and expressiveness are scored."""
    return min(_LEARNING_TEST_DAYS, len(returns) // 4)


def _learning(
    returns: ReturnsFrame,
    models: Mapping[str, Spec],
    rules: Rules,
    sizes: Sequence[int],
    tail: int,
    told: Told,
) -> pd.DataFrame:
    rows = []
    for size in sorted(size for size in sizes if size + tail <= len(returns)):
        days = _last(returns, rules, size, tail)
        for name, spec in models.items():
            runs, _ = attempt(name, spec, rules.seeds[:1], days, told)
            rows += [{"train_days": size, "model": name, **row} for row in _scored(runs, name, spec, rules)]
    columns = [
        "train_days", "model", "label", "quantum", "seed", "parameters", "seconds", "mean", "lower", "upper"
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _expressiveness(
    returns: ReturnsFrame, settings: Mapping[str, Spec], rules: Rules, tail: int, told: Told
) -> pd.DataFrame:
    rows = []
    if settings:
        days = _last(returns, rules, min(rules.training_days, len(returns) - tail), tail)
        for name, spec in settings.items():
            runs, _ = attempt(name, spec, rules.seeds[:1], days, told)
            rows += [
                {**row, "model": spec["kind"], "setting": name} for row in _scored(runs, name, spec, rules)
            ]
    columns = ["model", "label", "quantum", "setting", "parameters", "mean", "lower", "upper"]
    return pd.DataFrame(rows, columns=columns)


def _last(returns: ReturnsFrame, rules: Rules, size: int, tail: int) -> list[Window]:
    """Windows that score the last `tail` days, of which models see `size` days.

    Volatility and marginals see `training_days` even where models see fewer: what is compared is dependence.
    """
    first = min(max(size, rules.training_days), len(returns) - tail)
    recent = returns.tail(first + tail)
    made = windows(recent, rules.volatility, rules.marginals, first, rules.refit_every, "rolling")
    return [Window(window.dates, window.training[-size:], window.following) for window in made]


def _scored(runs: Sequence[Run], name: str, spec: Spec, rules: Rules) -> list[dict[str, Any]]:
    rows = []
    for run in runs:
        if run.log_density is None:
            continue
        score = mean_score(run.log_density, rules.level)
        rows.append(
            {
                "label": label_of(name, spec),
                "quantum": is_quantum(spec),
                "seed": run.seed,
                "parameters": run.parameters,
                "seconds": run.fit_seconds,
                "mean": score.mean,
                "lower": score.lower,
                "upper": score.upper,
            }
        )
    return rows


def label_of(name: str, spec: Spec) -> str:
    """What tables call a model: its kind's label, or its own name where that is another."""
    return DEPENDENCE.load(spec["kind"]).label if name == spec["kind"] else name


def is_quantum(spec: Spec) -> bool:
    """Whether what is trained is a quantum circuit or state, also one inside a wrapper."""
    return any(DEPENDENCE.load(kind).quantum for kind in kinds_in(spec))


def _floor(models: Mapping[str, Spec]) -> float | None:
    """The density floor that all have; None if they differ."""
    floors = {getattr(DEPENDENCE.build(spec), "floor", None) for spec in models.values()} - {None}
    return floors.pop() if len(floors) == 1 else None
