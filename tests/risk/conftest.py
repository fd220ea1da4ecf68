"""Factors, scenario sets and portfolios that the risk tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfin.market import RiskFactor
from qfin.risk import Portfolio
from qfin.scenarios import ScenarioSet

MARKET = {
    "curves": {
        "USD": 0.036,
        "EUR": {"pillars": {"3M": 0.0195, "1Y": 0.0205, "5Y": 0.023}},
        "GBP": {"rate": 0.0365, "compounding": "annual"},
        "JPY": 0.009,
        "UST": {"factors": ["UST5Y", "UST1Y", "UST10Y", "UST3Y"], "compounding": "semiannual"},
        "UST5": {"rate": "UST5Y", "compounding": "semiannual"},
    },
    "volatilities": {"EURUSD": 0.075, "AAPL": 0.3},
}
LEVELS = {
    RiskFactor("EURUSD", "FX", "USD per EUR"): 1.1172,
    RiskFactor("GBPUSD", "FX", "USD per GBP"): 1.34,
    RiskFactor("USDJPY", "FX", "JPY per USD"): 157.25,
    RiskFactor("AAPL", "EQ", "USD"): 56.0,
    RiskFactor("WTI", "CMD", "USD per barrel", "absolute"): 90.7,
    RiskFactor("USDJPYVOL", "VOL", "per cent"): 9.5,
    RiskFactor("UST1Y", "IR", "per cent", "absolute", pillar="1Y"): 6.44,
    RiskFactor("UST3Y", "IR", "per cent", "absolute", pillar="3Y"): 6.86,
    RiskFactor("UST5Y", "IR", "per cent", "absolute", pillar="5Y"): 6.76,
    RiskFactor("UST10Y", "IR", "per cent", "absolute", pillar="10Y"): 6.51,
}
DAILY = {  # standard deviation of a one-day return, in the return's own unit
    "FX": 0.006,
    "EQ": 0.02,
    "CMD": 1.5,
    "VOL": 0.04,
    "IR": 6.0,
}
AS_OF = pd.Timestamp("2000-05-12")


def scenario_set(returns: np.ndarray, **changed: Any) -> ScenarioSet:
    """Scenarios of `LEVELS` from one-day returns, shape (n, d) or (n, h, d)."""
    returns = returns if returns.ndim == 3 else returns[:, None, :]
    parts = {"factors": tuple(LEVELS), "levels": np.array(list(LEVELS.values())), "as_of": AS_OF, **changed}
    return ScenarioSet(returns, **parts)


def draws(n: int, seed: int = 0) -> np.ndarray:
    """Independent normal returns of the factors in `LEVELS`, shape (n, d)."""
    scale = np.array([DAILY[factor.type] for factor in LEVELS])
    return scale * np.random.default_rng(seed).standard_normal((n, len(LEVELS)))


def book(*trades: dict[str, Any], **changed: Any) -> Portfolio:
    """A portfolio in USD of trades in JSON form."""
    return Portfolio.from_dict(
        {"name": "Book", "base_currency": "USD", "market": MARKET, "trades": list(trades), **changed}
    )


@pytest.fixture(scope="session", name="scenario_set")
def _scenario_set() -> Callable[..., ScenarioSet]:
    return scenario_set


@pytest.fixture(scope="session", name="draws")
def _draws() -> Callable[..., np.ndarray]:
    return draws


@pytest.fixture(scope="session", name="book")
def _book() -> Callable[..., Portfolio]:
    return book


@pytest.fixture(scope="session")
def levels() -> dict[str, float]:
    """As-of level of each factor by name."""
    return {factor.name: level for factor, level in LEVELS.items()}


@pytest.fixture(scope="session")
def factors() -> tuple[RiskFactor, ...]:
    """The factors of every scenario set here."""
    return tuple(LEVELS)


@pytest.fixture(scope="session")
def market() -> dict[str, Any]:
    """The static market of every portfolio here, in JSON form."""
    return MARKET
