"""Forecasts that check themselves, all tests at once, and two models compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qfin.errors import ConfigError, DataError
from qfin.risk.backtests import (
    Forecasts,
    NotRun,
    backtest,
    compare_fz0,
    fz0_scores,
    kupiec,
)

LEVEL = 0.975
VAR = float(stats.norm.ppf(LEVEL))
ES = float(stats.norm.pdf(VAR) / 0.025)
DAYS = pd.bdate_range("2024-01-01", periods=300)
PNL = np.random.default_rng(0).standard_normal(300)


def forecasts(times: float = 1.0, **changed: Any) -> Forecasts:
    """Everything that a standard normal model says, its scale multiplied, of `PNL`."""
    rng = np.random.default_rng(1)
    parts = {
        "pnl": PNL,
        "var": np.full(300, times * VAR),
        "level": LEVEL,
        "es": np.full(300, times * ES),
        "dates": DAYS,
        "pit": stats.norm.cdf(PNL / times),
        "simulated": times * rng.standard_normal((300, 100)),
        "rosenblatt": rng.random((300, 3)),
        "scale": np.full(300, times),
    }
    return Forecasts(**{**parts, **changed})


def test_a_right_model_passes_all_and_a_wrong_one_fails_most():
    found = backtest(forecasts(), 0.01)
    assert len(found) == 20
    assert not any(result.rejected for result in found)
    wrong = {result.name for result in backtest(forecasts(0.6)) if result.rejected}
    assert wrong >= {
        "Kupiec proportion of failures", "mixed Kupiec", "Acerbi-Székely Z2", "e-backtest of the VaR",
        "e-backtest of the ES", "Du-Escanciano unconditional", "PIT Kolmogorov-Smirnov", "PIT Anderson-Darling",
        "PIT Berkowitz", "CRPS",
    }  # fmt: skip
    assert not any(name.startswith("Rosenblatt") for name in wrong)


def test_what_cannot_be_run_says_why_under_the_name_it_would_have():
    everything = [result.name for result in backtest(forecasts())]
    bare = backtest(Forecasts(PNL[:15], np.full(15, VAR), LEVEL))
    assert [result.name for result in bare] == everything
    reasons = {result.name: result.sentence for result in bare if isinstance(result, NotRun)}
    assert reasons["Acerbi-Székely Z2"] == "not run: it needs es and draws"
    assert reasons["dynamic quantile"] == "not run: dynamic quantile needs at least 24 days; there are 15"
    assert "Kupiec proportion of failures" not in reasons


def test_overlapping_pnl_goes_through_the_traffic_light_alone():
    found = backtest(Forecasts(PNL, np.full(300, VAR), LEVEL, horizon=10))
    assert [result.name for result in found if not isinstance(result, NotRun)] == ["Basel traffic light"]
    assert "give every 10th row with horizon 1" in found[1].sentence


def test_forecasts_are_the_tests_own_input():
    given = forecasts()
    by_hand = kupiec(PNL < -VAR, LEVEL)
    assert next(result for result in backtest(given) if result.name == by_hand.name) == by_hand
    assert by_hand.to_dict()["rejected"] is by_hand.rejected
    assert len(given) == 300
    with pytest.raises(ValueError, match="read-only"):
        given.pnl[0] = 1


def nan_at(day: int) -> np.ndarray:
    return np.where(np.arange(300) == day, np.nan, PNL)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pnl": nan_at(3)}, "pnl is missing or not finite on 2024-01-04; drop the day or correct it"),
        ({"pnl": nan_at(3), "dates": None}, "pnl is missing or not finite on day 3"),
        ({"var": np.ones(299)}, r"var has shape \(299,\); wanted \(300,\), one number a day"),
        (
            {"es": np.full(300, 1.0)},
            "VaR is 1.95996 and ES 1 on 2024-01-01; wanted 0 < VaR <= ES, losses positive",
        ),
        ({"pit": np.full(300, 1.0)}, r"pit is 1 on 2024-01-01; wanted a value inside \(0, 1\)"),
        ({"scale": np.zeros(300)}, "scale is not above 0 on 2024-01-01"),
        ({"simulated": np.ones((9, 9))}, r"simulated has shape \(9, 9\); wanted \(300, columns\)"),
        ({"rosenblatt": np.full((300, 2), 2.0)}, "rosenblatt is 2 on 2024-01-01"),
        ({"dates": DAYS[:-1]}, r"pnl has shape \(300,\); wanted \(299,\)"),
        ({"dates": DAYS[[0, *range(299)]]}, r"2024-01-01 does not follow 2024-01-01; sort the dates"),
        ({"dates": DAYS[::-1]}, r"2025-02-20 does not follow 2025-02-21; sort the dates"),
        ({"pnl": pd.Series(PNL[:-1], DAYS[:-1])}, "dates has 300 days and pnl has 299; give the same days"),
        (
            {"var": pd.Series(np.full(300, VAR), DAYS + pd.Timedelta(1, "D"))},
            "dates and var are of different days from row 0 on: 2024-01-01 and 2024-01-02",
        ),
    ],
)
def test_forecasts_that_cannot_be(changed, message):
    with pytest.raises(DataError, match=message):
        forecasts(**changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"level": 97.5}, "level = 97.5 is not allowed: a probability between 0 and 1"),
        ({"horizon": 0}, "horizon = 0 is not allowed: a number of days, 1 or more"),
    ],
)
def test_settings_that_cannot_be(changed, message):
    with pytest.raises(ConfigError, match=message):
        forecasts(**changed)


def test_series_with_dates_give_theirs():
    pnl, var = pd.Series(PNL, DAYS), pd.Series(np.full(300, VAR), DAYS)
    given = Forecasts(pnl, var, LEVEL)
    assert list(pd.DatetimeIndex(given.dates)) == list(DAYS)
    np.testing.assert_array_equal(given.hits, PNL < -VAR)
    with pytest.raises(DataError, match="pnl and var are of different days from row 0 on"):
        Forecasts(pnl, var.shift(1, freq="D"), LEVEL)


def test_fz0_is_least_at_the_true_var_and_es():
    sample = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    n = len(sample)
    grid = [(VAR * a, ES * b) for a in (0.95, 1.0, 1.05) for b in (0.95, 1.0, 1.05)]
    means = [fz0_scores(Forecasts(sample, np.full(n, v), LEVEL, es=np.full(n, e))).mean() for v, e in grid]
    assert grid[int(np.argmin(means))] == (VAR, ES)


def test_the_better_model_is_named():
    rng = np.random.default_rng(2)
    vol = np.exp(rng.standard_normal(1000))
    pnl = vol * rng.standard_normal(1000)
    right, flat = (
        Forecasts(pnl, VAR * v, LEVEL, es=ES * v) for v in (vol, np.full(1000, np.sqrt(np.mean(vol**2))))
    )
    found = compare_fz0(right, flat, names=("right", "flat"))
    assert found.rejected
    assert found.statistic > 0
    assert "right forecasts better than flat" in found.sentence
    turned = compare_fz0(flat, right, names=("flat", "right"))
    assert turned.statistic == pytest.approx(-found.statistic)
    assert "right forecasts better than flat" in turned.sentence
    assert not compare_fz0(right, right).rejected


def test_the_comparison_is_the_evaluations():
    """The arch package's long-run variance in the place of ours."""
    from arch.covariance.kernel import Bartlett

    gap = fz0_scores(forecasts(0.8)) - fz0_scores(forecasts())
    variance = float(Bartlett(gap, bandwidth=int(4 * (len(gap) / 100) ** (2 / 9))).cov.long_run.item())
    expected = gap.mean() / np.sqrt(variance / (len(gap) - 1))
    found = compare_fz0(forecasts(), forecasts(0.8))
    assert found.statistic == pytest.approx(expected)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(expected), len(gap) - 1))


def test_what_cannot_be_compared():
    with pytest.raises(DataError, match=r"the models' P&L differs \(300 and 300 days\)"):
        compare_fz0(forecasts(), forecasts(pnl=2 * PNL))
    with pytest.raises(DataError, match="the models' levels are 0.975 and 0.99"):
        compare_fz0(forecasts(), forecasts(level=0.99))
    with pytest.raises(DataError, match="FZ0 scores need es beside var"):
        fz0_scores(forecasts(es=None))
    with pytest.raises(DataError, match="no loss was beyond the VaR of either model in 300 days"):
        compare_fz0(forecasts(times=9.0), forecasts(times=9.0, es=np.full(300, 30.0)))
    short = Forecasts(PNL[:9], np.full(9, VAR), LEVEL, es=np.full(9, ES))
    with pytest.raises(DataError, match="a test needs at least 20 days; there are 9"):
        compare_fz0(short, short)
