"""Files of artifacts, read so that a damaged one is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from qfin.errors import QfinError, StoreError
from qfin.store import Artifact

T = TypeVar("T")


def read(artifact: Artifact, what: str, how: Callable[[], T]) -> T:
    """The value of `how`, with whatever is wrong with the file told in one line.

    Raises
    ------
    StoreError
        naming the artifact, the file and what to do.
    """
    try:
        return how()
    except QfinError:
        raise
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, pa.ArrowException) as error:
        problem = f"lacks {error}" if isinstance(error, KeyError) else str(error).split("\n", 1)[0]
        raise StoreError(
            f"{what} of artifact {artifact.ref} cannot be read: {problem}; delete {artifact.folder} and run again"
        ) from error


def document(artifact: Artifact, name: str, *keys: str) -> Any:
    """A JSON file of an artifact, which must have `keys`."""

    def load() -> Any:
        content = artifact.json(name)
        for key in keys:
            content[key]
        return content

    return read(artifact, name, load)


def table(artifact: Artifact, name: str, *columns: str) -> pd.DataFrame:
    """A Parquet file of an artifact, which must have `columns`."""

    def load() -> pd.DataFrame:
        frame = pq.read_table(artifact.path(name)).to_pandas()
        for column in columns:
            frame[column]
        return frame

    return read(artifact, name, load)
