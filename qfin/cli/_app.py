"""The application: its commands, and what becomes of errors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import qfin
from qfin.cli import (
    _backtest,
    _compare,
    _diagnose,
    _export,
    _look,
    _plan,
    _race,
    _replay,
    _run,
    _stages,
    _stress,
    _validate,
)
from qfin.cli._console import failed
from qfin.errors import QfinError

INTERRUPTED = 130

app = typer.Typer(
    name="qfin",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"qfin {qfin.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Quantum scenario generation for market risk: prices in; scenarios, VaR, ES and a report out.

    Example: [bold]qfin run[/bold]
    """


_WORK, _LOOK = "Work", "Look"
app.command("run", rich_help_panel=_WORK)(_run.run)
for stage in (_stages.ingest, _stages.encode, _stages.train, _stages.generate, _stages.risk, _stress.stress,
              _stages.report, _diagnose.diagnose, _race.race, _backtest.backtest,
              _validate.validate):  # fmt: skip
    app.command(stage.__name__, rich_help_panel="Stages")(stage)
for look in (
    _plan.plan,
    _compare.compare,
    _replay.replay,
    _export.export,
    _look.kinds,
    _look.show,
    _look.data,
):
    app.command(look.__name__, rich_help_panel=_LOOK)(look)


def run_app(arguments: Sequence[str] | None = None) -> int:
    """Run the command on `arguments` (by default the process's) and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    command = typer.main.get_command(app)
    try:
        code = command.main(given or ["--help"], "qfin", standalone_mode=False)
    except QfinError as error:
        return failed(str(error))
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        return failed(
            f"{error.format_message().rstrip('.')}; see {context.command_path if context else 'qfin'} --help"
        )
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    return (
        failed("interrupted; what was finished is in the store", code)
        if code == INTERRUPTED
        else int(code or 0)
    )
