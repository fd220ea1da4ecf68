"""What artifacts record of the configuration and the portfolio that made them, read back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qfin.errors import ConfigError, DataError
from qfin.stages.risk import PORTFOLIO
from qfin.store import Artifact

if TYPE_CHECKING:
    from qfin.stages.config import RunConfig


@dataclass(frozen=True)
class Sources:
    """Where what a replay reads lies now.

    data : file of prices; None: the shipped data sets are read again, other histories are taken from the store
    portfolio : file of the portfolio; None: the one that an artifact keeps
    """

    data: Path | None = None
    portfolio: Path | None = None


def recorded_config(artifact: Artifact, **sections: Any) -> RunConfig:
    """The configuration that an artifact's inputs record; `sections` are those that they name otherwise.

    Raises
    ------
    ConfigError
        if this version of qfin does not take it.
    """
    from qfin.stages.config import RunConfig, explain

    named = {k: v for k, v in artifact.inputs.items() if k in RunConfig.model_fields and k != "portfolio"}
    try:
        return RunConfig.model_validate(named | sections)
    except ValidationError as error:
        raise ConfigError(
            f"{artifact.ref} was made with what this qfin does not take: {explain(error)}; "
            f"replay it with qfin {artifact.code['qfin']}"
        ) from None


def recorded_portfolio(artifact: Artifact, sources: Sources) -> Path:
    """The portfolio that an artifact is about: the file that is named, else the one that it keeps.

    Raises
    ------
    ConfigError
        if it keeps none and none is named.
    DataError
        if the portfolio is not the recorded one; the message has both hashes.
    """
    from qfin.risk import Portfolio

    recorded, name = artifact.inputs["portfolio_hash"], artifact.inputs["portfolio"]
    if sources.portfolio is None and PORTFOLIO not in artifact.files:
        raise ConfigError(
            f"{artifact.ref} does not keep its portfolio {name!r} (SHA-256 {recorded}); name its file with --portfolio"
        )
    path = artifact.path(PORTFOLIO) if sources.portfolio is None else sources.portfolio
    found = Portfolio.read(path).content_hash
    if found != recorded:
        raise DataError(
            f"{path} is not the portfolio {name!r} of {artifact.ref}: that had SHA-256 {recorded}, this has {found}; "
            "name the file as it was with --portfolio"
        )
    return path
