"""Stage `ingest`: prices read, checked and turned into returns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.errors import DataError
from qfin.stages._progress import publish
from qfin.stages.backend import check_backend
from qfin.stages.encode import training_days
from qfin.stages.risk import check_portfolio
from qfin.stages.train import check_models
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    import pandas as pd

    from qfin.market import ReturnsFrame, RiskFactor
    from qfin.stages.config import HistoryConfig, RunConfig

LEAST_FACTORS = 2
_TOLD = ("kind", "name", "date_column", "date_format", "separator", "columns")


def ingest(config: RunConfig, store: Store, whole_run: bool = False, source: str | None = None) -> Artifact:
    """Publish the history: `prices.parquet`, `returns.parquet`, `quality.json`.

    The artifact is named by what was read and how, not by where it was read from: a source that has not changed gives
    the artifact there is. For a `whole_run` nothing is published unless the configured models, backend, held-out days
    and portfolio can be used with this history: better found out now than after the training.

    Parameters
    ----------
    source : what people call the source; None: reader, and data set or file

    Raises
    ------
    DataError
        if the source cannot be read, has an error of quality, or has fewer than two factors; for a whole run, if it is
        too short, or the portfolio names what it does not have.
    ConfigError
        for a whole run, naming the model's kind or parameter that is wrong, or what the backend lacks.
    """
    from qfin.market import READERS, ReturnsFrame, check_prices

    history = config.history
    source = source or _source(history)
    prices, factors = read_history(history)
    if len(factors) < LEAST_FACTORS:
        raise DataError(
            f"{source} has one factor only ({factors[0].name}); "
            "a dependence model needs at least two columns of prices"
        )
    report = check_prices(prices, factors)
    try:
        report.raise_for_errors()
    except DataError as error:
        raise DataError(f"{source}: {error}") from None
    returns = ReturnsFrame.from_prices(prices, factors)
    if whole_run:
        check_models(config)
        check_backend(config, len(returns.factors))
        training_days(len(returns), config.encoding)
        check_portfolio(config, returns)

    attribution = READERS.build(history.reader).attribution

    def write(folder: Path) -> dict[str, Any]:
        levels = prices.rename_axis("date").reset_index()
        levels.attrs.clear()
        levels.to_parquet(folder / "prices.parquet", index=False, compression="zstd")
        returns.write(folder / "returns.parquet")
        (folder / "quality.json").write_text(json.dumps(report.to_dict(), indent=1), encoding="utf-8")
        return {
            "source": source,
            **({"attribution": attribution} if attribution else {}),
            "factors": list(returns.names),
            "days": len(returns),
            "first": f"{returns.dates[0]:%Y-%m-%d}",
            "as_of": f"{returns.as_of:%Y-%m-%d}",
            "oddities": len(report.oddities),
        }

    inputs = {
        "source": source,
        "reading": _reading(history),
        "data": fingerprint(prices, returns),
    }
    return publish(store, "ingest", inputs, write)


def read_history(history: HistoryConfig) -> tuple[pd.DataFrame, tuple[RiskFactor, ...]]:
    """Configured prices as they are, unchecked, and the risk factors that their columns are.

    Raises
    ------
    DataError
        naming file, row and column of what cannot be read.
    """
    from qfin.market import READERS, RiskFactor, known_factors, read_prices

    described = [RiskFactor(**factor.model_dump()) for factor in history.factors or ()]
    prices = read_prices(
        READERS.build(history.reader),
        start=history.start,
        end=history.end,
        fill=history.fill,
        factors=described or None,
    )
    return prices, tuple(known_factors(prices))


def _source(history: HistoryConfig) -> str:
    """What people call the source: reader, and data set or file; never a folder, an address or a password."""
    spec = {"kind": history.reader} if isinstance(history.reader, str) else history.reader
    named = spec.get("name") or (Path(spec["path"]).name if "path" in spec else "")
    return f"{spec.get('kind')} {named}".strip()


def _reading(history: HistoryConfig) -> dict[str, Any]:
    """How the source is read, without where it is: neither folder, address, query nor password."""
    spec = {"kind": history.reader} if isinstance(history.reader, str) else history.reader
    reader = {name: value for name, value in spec.items() if name in _TOLD}
    return {"reader": reader, **history.model_dump(mode="json", exclude={"reader"})}


def fingerprint(prices: pd.DataFrame, returns: ReturnsFrame) -> str:
    """SHA-256 of what was read: prices, their dates and names, and the returns made of them."""
    import hashlib

    import numpy as np

    digest = hashlib.sha256(returns.content_hash.encode())
    digest.update(repr(list(prices.columns)).encode())
    digest.update(np.ascontiguousarray(prices.to_numpy(dtype=float)).tobytes())
    digest.update(prices.index.to_numpy("datetime64[s]").astype("int64").tobytes())
    return digest.hexdigest()
