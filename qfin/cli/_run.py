"""`qfin run`: everything, and the table at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfin.cli._console import output, stage_progress, tell_reservations
from qfin.cli._options import ConfigOption, StoreOption, configuration, opened

if TYPE_CHECKING:
    from rich.table import Table

    from qfin.stages import RunResult


def run(
    config: ConfigOption = None,
    store: StoreOption = None,
    local: Annotated[
        bool, typer.Option("--local", help="Run the stages directly, without Prefect and its server.")
    ] = False,
) -> None:
    """From prices to a report: every stage, for the configured model and its rivals.

    What the store has already is reused. The run is recorded by Prefect, in its home folder or at PREFECT_API_URL.

    Example: [bold]qfin run --config my.toml --store ~/risk[/bold]
    """
    from qfin import stages

    wanted, there = configuration(config), opened(store)
    with stage_progress() as lines:
        if local:
            result = stages.run(wanted, there, lines)
        else:
            from flows import run_daily

            result = run_daily(wanted, there.root, lines)
    _tell(result)


def _tell(result: RunResult) -> None:
    console = output()
    console.print()
    console.print(result_table(result))
    for artifact in result.artifacts:
        tell_reservations(console, artifact)
    reused = sum(artifact.reused for artifact in result.artifacts)
    console.print(f"artifacts  {len(result.artifacts)}, {reused or 'none'} of them reused", soft_wrap=True)
    console.print(f"scenarios  {result.scenarios}", soft_wrap=True)
    console.print(f"report     {result.report}", soft_wrap=True)


def result_table(result: RunResult) -> Table:
    """A row a model: VaR, ES and held-out score, each with its interval."""
    from rich import box
    from rich.table import Table

    first = result.rows[0]
    var, es = (
        f"{row['measure']} {100 * row['level']:g} %"
        for row in (first.value_at_risk, first.expected_shortfall)
    )
    days = "1 day" if result.horizon == 1 else f"{result.horizon} days"
    table = Table(
        "model",
        box=box.SIMPLE_HEAD,
        caption=f"over {days}; in brackets {100 * first.value_at_risk['confidence']:g} % confidence intervals",
        caption_justify="left",
    )
    for title in (f"{var}, {result.base_currency}", f"{es}, {result.base_currency}", "held out, nats a day"):
        table.add_column(title, justify="right")
    for k, row in enumerate(result.rows):
        cells = (_amount(row.value_at_risk), _amount(row.expected_shortfall), _score(row.score))
        table.add_row(row.label, *cells, style="bold" if k == 0 else "")
    return table


def _amount(measure: Mapping[str, Any]) -> str:
    return _figure(measure["value"], measure, ",.0f")


def _score(score: Mapping[str, Any]) -> str:
    return "no density" if score["mean"] is None else _figure(score["mean"], score, ".4f")


def _figure(value: float, interval: Mapping[str, Any], form: str) -> str:
    ends = ["∞" if interval[end] is None else format(interval[end], form) for end in ("lower", "upper")]
    return f"{value:{form}} [{ends[0]}, {ends[1]}]"
