"""Basel's traffic light."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import stats

from qfin.errors import ConfigError
from qfin.risk.backtests._inputs import checked_hits
from qfin.risk.backtests._result import TestResult, losses, sentence

Zone = Literal["green", "yellow", "red"]

_YELLOW, _RED = 0.95, 0.9999
_PLUS_1996 = (
    0.0,
    0.40,
    0.50,
    0.65,
    0.75,
    0.85,
    1.0,
)  # of 4 or fewer exceptions in 250 days, 5 to 9, 10 or more
_PLUS_2019 = (0.0, 0.20, 0.26, 0.33, 0.38, 0.42, 0.5)
_SIMULATIONS = 20_000


@dataclass(frozen=True, kw_only=True)
class TrafficLight(TestResult):
    """Outcome of Basel's traffic light; the statistic is the number of hits, the p-value that of so many or more.

    Attributes
    ----------
    zone : green below a cumulative probability of 95 %, red from 99.99 % on
    cumulative : probability of as many hits or fewer, if the VaR is right
    multiplier : of the capital rule of 1996, 3 to 4
    multiplier_frtb : of the rule of 2019 (MAR33.44), 1.5 to 2
    """

    zone: Zone
    cumulative: float
    multiplier: float
    multiplier_frtb: float


def traffic_light(
    hits: np.ndarray, level: float = 0.99, significance: float = 0.05, *, horizon: int = 1
) -> TrafficLight:
    """Basel's zones and multipliers (Basel Committee 1996, table 2; 2019, MAR32 and MAR33.44).

    The tables are of 250 days at 99 %. For other days and levels, a number of hits gets the multiplier of the number
    in 250 days at 99 % that is as improbable: whose cumulative probability is the same, or next below. So it is where
    P&L overlaps, with the distribution of hits simulated from overlapping sums of independent normal days.

    hits : shape (days,), 1 where the loss was beyond the VaR
    horizon : days that each P&L spans; above 1, rows that follow each other overlap
    """
    name = "Basel traffic light"
    hits = checked_hits(name, hits, level, significance)
    if not isinstance(horizon, int) or horizon < 1:
        raise ConfigError(f"horizon = {horizon!r} is not allowed: a number of days, 1 or more")
    n, k = len(hits), int(hits.sum())
    below = (
        _overlapping(n, 1 - level, horizon)
        if horizon > 1
        else stats.binom.cdf(np.arange(n + 1), n, 1 - level)
    )
    cumulative, p_value = float(below[k]), float(1.0 if k == 0 else 1 - below[k - 1])
    if horizon == 1:
        p_value = float(stats.binom.sf(k - 1, n, 1 - level))
    zone: Zone = "green" if cumulative < _YELLOW else "yellow" if cumulative < _RED else "red"
    column = _column(zone, cumulative)
    multipliers = (3.0 + _PLUS_1996[column], 1.5 + _PLUS_2019[column])
    span = "" if horizon == 1 else f" of overlapping {horizon}-day P&L"
    finding = (
        f"The {zone} zone, multiplier {multipliers[0]:.2f} (FRTB {multipliers[1]:.2f}), for {losses(k)} beyond the "
        f"{100 * level:g} % VaR in {n:,} days{span}"
    )
    return TrafficLight(
        name=name,
        statistic=float(k),
        p_value=p_value,
        exact_p_value=p_value if horizon == 1 else None,
        significance=significance,
        sentence=sentence(
            finding,
            p_value,
            significance,
            "a right VaR seldom has so many",
            "a right VaR may have so many",
            simulated=horizon > 1,
        ),
        source="Basel Committee 1996, table 2; MAR32 and MAR33.44",
        zone=zone,
        cumulative=cumulative,
        multiplier=multipliers[0],
        multiplier_frtb=multipliers[1],
    )


def _column(zone: Zone, cumulative: float) -> int:
    """Which column of the tables."""
    if zone != "yellow":
        return 0 if zone == "green" else 6
    reached = np.count_nonzero(stats.binom.cdf(np.arange(5, 10), 250, 0.01) <= cumulative + 1e-12)
    return max(1, int(reached))


@lru_cache(maxsize=16)
def _overlapping(n: int, p: float, horizon: int) -> np.ndarray:
    """P(hits <= k) for k = 0 ... n of overlapping P&L, by simulation."""
    rng, counts = np.random.default_rng(0), np.zeros(n + 1)
    edge, block = stats.norm.ppf(p) * np.sqrt(horizon), max(1, 2_000_000 // (n + horizon))
    for first in range(0, _SIMULATIONS, block):
        paths = np.cumsum(rng.standard_normal((min(block, _SIMULATIONS - first), n + horizon)), axis=1)
        counts += np.bincount(
            np.sum(paths[:, horizon:] - paths[:, :-horizon] < edge, axis=1), minlength=n + 1
        )
    return np.cumsum(counts) / _SIMULATIONS
