"""What `make deploy` and `make undeploy` do, in a home of its own: a scheduled run, one by hand, and nothing left."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import flows
from flows import deploy
from flows._deployed import Deployed
from qfin.errors import ConfigError
from qfin.store import Store
from tests.flows.conftest import SMALL

CHECKOUT = Path(flows.__file__).parent.parent
PATIENCE = 240.0
QUICK = {"PREFECT_WORKER_QUERY_SECONDS": "2", "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "3"}


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    return subprocess.run(
        [sys.executable, "-m", "flows.deploy", *arguments],
        env=kept | {"PREFECT_HOME": str(home), **QUICK},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=600,
    )


def processes_of(home: Path) -> list[str]:
    """Command lines of the processes whose environment names this home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if str(home).encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.fixture
def deployed(home: Path) -> Iterator[Path]:
    """A home whose processes are stopped in the end, whatever happens."""
    yield home
    command(home, "down")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def schedule_soon(client: Any, deployment: Any, config: dict[str, Any]) -> Any:
    """A schedule that is due in a few seconds; should the scheduler miss that, a minute later."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import IntervalSchedule

    soon = IntervalSchedule(
        interval=timedelta(minutes=1), anchor_date=datetime.now(UTC) + timedelta(seconds=8)
    )
    schedule = DeploymentScheduleCreate(
        schedule=soon, parameters={"config": config}, slug="soon", max_scheduled_runs=1
    )
    return client.create_deployment_schedules(deployment.id, [schedule])[0]


def due_run(client: Any, deployment: Any) -> Any:
    """The run that the scheduler made for the near schedule."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
    from prefect.client.schemas.sorting import FlowRunSort

    wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        runs = client.read_flow_runs(deployment_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_ASC)
        due = [run for run in runs if run.expected_start_time < datetime.now(UTC) + timedelta(minutes=1)]
        if due:
            return due[0]
        time.sleep(0.5)
    raise AssertionError("the scheduler made no run")


def finished(client: Any, run: Any) -> Any:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        now = client.read_flow_run(run.id)
        if now.state and now.state.is_final():
            return now
        time.sleep(0.5)
    raise AssertionError(f"{run.name} is still {now.state_name}")


def artifacts(client: Any, run: Any) -> dict[str, Any]:
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    return {
        found.key: found.data
        for found in client.read_artifacts(artifact_filter=wanted, limit=50)
        if found.key
    }


@pytest.mark.server
@pytest.mark.xdist_group("server")
def test_runs_by_schedule_and_by_hand_and_nothing_is_left(deployed: Path, tmp_path: Path) -> None:
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    home, store, port = deployed, tmp_path / "store", free_port()
    done = command(home, "up", "--port", str(port), "--store", str(store))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"qfin is up at http://127.0.0.1:{port}; runs publish to {store}; ")
    there = Deployed.read(home)
    assert there is not None
    assert there.worker is not None

    with temporary_settings({PREFECT_API_URL: there.url}), get_client(sync_client=True) as client:
        daily = client.read_deployment_by_name("daily/daily")
        (cron,) = daily.schedules
        assert (cron.schedule.cron, cron.schedule.timezone, cron.active) == (
            "30 16 * * 1-5",
            "Europe/Berlin",
            True,
        )
        assert daily.work_pool_name == "qfin-local"
        assert client.read_work_pool("qfin-local").type == "process"
        assert (daily.global_concurrency_limit.limit, daily.concurrency_options.collision_strategy) == (
            1,
            "ENQUEUE",
        )

        soon = schedule_soon(client, daily, SMALL)
        run = finished(client, due_run(client, daily))
        client.delete_deployment_schedule(daily.id, soon.id)
        assert (run.state_name, run.auto_scheduled, run.name) == ("Completed", True, "daily 2026-10-30")
        shown = artifacts(client, run)
        assert {"qfin-figures", "qfin-summary", "qfin-report", "qfin-ingest", "qfin-risk"} <= set(shown)
        assert [row["model"] for row in json.loads(shown["qfin-figures"])] == [
            "Student-t copula",
            "Independent",
        ]

        changed = SMALL | {"scenarios": {"count": 200}, "rivals": []}
        asked = client.create_flow_run_from_deployment(daily.id, parameters={"config": changed})
        again = command(home, "up", "--port", str(port))  # changes nothing that runs
        assert again.returncode == 0, again.stderr
        assert Deployed.read(home) == there
        by_hand = finished(client, asked)
        assert by_hand.state_name == "Completed", by_hand.state.message
        shown = artifacts(client, by_hand)
        (row,) = json.loads(shown["qfin-generate"])
        assert (row["scenarios"], row["label"]) == (200, "Student-t copula")
        (row,) = json.loads(shown["qfin-train"])
        assert row["reused"], "what the scheduled run trained is reused"
        published = {Store(store).get(ref).stage for ref in Store(store).refs()}
        assert published == {"ingest", "encode", "train", "generate", "risk", "stress", "report"}

        minutes = SMALL | {
            "dependence": {"kind": "born", "layers": 8, "data_weight": 1.0, "steps": 1_000_000}
        }
        interrupted = client.create_flow_run_from_deployment(daily.id, parameters={"config": minutes})
        until = time.monotonic() + PATIENCE
        while client.read_flow_run(interrupted.id).state_name != "Running" and time.monotonic() < until:
            time.sleep(0.2)

    assert command(home, "status").stdout.endswith("answers, the worker runs\n")
    assert len(processes_of(home)) == 3, "server, worker and the run in progress"
    done = command(home, "down")
    assert (done.returncode, done.stdout) == (0, f"qfin is down; its deployments and runs stay in {home}\n")
    assert processes_of(home) == []
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        (state,) = database.execute(
            "SELECT state_name FROM flow_run WHERE id = ?", [str(interrupted.id)]
        ).fetchone()
    assert state in ("Crashed", "Failed"), "a run that is still Running would hold up the next one"
    assert command(home, "status").stdout == "qfin is not up\n"
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_port_that_is_taken_is_named(tmp_path: Path, taken: int) -> None:
    home = tmp_path / "home"
    done = command(home, "up", "--port", str(taken))
    assert done.returncode == 2
    assert done.stderr == (
        f"error: port {taken} of this machine is taken; stop what uses it, or name another one with --port\n"
    )
    assert processes_of(home) == []
    assert command(home, "down").stdout == "qfin is not up; nothing to stop\n"


def test_it_is_deployed_from_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="there is no prefect.yaml here; run this in qfin's checkout"):
        deploy.up()
