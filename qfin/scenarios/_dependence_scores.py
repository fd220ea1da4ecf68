"""Errors of dependence between factors: correlation, Kendall's tau, tail dependence."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from qfin.errors import ConfigError, DataError
from qfin.scenarios._discrepancy import Discrepancy, resampled_weights, resamples
from qfin.scenarios._samples import History, Samples, Scenarios, spaced, stream

_FACTORS = 64
_KENDALL_PAIRS = 200
_KENDALL_ROWS = 1_000


def dependence_scores(
    scenarios: Scenarios, history: History, tail: float = 0.05, seed: int = 0
) -> list[Discrepancy]:
    """Errors of correlation, Kendall's tau and tail dependence: root mean square and largest over pairs.

    Each is the scenarios' figure less the history's, of one-day returns. Lower tail dependence at level q is
    P(U_i <= q, U_j <= q) / q of the ranks, upper the same of 1 - U (Joe 2014, before the limit); few
    days are in a tail, and resamples of so few repeat them, so these floors are on the safe side.
    Of more than 64 factors, 64 evenly spaced ones are compared; Kendall's tau, whose floor costs the square of the
    rows, on at most 1,000 evenly spaced scenarios and days and 200 evenly spaced pairs. A factor that never changes
    among the scenarios counts as uncorrelated.

    Parameters
    ----------
    scenarios : a set, or shape (n, d) or (n, h, d)
    history : shape (days, d)
    tail : level q
    seed : of the floors

    Raises
    ------
    DataError
        with one factor, or fewer than 1 / tail scenarios or days.
    """
    samples = Samples.of(scenarios, history)
    rows = min(len(samples.scenarios), len(samples.history))
    if not 0.0 < tail < 0.5:
        raise ConfigError(f"the tail's level must be between 0 and 0.5, not {tail}")
    if len(samples.names) < 2:
        raise DataError("dependence needs at least two factors; there is 1")
    if tail * rows < 1:
        raise DataError(f"a tail of {tail:g} needs at least {np.ceil(1 / tail):.0f} rows; there are {rows}")
    samples = samples.columns(_FACTORS)
    pairs = np.array(list(combinations(range(len(samples.names)), 2)))
    labels = [f"{samples.names[i]}/{samples.names[j]}" for i, j in pairs]
    days = samples.history
    draws = resamples(len(days), len(samples.scenarios), samples.steps, stream(seed, "dependence"))
    errors = _figures(samples.scenarios, pairs, tail) - _figures(days, pairs, tail)
    floors = np.array([_figures(days[s], pairs, tail) - _figures(days[h], pairs, tail) for s, h in draws])
    kept = spaced(len(pairs), _KENDALL_PAIRS)
    tau_errors, tau_floors = _kendall(samples.thinned(_KENDALL_ROWS), pairs[kept], seed)
    return [
        *_rows("correlation error", errors[0], floors[:, 0], labels),
        *_rows("Kendall tau error", tau_errors, tau_floors, [labels[k] for k in kept]),
        *_rows(f"lower tail dependence error at {tail:g}", errors[1], floors[:, 1], labels),
        *_rows(f"upper tail dependence error at {tail:g}", errors[2], floors[:, 2], labels),
    ]


def _rows(score: str, errors: np.ndarray, floors: np.ndarray, labels: list[str]) -> list[Discrepancy]:
    """Root mean square and largest error, shape (pairs,), beside those of resamples, shape (resamples, pairs)."""
    sizes, floors = np.abs(errors), np.abs(floors)
    return [
        Discrepancy.beside(f"{score}, root mean square", float(_rms(sizes)), _rms(floors)),
        Discrepancy.beside(f"{score}, largest", sizes.max(), floors.max(axis=1), labels[int(sizes.argmax())]),
    ]


def _rms(errors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(errors**2, axis=-1))


def _figures(values: np.ndarray, pairs: np.ndarray, tail: float) -> np.ndarray:
    """Correlation, lower and upper tail dependence of each pair, shape (3, pairs)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.nan_to_num(np.corrcoef(values, rowvar=False))
    n = len(values)
    k = int(tail * n)
    ordered = np.partition(values, [k - 1, n - k], axis=0)
    low, high = (values <= ordered[k - 1]).astype(np.float32), (values >= ordered[n - k]).astype(np.float32)
    i, j = pairs.T
    return np.array([m[i, j] for m in (correlation, low.T @ low / k, high.T @ high / k)])


def _kendall(samples: Samples, pairs: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors of Kendall's tau-b, shape (pairs,), and those of resamples, shape (resamples, pairs).

    With weights w of the days a resample's tau is w'(S_i S_j)w over the root of w'|S_i|w w'|S_j|w, S the signs of
    differences: no resample is ranked anew.
    """
    from scipy.stats import kendalltau

    X, Y = samples.scenarios, samples.history
    errors = [
        np.nan_to_num(kendalltau(X[:, i], X[:, j]).statistic) - kendalltau(Y[:, i], Y[:, j]).statistic
        for i, j in pairs
    ]
    weights = resampled_weights(len(Y), len(X), samples.steps, stream(seed, "Kendall"))
    stacked = np.concatenate(weights).astype(np.float32)
    signs = {k: np.sign(Y[:, None, k] - Y[None, :, k]).astype(np.int8) for k in np.unique(pairs)}
    untied = {k: _quadratic(stacked, np.abs(s)) for k, s in signs.items()}
    floors = []
    for i, j in pairs:
        tau = _quadratic(stacked, signs[i] * signs[j]) / np.sqrt(untied[i] * untied[j])
        drawn, past = np.split(tau, 2)
        floors.append(drawn - past)
    return np.array(errors), np.array(floors).T


def _quadratic(weights: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """w' M w of each row w of weights."""
    return np.sum(weights @ matrix.astype(np.float32) * weights, axis=1, dtype=float)
