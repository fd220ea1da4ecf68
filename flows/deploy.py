"""Server, work pool, deployments and a worker on the loopback: `python -m flows.deploy up`, `down` or `status`.

`up` starts what is not up yet and deploys what `prefect.yaml` says; `down` stops exactly what `up` started. Work pool,
deployments and the history of runs stay in Prefect's home (PREFECT_HOME) for the next `up`; while qfin is down, its
schedules start nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from flows._deployed import Deployed
from flows._environment import be_quiet, own_folder, prefect_home, store_root
from flows._processes import launch, process, stop
from flows._server import ask, healthy, wait_until
from qfin.errors import BackendError, ConfigError, QfinError

POOL = "qfin-local"
WORKER = "qfin"
PORT = 4200
PROJECT = "prefect.yaml"


def up(port: int = PORT, store: str | None = None) -> str:
    """Bring up what is not up yet, and say in one line what is.

    Parameters
    ----------
    port : of the server, on the loopback
    store : root that scheduled runs publish to; by default QFIN_STORE, else the folder `store` here

    Raises
    ------
    ConfigError
        if the port is taken, there is no `prefect.yaml` here, or Prefect's home cannot be written.
    BackendError
        if the server or the worker does not start, or the deployments are refused.
    """
    if not Path(PROJECT).is_file():
        raise ConfigError(f"there is no {PROJECT} here; run this in qfin's checkout")
    home = prefect_home()
    with _alone(home):
        there = Deployed.read(home)
        if there is not None and there.port != port:
            raise ConfigError(
                f"qfin is up on port {there.port}; take it down first, or name --port {there.port}"
            )
        if there is None or not there.server.alive:
            there = _start_server(home, port, store_root(store))
        began = datetime.now(UTC)
        new_worker = there.worker is None or not there.worker.alive
        if new_worker:
            there = _start_worker(home, there)
        _deploy(home, there)
        if new_worker:
            _wait_for_worker(home, there, lambda: _polls(there, since=began))
    return f"qfin is up at {_site(there)}; runs publish to {there.store}; logs are in {own_folder(home)}"


def down() -> str:
    """Stop what `up` started, and say so in one line; runs in progress end first, and count as crashed."""
    home = prefect_home()
    with _alone(home):
        there = Deployed.read(home)
        if there and there.worker:
            stop(there.worker, seconds=20)
            _end_runs(there)
        if there:
            stop(there.server, seconds=20)
        Deployed.forget(home)
    return (
        f"qfin is down; its deployments and runs stay in {home}"
        if there
        else "qfin is not up; nothing to stop"
    )


def status() -> str:
    """Say in one line what is up."""
    there = Deployed.read(prefect_home())
    if there is None:
        return "qfin is not up"
    server = "answers" if healthy(there.url) else "does not answer"
    worker = "runs" if there.worker and there.worker.alive else "does not run"
    return f"qfin is up: the server at {_site(there)} {server}, the worker {worker}"


def _end_runs(there: Deployed) -> None:
    """Mark as crashed the runs that the worker left behind: one that seems to be running would hold up the next."""
    left = {
        "flow_runs": {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}},
        "work_pools": {"name": {"any_": [POOL]}},
    }
    crashed = {"type": "CRASHED", "name": "Crashed", "message": "qfin was taken down while this ran"}
    for run in ask(f"{there.url}/flow_runs/filter", left) or []:
        ask(f"{there.url}/flow_runs/{run['id']}/set_state", {"state": crashed})


def _start_server(home: Path, port: int, store: str) -> Deployed:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ConfigError(
                f"port {port} of this machine is taken; stop what uses it, or name another one with --port"
            ) from None
    log = own_folder(home) / "server.log"
    command = [*_PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    started = launch(command, log, _environment(home, port))
    there = Deployed(port, store, process(started.pid))
    there.write(home)
    wait_until(lambda: healthy(there.url), lambda: there.server.alive, "server", log)
    return there


def _start_worker(home: Path, there: Deployed) -> Deployed:
    """Start a worker, and wait for the work pool, which it makes if there is none yet."""
    command = [*_PREFECT, "worker", "start", "--pool", POOL, "--type", "process", "--name", WORKER]
    environment = _environment(home, there.port) | {"QFIN_STORE": there.store}
    there = replace(there, worker=process(launch(command, _worker_log(home), environment).pid))
    there.write(home)
    _wait_for_worker(home, there, lambda: ask(f"{there.url}/work_pools/{POOL}"))
    return there


def _wait_for_worker(home: Path, there: Deployed, reached: Callable[[], object]) -> None:
    assert there.worker is not None
    worker = there.worker
    wait_until(reached, lambda: worker.alive, "worker", _worker_log(home))


def _polls(there: Deployed, since: datetime) -> bool:
    """Whether the worker has shown itself since then."""
    workers = ask(f"{there.url}/work_pools/{POOL}/workers/filter", {}) or []
    seen = [w["last_heartbeat_time"] for w in workers if w["name"] == WORKER]
    return any(datetime.fromisoformat(time) >= since for time in seen)


def _deploy(home: Path, there: Deployed) -> None:
    done = subprocess.run(
        [*_PREFECT, "--no-prompt", "deploy", "--all", "--prefect-file", PROJECT],
        env=_environment(home, there.port),
        capture_output=True,
        text=True,
    )
    log = own_folder(home) / "deploy.log"
    log.write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode != 0:
        raise BackendError(f"Prefect refused the deployments of {PROJECT}; see {log}")


_PREFECT = (sys.executable, "-m", "prefect")


def _environment(home: Path, port: int) -> dict[str, str]:
    """This process's, with Prefect's home and with the deployed server in place of any other that is configured."""
    inherited = {name: value for name, value in os.environ.items() if name != "PREFECT_API_KEY"}
    return inherited | {"PREFECT_HOME": str(home), "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}


def _worker_log(home: Path) -> Path:
    return own_folder(home) / "worker.log"


def _site(there: Deployed) -> str:
    return there.url.removesuffix("/api")


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One `up` or `down` at a time in one home."""
    with (own_folder(home) / "deploy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 if it did what was asked, else 2 and one line that says why not."""
    parser = argparse.ArgumentParser(prog="python -m flows.deploy", description=__doc__.partition("\n")[0])
    actions = parser.add_subparsers(dest="action", required=True)
    starting = actions.add_parser("up", help="bring up what is not up yet, and deploy")
    starting.add_argument(
        "--port", type=int, default=PORT, help="of the server, on the loopback (default %(default)s)"
    )
    starting.add_argument("--store", help="root that runs publish to (default QFIN_STORE, else ./store)")
    actions.add_parser("down", help="stop what `up` started")
    actions.add_parser("status", help="say what is up")
    given = vars(parser.parse_args(arguments))
    be_quiet()
    try:
        print({"up": up, "down": down, "status": status}[given.pop("action")](**given))
    except QfinError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
