"""The data sets that come with qfin."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from qfin.market.readers._base import ECB_ATTRIBUTION, Reader
from qfin.market.readers.parquet import ParquetFile
from qfin.shipped import shipped

_ATTRIBUTION = {
    "fx": ECB_ATTRIBUTION,
    "fx18": ECB_ATTRIBUTION,
    "multi": f"{ECB_ATTRIBUTION} Quandl WIKI. US Energy Information Administration.",
    "ust": "US Treasury, Federal Reserve.",
}


class BundledData(Reader):
    """A data set that comes with qfin: fx, fx18, multi or ust (data/README.md says what is in each).

    Parameters
    ----------
    name : fx (4 pairs since 1999), fx18 (18 pairs since 2005), multi (4 pairs, 3 equities and oil, 2000 to 2013),
        ust (Treasury yields, 1990 to 2000)
    """

    def __init__(self, name: Literal["fx", "fx18", "multi", "ust"] = "fx") -> None:
        self.name = name
        self.attribution = _ATTRIBUTION[name]

    def read(self) -> pd.DataFrame:
        """Prices of the data set with its factors."""
        return ParquetFile(shipped(f"{self.name}.parquet")).read()
