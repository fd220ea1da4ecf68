"""Build the Parquet data sets that come with qfin from their sources (README.md names the sources and their terms).

    python data/build.py --source FOLDER

FOLDER holds `ecb_reference_rates.csv`, `equities_wiki.csv`, `wti_spot_eia.csv` and `us_treasury_cmt.csv`, each with a
column `date` and a column a series. The same sources give the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from qfin.market import RiskFactor, read_prices, write_prices
from qfin.market._fx import cross_rates, dollar_pair

HERE = Path(__file__).parent
MAJORS = ["EURUSD", "GBPUSD", "USDJPY", "USDCAD"]
FX18_START = "2005-04-01"  # the first day the ECB quoted the renminbi, rupiah, ringgit, peso and baht
FX18_LEFT_OUT = {"DKK", "HKD"}  # pegged to the euro; pegged to the dollar and with fixing glitches
FX18_COUNT = 18
STILL = 1e-4  # a daily move against the dollar under 1 bp


def fx(source: Path) -> pd.DataFrame:
    """The four pairs of the shipped portfolios, from the first to the last fixing."""
    return cross_rates(_ecb(source), MAJORS)


def fx18(source: Path) -> pd.DataFrame:
    """The 18 currencies that float most freely against the dollar, of those quoted every day since April 2005.

    Complete from that day on are 21 besides the dollar, DKK and HKD; the three that stood still (moved less than 1 bp
    against the dollar) on the most days are left out: CNY and MYR, pegged at first, and IDR.
    """
    quotes = _ecb(source)[FX18_START:]
    complete = [c for c in ["EUR", *quotes.columns] if c == "EUR" or quotes[c].notna().all()]
    currencies = [c for c in complete if c not in {"USD", *FX18_LEFT_OUT}]
    rates = cross_rates(quotes, [dollar_pair(c) for c in currencies])
    still = (np.abs(np.log(rates / rates.shift(1))) < STILL).sum()
    freest = set(still.sort_values(kind="stable").index[:FX18_COUNT])
    kept = rates[[pair for pair in rates if pair in freest]]
    kept.attrs["factors"] = tuple(f for f in rates.attrs["factors"] if f.name in freest)
    return kept


def multi(source: Path) -> pd.DataFrame:
    """Four exchange rates, three equities and oil, on the days that all of them have."""
    rates = fx(source)
    equities = read_prices(source / "equities_wiki.csv")
    oil = read_prices(source / "wti_spot_eia.csv")
    frame = pd.concat([rates, equities, oil], axis=1, join="inner").dropna()
    frame.attrs["factors"] = (
        *rates.attrs["factors"],
        *(RiskFactor(str(name), "EQ", "USD") for name in equities),
        RiskFactor("WTI", "CMD", "USD per barrel"),
    )
    return frame


def ust(source: Path) -> pd.DataFrame:
    """US Treasury constant-maturity yields at 1, 3, 5 and 10 years; returns are changes in basis points."""
    pillars = ["1Y", "3Y", "5Y", "10Y"]
    factors = [RiskFactor(f"UST{p}", "IR", "per cent", "absolute", pillar=p) for p in pillars]
    return read_prices(source / "us_treasury_cmt.csv", factors=factors)


SETS: dict[str, Callable[[Path], pd.DataFrame]] = {"fx": fx, "fx18": fx18, "multi": multi, "ust": ust}


def _ecb(source: Path) -> pd.DataFrame:
    return read_prices(source / "ecb_reference_rates.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the Parquet data sets that come with qfin.")
    parser.add_argument("--source", type=Path, required=True, help="folder of the source CSV files")
    parser.add_argument("--target", type=Path, default=HERE, help="folder to write to (default: this one)")
    arguments = parser.parse_args()
    for name, build in SETS.items():
        prices = build(arguments.source)
        path = arguments.target / f"{name}.parquet"
        write_prices(prices, path)
        print(
            f"{path}: {len(prices)} days {prices.index[0]:%Y-%m-%d} to {prices.index[-1]:%Y-%m-%d}, "
            f"{len(prices.columns)} factors: {' '.join(prices.columns)}; {path.stat().st_size:,} bytes"
        )


if __name__ == "__main__":
    main()
