"""`qfin replay`: an artifact made again from its lineage, and its bytes compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qfin.cli._console import output
from qfin.cli._options import StoreOption, opened
from qfin.cli._stages import showing

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from qfin.stages import Replay
    from qfin.stages.replay import ReplayedArtifact, ReplayedFile

DIFFERS = 1
_PLACES = 5


def replay(
    artifact: Annotated[str, typer.Argument(help="stage/id, the beginning of an id, or a folder.")],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Prices to read again, where the history came from a file.",
            show_default="the stored history, or the shipped data set",
        ),
    ] = None,
    portfolio: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Portfolio to use.", show_default="the one in the artifact"),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Make an artifact and all it was made from again, as recorded, and compare every file byte by byte.

    The store is not touched. The exit code is 0 if all bytes are the same, timings apart, and 1 if any differ.

    Example: [bold]qfin replay risk/2a26[/bold]
    """
    from qfin import stages

    there = opened(store)
    with showing():
        found = stages.replay(there.get(artifact), there, data, portfolio)
    console = output()
    console.print(replay_table(found))
    _tell_rest(console, found)
    console.print(found.sentence, soft_wrap=True)
    if not found.same:
        raise typer.Exit(DIFFERS)


def replay_table(found: Replay) -> Table:
    """A row a file, under its artifact."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("artifact", "file", "bytes", "where", box=box.SIMPLE_HEAD)
    for artifact in found.artifacts:
        table.add_section()
        if artifact.taken is not None:
            table.add_row(artifact.name, "", Text("not replayed", style="yellow"), artifact.taken)
        for k, file in enumerate(artifact.files):
            verdict = Text(str(file.verdict), style="green" if file.verdict == "same" else "bold red")
            table.add_row("" if k else artifact.name, Text(file.name), verdict, Text(_places(file)))
    return table


def _places(file: ReplayedFile) -> str:
    more = len(file.where) - _PLACES
    shown = [str(place) for place in file.where[:_PLACES]]
    return "\n".join([*shown, f"and {more} more"] if more > 0 else shown)


def _tell_rest(console: Console, found: Replay) -> None:
    """Settings and versions that are not what they were."""
    for artifact in found.artifacts:
        for line in _settings(artifact):
            console.print(line, soft_wrap=True)
    for name, (then, now) in found.versions.items():
        console.print(f"version of {name}: {then} then, {now} now", soft_wrap=True)


def _settings(artifact: ReplayedArtifact) -> list[str]:
    return [f"setting of {artifact.name}: {setting}" for setting in artifact.settings]
