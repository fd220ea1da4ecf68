"""What only paths have: clustering of volatility and the leverage effect."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qfin.errors import DataError
from qfin.scenarios._discrepancy import RESAMPLES, Discrepancy
from qfin.scenarios._samples import History, Samples, Scenarios, stream

_LAGS = 10
_BLOCKS = 20


def path_scores(scenarios: Scenarios, history: History, seed: int = 0) -> list[Discrepancy] | None:
    """Errors of volatility clustering and of the leverage effect, factor by factor; None of one-step scenarios.

    Autocorrelation of |r|: the correlation of |r_t| and |r_t+k|; leverage effect: of r_t and |r_t+k| (Cont 2001, facts
    6 and 9). Each pools all pairs of days within a path; the error is the root mean square, over lags k from 1 to 10
    or to the path's length less 1, of the scenarios' figure less the history's. Scenarios that start from today's
    volatility differ from history's average path for that reason too.

    The floor draws as many paths from history, and a history in blocks of a twentieth of its length, or of a path's
    if that is longer.

    Parameters
    ----------
    scenarios : a set, or shape (n, h, d)
    history : shape (days, d), in time order
    seed : of the floors

    Raises
    ------
    DataError
        if the history is shorter than two paths.
    """
    samples = Samples.of(scenarios, history)
    days, steps = len(samples.history), samples.steps
    if steps == 1:
        return None
    if days < 2 * steps:
        raise DataError(
            f"{days} days of history are too few for paths of {steps} steps; give at least {2 * steps}"
        )
    lags, block = min(steps - 1, _LAGS), max(steps, days // _BLOCKS)
    rng = stream(seed, "paths")
    drawn = _multinomial(len(samples.paths), days - steps + 1, rng)
    past = _multinomial(days // block, days - block + 1, rng)
    rows = []
    for score, leads in (("autocorrelation of |r| error", np.abs), ("leverage effect error", np.asarray)):
        for k, name in enumerate(samples.names):
            series = samples.history[:, k]
            short, long = (
                _moments(np.lib.stride_tricks.sliding_window_view(series, length), leads, lags)
                for length in (steps, block)
            )
            whole = _moments(series[None], leads, lags)[0]
            paths = _moments(samples.paths[..., k], leads, lags).mean(axis=0)
            floors = _correlation(np.tensordot(drawn, short, 1)) - _correlation(np.tensordot(past, long, 1))
            value = _rms(_correlation(paths) - _correlation(whole))
            rows.append(Discrepancy.beside(score, float(value), _rms(floors), name))
    return rows


def _multinomial(size: int, windows: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of windows in resamples of `size` of them, shape (resamples, windows)."""
    return rng.multinomial(size, np.full(windows, 1 / windows), size=RESAMPLES) / size


def _moments(paths: np.ndarray, leads: Callable[[np.ndarray], np.ndarray], lags: int) -> np.ndarray:
    """Means over a path of a, b, a^2, b^2 and ab, a = leads(r_t) and b = |r_t+k|: (n, h) to (n, lags, 5)."""
    a, b = leads(paths), np.abs(paths)
    result = np.empty((len(paths), lags, 5))
    for k in range(1, lags + 1):
        x, y = a[:, :-k], b[:, k:]
        for m, moment in enumerate((x, y, x * x, y * y, x * y)):
            result[:, k - 1, m] = moment.mean(axis=1)
    return result


def _correlation(moments: np.ndarray) -> np.ndarray:
    """Correlation of a and b from pooled moments, (..., 5) to (...); 0 where either never changes."""
    a, b, aa, bb, ab = np.moveaxis(moments, -1, 0)
    variance = (aa - a**2) * (bb - b**2)
    return np.where(variance > 0, (ab - a * b) / np.sqrt(np.where(variance > 0, variance, 1.0)), 0.0)


def _rms(errors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(errors**2, axis=-1))
