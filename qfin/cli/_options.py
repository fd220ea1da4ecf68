"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from qfin.stages.config import RunConfig
    from qfin.store import Store

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE.toml", help="Configuration of the run.", show_default="as shipped"
    ),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        "-s",
        metavar="FOLDER|URI",
        envvar="QFIN_STORE",
        help="Where artifacts are kept: a folder, or s3://..., gs://...",
        show_default="./store",
    ),
]


def configuration(path: Path | None) -> RunConfig:
    """The configuration in a file; the shipped one without."""
    from qfin.stages.config import RunConfig, load_config

    return RunConfig() if path is None else load_config(path)


def opened(root: str | None) -> Store:
    """The store at a root."""
    from qfin.store import Store

    return Store(root)
