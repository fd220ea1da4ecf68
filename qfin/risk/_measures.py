"""Value at risk and expected shortfall of a sample of losses, and how sure their figures are.

The scenarios are independent draws of one distribution. The intervals say how far a figure may lie from the one that
infinitely many scenarios of the same model would give; they say nothing about the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from qfin.errors import ConfigError

MeasureName = Literal["VaR", "ES"]
IntervalMethod = Literal["order_statistics", "bootstrap", "block_bootstrap"]
Convention = Literal["tail_integral", "strict", "ore"]

CONVENTIONS: Mapping[MeasureName, str] = MappingProxyType(
    {
        "VaR": "inverted CDF of the loss; interval by order statistics",
        "ES": "tail integral beyond the inverted-CDF quantile of the loss; interval by bootstrap",
    }
)
"""How each figure and its interval are defined, to be printed beside it; the functions below say it at length."""

ES_CONVENTIONS: Mapping[Convention, str] = MappingProxyType(
    {
        "tail_integral": "tail integral beyond the inverted-CDF quantile of the loss",
        "strict": "mean of the losses beyond the inverted-CDF quantile of the loss",
        "ore": "mean of the losses from the inverted-CDF quantile of the loss on (ORE)",
    }
)
"""What `expected_shortfall` can mean, to be printed beside it."""

_RESAMPLES = 2_000
_SEED = 20_140_901


@dataclass(frozen=True)
class Measure:
    """One risk figure.

    Attributes
    ----------
    measure : "VaR" or "ES"
    level : probability (.99)
    value : base currency, positive for a loss
    lower, upper : confidence interval; an end that the scenarios are too few for is infinite
    confidence : coverage of the interval
    convention : how value and interval are defined
    """

    measure: MeasureName
    level: float
    value: float
    lower: float
    upper: float
    confidence: float
    convention: str

    @classmethod
    def of(
        cls,
        measure: MeasureName,
        losses: np.ndarray,
        level: float,
        confidence: float = 0.95,
        *,
        block: int | None = None,
    ) -> Measure:
        """The figure of a sample of losses.

        block : losses follow each other in time, and the interval is by a bootstrap of blocks of so many
        """
        convention = CONVENTIONS[measure]
        if block is not None:
            convention = f"{convention.partition(';')[0]}; interval by bootstrap of blocks of {block}"
        if measure == "VaR":
            figure = value_at_risk(losses, level)
            how = "order_statistics" if block is None else "block_bootstrap"
            ends = value_at_risk_interval(losses, level, confidence, how, block=block)
        else:
            figure = expected_shortfall(losses, level)
            ends = expected_shortfall_interval(losses, level, confidence, block=block or 1)
        return cls(measure, level, figure, *ends, confidence, convention)

    def __str__(self) -> str:
        return f"{self.measure} {100 * self.level:g}% ({self.convention})"


def value_at_risk(losses: np.ndarray, level: float, weights: np.ndarray | None = None) -> float:
    """Value at risk: the smallest loss x with P(L <= x) >= level under the empirical distribution.

    NumPy's "inverted_cdf" quantile of the losses (McNeil, Frey and Embrechts, Quantitative Risk Management, definition
    2.8). The gain's own inverted-CDF quantile at 1 - level, with the sign turned, is the same figure unless
    n (1 - level) is a whole number; then it is the next larger loss.

    losses : shape (n,), positive is a loss
    weights : shape (n,), probabilities of the scenarios up to a factor; None: all the same
    """
    _check("level", level)
    losses = _sample(losses)
    if weights is None:
        return float(np.quantile(losses, level, method="inverted_cdf"))
    return _quantile(losses, level, _weights(weights, len(losses)))


def expected_shortfall(
    losses: np.ndarray,
    level: float,
    weights: np.ndarray | None = None,
    convention: Convention = "tail_integral",
) -> float:
    """Expected shortfall: the mean of the worst (1 - level) of the probability, the tail integral of the VaR.

    VaR + E[(L - VaR)^+] / (1 - level) (Acerbi and Tasche 2002, proposition 3.2; Rockafellar and Uryasev 2002), exact
    and coherent for a discrete distribution too: an atom at the quantile counts for just what fills the tail.

    losses : shape (n,), positive is a loss
    weights : shape (n,), probabilities of the scenarios up to a factor; None: all the same
    convention : "tail_integral", as above; "strict", the mean of losses beyond the VaR, which is the VaR where there
        are none; "ore", the mean of losses that are the VaR or more
    """
    if convention == "tail_integral":
        quantile = value_at_risk(losses, level, weights)
        excess = np.maximum(losses - quantile, 0.0)
        mean = excess.mean() if weights is None else _weights(weights, len(excess)) @ excess
        return float(quantile + mean / (1.0 - level))
    return float(tail_weights(losses, level, weights, convention) @ np.asarray(losses, dtype=float))


def tail_weights(
    losses: np.ndarray,
    level: float,
    weights: np.ndarray | None = None,
    convention: Convention = "tail_integral",
) -> np.ndarray:
    """What part each scenario has in the expected shortfall, shape (n,), summing to 1: the shortfall is the sum of the
    losses times it. Losses that are equal share alike."""
    if convention not in ES_CONVENTIONS:
        raise ConfigError(
            f"there is no convention {convention!r}; choose one of: {', '.join(ES_CONVENTIONS)}"
        )
    losses = _sample(losses)
    mass = np.full(len(losses), 1.0 / len(losses)) if weights is None else _weights(weights, len(losses))
    quantile = value_at_risk(losses, level, weights)
    beyond, at = np.where(losses > quantile, mass, 0.0), np.where(losses == quantile, mass, 0.0)
    if convention == "ore":
        return np.asarray((beyond + at) / (beyond + at).sum())
    if convention == "strict":
        chosen = beyond if beyond.any() else at
        return np.asarray(chosen / chosen.sum())
    rest = (1.0 - level) - beyond.sum()
    return np.asarray((beyond + at * (rest / at.sum())) / (1.0 - level))


def value_at_risk_interval(
    losses: np.ndarray,
    level: float,
    confidence: float = 0.95,
    method: str = "order_statistics",
    *,
    weights: np.ndarray | None = None,
    block: int | None = None,
) -> tuple[float, float]:
    """Confidence interval of the value at risk.

    method : "order_statistics", the two losses whose ranks l < u satisfy P(l <= B < u) >= confidence for B binomial
        (n, level), each side missing with at most half the rest: it covers whatever the distribution is, and is
        infinite at an end that n losses cannot reach; "bootstrap", the percentile interval of 2,000 resamples;
        "block_bootstrap", the same of blocks, for losses that follow each other in time
    weights : shape (n,), probabilities of the scenarios up to a factor; then the interval is by bootstrap
    block : losses of a block; None: n^(1/3), rounded up
    """
    _check("confidence", confidence)
    if method not in get_args(IntervalMethod):
        raise ConfigError(
            f"there is no interval method {method!r}; choose one of: {', '.join(get_args(IntervalMethod))}"
        )
    if method == "block_bootstrap" or weights is not None:
        drawn = block if method == "block_bootstrap" else 1
        return _resampled(losses, weights, drawn, confidence, lambda x, w: value_at_risk(x, level, w))
    if method == "bootstrap":
        return _bootstrap(losses, level, confidence, lambda tail, sizes: tail[:, -1])
    _check("level", level)
    ordered = np.concatenate([[-math.inf], np.sort(_sample(losses)), [math.inf]])
    lower, upper = _ranks(len(ordered) - 2, level, confidence)
    return float(ordered[lower]), float(ordered[upper])


def expected_shortfall_interval(
    losses: np.ndarray,
    level: float,
    confidence: float = 0.95,
    *,
    weights: np.ndarray | None = None,
    block: int | None = 1,
) -> tuple[float, float]:
    """Confidence interval of the expected shortfall: percentiles of it over 2,000 bootstrap resamples (Efron 1979).

    weights : shape (n,), probabilities of the scenarios up to a factor
    block : losses of a block, for losses that follow each other in time; None: n^(1/3), rounded up
    """
    _check("confidence", confidence)
    if weights is not None or block != 1:
        return _resampled(losses, weights, block, confidence, lambda x, w: expected_shortfall(x, level, w))
    return _bootstrap(losses, level, confidence, lambda tail, weights: tail @ weights)


def resampled(
    losses: np.ndarray,
    figure: Callable[[np.ndarray, np.ndarray | None], float],
    weights: np.ndarray | None = None,
    block: int | None = 1,
    resamples: int = _RESAMPLES,
) -> np.ndarray:
    """A figure of losses and weights over resamples, shape (resamples,): circular blocks (Politis and Romano 1992).

    block : losses of a block; 1: losses one by one; None: n^(1/3), rounded up
    """
    losses = _sample(losses)
    n = len(losses)
    length = max(1, min(n, math.ceil(n ** (1 / 3)) if block is None else block))
    mass = None if weights is None else _weights(weights, n)
    rng = np.random.default_rng(_SEED)
    found = []
    for _ in range(resamples):
        starts = rng.integers(0, n, math.ceil(n / length))
        rows = ((starts[:, None] + np.arange(length)) % n).ravel()[:n]
        if mass is None or mass[rows].any():
            found.append(figure(losses[rows], None if mass is None else mass[rows]))
    return np.array(found)


def _resampled(
    losses: np.ndarray,
    weights: np.ndarray | None,
    block: int | None,
    confidence: float,
    figure: Callable[[np.ndarray, np.ndarray | None], float],
) -> tuple[float, float]:
    found = resampled(losses, figure, weights, block)
    ends = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(ends[0]), float(ends[1])


def _bootstrap(
    losses: np.ndarray,
    level: float,
    confidence: float,
    figure: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> tuple[float, float]:
    """Percentiles of a figure of the tail over resamples.

    `figure` gets the tail of each resample, shape (resamples, k) from the largest loss down to the VaR, and the weights
    of those k losses in the ES.
    """
    _check("level", level)
    descending = -np.sort(-_sample(losses))
    n = len(descending)
    k = n - math.ceil(round(n * level, 9)) + 1
    weights = np.full(k, 1.0 / (n * (1.0 - level)))
    weights[-1] = 1.0 - weights[:-1].sum()
    tail = descending[_largest_ranks(n, k)]
    ends = np.quantile(figure(tail, weights), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(ends[0]), float(ends[1])


def _largest_ranks(n: int, k: int) -> np.ndarray:
    """Ranks (0 is the largest loss) of the k largest of n draws with replacement from n losses, one resample a row.

    A draw is the loss of rank floor(n U). The k smallest of n uniforms are drawn as such, from sums of exponentials
    (Rényi 1953), so that a resample costs k draws and no sort: E_1 + ... + E_j over the sum of all n + 1.
    """
    rng = np.random.default_rng(_SEED)
    arrivals = np.cumsum(rng.standard_exponential((_RESAMPLES, k)), axis=1)
    whole = arrivals[:, -1] + rng.standard_gamma(n + 1 - k, _RESAMPLES)
    return np.minimum((n * arrivals / whole[:, None]).astype(np.int64), n - 1)


def _ranks(n: int, level: float, confidence: float) -> tuple[int, int]:
    """Ranks l < u (from 1; 0 and n + 1 are infinite) of the losses that enclose the quantile (see above)."""
    from scipy.special import bdtr

    below = bdtr(np.arange(n + 1), n, level)  # P(B <= k)
    rest = (1.0 - confidence) / 2
    lower = int(np.searchsorted(below, rest, side="right"))  # largest l with P(B < l) <= rest
    upper = int(np.searchsorted(below, 1.0 - rest, side="left")) + 1  # smallest u with P(B >= u) <= rest
    return lower, upper


def _sample(losses: np.ndarray) -> np.ndarray:
    losses = np.asarray(losses, dtype=float)
    if losses.ndim != 1 or not len(losses):
        raise ConfigError(f"risk measures need a sample of losses, shape (n,); got shape {losses.shape}")
    return losses


def _quantile(values: np.ndarray, level: float, mass: np.ndarray) -> float:
    """The smallest value with at least `level` of the mass at or below it; rounding of the sum is forgiven."""
    order = np.argsort(values, kind="stable")
    reached = np.searchsorted(np.cumsum(mass[order]), level - 1e-12)
    return float(values[order[min(int(reached), len(values) - 1)]])


def _weights(weights: np.ndarray, n: int) -> np.ndarray:
    weights = np.asarray(weights, dtype=float)
    if weights.shape != (n,):
        raise ConfigError(f"weights have shape {weights.shape}; wanted ({n},), one a scenario")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        wrong = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
        where = f"scenario {wrong[0]} has {weights[wrong[0]]:g}" if len(wrong) else "all are zero"
        raise ConfigError(f"weights should be finite and not negative, and some above zero: {where}")
    return np.asarray(weights / weights.sum())


def _check(name: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise ConfigError(f"{name} = {value!r} is not allowed: a probability between 0 and 1 such as 0.99")
