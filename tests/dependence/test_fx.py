"""Held-out log density on the shipped FX history, against figures measured before this code was written.

Mean nats a day over 2013-01-01 to 2019-05-31, fitted to 1999 to 2012, returns not filtered, no density floor:
Gaussian .3639, Student t with 6 degrees of freedom .4097 (tolerance .001: the correlation's estimator and the way
held-out days are mapped through the fitted days' empirical margins differ). Each held-out day is mapped through the
margins of the days fitted, never by rank among the held-out days, which would look ahead.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from qfin.dependence import GaussianCopula, Independent, StudentTCopula
from qfin.market import ReturnsFrame, read_prices


@pytest.fixture(scope="module")
def split() -> tuple[np.ndarray, np.ndarray]:
    """Pseudo-observations of the days fitted and of the days held out."""
    frame = ReturnsFrame.from_prices(read_prices("fx")).to_frame()
    train, held_out = frame[:"2012-12-31"].to_numpy(), frame["2013-01-01":"2019-05-31"].to_numpy()
    assert (len(train), len(held_out)) == (3586, 1638)
    n = len(train)
    below = [np.searchsorted(np.sort(a), b, side="right") for a, b in zip(train.T, held_out.T, strict=True)]
    return stats.rankdata(train, axis=0) / (n + 1), (np.column_stack(below) + 0.5) / (n + 1)


@pytest.mark.parametrize(
    ("model", "wanted"),
    [(Independent(floor=0), 0.0), (GaussianCopula(floor=0), 0.3639), (StudentTCopula(floor=0), 0.4097)],
    ids=str,
)
def test_held_out_score_is_the_figure_measured_before(model, wanted, split):
    train, held_out = split
    assert model.fit(train).score(held_out) == pytest.approx(wanted, abs=1e-3)


def test_the_t_copula_finds_six_degrees_of_freedom(split):
    assert StudentTCopula().fit(split[0]).degrees_of_freedom_ == pytest.approx(6.0, abs=0.5)


def test_the_same_floor_moves_no_model_by_more_than_a_thousandth(split):
    """.1 % of independence is worth little on these days, and about the same to each."""
    train, held_out = split
    for model in (GaussianCopula(), StudentTCopula()):
        with_floor = model.fit(train).score(held_out)
        assert 0.0 < with_floor - type(model)(floor=0).fit(train).score(held_out) < 1.5e-3
