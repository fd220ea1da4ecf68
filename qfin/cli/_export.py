"""`qfin export`: risk figures for a spreadsheet, or a whole case for ORE."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from qfin.cli._console import output
from qfin.cli._options import ConfigOption, StoreOption, configuration, opened
from qfin.cli._stages import given
from qfin.errors import ConfigError


def export(
    artifact: Annotated[str, typer.Argument(help="A risk artifact, or for ORE also a scenario set.")],
    path: Annotated[Path, typer.Argument(help="File or folder to write; it must not be there yet.")],
    to: Annotated[
        Literal["xlsx", "ore"], typer.Option(help="Summary tables as a spreadsheet, or an ORE case.")
    ] = "xlsx",
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """Hand figures to a spreadsheet, or portfolio, market and scenarios to ORE for its historical-simulation VaR.

    The configuration names the portfolio that goes to ORE.

    Example: [bold]qfin export risk/2a26 ore_case --to ore[/bold]
    """
    there = opened(store)
    if to == "xlsx":
        from qfin.report import write_workbook

        if path.suffix != ".xlsx":
            raise ConfigError(f"{path} is no spreadsheet; name a file that ends in .xlsx")
        write_workbook(given(there, "risk", artifact), path)
    else:
        from qfin.risk import Portfolio
        from qfin.risk.ore import export as write_case
        from qfin.scenarios import ScenarioSet

        found = given(there, ("risk", "generate"), artifact)
        drawn = there.get(found.parents["scenarios"]) if found.stage == "risk" else found
        wanted = configuration(config)
        portfolio = Portfolio.read(wanted.portfolio)
        if found.stage == "risk" and found.inputs["portfolio_hash"] != portfolio.content_hash:
            raise ConfigError(
                f"{found.ref} is of another portfolio than {wanted.portfolio}; name its configuration with --config"
            )
        levels = (wanted.measures.var_level, wanted.measures.es_level)
        write_case(portfolio, ScenarioSet.read(drawn.folder), path, levels)
    output().print(str(path), soft_wrap=True)
