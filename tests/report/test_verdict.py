from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from qfin.report import collect
from qfin.report._data import ReportData
from qfin.report._render import summary
from qfin.report._verdict import closest_rival, contribution, verdict
from qfin.store import Artifact, Store

DAYS = pd.bdate_range("2025-01-01", periods=400)


@pytest.fixture(scope="module")
def data(risks: Sequence[Artifact], store: Store) -> ReportData:
    return collect(risks, store)


def with_difference(data: ReportData, mean: float, spread: float) -> ReportData:
    """The main model ahead of every scored rival by a daily difference of this mean and spread."""
    rng = np.random.default_rng(1)
    base = rng.normal(0.4, 1.0, len(DAYS))
    edge = mean + spread * rng.standard_normal(len(DAYS))
    daily = [base + edge] + [base - 0.3 * k for k in range(len(data.rivals))]
    series = [pd.Series(values, DAYS) for values in daily]
    models = [replace(m, daily=s if m.score else None) for m, s in zip(data.models, series, strict=True)]
    return replace(data, models=tuple(models))


@pytest.mark.parametrize(
    ("mean", "spread", "headline", "words"),
    [
        (0.02, 0.05, "The Born machine won", "above its closest rival, the Student-t copula"),
        (-0.02, 0.05, "The Born machine did not win", "the Student-t copula scored"),
        (0.001, 0.2, "No evidence of a difference", "the interval contains 0"),
    ],
)
def test_the_outcome_is_said_plainly(
    data: ReportData, mean: float, spread: float, headline: str, words: str
) -> None:
    changed = with_difference(data, mean, spread)
    comparison = closest_rival(changed)
    found = verdict(changed, comparison)
    assert comparison is not None
    assert comparison.rival.label == "Student-t copula"
    assert found.headline == headline
    assert words in found.sentence
    assert "400 days" in found.sentence
    assert summary(changed)["verdict"].startswith(headline)


def test_closest_is_the_rival_that_scores_most_on_the_same_days(data: ReportData) -> None:
    comparison = closest_rival(data)
    assert comparison is not None
    assert comparison.rival.label == "Student-t copula"
    assert comparison.difference.value == pytest.approx(
        float(np.mean(data.main.daily.to_numpy() - data.models[1].daily.to_numpy()))
    )


def test_a_model_without_density_is_not_ranked(data: ReportData) -> None:
    main = replace(data.main, score=None, daily=None, why_none="it has no density")
    found = verdict(replace(data, models=(main, *data.rivals)), None)
    assert found.headline == "No held-out score"
    assert "it has no density" in found.sentence


def test_a_model_without_rivals_wins_nothing(data: ReportData) -> None:
    alone = replace(data, models=data.models[:1])
    assert verdict(alone, closest_rival(alone)).headline == "No rival to compare with"


@pytest.mark.parametrize(
    ("adds", "words"),
    [
        ({"mean": 0.003, "lower": 0.001, "upper": 0.005}, "the circuit adds information"),
        ({"mean": 0.003, "lower": -0.001, "upper": 0.007}, "no evidence that the circuit adds anything"),
        ({"mean": -0.003, "lower": -0.005, "upper": -0.001}, "the circuit makes it worse"),
    ],
)
def test_what_the_circuit_adds(data: ReportData, adds: dict[str, float], words: str) -> None:
    details = {**data.main.details, "circuit_adds": adds}
    changed = replace(data, models=(replace(data.main, details=details), *data.rivals))
    assert words in (contribution(changed) or "")


def test_a_model_without_a_prior_has_no_contribution(data: ReportData) -> None:
    changed = replace(data, models=(replace(data.main, details={}), *data.rivals))
    assert contribution(changed) is None
