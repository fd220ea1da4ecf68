"""Stages `forecast` and `backtest`: what a loop by hand says, what is kept, and what cannot be."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qfin import stages
from qfin.errors import ConfigError, DataError
from qfin.evaluation import Composition, Forecaster, Span, spans
from qfin.market import ReturnsFrame, RiskFactor
from qfin.risk import Portfolio
from qfin.risk.backtests import Forecasts, Tail, acerbi_szekely_z2, kupiec
from qfin.scenarios import ScenarioSet
from qfin.store import Store

BACKTEST: dict[str, Any] = {
    "models": {
        "model": {},
        "historical simulation": {"volatility": "none", "marginals": "empirical", "dependence": "bootstrap"},
    },
    "days": 300,
    "training_days": 200,
    "refit_every": 150,
    "scenarios": 400,
    "horizons": [1, 5],
}

pytestmark = pytest.mark.xdist_group("backtest")


@pytest.fixture(scope="module")
def tested(small, tmp_path_factory):
    store, config = Store(tmp_path_factory.mktemp("backtest")), small(backtest=BACKTEST)
    history = stages.ingest(config, store)
    return config, store, history, stages.backtest(config, history, store)


@pytest.fixture(scope="module")
def daily(tested) -> pd.DataFrame:
    return pd.read_parquet(tested[3].path("daily.parquet"))


def test_realised_gains_are_those_of_the_book_under_the_days_returns(tested, daily):
    config, _, history, _ = tested
    returns = ReturnsFrame.read(history.path("returns.parquet"))
    portfolio = Portfolio.read(config.portfolio)
    for horizon in (1, 5):
        rows = daily[(daily["model"] == "model") & (daily["horizon"] == horizon) & (daily["level"] == 0.99)]
        wanted = portfolio.revalue(ScenarioSet.from_history(returns, horizon), method="full").total
        np.testing.assert_allclose(rows["pnl"], wanted[-len(rows) :], rtol=1e-9, atol=1e-6)
        assert list(rows["date"]) == list(returns.dates[-300 : len(returns) - horizon + 1])
        assert list(rows["until"]) == list(returns.dates[-300 + horizon - 1 :])


def test_a_forecast_is_what_the_days_before_it_say(tested, daily):
    """Historical simulation by hand: its VaR is that of the fitted days, and no day after the fit moves it."""
    config, _, history, _ = tested
    returns = ReturnsFrame.read(history.path("returns.parquet"))
    fitted = ScenarioSet(returns.values[-500:-300, None, :], returns.factors, returns.levels, returns.as_of)
    losses = Portfolio.read(config.portfolio).revalue(fitted).losses
    rows = daily[(daily["model"] != "model") & (daily["horizon"] == 1) & (daily["level"] == 0.975)][:150]
    expected = np.quantile(losses, 0.975)
    assert rows["var"].median() == pytest.approx(expected, rel=0.1)
    assert rows["var"].std() < 0.15 * expected


def test_the_tests_are_those_of_the_stored_series(tested, daily):
    found = tested[3].json("backtest.json")
    for model in found["models"]:
        shape = model["horizons"][0]
        assert (shape["horizon"], shape["overlapping"], shape["days"]) == (1, False, 300)
        for level in shape["levels"]:
            rows = daily[
                (daily["model"] == model["name"])
                & (daily["horizon"] == 1)
                & (daily["level"] == level["level"])
            ]
            hits = (rows["pnl"] < -rows["var"]).to_numpy()
            assert level["hits"] == hits.sum() == rows["hit"].sum()
            test = next(t for t in level["tests"] if t["name"] == "Kupiec proportion of failures")
            assert test == kupiec(hits, level["level"]).to_dict()


def test_longer_horizons_are_tested_overlapping_and_not(tested):
    shapes = tested[3].json("backtest.json")["models"][0]["horizons"]
    assert [(s["horizon"], s["overlapping"], s["days"]) for s in shapes] == [
        (1, False, 300), (5, True, 296), (5, False, 60),
    ]  # fmt: skip
    run = [t["name"] for t in shapes[1]["levels"][0]["tests"] if "why_not_run" not in t]
    assert run == ["Basel traffic light"]


def test_what_is_finished_is_kept_when_a_backtest_is_interrupted(tested, tmp_path):
    config, _, _, made = tested
    store = Store(tmp_path)
    history = stages.ingest(config, store)
    planned = stages.fits(config, history)
    assert [fit.begins for fit in planned[:2]] == [fit.begins for fit in planned[2:]]
    first = stages.forecast(config, history, planned[0], store)
    again = stages.backtest(config, history, store)
    assert store.get(first.ref).reused
    assert again.parents["forecast_0"] == first.ref
    assert again.files == made.files  # the same bytes in another store


def test_it_is_replayed_to_the_byte(tested):
    _, store, _, made = tested
    assert stages.replay(made, store).same


def test_it_is_read_without_python(tested):
    path = tested[3].path("daily.parquet")
    rows = duckdb.sql(
        f"select model, sum(hit::int) from '{path}' where horizon = 1 and level = 0.99 group by model order by model"
    ).fetchall()
    found = {
        model["name"]: model["horizons"][0]["levels"][1]["hits"]
        for model in tested[3].json("backtest.json")["models"]
    }
    assert dict(rows) == found


def test_parameters_of_every_fit_are_there(tested):
    model = tested[3].json("backtest.json")["models"][0]
    assert len(model["parameters"]) == 2
    values = model["parameters"][0]["values"]
    assert -1.0 < values["correlation EURUSD GBPUSD"] < 1.0
    assert values["degrees of freedom"] > 2.0
    assert -0.5 <= values["lower tail shape EURUSD"] <= 0.9
    assert not any("variance" in name for name in values)
    assert json.dumps(model, allow_nan=False)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"days": 5000}, DataError, r"the history has \d+ days.*5000 days tested.*take 5200: give more history"),
        ({"days": 20, "horizons": [1, 30]}, ConfigError, "backtest.horizons has 30 days and backtest.days is 20"),
        ({"models": {}}, DataError, "backtest.models is empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_backtested(tested, small, changed, error, message):
    history = tested[2]
    with pytest.raises(error, match=message):
        stages.fits(small(backtest=BACKTEST | changed), history)


def test_a_level_outside_of_its_bounds_is_named(small):
    with pytest.raises(ValueError, match="backtest.levels"):
        small(backtest=BACKTEST | {"levels": [1.2]})


FACTORS = (RiskFactor("A"), RiskFactor("B"))


def _normal_days(days: int) -> ReturnsFrame:
    values = np.random.default_rng(5).multivariate_normal([0, 0], [[1e-4, 6e-5], [6e-5, 1e-4]], days)
    return ReturnsFrame(values, pd.bdate_range("2015-01-01", periods=days), FACTORS, np.array([1.0, 1.0]))


def test_spans_cover_every_day_once():
    found = spans(1000, 300, 400, 120, "rolling")
    assert found == (Span(300, 700, 820), Span(420, 820, 940), Span(540, 940, 1000))
    assert spans(1000, 300, 400, 120, "expanding")[2] == Span(0, 940, 1000)


def test_rosenblatt_transforms_of_a_right_model_are_uniform_and_of_a_wrong_one_not():
    history, span = _normal_days(1400), Span(0, 1000, 1400)
    right = Forecaster(history, span, Composition("none", "empirical", {"kind": "gaussian"}), 3).rosenblatt()
    wrong = Forecaster(history, span, Composition("none", "empirical", {"kind": "independent"}), 3)
    scores = stats.norm.ppf(right)
    assert abs(np.corrcoef(scores.T)[0, 1]) < 0.1
    assert stats.kstest(right[:, 1], "uniform").pvalue > 0.01
    assert np.corrcoef(stats.norm.ppf(wrong.rosenblatt()).T)[0, 1] > 0.4


def test_a_model_without_conditionals_has_no_transforms():
    plain = Forecaster(_normal_days(300), Span(0, 250, 300), Composition("none", "empirical", "bootstrap"), 3)
    assert plain.rosenblatt() is None


def test_paths_start_from_the_day_before():
    """After a storm that the fit has not seen, the filtered model's draws are wide; the unfiltered one's are not."""
    history = _normal_days(600)
    values = history.values.copy()
    values[520:540] *= 6.0
    stormy = ReturnsFrame(values, history.dates, FACTORS, history.levels)
    spread = {}
    for kind in ("ewma", "none"):
        model = Forecaster(stormy, Span(0, 500, 560), Composition(kind, "empirical", "gaussian"), 3)
        spread[kind] = [paths[:, 0, 0].std() for paths in model.paths(2000, 2)]
    assert spread["ewma"][40] > 3.0 * spread["ewma"][10]
    assert spread["none"][40] == pytest.approx(spread["none"][10], rel=0.1)


@pytest.mark.parametrize("volatility", ["ewma", "garch", "none"])
def test_no_forecast_knows_what_comes_after_it(volatility):
    """Later returns, however wild, change no draw of a day that was forecast before them, and those of the next."""
    history, span, row = _normal_days(400), Span(0, 300, 330), 315
    values = history.values.copy()
    values[row:] *= -8.0
    other = ReturnsFrame(values, history.dates, FACTORS, history.levels)
    composition = Composition(volatility, "empirical", "gaussian")
    one, two = ([*Forecaster(h, span, composition, 3).paths(200, 3)] for h in (history, other))
    same = [np.array_equal(a, b) for a, b in zip(one, two, strict=True)]
    assert all(same[: row - 300 + 1])
    assert volatility == "none" or not any(same[row - 300 + 1 :])


def test_the_lowest_draws_are_as_good_as_all_for_the_expected_shortfall():
    rng = np.random.default_rng(1)
    draws = np.sort(rng.standard_normal((250, 2000)), axis=1)
    var, es = np.full(250, 1.96), np.full(250, 2.338)
    pnl = 1.2 * rng.standard_normal(250)
    all_of_them = acerbi_szekely_z2(pnl, var, es, 0.975, draws)
    lowest = acerbi_szekely_z2(pnl, var, es, 0.975, Tail(draws[:, :80], 2000))
    assert lowest.statistic == all_of_them.statistic
    assert lowest.p_value == pytest.approx(all_of_them.p_value, abs=0.02)
    with pytest.raises(DataError, match="tail has 80 draws a day of 50"):
        Forecasts(pnl, var, 0.975, es=es, tail=Tail(draws[:, :80], 50))


def test_a_misspelt_stage_is_named_before_anything_starts(small):
    with pytest.raises(ValueError, match="garhc"):
        small(backtest=BACKTEST | {"models": {"x": {"volatility": "garhc"}}})
    with pytest.raises(ConfigError, match="garhc"):
        Composition("garhc", "empirical", "bootstrap").build()
