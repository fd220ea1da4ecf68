"""Processes are stopped with all they started, and never a stranger with the same id."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from flows import _processes
from flows._deployed import Deployed
from flows._processes import Process, launch, process, stop

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('ready', flush=True); time.sleep(60)"
)
PARENT = (
    f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); child.wait()"
)


def wait_for(log: Path, text: str) -> None:
    until = time.monotonic() + 30
    while text not in log.read_text() and time.monotonic() < until:
        time.sleep(0.05)


def test_what_a_process_started_is_stopped_with_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    started = launch([sys.executable, "-c", PARENT], log, {})
    wait_for(log, "ready")
    root = process(started.pid)
    (child,) = root.descendants()
    assert root.alive
    assert child.alive
    stop(root, seconds=0.3)
    started.wait(timeout=5)
    assert not root.alive
    assert not child.alive


def test_a_stranger_with_the_same_id_is_left_alone() -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        stranger = replace(process(bystander.pid), started="an earlier time")
        assert not stranger.alive
        stranger.signal(signal.SIGKILL)
        time.sleep(0.2)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    known = process(child.pid)
    assert child.stdin is not None
    child.stdin.close()
    until = time.monotonic() + 10
    while known.alive and time.monotonic() < until:
        time.sleep(0.05)
    assert not known.alive
    assert child.wait() == 0


@pytest.mark.skipif(
    not shutil.which("ps") or not Path("/proc/self/stat").exists(), reason="needs ps and /proc"
)
def test_ps_tells_what_proc_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        from_proc, from_ps = _processes._from_proc(), _processes._from_ps()
        assert from_ps[child.pid][0] == from_proc[child.pid][0]
        monkeypatch.setattr(_processes, "_table", _processes._from_ps)
        assert process(child.pid).alive
    finally:
        child.kill()
        child.wait()


def test_a_note_survives_and_a_stale_one_counts_for_nothing(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        there = Deployed(4200, "/somewhere/store", process(child.pid), worker=None)
        there.write(tmp_path)
        assert Deployed.read(tmp_path) == there
        replace(there, server=Process(child.pid, "an earlier time")).write(tmp_path)
        assert Deployed.read(tmp_path) is None
    finally:
        child.kill()
        child.wait()
    Deployed.forget(tmp_path)
    assert Deployed.read(tmp_path) is None
