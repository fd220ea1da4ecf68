"""`daily`, run once from Python or the command line, with whatever server there is or one of its own."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from flows._environment import be_quiet, store_root
from flows._server import EmbeddedServer, prefect_api
from qfin.stages import RunResult, StageEvent, watching
from qfin.store import Store

if TYPE_CHECKING:
    from qfin.stages.config import RunConfig

Progress = Callable[[StageEvent], None]
_HEAVY = (
    "flows.daily",
    "qfin.model",
    "qfin.quantum",
    "qfin.risk",
    "qiskit",
    "arch",
    "sklearn",
    "numba",
    "QuantLib",
)


def run_daily(
    config: RunConfig, store: str | Path | None = None, progress: Progress | None = None
) -> RunResult:
    """Run the flow `daily` once.

    It reports to the server that PREFECT_API_URL names, else to the one that `python -m flows.deploy up` started, else
    to one of its own, which starts while the libraries that the stages need are imported, and ends with the run.

    Parameters
    ----------
    config : everything that determines the run
    store : root of the artifact store; None as in `qfin.store.Store`
    progress : called with a `StageEvent` when a stage begins and when it has ended, and with the stage "server" when
        nothing is left but to wait for it; with it, Prefect's own log stays off the console

    Raises
    ------
    QfinError
        what a stage finds wrong; that Prefect's home cannot be written; that no server answers.
    """
    be_quiet()
    root = store_root(store)
    with watching(progress), prefect_api() as server:
        for name in _HEAVY:
            importlib.import_module(name)
        from flows.daily import daily

        if progress is not None:
            _keep_off_console()
        _wait(server, progress)
        outcome = cast(dict[str, Any], daily(config, root))
        return _result(outcome, Store(root))


def _result(outcome: dict[str, Any], store: Store) -> RunResult:
    artifacts = [replace(store.get(ref), reused=ref in outcome["reused"]) for ref in outcome["refs"]]
    return replace(RunResult.of(artifacts[-1], store), artifacts=tuple(artifacts))


def _wait(server: EmbeddedServer | None, progress: Progress | None) -> None:
    if server is not None:
        if progress is not None:
            progress(StageEvent("server", "Prefect"))
        server.wait()


def _keep_off_console() -> None:
    from prefect.logging.handlers import PrefectConsoleHandler

    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):
            handler.setLevel(logging.CRITICAL + 1)
