"""A task a stage: it calls the stage's function, and hands on a reference to what that published.

Results are small JSON values and are not stored by Prefect: the artifact store is the cache, shared with every other
way to run a stage. Whether a failure is tried again is the error's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypedDict, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger
from prefect.runtime import task_run
from prefect.tasks import Task

from flows._credentials import credentials_of
from qfin import stages
from qfin.errors import QfinError
from qfin.stages.config import RunConfig, Spec
from qfin.store import Artifact, Store

P = ParamSpec("P")
R = TypeVar("R")


class Published(TypedDict):
    """An artifact as flows hand it on: reference `stage/id`, whether it was there already, its folder, its figures."""

    ref: str
    reused: bool
    folder: str
    summary: dict[str, Any]


def published(artifact: Artifact) -> Published:
    """The artifact as flows hand it on."""
    return Published(
        ref=artifact.ref, reused=artifact.reused, folder=str(artifact.folder), summary=dict(artifact.summary)
    )


def _worth_retrying(task: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, QfinError) and error.retry


def _train_name() -> str:
    spec = task_run.parameters["spec"]
    return f"train {spec if isinstance(spec, str) else spec.get('kind')}"


def _stage(run_name: str | Callable[[], str]) -> Callable[[Callable[P, R]], Task[P, R]]:
    return task(
        task_run_name=run_name,
        retries=2,
        retry_delay_seconds=[10, 60],
        retry_condition_fn=_worth_retrying,
        persist_result=False,
        cache_policy=NO_CACHE,
    )


@_stage("ingest")
def ingest(config: RunConfig, store: str, whole_run: bool = False) -> Published:
    """Prices read, checked and turned into returns; for a whole run, models and portfolio are checked as well."""
    with credentials_of(config):
        return _told(stages.ingest(config, Store(store), whole_run))


@_stage("encode")
def encode(config: RunConfig, history: str, store: str) -> Published:
    """Volatility and marginals fitted, and the history put on the qubits' grid."""
    opened = Store(store)
    return _told(stages.encode(config, opened.get(history), opened))


@_stage(_train_name)
def train(config: RunConfig, spec: Spec, encoding: str, store: str) -> Published:
    """One dependence model trained, and scored on days it has not seen."""
    opened = Store(store)
    return _told(stages.train(config, spec, opened.get(encoding), opened))


@_stage("tune {label}")
def tune(config: RunConfig, model: str, store: str, label: str) -> Published:
    """One model's circuit trained further on the backend, from its samples."""
    opened = Store(store)
    with credentials_of(config):
        return _told(stages.tune(config, opened.get(model), opened))


@_stage("submit {label}")
def submit(config: RunConfig, model: str, store: str, label: str) -> list[str]:
    """The jobs that one model's scenarios need on a remote backend, submitted now or before, never twice."""
    with credentials_of(config):
        jobs = list(stages.submit(config, Store(store).get(model)))
    with suppress(MissingContextError):
        get_run_logger().info("jobs: %s", ", ".join(jobs) or "none")
    return jobs


@_stage("generate {label}")
def generate(config: RunConfig, model: str, store: str, label: str) -> Published:
    """Scenarios drawn from one model; of a remote backend, the jobs that were submitted are collected."""
    opened = Store(store)
    with credentials_of(config):
        return _told(stages.generate(config, opened.get(model), opened))


@_stage("risk {label}")
def risk(config: RunConfig, scenarios: str, store: str, label: str) -> Published:
    """The portfolio revalued under one scenario set, and its measures."""
    opened = Store(store)
    return _told(stages.risk(config, opened.get(scenarios), opened))


@_stage("stress {label}")
def stress(config: RunConfig, scenarios: str, store: str, label: str) -> Published:
    """The portfolio under named moves, and the most probable large loss, of one model."""
    opened = Store(store)
    return _told(stages.stress(config, opened.get(scenarios), opened))


@_stage("race")
def race(config: RunConfig, history: str, store: str) -> Published:
    """All models of the race walked forward over a history."""
    opened = Store(store)
    told = _race_log()
    return _told(stages.race(config, opened.get(history), opened, told))


@_stage("forecast {label}")
def forecast(config: RunConfig, history: str, number: int, store: str, label: str) -> Published:
    """One fit of a backtest: what a model forecast of the portfolio on the days that follow, and what came."""
    opened = Store(store)
    start = opened.get(history)
    return _told(stages.forecast(config, start, stages.fits(config, start)[number], opened))


@_stage("backtest")
def backtest(config: RunConfig, history: str, forecasts: list[str], store: str) -> Published:
    """The tests of what all models forecast."""
    opened = Store(store)
    made = [opened.get(one) for one in forecasts]
    return _told(stages.backtest(config, opened.get(history), opened, made))


@_stage("report")
def report(risks: list[str], store: str) -> Published:
    """The figures of all models laid side by side in one HTML file."""
    opened = Store(store)
    return _told(stages.report([opened.get(risk) for risk in risks], opened))


def _race_log() -> Callable[[str, int], None]:
    """Who runs, into the run's log."""

    def told(name: str, seed: int) -> None:
        with suppress(MissingContextError):
            get_run_logger().info("%s, seed %d", name, seed)

    return told


def _told(artifact: Artifact) -> Published:
    done = "reused, its inputs have not changed" if artifact.reused else f"published in {artifact.folder}"
    with suppress(MissingContextError):  # called through `.fn`: there is no run to log to
        get_run_logger().info("%s %s", artifact.ref, done)
    return published(artifact)
