"""What the commands write: results to stdout, progress and errors to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from qfin.stages import StageEvent
    from qfin.store import Artifact

WIDTH_OF_A_PIPE = 120
WAITING = "server"


def output() -> Console:
    """Where results go. Nothing is highlighted or read as markup: names and messages are the user's."""
    width = None if sys.stdout.isatty() else WIDTH_OF_A_PIPE
    return Console(highlight=False, markup=False, emoji=False, width=width, soft_wrap=False)


def diagnostics() -> Console:
    """Where progress and errors go."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def failed(message: str, code: int = 2) -> int:
    """Say what is wrong in one line, and return the exit code."""
    line = " ".join(message.split())
    diagnostics().print(Text.assemble(("error: ", "bold red"), line), soft_wrap=True)
    return code


def tell_reservations(console: Console, artifact: Artifact) -> None:
    """Say aloud what a user must know of an artifact: a fit to too few days, a certificate that failed."""
    for warning in artifact.summary.get("warnings", ()):
        console.print(Text.assemble(("warning: ", "bold yellow"), warning), soft_wrap=True)
    certificate = artifact.summary.get("certificate")
    if certificate is None or certificate["passes"]:
        return
    console.print(
        Text.assemble(
            ("certificate failed: ", "bold red"),
            f"{artifact.summary['label']} on {artifact.summary['backend']} is {certificate['distance']:.4f} "
            f"[{certificate['lower']:.4f}, {certificate['upper']:.4f}] from the exact circuit, and at most "
            f"{certificate['bound']:g} passes; the set is published as one that failed",
        ),
        soft_wrap=True,
    )


@contextmanager
def stage_progress() -> Iterator[StageLines]:
    """A watcher of stages whose lines show on stderr while the context lasts."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = diagnostics()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield StageLines(progress)


class StageLines:
    """A spinner for each stage at work, a line for each artifact made or found."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._told: set[str] = set()

    def __call__(self, event: StageEvent) -> None:
        console = self._progress.console
        if event.artifact is None:
            self._tell_waiting(event)
            return
        self._drop(event.name)
        if event.artifact.ref not in self._told:
            self._told.add(event.artifact.ref)
            took = ("reused", "green") if event.artifact.reused else (f"{event.seconds:.1f} s", "cyan")
            console.print(
                Text.assemble(f"{event.name:<28} ", (event.artifact.ref, "dim"), "  ", took), soft_wrap=True
            )

    def _tell_waiting(self, event: StageEvent) -> None:
        self._drop(WAITING)  # the wait for a server is over when a stage begins
        if self._progress.console.is_terminal:
            name = WAITING if event.stage == "server" else event.name
            self._tasks[name] = self._progress.add_task(escape(event.name), total=None)

    def _drop(self, name: str) -> None:
        if name in self._tasks:
            self._progress.remove_task(self._tasks.pop(name))
