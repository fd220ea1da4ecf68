"""The shipped data sets: shapes, dates, and values against the figures of their sources."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from qfin.errors import ConfigError
from qfin.market import READERS, ReturnsFrame, check_prices, read_prices
from qfin.shipped import shipped

MAJORS = ["EURUSD", "GBPUSD", "USDJPY", "USDCAD"]
EIGHTEEN = [
    *[
        "EURUSD",
        "USDJPY",
        "USDCZK",
        "GBPUSD",
        "USDHUF",
        "USDPLN",
        "USDSEK",
        "USDCHF",
        "USDNOK",
        "USDTRY",
        "AUDUSD",
    ],
    *["USDCAD", "USDKRW", "NZDUSD", "USDPHP", "USDSGD", "USDTHB", "USDZAR"],
]
SETS = {
    "fx": (7126, "1999-01-04", "2026-10-30", MAJORS),
    "fx18": (5527, "2005-04-01", "2026-10-30", EIGHTEEN),
    "multi": (3227, "2000-03-01", "2013-03-01", [*MAJORS, "AAPL", "IBM", "MSFT", "WTI"]),
    "ust": (2595, "1990-01-02", "2000-05-12", ["UST1Y", "UST3Y", "UST5Y", "UST10Y"]),
}


@pytest.mark.parametrize("name", SETS)
def test_shape_dates_and_quality(name: str) -> None:
    prices = read_prices(name)
    rows, first, last, columns = SETS[name]
    assert prices.shape == (rows, len(columns))
    assert (prices.index[0], prices.index[-1]) == (pd.Timestamp(first), pd.Timestamp(last))
    assert list(prices.columns) == columns
    assert tuple(factor.name for factor in prices.attrs["factors"]) == tuple(columns)
    report = check_prices(prices)
    assert report.errors == ()
    assert {finding.check for finding in report.oddities} <= {"outlier"}
    assert len(ReturnsFrame.from_prices(prices)) == rows - 1
    assert shipped(f"{name}.parquet").stat().st_size < 700_000


def test_exchange_rates_are_crosses_of_the_ecb_s() -> None:
    # The ECB's euro reference rates of 1999-01-04: USD 1.1789, JPY 133.73, GBP 0.7111, CAD 1.8004.
    first = read_prices("fx").iloc[0]
    np.testing.assert_allclose(first, [1.1789, 1.1789 / 0.7111, 133.73 / 1.1789, 1.8004 / 1.1789], rtol=1e-15)
    # ... and of 2000-03-01, the first day of the multi set: USD 0.9667 (its lowest months).
    assert read_prices("multi")["EURUSD"].iloc[0] == read_prices("fx")["EURUSD"].loc["2000-03-01"]
    assert 0.95 < read_prices("multi")["EURUSD"].iloc[0] < 0.98


def test_pairs_are_quoted_one_way_in_every_set() -> None:
    wide, narrow = read_prices("fx18"), read_prices("fx", start="2005-04-01")
    pd.testing.assert_frame_equal(wide[MAJORS], narrow, check_exact=True)
    for factor in wide.attrs["factors"]:
        assert factor.unit == f"{factor.name[3:]} per {factor.name[:3]}"
    # 2015-01-15: the Swiss franc was let go, from 1.0280 to about .9 for a dollar (at the fixing).
    franc = wide["USDCHF"].loc["2015-01-14":"2015-01-15"]
    assert franc.iloc[0] > 1.0
    assert franc.iloc[1] < 0.9


def test_equities_and_oil_are_their_sources() -> None:
    multi = read_prices("multi")
    assert multi.loc["2000-03-01", ["AAPL", "IBM", "MSFT"]].tolist() == [
        4.186662803811,
        73.667718762847,
        30.225709797294,
    ]
    assert multi.loc["2013-03-01", "MSFT"] == 24.684342419163
    assert multi["WTI"].loc["2008-07-03"] == pytest.approx(145.31)  # the top, says the EIA
    types = {factor.name: (factor.type, factor.unit) for factor in multi.attrs["factors"]}
    assert types["AAPL"] == ("EQ", "USD")
    assert types["WTI"] == ("CMD", "USD per barrel")


def test_treasury_yields_are_rates_with_pillars() -> None:
    prices = read_prices("ust")
    assert prices.iloc[0].tolist() == [7.81, 7.90, 7.87, 7.94]
    assert prices.iloc[-1].tolist() == [6.44, 6.86, 6.76, 6.51]
    for factor, pillar in zip(prices.attrs["factors"], ["1Y", "3Y", "5Y", "10Y"], strict=True):
        assert (factor.type, factor.unit, factor.return_type, factor.pillar) == (
            "IR",
            "per cent",
            "absolute",
            pillar,
        )
        assert factor.return_unit == "bp"
    returns = ReturnsFrame.from_prices(prices)
    np.testing.assert_allclose(returns.values[0], [4, 6, 5, 5], atol=1e-9)


def test_a_name_there_is_not() -> None:
    with pytest.raises(
        ConfigError, match="reader 'bundled': name = 'fy' is not allowed: input should be 'fx', 'fx18'"
    ):
        READERS.build({"kind": "bundled", "name": "fy"})
