from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from qfin.errors import DataError
from qfin.marginals import Empirical


def test_the_sample_is_mapped_to_average_ranks(sample: np.ndarray) -> None:
    expected = rankdata(sample, axis=0) / (len(sample) + 1)
    np.testing.assert_allclose(Empirical().fit(sample).cdf(sample), expected, rtol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9])
def test_a_quarter_of_a_step_is_a_quarter(share: float) -> None:
    x = np.cumsum(np.arange(1.0, 31.0))  # steps of 1, 2, 3, ...
    model = Empirical().fit(x[:, None])
    inside = x[:-1] + share * np.diff(x)
    p = (np.arange(1, 30) + share) / 31
    np.testing.assert_allclose(model.cdf(inside[:, None])[:, 0], p, rtol=1e-12)
    np.testing.assert_allclose(model.ppf(p[:, None])[:, 0], inside, rtol=1e-12)


def test_beyond_the_sample_it_falls_off_exponentially() -> None:
    x = np.random.default_rng(4).exponential(2.0, 4000)
    model = Empirical().fit(np.column_stack([x, -x]))
    outer = np.sort(x)[-201:]
    mean_excess = np.mean(outer[1:]) - (outer[0] + outer[1]) / 2
    np.testing.assert_allclose([model.scale_[0, 1], model.scale_[1, 0]], mean_excess, rtol=1e-12)
    assert (model.shape_ == 0).all()
    beyond = np.array([0.0, 1.0, 5.0])
    left = 1 - model.cdf(np.column_stack([x.max() + beyond, -x.max() - beyond]))[:, 0]
    np.testing.assert_allclose(left, np.exp(-beyond / mean_excess) / 4001, rtol=1e-9)
    np.testing.assert_allclose(model.mass_, 1 / 4001)


def test_values_that_differ_by_rounding_noise_are_one() -> None:
    exact = np.repeat(np.arange(10.0) + 0.1, 10)
    noisy = exact + np.spacing(exact) * np.random.default_rng(5).integers(-3, 4, 100)
    model = Empirical().fit(noisy[:, None])
    np.testing.assert_allclose(
        model.cdf(exact[:, None]), Empirical().fit(exact[:, None]).cdf(exact[:, None]), rtol=1e-9
    )
    assert len(model.distributions_[0].values) == 10


def test_two_distinct_values_are_enough() -> None:
    model = Empirical().fit(np.repeat([[0.0], [1.0]], 10, axis=0))
    np.testing.assert_allclose(model.cdf(np.array([[0.0], [0.5], [1.0]]))[:, 0], [5.5 / 21, 0.5, 15.5 / 21])
    with pytest.raises(DataError, match="Empirical needs at least 20 rows; there are 19"):
        Empirical().fit(np.arange(19.0)[:, None])
