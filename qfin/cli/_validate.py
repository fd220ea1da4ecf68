"""`qfin validate`: the document that a validator signs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qfin.cli._console import output
from qfin.cli._options import ConfigOption, StoreOption, configuration, opened
from qfin.cli._stages import MADE, given, showing, valued

if TYPE_CHECKING:
    from rich.table import Table

    from qfin.stages.config import RunConfig
    from qfin.store import Artifact, Store

_COLOURS = {"holds": "green", "to be looked at": "yellow", "does not hold": "bold red", "not done": "cyan"}


def validate(
    scenarios: Annotated[
        str | None,
        typer.Argument(
            metavar="[GENERATE|RISK]",
            help="Scenario set, valued with the configured portfolio; or risk figures of one.",
            show_default=MADE,
        ),
    ] = None,
    others: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RACE] [BACKTEST]",
            help="Race and backtest to take in.",
            show_default="those of this model that the store has",
        ),
    ] = None,
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """Can it be signed? All that is known about a scenario set in one document, for a model's validator.

    Data, method, assumptions, parameters over refits, backtests, race, rivals, sensitivity, implementation tests,
    monitoring plan and hashes. The model is made again with other settings (section `sensitivity` of the
    configuration); race, backtest and rivals are taken from the store, and what is missing there is named.

    Example: [bold]qfin validate generate/7e32f65b[/bold]
    """
    from qfin import stages

    there, wanted = opened(store), configuration(config)
    with showing():
        named = [given(there, ("race", "backtest"), reference) for reference in others or ()]
        risk = _risk(wanted, there, scenarios)
        beside = stages.evidence(risk, there, named)
        varied = stages.sensitivity(wanted.sensitivity, risk, there)
        made = stages.validate([risk, *beside, varied], there)
    console = output()
    console.print(made.ref)
    console.print(_findings(made))
    console.print(f"document   {made.path('validation.html')}", soft_wrap=True)


def _risk(config: RunConfig, store: Store, reference: str | None) -> Artifact:
    """The risk figures that are named, or those of the set that is."""
    start = given(store, ("generate", "risk"), reference) if reference else None
    return start if start is not None and start.stage == "risk" else valued(config, store, reference)


def _findings(made: Artifact) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("part", "outcome", "finding", box=box.SIMPLE_HEAD)
    for row in made.json("validation.json")["findings"]:
        status = Text(row["status"], style=_COLOURS[row["status"]])
        table.add_row(row["part"], status, Text(row["sentence"].replace("`", "")))
    return table
