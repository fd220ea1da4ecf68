"""Verdicts on daily scores whose truth is known, and the tests behind them against independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.signal import lfilter

from qfin.errors import DataError
from qfin.evaluation import confidence_set, diebold_mariano, verdict

LABELS = {"q": "Born machine", "c": "Student-t copula", "g": "Gaussian copula"}


def _gap(days: int, mean: float, seed: int, phi: float = 0.3) -> np.ndarray:
    """Daily difference of two scores, autocorrelated, standard deviation near 1."""
    return mean + lfilter([1.0], [1.0, -phi], np.random.default_rng(seed).standard_normal(days))


def test_the_statistic_is_a_regression_on_a_constant_with_newey_west_errors():
    gap, days = _gap(500, 0.1, 1), 500
    lags = int(4 * (days / 100) ** (2 / 9))
    fit = sm.OLS(gap, np.ones(days)).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    small_sample = np.sqrt((days - 1) / days)
    found = diebold_mariano(gap, np.zeros(days))
    assert found.statistic == pytest.approx(fit.tvalues[0] * small_sample, rel=1e-10)


def test_equal_scores_are_rejected_as_rarely_as_the_level_says():
    p_values = [diebold_mariano(_gap(400, 0.0, seed), np.zeros(400)).p_value for seed in range(500)]
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.10


def test_a_better_score_is_found_and_swapping_the_models_turns_the_sign():
    gap = _gap(1000, 0.3, 2)
    there, back = diebold_mariano(gap, np.zeros(1000)), diebold_mariano(np.zeros(1000), gap)
    assert there.p_value < 1e-4
    assert there.statistic > 0
    assert back.statistic == pytest.approx(-there.statistic)
    assert back.p_value == pytest.approx(there.p_value)


def test_scores_without_any_noise_between_them():
    same = np.zeros(50)
    assert diebold_mariano(same, same).p_value == 1.0
    assert diebold_mariano(same + 1.0, same).p_value == 0.0
    with pytest.raises(DataError, match="at least 20 days; there are 19"):
        diebold_mariano(same[:19], same[:19])


def test_the_confidence_set_keeps_equals_and_drops_the_clearly_worse():
    rng = np.random.default_rng(3)
    base = rng.standard_normal(800)
    daily = {name: base + 0.2 * rng.standard_normal(800) for name in ("a", "b")}
    daily["bad"] = base - 0.2 + 0.2 * rng.standard_normal(800)
    found = confidence_set(daily, 0.95)
    assert found["a"] >= 0.05
    assert found["b"] >= 0.05
    assert found["bad"] < 0.05
    assert confidence_set(daily, 0.95) == found
    assert confidence_set({"a": base}) == {"a": 1.0}
    assert confidence_set({"a": base, "twin": base}) == {"a": 1.0, "twin": 1.0}


def test_a_twin_shares_its_model_s_fate():
    rng = np.random.default_rng(5)
    a = rng.standard_normal(500)
    found = confidence_set({"a": a, "twin": a.copy(), "bad": a - 0.5 + 0.1 * rng.standard_normal(500)})
    assert found["a"] == found["twin"] >= 0.05
    assert found["bad"] < 0.05


def test_the_same_model_twice_is_no_evidence_of_a_difference_in_nine_runs_of_ten():
    """Scores that differ by noise without a mean: what two seeds of one model give."""
    outcomes = []
    for seed in range(100):
        noise = 0.1 * np.random.default_rng(seed).standard_normal((2, 400))
        base = np.random.default_rng(1000 + seed).standard_normal(400)
        found = verdict({"q": base + noise[0], "c": base + noise[1]}, ["q"], LABELS, 0.95)
        outcomes.append(found["outcome"])
    assert outcomes.count("no evidence of a difference") >= 90


@pytest.mark.parametrize(("mean", "outcome"), [(0.3, "better"), (-0.3, "worse")])
def test_a_clear_difference_is_said_in_one_sentence(mean, outcome):
    gap = _gap(1000, mean, 4)
    found = verdict({"q": gap, "c": np.zeros(1000), "g": np.full(1000, -5.0)}, ["q"], LABELS, 0.95)
    assert found["outcome"] == outcome
    assert (found["best_quantum"], found["best_classical"]) == ("q", "c")
    assert (
        f"Born machine, described the days ahead {outcome} than the best classical one, Student-t copula"
        in (found["sentence"])
    )
    assert found["difference"]["lower"] < found["difference"]["mean"] < found["difference"]["upper"]


def test_without_both_sides_there_is_no_verdict():
    assert verdict({"c": np.zeros(50)}, ["q"], LABELS, 0.95) is None
    assert verdict({"q": np.zeros(50)}, ["q"], LABELS, 0.95) is None
