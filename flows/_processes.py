"""Processes that outlive the command that started them: known by id and start time, so that no stranger is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process by id and start time (as the system tells it): an id alone is used again after a while."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return _table().get(self.pid, (0, ""))[1] == self.started

    def descendants(self) -> list[Process]:
        """The processes it started, and those they started, as they are now."""
        table = _table()
        found = [self.pid]
        for parent in found:
            found += [pid for pid, (ppid, _) in table.items() if ppid == parent]
        return [Process(pid, table[pid][1]) for pid in found[1:]]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it is still the process it was."""
        if self.alive:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


def launch(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, with its output in `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def process(pid: int) -> Process:
    """The running process of this id."""
    return Process(pid, _table()[pid][1])


def stop(root: Process, seconds: float) -> None:
    """Stop what a process started, so that it can still report, and then the process itself.

    Each is asked first (SIGTERM), and killed if it is still there after `seconds`.
    """
    _end(root.descendants(), seconds)
    family = [*root.descendants(), root]
    _end([root], seconds)
    _end(family, seconds)


def _end(processes: Sequence[Process], seconds: float) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        for one in processes:
            one.signal(number)
        if _gone(processes, seconds):
            return


def _gone(processes: Iterable[Process], seconds: float) -> bool:
    until = time.monotonic() + seconds
    waiting = list(processes)
    while waiting := [process for process in waiting if process.alive]:
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def _table() -> dict[int, tuple[int, str]]:
    """Parent and start time of every process but zombies."""
    return _from_proc() if Path("/proc/self/stat").exists() else _from_ps()


def _from_proc() -> dict[int, tuple[int, str]]:
    table = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, ppid, *rest = (folder / "stat").read_text().rpartition(")")[2].split()
            except (OSError, ValueError):
                continue  # it ended while we looked
            if state != "Z":
                table[int(folder.name)] = (int(ppid), rest[17])
    return table


def _from_ps() -> dict[int, tuple[int, str]]:
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat=,lstart="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split(maxsplit=3) for line in listing.splitlines())
    return {int(pid): (int(ppid), started) for pid, ppid, state, started in rows if not state.startswith("Z")}
