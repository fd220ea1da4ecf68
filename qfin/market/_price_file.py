"""The Parquet form of a frame of prices: a `date` column, a float64 column a factor, factors in the schema metadata."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from qfin.errors import DataError
from qfin.market._factors import RiskFactor

_KEY = b"qfin"


def write_prices(prices: pd.DataFrame, path: str | Path) -> None:
    """Write prices to one Parquet file, from which `read_prices` gets prices and factors back; same prices, same bytes.

    Dates are stored to the second.
    """
    names = [str(name) for name in prices.columns]
    columns: dict[str, Any] = {"date": pa.array(pd.DatetimeIndex(prices.index).as_unit("s").to_numpy())}
    columns |= {name: pa.array(prices[name].to_numpy(dtype=float)) for name in names}
    described = [asdict(factor) for factor in prices.attrs.get("factors", ()) if factor.name in names]
    content = {"holds": "prices", "factors": described}
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(content, sort_keys=True).encode()})
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        use_byte_stream_split=names,
    )


def described_factors(schema: pa.Schema, name: str) -> tuple[RiskFactor, ...]:
    """Risk factors that a Parquet file's metadata describe; none if another program wrote it.

    Raises
    ------
    DataError
        if qfin wrote the file to hold something other than prices.
    """
    if _KEY not in (schema.metadata or {}):
        return ()
    content = json.loads(schema.metadata[_KEY])
    if content.get("holds") != "prices":
        raise DataError(f"{name} was written by qfin but does not hold prices; give a file of prices")
    return tuple(RiskFactor(**factor) for factor in content["factors"])
