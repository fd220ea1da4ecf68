"""`qfin compare`: a scenario set scored against the history it comes from."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qfin.cli._console import output
from qfin.cli._options import StoreOption, opened
from qfin.cli._stages import given

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

_TITLE = "{count:,} scenarios against {days:,} days; in every row lower is better"
_CAPTION = "perfect: what a perfect model's set of this size would show, median and 95 % quantile"


def compare(
    scenarios: Annotated[str, typer.Argument(metavar="GENERATE", help="Scenario set: a generate artifact.")],
    output_file: Annotated[
        Path | None, typer.Option("--output", help="Write the table to this file, .csv or .parquet, too.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Score a scenario set against the history behind it: distances, tails, dependence, paths, a classifier's test.

    Example: [bold]qfin compare generate/7e32f65b --output scores.csv[/bold]
    """
    from qfin.errors import ConfigError
    from qfin.market import ReturnsFrame
    from qfin.scenarios import ScenarioSet
    from qfin.scenarios import compare as score

    if output_file is not None and output_file.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"--output {output_file}: name a file that ends with .csv or .parquet")
    there = opened(store)
    artifact = given(there, ("generate",), scenarios)
    history = next(one for one in there.lineage(artifact) if one.stage == "ingest")
    drawn = ScenarioSet.read(artifact.folder)
    returns = ReturnsFrame.read(history.path("returns.parquet"))
    found = score(drawn, returns)
    output().print(_table(found, len(drawn.returns), len(returns)))
    if output_file is not None:
        write = found.to_csv if output_file.suffix == ".csv" else found.to_parquet
        write(output_file, index=False)
        output().print(f"scores     {output_file}", soft_wrap=True)


def _table(found: pd.DataFrame, count: int, days: int) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(
        "score", "factor", box=box.SIMPLE_HEAD, title=_TITLE.format(count=count, days=days), caption=_CAPTION
    )
    for heading in ("value", "perfect", "95 %", "p"):
        table.add_column(heading, justify="right")
    for row in found.to_dict("records"):
        figures = [float(row[column]) for column in ("value", "floor", "upper", "p_value")]
        factor = row["factor"] if isinstance(row["factor"], str) else ""
        table.add_row(
            str(row["score"]), factor, *("" if isnan(figure) else f"{figure:.4g}" for figure in figures)
        )
    return table
