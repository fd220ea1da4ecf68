"""Volatility clustering and leverage of paths against plain loops, and against models with and without them."""

from __future__ import annotations

import numpy as np
import pytest

from qfin.errors import DataError
from qfin.scenarios import path_scores


def garch(paths: int, days: int, seed: int, leverage: float = 0.0) -> np.ndarray:
    """Returns of shape (paths, days, 1): GJR-GARCH of persistence 0.95, after a warm-up."""
    rng = np.random.default_rng(seed)
    alpha, gamma = (0.0, 0.3) if leverage else (0.15, 0.0)
    variance, result = np.ones(paths), np.empty((paths, days, 1))
    for t in range(-100, days):
        r = np.sqrt(variance) * rng.normal(size=paths)
        if t >= 0:
            result[:, t, 0] = r
        variance = 0.05 + alpha * r**2 + gamma * r**2 * (r < 0) + 0.8 * variance
    return result


def pooled(paths: np.ndarray, lag: int, signed: bool) -> float:
    """Correlation over every pair of days `lag` apart, path by path and day by day."""
    pairs = [(p[t] if signed else abs(p[t]), abs(p[t + lag])) for p in paths for t in range(len(p) - lag)]
    return float(np.corrcoef(np.transpose(pairs))[0, 1])


def test_values_are_plain_loops() -> None:
    rng = np.random.default_rng(1)
    paths, history = rng.normal(size=(30, 4, 2)), rng.standard_t(4, size=(90, 2))
    found = {(row.score, row.factor): row for row in path_scores(paths, history)}
    for k in range(2):
        for score, signed in (("autocorrelation of |r| error", False), ("leverage effect error", True)):
            errors = [
                pooled(paths[..., k], lag, signed) - pooled(history[None, :, k], lag, signed)
                for lag in (1, 2, 3)
            ]
            expected = np.sqrt(np.mean(np.square(errors)))
            assert found[score, f"factor {k}"].value == pytest.approx(expected)


def test_clustering_that_paths_lack_is_seen_and_that_they_have_is_not() -> None:
    history = garch(1, 4_000, 2)[0]
    right, without = (
        path_scores(p, history) for p in (garch(1_500, 8, 3), garch(12_000, 1, 4).reshape(-1, 8, 1))
    )
    assert right[0].score == without[0].score == "autocorrelation of |r| error"
    assert right[0].p_value > 0.05
    assert without[0].value > without[0].upper
    assert without[0].p_value < 0.02


def test_leverage_that_paths_lack_is_seen_and_that_they_have_is_not() -> None:
    history = garch(1, 4_000, 5, leverage=1.0)[0]
    right, without = (path_scores(garch(1_500, 8, 6, leverage), history)[1] for leverage in (1.0, 0.0))
    assert right.score == "leverage effect error"
    assert right.p_value > 0.05
    assert without.value > without.upper


def test_one_step_has_no_path_and_a_short_history_no_floor() -> None:
    history = garch(1, 30, 1)[0]
    assert path_scores(garch(50, 1, 2), history) is None
    with pytest.raises(
        DataError, match="30 days of history are too few for paths of 20 steps; give at least 40"
    ):
        path_scores(garch(50, 20, 2), history)
