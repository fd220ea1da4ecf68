"""The mean of a daily score, with an interval that knows days are not independent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qfin.errors import ConfigError, DataError

_REPLICATIONS = 1000
_FEWEST_DAYS = 20


@dataclass(frozen=True, eq=False)
class Score:
    """A mean over held-out days, in nats a day, and its interval.

    Attributes
    ----------
    mean : nats a day; of a model, 0 is what independence scores and higher is better
    lower, upper : ends of the interval for the mean
    confidence : of the interval
    days : how many days were scored
    daily : shape (days,), the score of each day; read-only
    """

    mean: float
    lower: float
    upper: float
    confidence: float
    days: int
    daily: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """The score without its days, as JSON values."""
        return {name: value for name, value in vars(self).items() if name != "daily"}


def difference(daily_a: np.ndarray, daily_b: np.ndarray, confidence: float = 0.95, seed: int = 0) -> Score:
    """Mean of a's score less b's on the same days, in nats a day: above 0 where a is better.

    Paired day by day, so what both models find hard or easy cancels.
    """
    daily_a, daily_b = np.asarray(daily_a, dtype=float), np.asarray(daily_b, dtype=float)
    if daily_a.shape != daily_b.shape:
        raise DataError(
            f"scores of {len(daily_a)} and {len(daily_b)} days cannot be paired; score the same days"
        )
    return mean_score(daily_a - daily_b, confidence, seed)


def mean_score(daily: np.ndarray, confidence: float = 0.95, seed: int = 0) -> Score:
    """Mean of a score by day and its interval.

    Parameters
    ----------
    daily : shape (days,), in time order
    confidence : of the interval
    seed : of the bootstrap; the same seed gives the same interval

    Raises
    ------
    DataError
        if there are fewer than 20 days, or a day's score is not finite.
    """
    daily = np.array(daily, dtype=float)
    if not 0.0 < confidence < 1.0:
        raise ConfigError(f"confidence must be between 0 and 1, not {confidence}")
    if len(daily) < _FEWEST_DAYS:
        raise DataError(f"an interval needs at least {_FEWEST_DAYS} held-out days; there are {len(daily)}")
    if not np.isfinite(daily).all():
        day = int(np.argmin(np.isfinite(daily)))
        raise DataError(f"day {day} has the score {daily[day]}; give the model a floor above 0")
    daily.flags.writeable = False
    lower, upper = _interval(daily, confidence, seed)
    return Score(float(daily.mean()), lower, upper, float(confidence), len(daily), daily)


def _interval(daily: np.ndarray, confidence: float, seed: int) -> tuple[float, float]:
    """Percentile interval of the mean by the stationary bootstrap (Politis and Romano 1994)."""
    if np.ptp(daily) == 0.0:
        return float(daily[0]), float(daily[0])
    from arch.bootstrap import StationaryBootstrap

    bootstrap = StationaryBootstrap(_block_length(daily), daily, seed=np.random.default_rng(seed))
    means = bootstrap.apply(np.mean, _REPLICATIONS)[:, 0]
    lower, upper = np.quantile(means, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0])
    return float(lower), float(upper)


def _block_length(daily: np.ndarray) -> float:
    """Mean block length that suits the series' memory, between 1 and the square root of its length.

    Politis and White (2004), corrected by Patton, Politis and White (2009).
    """
    from arch.bootstrap import optimal_block_length

    best = float(optimal_block_length(daily)["stationary"].iloc[0])
    return float(np.clip(best, 1.0, np.sqrt(len(daily)))) if np.isfinite(best) else 1.0
