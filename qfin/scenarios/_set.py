"""A scenario set and its Parquet form.

`scenarios.parquet` is wide: a row a scenario and step, `scenario` and `step` as int32, a float64 column a risk factor
(the factor's return on that step), zstd with byte-stream split. `factors.parquet` beside it has a row a factor: name,
type, unit, return type, displacement, pillar, level on the as-of date. Lineage is JSON under the key `qfin` in the
Parquet schema metadata of both.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from qfin.errors import DataError, StoreError
from qfin.market import ReturnsFrame, RiskFactor
from qfin.market._arrays import frozen

SCENARIOS, FACTORS = "scenarios.parquet", "factors.parquet"


@dataclass(frozen=True, eq=False)
class ScenarioSet:
    """n scenarios of d risk factors over h daily steps from the as-of date.

    Attributes
    ----------
    returns : shape (n, h, d), one-day returns in each factor's own return unit; read-only
    factors : the d risk factors, in column order
    levels : shape (d,), level of each factor on the as-of date
    as_of : the day the scenarios start from
    lineage : what made it: hashes, seed, backend, job ids, versions
    """

    returns: np.ndarray
    factors: tuple[RiskFactor, ...]
    levels: np.ndarray
    as_of: pd.Timestamp
    lineage: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        returns, levels = frozen(self.returns), frozen(self.levels)
        if returns.ndim != 3 or returns.shape[2] != len(self.factors):
            raise DataError(
                f"scenario returns have shape {returns.shape}; wanted (scenarios, steps, {len(self.factors)} factors)"
            )
        if levels.shape != (len(self.factors),):
            raise DataError(f"levels have shape {levels.shape}; wanted ({len(self.factors)},), one a factor")
        if not np.isfinite(returns).all():
            scenario, step, column = np.argwhere(~np.isfinite(returns))[0]
            raise DataError(
                f"{self.factors[column].name} is not finite in scenario {scenario}, step {step + 1}; "
                "the model that drew it is unstable"
            )
        object.__setattr__(self, "returns", returns)
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "as_of", pd.Timestamp(self.as_of))

    @classmethod
    def from_history(
        cls,
        history: ReturnsFrame,
        horizon: int = 1,
        start: date | None = None,
        end: date | None = None,
    ) -> ScenarioSet:
        """The history's own days as scenarios of today's market (historical simulation): a scenario for every
        `horizon` consecutive days that end in the window, oldest first, overlapping where the horizon is longer.

        start, end : of the window, both included; None: as far as the history goes. A stressed window is one like 2008

        Raises
        ------
        DataError
            if the window has fewer days than the horizon.
        """
        rows = np.ones(len(history), dtype=bool)
        rows &= history.dates >= pd.Timestamp(start) if start is not None else True
        rows &= history.dates <= pd.Timestamp(end) if end is not None else True
        days = np.flatnonzero(rows)
        if len(days) < max(horizon, 1):
            first, last = f"{history.dates[0]:%Y-%m-%d}", f"{history.dates[-1]:%Y-%m-%d}"
            raise DataError(
                f"the window from {start or first} to {end or last} has {len(days)} days of the history ({first} to "
                f"{last}); a horizon of {horizon} needs {max(horizon, 1)} or more"
            )
        windows = np.lib.stride_tricks.sliding_window_view(history.values[days], horizon, axis=0)
        lineage = {
            "history": history.content_hash,
            "window": [f"{history.dates[k]:%Y-%m-%d}" for k in days[[0, -1]]],
        }
        return cls(np.swapaxes(windows, 1, 2), history.factors, history.levels, history.as_of, lineage)

    def __len__(self) -> int:
        return len(self.returns)

    def until(self, step: int) -> ScenarioSet:
        """The first `step` days of every scenario.

        Raises
        ------
        DataError
            if scenarios are shorter.
        """
        if not 1 <= step <= self.horizon:
            raise DataError(f"scenarios of {self.horizon} days have no day {step}")
        return replace(self, returns=self.returns[:, :step])

    def rows(self, numbers: np.ndarray) -> ScenarioSet:
        """Some of the scenarios, in the order of `numbers`."""
        return replace(self, returns=self.returns[numbers])

    def moving(self, names: Collection[str]) -> ScenarioSet:
        """The same scenarios with only the factors of those names moving, the others at their as-of levels."""
        return replace(self, returns=self.returns * np.isin(self.names, list(names)))

    @property
    def horizon(self) -> int:
        """Days each scenario spans."""
        return self.returns.shape[1]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors."""
        return tuple(factor.name for factor in self.factors)

    def horizon_returns(self) -> np.ndarray:
        """Return over the whole horizon, shape (n, d), in each factor's own return unit."""
        return np.column_stack(
            [f.compound(self.returns[:, :, k], axis=1) for k, f in enumerate(self.factors)]
        )

    def horizon_levels(self) -> np.ndarray:
        """Level at the horizon, shape (n, d), in each factor's own unit."""
        totals = self.horizon_returns()
        return np.column_stack([f.shock(self.levels[k], totals[:, k]) for k, f in enumerate(self.factors)])

    def to_frame(self) -> pd.DataFrame:
        """One-day returns as a DataFrame, indexed by (scenario, step), a column a factor; step 1 is the first day."""
        index = pd.MultiIndex.from_product(
            [range(len(self)), range(1, self.horizon + 1)], names=["scenario", "step"]
        )
        return pd.DataFrame(
            self.returns.reshape(-1, len(self.factors)), index=index, columns=list(self.names)
        )

    def write(self, folder: str | Path) -> None:
        """Write `scenarios.parquet` and `factors.parquet` into `folder`; the same set gives the same bytes."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        metadata = {
            b"qfin": json.dumps({**self.lineage, "as_of": f"{self.as_of:%Y-%m-%d}"}, sort_keys=True).encode()
        }
        n, h, _ = self.returns.shape
        columns: dict[str, Any] = {
            "scenario": np.repeat(np.arange(n, dtype=np.int32), h),
            "step": np.tile(np.arange(1, h + 1, dtype=np.int32), n),
        }
        columns |= {f.name: self.returns[:, :, k].ravel() for k, f in enumerate(self.factors)}
        table = pa.table(columns).replace_schema_metadata(metadata)
        pq.write_table(
            table,
            folder / SCENARIOS,
            compression="zstd",
            use_dictionary=False,
            use_byte_stream_split=list(self.names),
        )
        described = [
            {**asdict(f), "level": v} for f, v in zip(self.factors, self.levels.tolist(), strict=True)
        ]
        schema = pa.schema(
            [("name", pa.string()), ("type", pa.string()), ("unit", pa.string()), ("return_type", pa.string()),
             ("displacement", pa.float64()), ("pillar", pa.string()), ("level", pa.float64())],
            metadata=metadata,
        )  # fmt: skip
        pq.write_table(pa.Table.from_pylist(described, schema=schema), folder / FACTORS, compression="zstd")

    @classmethod
    def read(cls, path: str | Path) -> ScenarioSet:
        """Read a scenario set from its folder, or from its `scenarios.parquet`.

        Raises
        ------
        StoreError
            if there is none there, or a file lacks what a scenario set has.
        """
        folder = Path(path).parent if Path(path).name == SCENARIOS else Path(path)
        for name in (SCENARIOS, FACTORS):
            if not (folder / name).is_file():
                raise StoreError(f"{folder} holds no scenario set ({name} is missing)")
        try:
            table = pq.read_table(folder / SCENARIOS)
            described = pq.read_table(folder / FACTORS).to_pylist()
            lineage = json.loads(table.schema.metadata[b"qfin"])
            levels = np.array([d.pop("level") for d in described])
            factors = tuple(RiskFactor(**d) for d in described)
            flat = np.column_stack([table.column(f.name).to_numpy() for f in factors])
            horizon = _horizon(table)
            as_of = pd.Timestamp(lineage.pop("as_of"))
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"{folder} holds no readable scenario set: {str(error).splitlines()[0]}"
            ) from None
        return cls(flat.reshape(-1, horizon, len(factors)), factors, levels, as_of, lineage)


def _horizon(table: pa.Table) -> int:
    """Steps of each scenario; ValueError unless rows are ordered by scenario and step and none is missing."""
    scenario, step = table.column("scenario").to_numpy(), table.column("step").to_numpy()
    if not len(step):
        raise ValueError("it has no rows")
    horizon = int(step.max())
    n, rest = divmod(len(step), horizon)
    ordered = not rest and np.array_equal(scenario, np.repeat(np.arange(n), horizon))
    if not ordered or not np.array_equal(step, np.tile(np.arange(1, horizon + 1), n)):
        raise ValueError("its rows are not a row a scenario and step, in order")
    return horizon
