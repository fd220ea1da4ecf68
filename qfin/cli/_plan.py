"""`qfin plan`: what drawing scenarios will do on the configured backend, before anything is submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qfin.cli._console import output
from qfin.cli._options import ConfigOption, StoreOption, configuration, opened
from qfin.cli._stages import FROM, MADE, BackendOption, ModelOption, model_to_use, on_backend, showing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qfin.quantum import Plan


def plan(
    trained: Annotated[str | None, typer.Argument(metavar="[TRAIN]", help=FROM, show_default=MADE)] = None,
    model: ModelOption = None,
    backend: BackendOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """What drawing scenarios will do on a backend: circuits, shots, gates, QPU seconds, fidelity. Nothing is submitted.

    Example: [bold]qfin plan train/2f7e598b --config device.toml[/bold]
    """
    from qfin import stages

    wanted, there = on_backend(configuration(config), backend), opened(store)
    with showing():
        start = model_to_use(wanted, there, trained, model)
        made = stages.plan(wanted, start)
    _tell(made, start.ref)


def _tell(plan: Plan, model: str) -> None:
    from rich.table import Table
    from rich.text import Text

    console = output()
    console.print(Text(f"{model} on {plan.backend}", style="bold"))
    table = Table.grid(padding=(0, 2))
    for name, value in plan_rows(plan):
        table.add_row(Text(f"  {name}", style="dim"), Text(value))
    console.print(table)
    for warning in plan.warnings:
        console.print(Text.assemble(("warning: ", "bold yellow"), warning), soft_wrap=True)


def plan_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    """What a plan says, a name and a text a line."""
    yield "qubits", f"{plan.qubits}"
    yield "circuits", f"{plan.circuits:,}"
    yield "shots of each", f"{plan.shots:,}"
    if plan.depth is not None:
        yield "depth", f"{plan.depth:,}, two-qubit gates {plan.two_qubit_gates:,}"
    if plan.duration is not None:
        yield "one shot takes", f"{1e6 * plan.duration:,.1f} µs"
    if plan.preparation_fidelity is not None:
        gates = plan.preparation_two_qubit_gates
        how = f", prepared by {gates:,} two-qubit gates" if gates else ", loaded as it is"
        yield "initial state's fidelity", f"{plan.preparation_fidelity:.4f}{how}"
    yield "expected fidelity", f"{plan.expected_fidelity:.4g}"
    ceiling = "" if plan.max_qpu_seconds is None else f" of at most {plan.max_qpu_seconds:,.1f}"
    yield "QPU seconds", f"{plan.qpu_seconds:,.1f}{ceiling}"
    for name, value in plan.details.items():
        yield name.replace("_", " "), f"{value:,.6g}" if isinstance(value, float) else f"{value}"
