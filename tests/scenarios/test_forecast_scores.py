"""Proper scores against plain loops, and their defining law: the truth scores best."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qfin.errors import ConfigError, DataError
from qfin.market import RiskFactor
from qfin.scenarios import (
    ScenarioSet,
    energy_score,
    forecast_scores,
    fz0_score,
    pinball_score,
    portfolio_var_es,
    variogram_score,
)

ALPHA = 0.025
NORMAL = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
V, E = stats.norm.ppf(ALPHA), -stats.norm.pdf(stats.norm.ppf(ALPHA)) / ALPHA


def drawn(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_energy_score_is_a_double_loop() -> None:
    x, y = drawn(12, 3), drawn(4, 3, seed=2)
    spread = np.mean([np.linalg.norm(a - b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    expected = [np.mean([np.linalg.norm(a - day) for a in x]) - spread / 2 for day in y]
    np.testing.assert_allclose(energy_score(x, y), expected)
    np.testing.assert_allclose(energy_score(np.stack([x] * 4), y), expected)


def test_variogram_score_is_a_double_loop() -> None:
    x, y = drawn(12, 3), drawn(4, 3, seed=2)
    for p in (0.5, 1.0):
        expected = [
            sum(
                (np.mean(np.abs(x[:, i] - x[:, j]) ** p) - abs(day[i] - day[j]) ** p) ** 2
                for i in range(3)
                for j in range(3)
            )
            for day in y
        ]
        np.testing.assert_allclose(variogram_score(x, y, p), expected)
        np.testing.assert_allclose(variogram_score(np.stack([x] * 4), y, p), expected)


def test_every_day_keeps_its_own_ensemble() -> None:
    x, y = drawn(4, 12, 3), drawn(4, 3, seed=2)
    for score in (energy_score, variogram_score):
        np.testing.assert_allclose(score(x, y), [score(x[t], y[t : t + 1])[0] for t in range(4)])


def test_pinball_is_least_at_the_quantile() -> None:
    candidates = V + np.linspace(-0.5, 0.5, 41)
    scores = [pinball_score(NORMAL, v, ALPHA).mean() for v in candidates]
    assert candidates[np.argmin(scores)] == pytest.approx(V)
    assert min(scores) == pytest.approx(stats.norm.pdf(V), rel=1e-3)  # -alpha E[y | y < v] of a centred y
    assert pinball_score(np.array([-3.0, 1.0]), -2.0, 0.1).tolist() == pytest.approx([0.9, 0.3])


def test_fz0_is_least_at_the_true_pair() -> None:
    grid = [(V + a, E + b) for a in (-0.1, -0.05, 0, 0.05, 0.1) for b in (-0.1, -0.05, 0, 0.05, 0.1)]
    scores = [fz0_score(NORMAL, v, e, ALPHA).mean() for v, e in grid]
    assert grid[int(np.argmin(scores))] == (V, E)
    assert min(scores) == pytest.approx(np.log(-E), abs=1e-3)  # the other terms cancel at the truth
    by_hand = -1 / (0.1 * -3.0) * (-2.0 + 4.0) + 2.0 / 3.0 + np.log(3.0) - 1
    assert fz0_score(np.array([-4.0]), -2.0, -3.0, 0.1)[0] == pytest.approx(by_hand)


def test_var_and_es_of_a_normal_portfolio() -> None:
    x = drawn(400_000, 2)
    v, e = portfolio_var_es(x, ALPHA)
    assert (v, e) == pytest.approx((V / np.sqrt(2), E / np.sqrt(2)), rel=0.01)
    assert portfolio_var_es(x, ALPHA, np.array([3.0, 0.0])) == pytest.approx((3 * V, 3 * E), rel=0.015)


def test_var_and_es_of_few_scenarios_by_hand() -> None:
    returns = np.array([[-5.0], [-4.0], [-1.0], [0.0], [2.0]])
    assert portfolio_var_es(returns, 0.4) == pytest.approx((-1.0, -4.5))  # P(loss <= 1) is 0.6 already
    assert portfolio_var_es(returns, 0.3) == pytest.approx((-4.0, -4.0 - 0.2 / 0.3))


def test_a_scenario_sets_portfolio_spans_its_horizon() -> None:
    factors = (RiskFactor("EURUSD"), RiskFactor("GBPUSD"))
    drawn_set = ScenarioSet(0.01 * drawn(500, 3, 2), factors, np.ones(2), pd.Timestamp("2026-10-30"))
    assert portfolio_var_es(drawn_set) == portfolio_var_es(drawn_set.returns.sum(axis=1))


def scores(scenarios: np.ndarray, days: np.ndarray) -> dict[str, tuple[float, float, float]]:
    rows = forecast_scores(scenarios, days, ALPHA)
    return {row.score: (row.value, row.floor, row.upper) for row in rows}


def test_a_perfect_model_scores_near_the_floor_and_wrong_ones_above_the_perfect() -> None:
    cholesky = np.linalg.cholesky(0.7 * np.ones((4, 4)) + 0.3 * np.eye(4))
    days = drawn(2_000, 4, seed=3) @ cholesky.T
    perfect = scores(drawn(2_000, 4, seed=4) @ cholesky.T, days)
    independent, wide = (
        scores(drawn(2_000, 4, seed=5), days),
        scores(2 * drawn(2_000, 4, seed=4) @ cholesky.T, days),
    )
    assert len(perfect) == 4
    for score, (value, floor, upper) in perfect.items():
        assert abs(value - floor) < 1.5 * (upper - floor)
        assert wide[score][0] > upper
        assert independent[score][0] > value
    assert independent["variogram score"][0] > independent["variogram score"][2]


def test_the_number_of_scenarios_does_not_move_the_energy_scores_floor() -> None:
    days = drawn(500, 4, seed=3)
    few, many = (scores(drawn(n, 4, seed=4), days)["energy score"][1] for n in (25, 1_000))
    assert few == pytest.approx(many, rel=0.015)


def test_a_portfolio_that_cannot_lose_has_no_fz0() -> None:
    days = drawn(300, 2)
    found = scores(days + 10.0, days)
    assert f"portfolio FZ0 score at {ALPHA:g}" not in found
    assert f"portfolio pinball score at {ALPHA:g}" in found


def test_what_cannot_be_scored() -> None:
    with pytest.raises(
        DataError, match=r"ensemble of shape \(12, 3\) cannot forecast observations of shape \(4, 2\)"
    ):
        energy_score(drawn(12, 3), drawn(4, 2))
    with pytest.raises(DataError, match=r"ensemble of shape \(5, 12, 3\) cannot"):
        variogram_score(drawn(5, 12, 3), drawn(4, 3))
    with pytest.raises(DataError, match=r"observations: the value at \[1, 0\] is not finite"):
        energy_score(drawn(12, 1), np.array([[0.0], [np.nan]]))
    with pytest.raises(DataError, match="day 0 has VaR 2 and ES -3; FZ0 needs es <= var < 0"):
        fz0_score(np.zeros(3), 2.0, -3.0, 0.1)
    with pytest.raises(DataError, match=r"var has shape \(2,\); wanted one number or \(3,\)"):
        pinball_score(np.zeros(3), np.zeros(2), 0.1)
    with pytest.raises(DataError, match="returns is not finite on day 1"):
        pinball_score(np.array([0.0, np.inf]), -1.0, 0.1)
    with pytest.raises(ConfigError, match="between 0 and 1, not 97.5"):
        pinball_score(np.zeros(3), -1.0, 97.5)
    with pytest.raises(DataError, match=r"weights have shape \(3,\); wanted \(2,\)"):
        portfolio_var_es(drawn(9, 2), weights=np.ones(3))
