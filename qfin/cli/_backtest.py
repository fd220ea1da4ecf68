"""`qfin backtest`: scenario models walked forward with the portfolio, and whether their VaR and ES held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfin.cli._console import output
from qfin.cli._options import ConfigOption, StoreOption, configuration, opened
from qfin.cli._stages import FROM, MADE, history_to_use, showing

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN = {
    "Kupiec": "Kupiec proportion of failures",
    "Christoffersen": "Christoffersen conditional coverage",
    "Z2": "Acerbi-Székely Z2",
    "e-backtest": "e-backtest of the ES",
}


def backtest(
    history: Annotated[str | None, typer.Argument(metavar="[INGEST]", help=FROM, show_default=MADE)] = None,
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """Did VaR and ES hold? Scenario models walk forward over the history with the portfolio, and are tested.

    Each is fitted to the past and forecasts the P&L of every day that follows, again and again. The configuration's
    section `backtest` names models, days and levels. What is finished is kept: interrupted, the same command goes on.

    Example: [bold]qfin backtest --config my.toml[/bold]
    """
    from qfin import stages

    there, wanted = opened(store), configuration(config)
    with showing():
        start = history_to_use(wanted, there, history)
        made = stages.backtest(wanted, start, there)
    console, found = output(), made.json("backtest.json")
    console.print(made.ref)
    for horizon in found["models"][0]["horizons"]:
        if not horizon["overlapping"]:
            console.print(backtest_table(found, horizon["horizon"]))
    for sentence in _sentences(found["models"][0]):
        console.print(sentence, soft_wrap=True)
    console.print(f"backtest   {made.folder}", soft_wrap=True)
    console.print(f"its page   qfin report {made.ref}", soft_wrap=True)


def backtest_table(found: Mapping[str, Any], horizon: int) -> Table:
    """A row a model and level, of P&L over so many days that does not overlap."""
    from rich import box
    from rich.table import Table

    table = Table(
        "model", box=box.SIMPLE_HEAD,
        title=f"{horizon}-day P&L of {found['portfolio']}, {found['first']} to {found['last']}, {found['refits']} fits "
        f"of {found['training_days']:,} days ({found['window']})",
        caption=f"p-values, * rejected at {100 * found['significance']:g} %; green: share of runs of 250 days in "
        "Basel's green zone",
    )  # fmt: skip
    for heading in ("level", "hits", "expected", *_SHOWN, "green"):
        table.add_column(heading, justify="right")
    for model in found["models"]:
        shape = next(h for h in model["horizons"] if h["horizon"] == horizon and not h["overlapping"])
        for level in shape["levels"]:
            green = level["green_share"]
            table.add_row(
                ("* " if model["quantum"] else "  ") + model["name"],
                f"{100 * level['level']:g} %",
                f"{level['hits']}",
                f"{level['expected']:.1f}",
                *(_p_value(level["tests"], name) for name in _SHOWN.values()),
                "" if green is None else f"{100 * green:.0f} %",
            )
    return table


def _sentences(model: Mapping[str, Any]) -> list[str]:
    """Of the first model, one day ahead: every test that rejects it, or that none does."""
    shape = model["horizons"][0]
    levels = [(f"{100 * level['level']:g} %: ", level["tests"]) for level in shape["levels"]]
    tests = [(where, test) for where, some in [*levels, ("", shape["tests"])] for test in some]
    rejected = [f"{where}{test['name']}: {test['sentence']}" for where, test in tests if test.get("rejected")]
    return rejected or [f"No test rejects {model['name']} on {shape['days']:,} days."]


def _p_value(tests: Sequence[Mapping[str, Any]], name: str) -> str:
    """The p-value that decides, and a star where it rejects."""
    one = next(test for test in tests if test["name"] == name)
    if "why_not_run" in one:
        return ""
    return f"{one['deciding_p_value']:.3f}{' *' if one['rejected'] else '  '}"
