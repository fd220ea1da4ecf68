"""A history of returns: what every generating stage starts from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from qfin.errors import DataError
from qfin.market._arrays import frozen
from qfin.market._factors import RiskFactor, known_factors


@dataclass(frozen=True, eq=False)
class ReturnsFrame:
    """Returns of d risk factors on T days.

    Attributes
    ----------
    values : shape (T, d), in each factor's own return unit; read-only
    dates : the T days the returns end on, strictly increasing
    factors : the d risk factors, in column order
    levels : shape (d,), level of each factor on the last day (the as-of date)
    """

    values: np.ndarray
    dates: pd.DatetimeIndex
    factors: tuple[RiskFactor, ...]
    levels: np.ndarray

    def __post_init__(self) -> None:
        values, levels = frozen(self.values), frozen(self.levels)
        if values.ndim != 2 or values.shape != (len(self.dates), len(self.factors)):
            raise DataError(
                f"returns have shape {values.shape}; wanted ({len(self.dates)} dates, {len(self.factors)} factors)"
            )
        if levels.shape != (len(self.factors),):
            raise DataError(f"levels have shape {levels.shape}; wanted ({len(self.factors)},), one a factor")
        if not np.isfinite(values).all():
            row, column = np.argwhere(~np.isfinite(values))[0]
            raise DataError(
                f"{self.factors[column].name} has no finite return on {self.dates[row]:%Y-%m-%d}; "
                "correct the prices, drop the row, or name a fill rule"
            )
        if not self.dates.is_monotonic_increasing or self.dates.has_duplicates:
            raise DataError("dates of returns must increase; sort them and drop repeated ones")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "levels", levels)

    @classmethod
    def from_prices(cls, prices: pd.DataFrame, factors: Sequence[RiskFactor] | None = None) -> ReturnsFrame:
        """Returns from a frame of levels, a row a date and a column a factor.

        `factors` names the columns to use and how; by default every column, as `prices.attrs["factors"]` describes it
        (what `read_prices` knows of the source), else with log returns.

        Raises
        ------
        DataError
            naming factor and date where a level is missing, not finite, or has no return of the type asked for
            (zero or negative under log returns), where dates repeat or fall, or where a series never changes.
        """
        from qfin.market._quality import check_prices

        if factors is None:
            factors = known_factors(prices)
        chosen = tuple(factors)
        check_prices(prices, chosen).raise_for_errors()
        levels = prices[[f.name for f in chosen]].to_numpy(dtype=float)
        columns = [f.returns(levels[:, k]) for k, f in enumerate(chosen)]
        return cls(np.column_stack(columns), pd.DatetimeIndex(prices.index[1:]), chosen, levels[-1])

    def __len__(self) -> int:
        return len(self.dates)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors."""
        return tuple(factor.name for factor in self.factors)

    @property
    def as_of(self) -> pd.Timestamp:
        """The last day of the history: scenarios start from its levels."""
        return self.dates[-1]

    @property
    def content_hash(self) -> str:
        """SHA-256 of everything in it."""
        digest = hashlib.sha256(repr(self.factors).encode())
        for array in (self.values, self.levels, self.dates.to_numpy("datetime64[s]").astype("int64")):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def to_frame(self) -> pd.DataFrame:
        """The returns as a DataFrame, dates by factor names."""
        return pd.DataFrame(self.values, index=self.dates, columns=list(self.names))

    def tail(self, days: int) -> ReturnsFrame:
        """The last `days` days; all of them if there are fewer."""
        first = max(len(self) - days, 0)
        return ReturnsFrame(self.values[first:], self.dates[first:], self.factors, self.levels)

    def write(self, path: Path) -> None:
        """Write one Parquet file: a `date` column, a float64 column a factor; factors and levels in its metadata."""
        import json
        from dataclasses import asdict

        described = [
            {**asdict(f), "level": level} for f, level in zip(self.factors, self.levels.tolist(), strict=True)
        ]
        frame = self.to_frame().rename_axis("date").reset_index()
        table = pa.Table.from_pandas(frame, preserve_index=False)
        table = table.replace_schema_metadata({b"qfin": json.dumps({"factors": described}).encode()})
        pq.write_table(table, path, compression="zstd")

    @classmethod
    def read(cls, path: Path) -> ReturnsFrame:
        """Read what `write` wrote.

        Raises
        ------
        DataError
            if the file is no history of returns.
        """
        import json

        try:
            table = pq.read_table(path)
            described = json.loads(table.schema.metadata[b"qfin"])["factors"]
            levels = np.array([d.pop("level") for d in described])
            factors = tuple(RiskFactor(**d) for d in described)
            values = np.column_stack([table.column(f.name).to_numpy() for f in factors])
            dates = pd.DatetimeIndex(table.column("date").to_pandas())
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(
                f"{path} holds no readable history of returns: {reason}; run `ingest` again"
            ) from None
        return cls(values, dates, factors, levels)
