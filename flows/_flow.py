"""How qfin's functions become Prefect flows, and what a flow run says when it fails."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, ParamSpec

from prefect import Flow, flow
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.states import Failed

from qfin.errors import QfinError
from qfin.stages.config import RunConfig
from qfin.store import Artifact, Store

P = ParamSpec("P")

DEFAULTS = RunConfig()
"""What a flow runs with when it is given nothing: the shipped data and portfolio."""


def stage_flow(name: str) -> Callable[[Callable[P, Any]], Flow[P, Any]]:
    """Make a flow of a function: a `QfinError` fails its run with the error's own line, and nothing is pickled."""

    def wrap(function: Callable[P, Any]) -> Flow[P, Any]:
        @functools.wraps(function)
        def body(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                return function(*args, **kwargs)
            except QfinError as error:
                return Failed(message=str(error), data=error)

        make = flow(name=name, flow_run_name=name, persist_result=False, result_serializer="json")
        return make(body)

    return wrap


def date_run(store: Store, artifact: Artifact) -> None:
    """Name the flow run after the last day of the history behind an artifact: "daily 2026-10-30"."""
    run = FlowRunContext.get()
    history = next((a for a in store.lineage(artifact) if a.stage == "ingest"), None)
    if run and run.flow and run.flow_run and history:
        with get_client(sync_client=True) as client:
            client.update_flow_run(run.flow_run.id, name=f"{run.flow.name} {history.summary['as_of']}")


class _OneLine(logging.Filter):
    """Deliberate errors keep their line and lose their traceback: where qfin raised them helps nobody."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], QfinError):
            record.exc_info, record.exc_text = None, None
        return True


for _name in ("prefect.flow_runs", "prefect.task_runs"):
    logging.getLogger(_name).addFilter(_OneLine())
