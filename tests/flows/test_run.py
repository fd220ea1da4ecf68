"""`run_daily`: a server of its own that leaves nothing behind, and one line where there can be none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows import run_daily
from flows._deployed import Deployed
from flows._processes import process
from qfin.errors import BackendError, ConfigError
from qfin.stages.config import RunConfig
from tests.flows.conftest import SMALL

RUN = """
import json, sys
from flows import run_daily
from qfin.stages.config import RunConfig
config, store = RunConfig.model_validate(json.loads(sys.argv[1])), sys.argv[2]
seen = []
for _ in range(2):
    result = run_daily(config, store, lambda event: seen.append(event.stage))
    print(json.dumps({"reused": [a.reused for a in result.artifacts], "labels": [r.label for r in result.rows],
                      "stages": seen, "report": str(result.report)}))
"""
ORPHAN = """
import pathlib, sys, time
from flows._server import EmbeddedServer
print(EmbeddedServer(pathlib.Path(sys.argv[1]))._process.pid, flush=True)
time.sleep(60)
"""


def clean_environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    return kept | {"PREFECT_HOME": str(home)}


@pytest.mark.server
@pytest.mark.xdist_group("server")
def test_a_run_brings_its_own_server_and_takes_it_along(home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(SMALL), str(tmp_path / "store")],
        env=clean_environment(home),
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "Prefect's log stays off the console"
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["labels"] == ["Student-t copula", "Independent"]
    assert first["stages"][0] == "server"
    assert not any(first["reused"])
    assert all(second["reused"])
    assert Path(second["report"]).is_file()
    assert str(home).encode() not in environments(), "a process is left"


def environments() -> bytes:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return b"\0".join(found)


def test_the_server_leaves_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(tmp_path)],
        env=clean_environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = process(int(parent.stdout.readline()))
    assert child.alive
    parent.kill()
    parent.wait()
    until = time.monotonic() + 20
    while child.alive and time.monotonic() < until:
        time.sleep(0.1)
    assert not child.alive


def test_a_home_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: RunConfig
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(
        ConfigError, match="Prefect's home .*file/home cannot be written .*; set PREFECT_HOME"
    ):
        run_daily(config, tmp_path / "store")


def test_a_server_that_is_named_must_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: RunConfig
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        pytest.raises(
            BackendError, match="no Prefect server answers at http://127.0.0.1:9/api; start it, or unset"
        ),
    ):
        run_daily(config, tmp_path / "store")


@pytest.mark.server
@pytest.mark.xdist_group("server")
@pytest.mark.usefixtures("server")
def test_a_server_that_is_named_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: RunConfig
) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setattr("flows._server.EmbeddedServer", None)
    result = run_daily(config.model_copy(update={"rivals": []}), tmp_path / "store")
    assert [row.label for row in result.rows] == ["Student-t copula"]


@pytest.mark.server
@pytest.mark.xdist_group("server")
@pytest.mark.usefixtures("server")
def test_a_server_that_is_deployed_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: RunConfig
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    port = int(PREFECT_API_URL.value().rpartition(":")[2].partition("/")[0])
    Deployed(port, "elsewhere", process(os.getpid())).write(tmp_path)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setattr("flows._server.EmbeddedServer", None)
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        result = run_daily(config.model_copy(update={"rivals": []}), tmp_path / "store")
    assert str(tmp_path / "store") in str(result.report), "the run's own store, not the worker's"
