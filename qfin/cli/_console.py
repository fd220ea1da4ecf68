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


@contextmanager
def stage_progress() -> Iterator[dict[str, Artifact]]:
    """While the context lasts, stages show on stderr: a spinner for each at work, a line for each done.

    Gives the artifacts they have made or found, by reference.
    """
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from qfin.stages import watching

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=diagnostics(), transient=True) as progress:
        lines = _Lines(progress)
        with watching(lines):
            yield lines.artifacts


class _Lines:
    """A watcher of stages that writes on a progress display."""

    def __init__(self, progress: Progress) -> None:
        self.artifacts: dict[str, Artifact] = {}
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: StageEvent) -> None:
        console = self._progress.console
        if event.artifact is None:
            if console.is_terminal:
                self._tasks[event.name] = self._progress.add_task(escape(event.name), total=None)
            return
        if event.name in self._tasks:
            self._progress.remove_task(self._tasks.pop(event.name))
        if event.artifact.ref in self.artifacts:
            return
        self.artifacts[event.artifact.ref] = event.artifact
        took = ("reused", "green") if event.artifact.reused else (f"{event.seconds:.1f} s", "cyan")
        line = Text.assemble(f"{event.name:<28} ", (event.artifact.ref, "dim"), "  ", took)
        console.print(line, soft_wrap=True)
