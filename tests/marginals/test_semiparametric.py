from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import genpareto, norm, rankdata
from scipy.stats import t as student

from qfin.errors import ConfigError, DataError
from qfin.marginals import MARGINALS, Semiparametric, _pareto


@given(shape=st.one_of(st.just(0.0), st.floats(1e-9, 0.9)), scale=st.floats(1e-6, 1e6), y=st.floats(0, 50))
@settings(deadline=None)
def test_the_tail_is_scipys_generalised_pareto(shape: float, scale: float, y: float) -> None:
    oracle = genpareto(shape, scale=scale)
    survival = _pareto.survival(np.array([y * scale]), shape, scale)
    np.testing.assert_allclose(survival, oracle.sf(y * scale), rtol=1e-9)
    np.testing.assert_allclose(
        _pareto.excess(survival, shape, scale), y * scale, rtol=1e-9, atol=1e-12 * scale
    )


@given(shape=st.floats(-0.5, -1e-6), scale=st.floats(1e-6, 1e6))
@settings(deadline=None)
def test_a_tail_with_an_end_point_is_left_for_an_exponential_one(shape: float, scale: float) -> None:
    oracle = genpareto(shape, scale=scale)
    levels = np.linspace(1.0, 0.01, 50)
    y = oracle.isf(levels)
    np.testing.assert_allclose(_pareto.survival(y, shape, scale), levels, rtol=1e-9)
    np.testing.assert_allclose(_pareto.excess(levels, shape, scale), y, rtol=1e-9, atol=1e-12 * scale)
    # past the last hundredth: the hazard the tail had there, for ever
    hazard = oracle.pdf(y[-1]) / 0.01
    further = y[-1] + np.array([0.5, 3.0, 20.0]) / hazard
    left = _pareto.survival(further, shape, scale)
    np.testing.assert_allclose(left, 0.01 * np.exp([-0.5, -3.0, -20.0]), rtol=1e-8)
    np.testing.assert_allclose(_pareto.excess(left, shape, scale), further, rtol=1e-9)


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.05, 0.2, 0.5])
@pytest.mark.parametrize("scale", [1e-4, 3.0])
def test_known_tails_are_recovered(shape: float, scale: float) -> None:
    n = 20_000
    y = genpareto.rvs(shape, scale=scale, size=n, random_state=12)
    found = _pareto.fit(y)
    # asymptotic deviations of the maximum likelihood estimates (Smith 1987)
    assert abs(found[0] - shape) < 3 * (1 + shape) / np.sqrt(n)
    assert abs(found[1] / scale - 1) < 3 * np.sqrt(2 * (1 + shape) / n)


@pytest.mark.parametrize("seed", range(8))
def test_the_likelihood_is_no_lower_than_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.abs(rng.standard_t(2 + seed, 300)) if seed < 6 else np.abs(rng.standard_normal(300))
    shape, scale = _pareto.fit(y)
    theirs = genpareto.fit(y, floc=0)
    assert genpareto.logpdf(y, shape, scale=scale).sum() >= genpareto.logpdf(y, *theirs).sum() - 1e-9
    np.testing.assert_allclose([shape, scale], [theirs[0], theirs[2]], atol=2e-3)


def test_the_shape_is_held_between_irregular_and_infinite_mean() -> None:
    rng = np.random.default_rng(3)
    for y, bound in ((rng.random(500) ** 0.7, -0.5), (rng.pareto(0.6, 5000), 0.9)):
        shape, scale = _pareto.fit(y)
        assert shape == bound
        nearby = [genpareto.logpdf(y, bound, scale=f * scale).sum() for f in (0.98, 1.0, 1.02)]
        assert nearby[1] == max(nearby)


def test_equal_excesses_have_a_tail_too() -> None:
    shape, scale = _pareto.fit(np.full(30, 0.01))
    assert shape == -0.5
    assert np.isfinite(_pareto.excess(np.array([1e-300]), shape, scale)).all()


