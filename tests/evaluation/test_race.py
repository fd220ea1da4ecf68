"""The race on data whose truth is known: who wins, that nobody sees the future, and who does not enter."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri
from scipy.stats import t as student

from qfin.errors import ConfigError, DataError
from qfin.evaluation import Rules, race
from qfin.evaluation._walk_forward import attempt, kinds_in, windows
from qfin.market import ReturnsFrame, RiskFactor

CORRELATION = np.array([[1.0, 0.7], [0.7, 1.0]])
RULES = Rules("none", "empirical", 400, 300, "rolling", (1,), 0.95)
T = {"kind": "student_t"}


def _history(days: int = 1200, nu: float = 3.0, seed: int = 0) -> ReturnsFrame:
    """Returns with a t copula and normal margins, made without qfin."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((days, 2)) @ np.linalg.cholesky(CORRELATION).T
    z /= np.sqrt(rng.chisquare(nu, days) / nu)[:, None]
    returns = 0.01 * ndtri(np.clip(student.cdf(z, nu), 1e-12, 1 - 1e-12))
    levels = 100 * np.exp(np.cumsum(np.vstack([np.zeros(2), returns]), axis=0))
    dates = pd.bdate_range("2015-01-01", periods=days + 1)
    prices = pd.DataFrame(levels, index=dates, columns=["A", "B"])
    return ReturnsFrame.from_prices(prices, [RiskFactor("A"), RiskFactor("B")])


@pytest.fixture(scope="module")
def history() -> ReturnsFrame:
    return _history()


@pytest.fixture(scope="module")
def result(history):
    models = {
        "independent": {"kind": "independent"},
        "bootstrap": {"kind": "bootstrap"},
        "gaussian": {"kind": "gaussian"},
        "student_t": T,
        "born": {"kind": "born", "bits": 2, "steps": 10, "data_weight": 1.0},
        "too wide": {"kind": "born", "bits": 13},
    }
    settings = {
        "one": {"kind": "born", "prior": "none", "bits": 2, "layers": 1, "steps": 10},
        "g": {"kind": "gaussian"},
    }
    return race(history, models, RULES, learning_days=[125, 400, 5000], settings=settings)


def test_on_t_data_the_gaussian_leaves_the_confidence_set_and_the_t_copula_stays(result):
    rows = {row["name"]: row for row in result.summary["models"]}
    assert rows["student_t"]["in_confidence_set"]
    assert not rows["gaussian"]["in_confidence_set"]
    assert not rows["independent"]["in_confidence_set"]
    assert rows["independent"]["log_score"]["mean"] == 0.0
    assert rows["bootstrap"]["log_score"] is None
    assert rows["bootstrap"]["in_confidence_set"] is None


def test_every_row_says_what_a_model_cost(result):
    for row in result.summary["models"]:
        assert row["fit_seconds"] >= 0.0
        assert row["parameters"] is None or row["parameters"] >= 0
    rows = {row["name"]: row for row in result.summary["models"]}
    assert rows["student_t"]["parameters"] == 2
    assert rows["gaussian"]["parameters"] == 1


def test_the_circuit_s_own_contribution_is_its_score_less_its_prior_s(result):
    rows = {row["name"]: row for row in result.summary["models"]}
    gap = rows["born"]["log_score"]["mean"] - rows["student_t"]["log_score"]["mean"]
    assert rows["born"]["adds_to_prior"]["mean"] == pytest.approx(gap, abs=1e-9)
    assert rows["student_t"]["adds_to_prior"] is None


def test_a_model_that_cannot_enter_is_named_with_its_reason(result):
    (one,) = result.summary["not_entered"]
    assert one["name"] == "too wide"
    assert "26 qubits" in one["reason"]
    assert "too wide" not in set(result.daily["model"])


def test_days_are_scored_once_and_in_order(result, history):
    for _, rows in result.daily.groupby("model"):
        assert list(rows["date"]) == list(history.dates[400:])
    assert result.summary["days"] == 800
    assert result.summary["refits"] == 3


def test_learning_curves_take_as_many_days_as_there_are(result):
    assert sorted(result.learning["train_days"].unique()) == [125, 400]
    assert set(result.expressiveness["setting"]) == {"one", "g"}
    few, many = (
        result.learning.query("train_days == @n and model == 'student_t'")["mean"].item() for n in (125, 400)
    )
    assert few < many + 0.05


@pytest.mark.parametrize("kind", ["expanding", "rolling"])
def test_no_window_sees_the_days_it_is_scored_on(history, kind):
    """Days after a window's training are changed; what was trained on is the same to the last bit."""
    changed = _history().values.copy()
    changed[700:] *= 3.0
    other = replace(history, values=changed)
    first, second = (list(windows(r, "garch", "semiparametric", 400, 300, kind)) for r in (history, other))
    np.testing.assert_array_equal(first[0].training, second[0].training)
    np.testing.assert_array_equal(first[1].training, second[1].training)
    np.testing.assert_array_equal(first[0].following, second[0].following)
    assert not np.array_equal(first[2].training, second[2].training)
    assert [len(w.training) for w in first] == ([400] * 3 if kind == "rolling" else [400, 700, 1000])
    assert all(a.dates[-1] < b.dates[0] for a, b in pairwise(first))


def test_a_random_model_gets_all_seeds_and_another_one(history):
    days = list(windows(history, "none", "empirical", 600, 600, "rolling"))
    small = {"kind": "rbm", "bits": 2, "steps": 20}
    runs, reason = attempt("rbm", small, [1, 2, 3], days, lambda name, seed: None)
    assert reason is None
    assert [run.seed for run in runs] == [1, 2, 3]
    assert not np.array_equal(runs[0].log_density, runs[1].log_density)
    runs, _ = attempt("t", T, [1, 2, 3], days, lambda name, seed: None)
    assert len(runs) == 1
    assert kinds_in({"kind": "factor", "model": {"kind": "born"}}) == ["factor", "born"]


def test_a_history_that_is_too_short_and_a_misspelt_model_are_refused_at_once(history):
    with pytest.raises(
        DataError, match="has 1200 days of returns; a race that fits 1190 of them needs at least 1210"
    ):
        race(history, {"t": T}, Rules("none", "empirical", 1190, 300, "rolling", (1,), 0.95))
    with pytest.raises(ConfigError, match="there is no dependence model 'studnt'"):
        race(history, {"t": {"kind": "studnt"}}, RULES)
