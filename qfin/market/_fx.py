"""Exchange rates against any currency from a bank's quotes against the euro."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from qfin.errors import DataError
from qfin.market._factors import RiskFactor

# Currencies that the market quotes as so many dollars for one of them; every other one as so many for one dollar.
_BASE_AGAINST_USD = ("EUR", "GBP", "AUD", "NZD")


def dollar_pair(currency: str) -> str:
    """The pair of a currency and the dollar as the market quotes it: EURUSD, but USDJPY."""
    return f"{currency}USD" if currency in _BASE_AGAINST_USD else f"USD{currency}"


def fx_factor(pair: str) -> RiskFactor:
    """The factor of a pair: EURUSD is in USD per EUR."""
    return RiskFactor(pair, "FX", f"{pair[3:]} per {pair[:3]}")


def cross_rates(quotes: pd.DataFrame, pairs: Sequence[str]) -> pd.DataFrame:
    """Rates of `pairs` from quotes of currencies for one euro.

    EURUSD is as quoted, GBPUSD = USD / GBP, USDJPY = JPY / USD. A rate is missing where either quote is.

    Raises
    ------
    DataError
        if a pair needs a currency that is not quoted.
    """
    there = {"EUR", *quotes.columns}
    for pair in pairs:
        for currency in (pair[:3], pair[3:]):
            if currency not in there:
                raise DataError(f"{pair}: {currency} is not quoted; choose from: {', '.join(sorted(there))}")
    rates = {pair: _quote(quotes, pair[3:]) / _quote(quotes, pair[:3]) for pair in pairs}
    frame = pd.DataFrame(rates, index=quotes.index)
    frame.attrs["factors"] = tuple(fx_factor(pair) for pair in pairs)
    return frame


def _quote(quotes: pd.DataFrame, currency: str) -> pd.Series:
    return pd.Series(1.0, index=quotes.index) if currency == "EUR" else quotes[currency]
