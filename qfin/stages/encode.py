"""Stage `encode`: returns to pseudo-observations, and pseudo-observations to the bitstrings that qubits stand for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.errors import DataError
from qfin.stages._progress import publish
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from qfin.market import ReturnsFrame
    from qfin.quantum import Grid
    from qfin.stages.config import EncodingConfig, RunConfig

LEAST_TRAINING_DAYS = 100


def encode(config: RunConfig, history: Artifact, store: Store) -> Artifact:
    """Publish volatility and marginals, fitted twice, and the encoded history of an `ingest` artifact.

    `production` is fitted to all days and makes scenarios; `evaluation` is fitted to the days before the held-out
    ones, so that no score has seen what it scores. With `window_days` both are fitted to as many days, the last ones
    of the history and the last ones before those held out.

    Raises
    ------
    DataError
        if holding out leaves too few days to fit on, or fewer than the window has, or a stage cannot be fitted to them.
    ConfigError
        if the grid has more qubits than an outcome has bits.
    """
    grid = config.encoding

    def write(folder: Path) -> dict[str, Any]:
        from qfin.market import ReturnsFrame

        returns = ReturnsFrame.read(history.path("returns.parquet"))
        training = training_days(len(returns), grid)
        used, tested = (
            returns.tail(grid.window_days or len(returns)),
            returns.tail(training + grid.held_out_days),
        )
        U = _fit(config, used, len(used), folder, "production")
        scored = _fit(config, tested, training, folder, "evaluation")
        parts = ["train"] * training + ["held_out"] * grid.held_out_days
        _table(used, U).to_parquet(folder / "pseudo_observations.parquet", index=False, compression="zstd")
        evaluation = _table(tested, scored, part=parts)
        evaluation.to_parquet(folder / "evaluation.parquet", index=False, compression="zstd")
        _write_bitstrings(_grid(config, len(used.factors)), used, U, folder)
        _write_discretisation(config, scored, training, folder)
        return {
            "days": len(used),
            "held_out_days": grid.held_out_days,
            "qubits": grid.bits * len(returns.factors),
            "bits": grid.bits,
            "bins": grid.bins,
            "code": grid.code,
        }

    inputs = {
        "volatility": config.volatility,
        "marginals": config.marginals,
        "encoding": grid.model_dump(),
        "seed": config.seed,
    }
    return publish(store, "encode", inputs, write, {"history": history})


def training_days(days: int, grid: EncodingConfig) -> int:
    """Days that a scored model is fitted to: those before the held-out ones, or the window's.

    Raises
    ------
    DataError
        if they are too few; the message says how many are needed.
    """
    left = days - grid.held_out_days
    if left < LEAST_TRAINING_DAYS:
        raise DataError(
            f"the history has {days} days of returns; with {grid.held_out_days} held out to score on, {max(left, 0)} "
            f"are left to fit on, and at least {LEAST_TRAINING_DAYS} are needed: give "
            f"{grid.held_out_days + LEAST_TRAINING_DAYS} days or more, or set encoding.held_out_days lower"
        )
    if grid.window_days is not None and grid.window_days > left:
        raise DataError(
            f"encoding.window_days is {grid.window_days}, and the history has {days} days of returns, {left} of them "
            f"before the {grid.held_out_days} held out to score on; set it to {left} or less"
        )
    return grid.window_days or left


def _fit(config: RunConfig, returns: ReturnsFrame, days: int, folder: Path, name: str) -> np.ndarray:
    """Fit volatility and marginals to the first `days` days, save them, and map all days: shape (T, d) in (0, 1)."""
    from qfin import persistence
    from qfin.marginals import MARGINALS
    from qfin.volatility import VOLATILITY

    volatility = VOLATILITY.build(config.volatility).fit(returns.values[:days])
    innovations = volatility.filter(returns.values)
    marginals = MARGINALS.build(config.marginals).fit(innovations[:days])
    persistence.save({"volatility": volatility, "marginals": marginals}, folder, name)
    return marginals.cdf(innovations)


def _grid(config: RunConfig, n_factors: int) -> Grid:
    from qfin.quantum import Grid

    return Grid(config.encoding.bits, n_factors, config.encoding.bins, config.encoding.code)


def _table(returns: ReturnsFrame, U: np.ndarray, **columns: Any) -> pd.DataFrame:
    import pandas as pd

    values = {name: U[:, k] for k, name in enumerate(returns.names)}
    return pd.DataFrame({"date": returns.dates, **columns, **values})


def _write_bitstrings(grid: Grid, returns: ReturnsFrame, U: np.ndarray, folder: Path) -> None:
    import pandas as pd

    outcomes = grid.encode(U)
    # Written as people write numbers: the highest qubit on the left.
    bits = [format(outcome, f"0{grid.n_qubits}b") for outcome in outcomes.tolist()]
    frame = pd.DataFrame({"date": returns.dates, "outcome": outcomes, "bits": bits})
    frame.to_parquet(folder / "bitstrings.parquet", index=False, compression="zstd")
    content = {**grid.to_dict(), "factors": list(returns.names)}
    (folder / "grid.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


def _write_discretisation(config: RunConfig, U: np.ndarray, training: int, folder: Path) -> None:
    from qfin.evaluation import discretisation_cost

    grid = config.encoding
    rows = discretisation_cost(U[:training], U[training:], bins=grid.bins, code=grid.code, seed=config.seed)
    (folder / "discretisation.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