def test_body_and_tails_are_where_they_should_be(sample: np.ndarray) -> None:
    model = Semiparametric(tail=0.08).fit(sample)
    body = (sample >= model.threshold_[:, 0]) & (sample <= model.threshold_[:, 1])
    empirical = rankdata(sample, axis=0) / (len(sample) + 1)
    np.testing.assert_allclose(model.cdf(sample)[body], empirical[body], rtol=1e-12)
    beyond = np.array(
        [(sample < model.threshold_[:, 0]).sum(axis=0), (sample > model.threshold_[:, 1]).sum(axis=0)]
    )
    assert (beyond[:, :2] == 120).all()
    assert (beyond[:, 2] >= 120).all()
    np.testing.assert_allclose(model.mass_[:2], 120.5 / 1501, rtol=1e-12)


def test_tails_equal_scipys(sample: np.ndarray) -> None:
    model = Semiparametric().fit(sample)
    assert (model.shape_ < 0).any()
    assert (model.shape_ > 0).any()
    for k, side in itertools.product(range(3), range(2)):
        oracle = genpareto(model.shape_[k, side], scale=model.scale_[k, side])
        last = 1e-2 if model.shape_[k, side] < 0 else 1e-9
        steps = oracle.isf(np.geomspace(1.0, last, 30))
        x = np.tile(sample[0], (30, 1))
        x[:, k] = model.threshold_[k, side] + (2 * side - 1) * steps
        p = model.cdf(x)[:, k]
        np.testing.assert_allclose(1 - p if side else p, model.mass_[k, side] * oracle.sf(steps), rtol=1e-5)


def test_tails_are_not_swapped() -> None:
    rng = np.random.default_rng(9)
    x = np.where(rng.random(20_000) < 0.5, -rng.pareto(3.0, 20_000), rng.exponential(1.0, 20_000))
    model = Semiparametric().fit(x[:, None])
    np.testing.assert_allclose(model.shape_[0], [1 / 3, 0.0], atol=0.1)
    mirrored = Semiparametric().fit(-x[:, None])
    np.testing.assert_allclose(mirrored.shape_[0], model.shape_[0, ::-1], rtol=1e-12)
    np.testing.assert_allclose(mirrored.threshold_[0], -model.threshold_[0, ::-1], rtol=1e-12)


def test_far_quantiles_are_those_of_the_true_distribution() -> None:
    x = student.rvs(4, size=(200_000, 1), random_state=21)
    p = np.array([[1e-4], [1e-3], [0.999], [0.9999]])
    found = Semiparametric(tail=0.05).fit(x).ppf(p)[:, 0]
    np.testing.assert_allclose(found, student.ppf(p[:, 0], 4), rtol=0.1)
    light = Semiparametric().fit(norm.rvs(size=(7000, 1), random_state=22)).ppf(p)[:, 0]
    np.testing.assert_allclose(light, norm.ppf(p[:, 0]), rtol=0.08)


def test_the_worst_day_seen_is_not_the_worst_there_is(sample: np.ndarray) -> None:
    ends = Semiparametric().fit(sample).ppf(np.array([[1e-6] * 3, [1 - 1e-6] * 3]))
    assert (ends[0] < sample.min(axis=0)).all()
    assert (ends[1] > sample.max(axis=0)).all()


def test_too_little_for_a_tail() -> None:
    x = np.random.default_rng(0).standard_normal((199, 1))
    with pytest.raises(DataError, match="Semiparametric needs at least 200 rows; there are 199"):
        Semiparametric().fit(x)
    with pytest.raises(DataError, match="Semiparametric needs at least 400 rows; there are 399"):
        Semiparametric(tail=0.05).fit(np.vstack([x, x, x[:1]]))
    signs = np.sign(np.random.default_rng(0).standard_normal((300, 2)))
    with pytest.raises(
        DataError, match=r"column 0 of the values has too few distinct ones \(2 in 300 rows\)"
    ):
        Semiparametric().fit(signs)
    with pytest.raises(
        ConfigError, match=r"marginal distribution 'semiparametric': tail = 0.3 is not allowed"
    ):
        MARGINALS.build({"kind": "semiparametric", "tail": 0.3})
    with pytest.raises(ConfigError, match=r"Semiparametric: tail = 0.0 is not allowed"):
        Semiparametric(tail=0.0).fit(np.vstack([x, x]))
