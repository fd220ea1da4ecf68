"""The server a run reports to: the one that is configured, the deployed one, or one of its own.

An own server is on its way before Prefect's clients are imported: its start takes seconds, and so do imports.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows._deployed import Deployed
from flows._environment import own_folder, prefect_home
from qfin.errors import BackendError

START_SECONDS = 180.0
_loopback = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EmbeddedServer:
    """Prefect's server for as long as one run lasts, on a free port of the loopback; its runs stay in the home.

    Parameters
    ----------
    home : Prefect's home folder, whose database it serves
    """

    def __init__(self, home: Path) -> None:
        self.log = own_folder(home) / "embedded-server.log"
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
        settings = {
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_UI_ENABLED": "false",
            "PREFECT__SERVER_EPHEMERAL": "1",  # no scheduler: this server starts nobody's deployments
            "PREFECT__SERVER_FINAL": "1",
        }
        with listening, self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows._embedded", str(listening.fileno())],
                env={**os.environ, **settings},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[listening.fileno()],
                start_new_session=True,  # Ctrl-C stops the run, and the run stops the server
            )

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Wait until it answers.

        Raises
        ------
        BackendError
            if it stops or does not answer in time; the message names its log.
        """
        wait_until(
            lambda: healthy(self.url), lambda: self._process.poll() is None, "server", self.log, seconds
        )

    def stop(self) -> None:
        """Stop it and wait until it is gone."""
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()


def wait_until(
    reached: Callable[[], object],
    alive: Callable[[], bool],
    what: str,
    log: Path,
    seconds: float = START_SECONDS,
) -> None:
    """Wait until something that is starting, and logs to `log`, is there.

    Raises
    ------
    BackendError
        if it ends or is not there in time; the message names its log.
    """
    until = time.monotonic() + seconds
    while not reached():
        if not alive():
            raise BackendError(f"Prefect's {what} stopped while starting; see {log}")
        if time.monotonic() > until:
            raise BackendError(f"Prefect's {what} did not start within {seconds:.0f} s; see {log}")
        time.sleep(0.1)


def healthy(url: str) -> bool:
    """Whether a Prefect API answers at `url` on this machine."""
    return ask(f"{url}/health") is True


def ask(url: str, body: Any = None, seconds: float = 5.0) -> Any:
    """JSON that an address of this machine answers (to a POST of `body` if there is one), None if it does not.

    No proxy is asked, and nothing of Prefect is imported.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with _loopback.open(request, timeout=seconds) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


@contextmanager
def prefect_api() -> Iterator[EmbeddedServer | None]:
    """An API for the flows of this process: None if there is a server already, else an own one, on its way.

    Flows may run once the server given, if any, has been waited for.

    Raises
    ------
    BackendError
        if a server is configured (PREFECT_API_URL) and does not answer.
    """
    home = prefect_home()
    from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

    if configured := get_current_settings().api.url:
        _check(configured)
        yield None
        return
    deployed = Deployed.read(home)
    if deployed is not None and healthy(deployed.url):
        with temporary_settings({PREFECT_API_URL: deployed.url}):
            yield None
        return
    own = EmbeddedServer(home)
    try:
        with temporary_settings({PREFECT_API_URL: own.url}):
            yield own
    finally:
        _drain()
        own.stop()


def _check(url: str) -> None:
    from prefect.client.orchestration import get_client

    if get_client(sync_client=True).api_healthcheck() is not None:
        raise BackendError(
            f"no Prefect server answers at {url}; start it, or unset PREFECT_API_URL to use one of qfin's own"
        )


def _drain() -> None:
    """Send the logs and events still queued: at exit, with the server gone, Prefect would try for a minute."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    with ThreadPoolExecutor(1) as thread:  # on an own thread, for a caller may have an event loop running
        for queue in (APILogWorker, EventsWorker):
            thread.submit(queue.drain_all, timeout=10).result()
