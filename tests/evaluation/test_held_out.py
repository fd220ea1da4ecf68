"""Held-out scores and their block-bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from qfin.dependence import Bootstrap, GaussianCopula, Independent
from qfin.errors import ConfigError, DataError, NotFittedError
from qfin.evaluation import Score, difference, held_out_score
from qfin.scenarios import _score


def _days(n: int = 400, seed: int = 0) -> np.ndarray:
    """Days of two dependent factors on the unit square."""
    rng = np.random.default_rng(seed)
    first = rng.random(n)
    return np.column_stack([first, np.clip(0.6 * first + 0.4 * rng.random(n), 1e-6, 1 - 1e-6)])


def _ar1(n: int, phi: float, rng: np.random.Generator) -> np.ndarray:
    """A stationary series of mean 0 whose neighbours have correlation phi."""
    shocks = rng.standard_normal(n)
    shocks[0] /= np.sqrt(1 - phi**2)
    return lfilter([1.0], [1.0, -phi], shocks)


def _coverage(n: int, phi: float, trials: int, confidence: float = 0.95) -> float:
    """How often the interval of an AR(1) series of mean 0 holds 0.

    Of 250 bootstrap means: their quantiles are less exact than of 1,000, which takes half a per cent off the coverage.
    """
    hits = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_score, "_REPLICATIONS", 250)
        for trial in range(trials):
            series = _ar1(n, phi, np.random.default_rng(trial))
            score = difference(series, np.zeros(n), confidence, seed=trial)
            hits += score.lower <= 0.0 <= score.upper
    return hits / trials


@pytest.fixture(scope="module")
def model() -> GaussianCopula:
    return GaussianCopula().fit(_days(seed=1))


def test_the_score_is_the_mean_of_its_days(model):
    score = held_out_score(model, _days())
    np.testing.assert_array_equal(score.daily, model.score_samples(_days()))
    assert score.mean == pytest.approx(model.score(_days()))
    assert score.lower < score.mean < score.upper
    assert (score.days, score.confidence) == (400, 0.95)
    assert not score.daily.flags.writeable
    assert score.to_dict() == {k: getattr(score, k) for k in ("mean", "lower", "upper", "confidence", "days")}


def test_the_same_seed_gives_the_same_interval(model):
    def interval(seed: int) -> tuple[float, float]:
        score = held_out_score(model, _days(), seed=seed)
        return score.lower, score.upper

    assert interval(3) == interval(3)
    assert interval(3) != interval(4)


def test_more_confidence_and_fewer_days_are_wider(model):
    def width(score: Score) -> float:
        return score.upper - score.lower

    wide = held_out_score(model, _days(), confidence=0.99)
    assert width(wide) > width(held_out_score(model, _days())) > width(held_out_score(model, _days(1600)))


def test_days_without_memory_get_the_textbook_interval():
    daily = np.random.default_rng(0).standard_normal(1600)
    score = difference(daily, np.zeros(1600))
    half = 1.96 * daily.std() / 40
    assert score.lower == pytest.approx(daily.mean() - half, abs=0.15 * half)
    assert score.upper == pytest.approx(daily.mean() + half, abs=0.15 * half)


def test_the_interval_covers_the_truth_about_as_often_as_it_says_though_days_have_memory():
    assert 0.87 <= _coverage(400, phi=0.5, trials=100) <= 0.99


def test_blocks_of_one_day_would_not_cover_it(monkeypatch):
    """Power: taking days as independent covers 2 Phi(1.96 sqrt((1 - phi) / (1 + phi))) - 1 = .74 at phi = .5."""
    monkeypatch.setattr(_score, "_block_length", lambda daily: 1.0)
    assert _coverage(400, phi=0.5, trials=100) < 0.83


def test_blocks_grow_with_memory_and_stay_bounded():
    rng = np.random.default_rng(0)
    lengths = [_score._block_length(_ar1(900, phi, rng)) for phi in (0.0, 0.5, 0.9)]
    assert 1.0 <= lengths[0] < lengths[1] < lengths[2] <= 30.0
    assert _score._block_length(np.cumsum(rng.standard_normal(900))) == 30.0


def test_a_difference_is_paired(model):
    """What both models find hard cancels: the interval is much tighter than the two scores' own."""
    U = _days()
    score, other = held_out_score(model, U), held_out_score(GaussianCopula(floor=0.05).fit(_days(seed=1)), U)
    gap = difference(score.daily, other.daily)
    assert gap.mean == pytest.approx(score.mean - other.mean)
    assert gap.upper - gap.lower < 0.5 * (score.upper - score.lower)
    assert difference(other.daily, score.daily).mean == -gap.mean


def test_independence_scores_zero_with_no_doubt():
    score = held_out_score(Independent().fit(_days()), _days())
    assert (score.mean, score.lower, score.upper) == (0.0, 0.0, 0.0)


def test_what_cannot_be_scored_is_refused(model):
    with pytest.raises(ConfigError, match="Bootstrap has no density, so it has no held-out score"):
        held_out_score(Bootstrap().fit(_days()), _days())
    with pytest.raises(NotFittedError, match="not fitted yet"):
        held_out_score(GaussianCopula(), _days())
    with pytest.raises(DataError, match="at least 20 held-out days; there are 19"):
        held_out_score(model, _days(19))
    with pytest.raises(DataError, match="scores of 30 and 29 days cannot be paired"):
        difference(np.zeros(30), np.zeros(29))
    with pytest.raises(ConfigError, match=r"confidence must be between 0 and 1, not 95"):
        held_out_score(model, _days(), confidence=95)
    daily = np.zeros(30)
    daily[4] = -np.inf
    with pytest.raises(DataError, match="day 4 has the score -inf; give the model a floor above 0"):
        difference(daily, np.zeros(30))
