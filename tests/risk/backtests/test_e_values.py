"""E-values have mean 1 at most under a right model; bets are predictable and best; evidence is seldom high."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from qfin.errors import ConfigError, DataError
from qfin.risk.backtests import (
    e_backtest_es,
    e_backtest_var,
    e_process,
    es_e_values,
    var_e_values,
)

LEVEL = 0.975
VAR = float(stats.norm.ppf(LEVEL))
ES = float(stats.norm.pdf(VAR) / 0.025)
NORMAL = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)


def flat(n: int, value: float) -> np.ndarray:
    return np.full(n, value)


def test_e_values_by_hand():
    pnl = np.array([1.0, -2.0, -4.0])
    np.testing.assert_allclose(var_e_values(pnl, flat(3, 2.0), 0.9), [0, 0, 10])
    np.testing.assert_allclose(es_e_values(pnl, flat(3, 2.0), flat(3, 3.0), 0.9), [0, 0, 20])


@pytest.mark.parametrize("share", [1.0, 1.05, 1.5])
def test_e_values_have_mean_one_for_the_truth_and_less_for_higher_forecasts(share):
    n = len(NORMAL)
    of_var = var_e_values(NORMAL, flat(n, VAR * share), LEVEL).mean()
    of_es = es_e_values(NORMAL, flat(n, VAR), flat(n, ES * share), LEVEL).mean()
    if share == 1.0:
        assert (of_var, of_es) == pytest.approx((1, 1), abs=2e-3)
    else:
        assert of_var < 1
        assert of_es < 1
    assert es_e_values(NORMAL, flat(n, VAR), flat(n, 0.95 * ES), LEVEL).mean() > 1.05
    assert var_e_values(NORMAL, flat(n, 0.95 * VAR), LEVEL).mean() > 1.05


@settings(max_examples=50, derandomize=True)
@given(
    losses=st.lists(st.integers(-9, 9), min_size=2, max_size=12),
    level=st.sampled_from([0.5, 0.8, 0.9]),
    above=st.floats(0, 3),
)
def test_e_values_have_mean_one_at_most_whatever_the_distribution(losses, level, above):
    """Any discrete distribution, its own VaR, any ES that is no lower."""
    losses = np.array(losses) + 20.0
    var = np.quantile(losses, level, method="inverted_cdf")
    es = var + np.maximum(losses - var, 0).mean() / (1 - level) + above
    n = len(losses)
    assert var_e_values(-losses, flat(n, var), level).mean() <= 1 + 1e-9
    if es > var + 1e-9:
        assert es_e_values(-losses, flat(n, var), flat(n, es), level).mean() <= 1 + 1e-9


def test_bets_are_the_best_so_far():
    rng = np.random.default_rng(1)
    pnl, vol = 1.3 * rng.standard_normal(400), np.exp(0.3 * rng.standard_normal(400))
    var, es = 1.5 * vol, 2.0 * vol
    e = es_e_values(pnl, var, es, 0.9)
    gree = e_process(pnl, var, 0.9, es, betting="GREE")
    grel = e_process(pnl, var, 0.9, es, betting="GREL")
    for t in (5, 60, 399):
        under_today = np.maximum(-pnl[:t] - var[t], 0) / (0.1 * (es[t] - var[t]))
        for process, past in ((gree, e[:t]), (grel, under_today)):
            best = optimize.minimize_scalar(
                lambda bet, past=past: -np.log1p(bet * (past - 1)).sum(),
                bounds=(0, 0.5),
                method="bounded",
                options={"xatol": 1e-9},
            )
            assert process.bets[t] == pytest.approx(best.x, abs=1e-5)
    np.testing.assert_allclose(gree.evidence, np.cumprod(1 + gree.bets * (e - 1)))
    mixed = e_process(pnl, var, 0.9, es)
    np.testing.assert_allclose(mixed.evidence, (gree.evidence + grel.evidence) / 2)


@settings(max_examples=25, derandomize=True)
@given(seed=st.integers(0, 99), cut=st.integers(1, 59), rule=st.sampled_from(["GREE", "GREL", "GREM", 0.1]))
def test_no_bet_knows_the_day_it_is_on(seed, cut, rule):
    """Evidence up to a day, and the next day's bet, stay whatever comes after."""
    rng = np.random.default_rng(seed)
    pnl, other = rng.standard_normal((2, 60))
    changed = np.where(np.arange(60) < cut, pnl, 3 * other)
    for es in (None, flat(60, 1.5)):
        first, second = (e_process(x, flat(60, 1.0), 0.8, es, betting=rule) for x in (pnl, changed))
        np.testing.assert_allclose(first.evidence[:cut], second.evidence[:cut])
        np.testing.assert_allclose(first.bets[: cut + 1], second.bets[: cut + 1])


