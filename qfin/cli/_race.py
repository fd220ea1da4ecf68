"""`qfin race`: dependence models on the same held-out days, and who won."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfin.cli._console import diagnostics, output
from qfin.cli._options import ConfigOption, StoreOption, configuration, opened
from qfin.cli._stages import FROM, MADE, history_to_use, showing

if TYPE_CHECKING:
    from rich.table import Table

    from qfin.store import Artifact


def race(
    history: Annotated[str | None, typer.Argument(metavar="[INGEST]", help=FROM, show_default=MADE)] = None,
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """Does the quantum model do better than what I would use otherwise? All models walk forward over the history.

    Each is fitted to the past and scored on the days that follow, again and again, with the same volatility and
    marginals. The configuration's section `race` names models and rules; `qfin report` makes a page of what is found.

    Example: [bold]qfin race --config my.toml[/bold]
    """
    from qfin import stages

    there = opened(store)
    wanted = configuration(config)
    with showing():
        start = history_to_use(wanted, there, history)
        made = stages.race(wanted, start, there, _told)
    _tell(made)


def _told(name: str, seed: int) -> None:
    console = diagnostics()
    if console.is_terminal:
        console.print(f"  {name}, seed {seed}", style="dim")


def _tell(made: Artifact) -> None:
    console, found = output(), made.json("race.json")
    console.print()
    console.print(race_table(found))
    for one in found["not_entered"]:
        console.print(f"not entered: {one['name']}: {one['reason']}", soft_wrap=True)
    for key in ("verdict", "energy_verdict"):
        if found[key] is not None:
            console.print(found[key]["sentence"], soft_wrap=True)
    console.print(f"race       {made.folder}", soft_wrap=True)
    console.print(f"its page   qfin report {made.ref}", soft_wrap=True)


def race_table(found: Mapping[str, Any]) -> Table:
    """A row a model, the best log score first, those without a density last."""
    from rich import box
    from rich.table import Table

    level = f"{100 * found['level']:g} %"
    table = Table(
        "model", box=box.SIMPLE_HEAD,
        title=f"{found['days']:,} days, {found['first']} to {found['last']}, {found['refits']} fits of "
        f"{found['first_training_days']:,} days ({found['window']})",
        caption=f"* quantum; scores in nats a day, higher is better; in brackets {level} intervals; set: among the "
        f"best at {level} (model confidence set); energy: energy score of normal scores, lower is better; seconds are "
        "of all fits",
    )  # fmt: skip
    for heading in ("log score", "set", "adds to prior", "energy", "parameters", "fit, s"):
        table.add_column(heading, justify="right")
    for row in sorted(found["models"], key=_rank):
        table.add_row(
            ("* " if row["quantum"] else "  ") + row["label"],
            _bounded(row["log_score"]),
            {True: "yes", False: "no", None: ""}[row["in_confidence_set"]],
            _bounded(row["adds_to_prior"], "+"),
            f"{row['energy_score']['mean']:.4f}",
            "" if row["parameters"] is None else f"{row['parameters']:,}",
            f"{row['fit_seconds']:.1f}",
        )
    return table


def _rank(row: Mapping[str, Any]) -> float:
    return float("inf") if row["log_score"] is None else -row["log_score"]["mean"]


def _bounded(score: Mapping[str, float] | None, sign: str = "") -> str:
    if score is None:
        return ""
    return f"{score['mean']:{sign}.4f} [{score['lower']:{sign}.4f}, {score['upper']:{sign}.4f}]"
