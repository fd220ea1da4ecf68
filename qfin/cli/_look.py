"""Commands that look and change nothing: `kinds`, `show`, `data`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfin.cli._console import output
from qfin.cli._options import ConfigOption, StoreOption, configuration, opened
from qfin.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Group
    from rich.table import Table
    from rich.tree import Tree

    from qfin.market import RiskFactor
    from qfin.registry import Kind
    from qfin.store import Artifact, Store

ROOMS = {
    "readers": "qfin.market:READERS",
    "volatility": "qfin.volatility:VOLATILITY",
    "marginals": "qfin.marginals:MARGINALS",
    "dependence": "qfin.dependence:DEPENDENCE",
    "bins": "qfin.quantum:BINS",
    "codes": "qfin.quantum:CODES",
    "ansaetze": "qfin.quantum:ANSAETZE",
    "losses": "qfin.quantum:LOSSES",
    "backends": "qfin.quantum:BACKENDS",
    "instruments": "qfin.risk:INSTRUMENTS",
}


def kinds(
    room: Annotated[
        str | None, typer.Argument(help=f"One of: {', '.join(ROOMS)}.", show_default="all")
    ] = None,
) -> None:
    """What can be named in a configuration or a portfolio, with its parameters.

    Example: [bold]qfin kinds dependence[/bold]
    """
    import importlib

    if room is not None and room not in ROOMS:
        raise ConfigError(f"there is no room {room!r}; choose one of: {', '.join(ROOMS)}")
    console = output()
    for name in [room] if room else ROOMS:
        module, _, attribute = ROOMS[name].partition(":")
        console.print(kinds_table(name, getattr(importlib.import_module(module), attribute).describe()))


def kinds_table(room: str, kinds: list[Kind]) -> Table:
    """A row a kind, then a row for each of its parameters."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=room, title_justify="left", title_style="bold", box=box.SIMPLE, show_header=False, expand=False
    )
    table.add_column("kind", no_wrap=True)
    table.add_column("what it is")
    for kind in kinds:
        table.add_row(Text(kind.name, style="bold cyan"), Text(kind.summary))
        for parameter in kind.parameters:
            default = "required" if parameter.default == "required" else f"= {parameter.default}"
            table.add_row(
                "", Text.assemble((parameter.name, "cyan"), f" : {parameter.type} ", (default, "dim"))
            )
    return table


def show(
    artifact: Annotated[
        str | None,
        typer.Argument(
            help="stage/id, the beginning of an id, or a folder.", show_default="a list of all there are"
        ),
    ] = None,
    store: StoreOption = None,
) -> None:
    """What an artifact is: its files, what it says of itself, what it was made from.

    Example: [bold]qfin show train/2f7e598b[/bold]
    """
    console, there = output(), opened(store)
    if artifact is None:
        console.print(_listing(there))
        return
    found = there.get(artifact)
    console.print(describe(found))
    console.print(_lineage(found, there))


def describe(artifact: Artifact) -> Group:
    """An artifact's name, summary and files."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    said = Table.grid(padding=(0, 2))
    for key, value in artifact.summary.items():
        said.add_row(Text(f"  {key}", style="dim"), Text(_plain(value)))
    files = Table.grid(padding=(0, 2))
    files.add_column()
    files.add_column(justify="right")
    for name, about in artifact.files.items():
        files.add_row(Text(f"  {name}"), Text(_size(about["bytes"])))
    return Group(Text(artifact.ref, style="bold"), said, Text(artifact.location, style="dim"), files)


def _lineage(artifact: Artifact, store: Store) -> Tree:
    from rich.text import Text
    from rich.tree import Tree

    def grow(tree: Tree, current: Artifact) -> Tree:
        for role, ref in current.parents.items():
            parent = store.get(ref)
            grow(tree.add(Text.assemble((f"{role} ", "dim"), ref, "  ", (_gist(parent), "dim"))), parent)
        return tree

    return grow(
        Tree(Text("made from", style="dim") if artifact.parents else Text("made from its source")), artifact
    )


def _listing(store: Store) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("artifact", "what it is", box=box.SIMPLE_HEAD)
    for ref in store.refs():
        table.add_row(Text(ref), Text(_gist(store.get(ref))))
    if not table.row_count:
        raise ConfigError(
            f"there is nothing in {store.root} yet; `qfin run` makes it, --store names another place"
        )
    return table


def _gist(artifact: Artifact) -> str:
    return ", ".join(f"{key} {_plain(value)}" for key, value in artifact.summary.items() if value is not None)


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return str(value)


def _size(count: int) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000  # type: ignore[assignment]
    return f"{count:.1f} GB"


def data(
    source: Annotated[
        str | None,
        typer.Argument(
            help="A .csv or .parquet file, or a shipped data set.", show_default="the configured history"
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """What is in a file of prices: rows, dates, factors, gaps and oddities.

    Example: [bold]qfin data prices.csv[/bold]
    """
    from qfin.market import check_prices, known_factors, read_prices

    if source is not None and config is not None:
        raise ConfigError("name a source or a configuration, not both")
    if source is not None:
        prices = read_prices(source)
    else:
        from qfin.stages.ingest import read_history

        prices, _ = read_history(configuration(config).history)
    factors = known_factors(prices)
    report = check_prices(prices, factors)
    console = output()
    console.print(f"{source or 'the configured history'}: {report.rows:,} rows", soft_wrap=True)
    if report.first is not None and report.last is not None:
        console.print(f"{report.first:%Y-%m-%d} to {report.last:%Y-%m-%d}")
    console.print(_factor_table(prices, factors))
    for finding in report.findings:
        console.print(f"{finding.severity}, {finding.check}: {finding.message}", soft_wrap=True)
    if not report.findings:
        console.print("no gaps and no oddities")
    report.raise_for_errors()


def _factor_table(prices: pd.DataFrame, factors: Sequence[RiskFactor]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("factor", "type", "unit", "returns", box=box.SIMPLE_HEAD)
    for title in ("first", "last", "least", "most", "missing"):
        table.add_column(title, justify="right")
    for factor in factors:
        column = prices[factor.name]
        there = column.dropna()
        levels = [there.iloc[0], there.iloc[-1], there.min(), there.max()] if len(there) else []
        table.add_row(
            *(Text(text) for text in (factor.name, factor.type, factor.unit, factor.return_type)),
            *(f"{level:,.6g}" for level in levels or [float("nan")] * 4),
            f"{int(column.isna().sum()):,}",
        )
    return table
