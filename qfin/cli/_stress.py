"""`qfin stress`: what named moves do, what the model says of the rest, and the most probable large loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfin.cli._console import output
from qfin.cli._options import ConfigOption, StoreOption, configuration, opened
from qfin.cli._stages import FROM, MADE, ModelOption, drawn_from, given, showing

if TYPE_CHECKING:
    from rich.table import Table


def stress(
    scenarios: Annotated[
        str | None, typer.Argument(metavar="[GENERATE]", help=FROM, show_default=MADE)
    ] = None,
    model: ModelOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """Stress the portfolio: named moves, the market given them, and the most probable scenario with a large loss.

    The configuration's section `stress` names moves and bound.

    Example: [bold]qfin stress generate/7e32f65b --config my.toml[/bold]
    """
    from qfin import stages

    there, wanted = opened(store), configuration(config)
    with showing():
        start = (
            given(there, "generate", scenarios, model)
            if scenarios
            else drawn_from(wanted, there, model=model)
        )
        made = stages.stress(wanted, start, there)
    console, found = output(), made.json("stress.json")
    console.print(made.ref)
    console.print(stress_table(found))
    reverse = found["reverse"]
    moves = ", ".join(f"{name} {value:+.4g}" for name, value in reverse["exact"]["moves"].items())
    console.print(
        f"most probable scenario that loses {reverse['bound']:,.0f}: {moves}, loss {reverse['exact']['loss']:,.0f} "
        f"({reverse['method']})",
        soft_wrap=True,
    )
    if reverse["same"] is not None:
        console.print(f"variational eigensolver: {'the same' if reverse['same'] else 'another'} scenario")
    console.print(f"stress     {made.folder}", soft_wrap=True)


def stress_table(found: Mapping[str, Any]) -> Table:
    """A row a named move."""
    from rich import box
    from rich.table import Table

    calm, currency = found["unconditional"], found["base_currency"]
    table = Table(
        "move", box=box.SIMPLE_HEAD, caption="of one day, at once; given: with the rest as the model has it"
    )
    measures = (f"VaR {100 * calm['var_level']:g} %", f"ES {100 * calm['es_level']:g} %")
    for heading in (f"gain alone, {currency}", "mean gain, given", *(f"{name}, given" for name in measures)):
        table.add_column(heading, justify="right")
    for row in found["moves"]:
        given = row["conditional"]
        keys = ("mean_pnl", "value_at_risk", "expected_shortfall")
        figures = [f"{given[key]:,.0f}" if key in given else "" for key in keys]
        table.add_row(row["name"], f"{row['pnl']:,.0f}", *figures)
    return table