def test_same_forecasts_every_day_make_both_rules_one():
    pnl = 1.5 * np.random.default_rng(2).standard_normal(300)
    for es in (None, flat(300, ES)):
        gree, grel = (e_process(pnl, flat(300, VAR), LEVEL, es, betting=rule) for rule in ("GREE", "GREL"))
        np.testing.assert_allclose(gree.bets, grel.bets, atol=1e-9)


def test_the_bet_on_the_var_has_a_closed_form():
    """(share of hits - p) / (1 - p), between 0 and 1/2."""
    pnl = 2 * np.random.default_rng(3).standard_normal(200)
    process = e_process(pnl, flat(200, VAR), LEVEL, betting="GREE")
    share = np.cumsum(pnl < -VAR)[:-1] / np.arange(1, 200)
    np.testing.assert_allclose(process.bets[1:], np.clip((share - 0.025) / 0.975, 0, 0.5), atol=1e-9)
    assert process.bets[0] == pytest.approx(0, abs=1e-9)


def test_a_right_model_is_seldom_rejected_on_any_day():
    rng, runs = np.random.default_rng(4), 300
    highest, last = [], []
    for _ in range(runs):
        pnl = rng.standard_normal(400)
        process = e_process(pnl, flat(400, VAR), LEVEL, flat(400, ES))
        highest.append(process.evidence.max())
        last.append(e_process(pnl, flat(400, VAR), LEVEL, flat(400, ES), betting=0.02).evidence[-1])
    assert np.mean(np.array(highest) >= 20) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    assert np.mean(np.array(highest) >= 4) <= 0.25 + 3 * np.sqrt(0.25 * 0.75 / runs)
    assert np.mean(last) == pytest.approx(1, abs=4 * np.std(last) / np.sqrt(runs))


def test_a_low_forecast_is_rejected_from_some_day_on():
    pnl = 1.6 * np.random.default_rng(5).standard_normal(500)
    of_var, of_es = (
        e_backtest_var(pnl, flat(500, VAR), LEVEL),
        e_backtest_es(pnl, flat(500, VAR), flat(500, ES), LEVEL),
    )
    for found in (of_var, of_es):
        assert found.rejected
        assert found.p_value == pytest.approx(1 / found.statistic)
    process = e_process(pnl, flat(500, VAR), LEVEL, flat(500, ES))
    day = process.first_day()
    assert process.evidence[day] >= 20 > process.evidence[:day].max()
    assert f"20 or more from day {day + 1} on: the ES is too low" in of_es.sentence
    assert e_process(np.ones(9), flat(9, VAR), LEVEL).first_day() is None


@pytest.mark.filterwarnings("error")
def test_no_hits_and_nothing_but_hits_are_defined():
    for value, rejected in ((1.0, False), (-9.0, True)):
        assert e_backtest_var(flat(60, value), flat(60, VAR), LEVEL).rejected is rejected
        assert e_backtest_es(flat(60, value), flat(60, VAR), flat(60, ES), LEVEL).rejected is rejected


def test_what_cannot_be_tested():
    ones = np.ones(5)
    with pytest.raises(
        DataError, match="VaR and ES are both 1 on day 0; an e-value of the ES needs VaR < ES"
    ):
        es_e_values(ones, ones, ones, LEVEL)
    with pytest.raises(
        ConfigError, match="there is no betting 'all'; choose one of: GREE, GREL, GREM, or a number"
    ):
        e_process(ones, ones, LEVEL, betting="all")
    with pytest.raises(ConfigError, match="betting = 1.5 is not allowed: a share between 0 and 1"):
        e_process(ones, ones, LEVEL, betting=1.5)
    with pytest.raises(ConfigError, match="level = 97.5 is not allowed"):
        var_e_values(ones, ones, 97.5)
    with pytest.raises(ValueError, match="read-only"):
        e_process(ones, ones, LEVEL).evidence[0] = 2
