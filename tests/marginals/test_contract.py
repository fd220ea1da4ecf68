"""What every kind of the room does, the one you are about to add included."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.base import clone

from qfin import persistence
from qfin.errors import DataError, NotFittedError
from qfin.marginals import MARGINALS
from qfin.marginals._base import Marginals
from qfin.registry import kind_of

pytestmark = pytest.mark.parametrize("kind", MARGINALS.kinds())
TINY = 2.0**-53
_fitted: dict[str, Marginals] = {}


@pytest.fixture
def fitted(kind: str, sample: np.ndarray) -> Marginals:
    """One fit of each kind for the whole file; no test may change it."""
    if kind not in _fitted:
        _fitted[kind] = MARGINALS.build(kind).fit(sample)
    return _fitted[kind]


@st.composite
def samples(draw: st.DrawFn) -> np.ndarray:
    """Samples of one factor, shape (n, 1): heavy or light tails, any unit, rounded to ticks, stale days, clusters."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(200, 600))
    x = rng.standard_t(draw(st.sampled_from([1.5, 3.0, 100.0])), n) + draw(
        st.sampled_from([0.0, -3.0, 100.0])
    )
    decimals = draw(st.sampled_from([None, 0, 1, 4]))
    x = x if decimals is None else np.round(x, decimals)
    x[rng.random(n) < draw(st.sampled_from([0.0, 0.1, 0.5]))] = 0.0
    x += draw(st.sampled_from([0.0, 1e-15, 1e-12, 1e-7])) * rng.standard_normal(
        n
    )  # rounding noise around ties
    return (draw(st.sampled_from([1e-4, 1.0, 1e4])) * x)[:, None]


def _fit(kind: str, x: np.ndarray) -> Marginals:
    try:
        return MARGINALS.build(kind).fit(x)
    except DataError as error:
        assume("too few distinct ones" not in str(error))
        raise


def _points(x: np.ndarray) -> np.ndarray:
    """Sorted: the sample, points between, and points a little and a lot beyond it."""
    x = np.unique(x)
    spread = np.diff(np.quantile(x, [0.05, 0.95]))
    beyond = np.geomspace(1e-3, 3, 20) * spread
    between = x[:-1] + 0.37 * np.diff(x)
    return np.sort(np.concatenate([x, between, x[0] - beyond, x[-1] + beyond]))


def _probabilities() -> np.ndarray:
    powers = 2.0 ** -np.arange(1, 54)
    return np.unique(np.concatenate([powers, 1 - powers, np.linspace(0, 1, 999)[1:-1]]))


def test_it_is_described_and_cloned(kind: str) -> None:
    model = MARGINALS.build(kind)
    assert kind_of(clone(model)) == kind
    assert (inspect.getdoc(type(model)) or "").splitlines()[0].endswith(".")


@given(x=samples())
@settings(max_examples=40)
def test_cdf_increases_strictly_inside_the_unit_interval(kind: str, x: np.ndarray) -> None:
    points = _points(x)
    p = _fit(kind, x).cdf(points[:, None])[:, 0]
    assert p.min() >= TINY
    assert p.max() <= 1 - TINY
    assert (np.diff(p) >= -1e-15).all()
    # apart by more than the rounding noise that a sample's ties may carry, and where floats still tell 1 - p apart
    apart = (np.diff(points) > 1e-5 * np.ptp(x)) & (p[1:] < 1 - 1e-12) & (p[1:] > TINY)
    assert (np.diff(p)[apart] > 0).all()


@given(x=samples())
@settings(max_examples=40)
def test_ppf_of_cdf_is_the_value(kind: str, x: np.ndarray) -> None:
    model, points = _fit(kind, x), _points(x)[:, None]
    p = model.cdf(points)
    told = ((p > TINY) & (p < 1 - 1e-6))[:, 0]
    scale = np.abs(points) + np.ptp(x)
    assert (np.abs(model.ppf(p) - points) / scale)[told].max() < 1e-10
    # beyond, the value lies between those of the neighbouring floats
    far = ((p >= 1 - 1e-6) & (p < 1 - 2 * TINY))[:, 0]
    if not far.any():
        return
    below, above = (model.ppf(p[far] + step) for step in (-TINY, TINY))
    assert (below - 1e-10 * scale[far] <= points[far]).all()
    assert (points[far] <= above + 1e-10 * scale[far]).all()


@given(x=samples())
@settings(max_examples=40)
def test_cdf_of_ppf_is_the_probability(kind: str, x: np.ndarray) -> None:
    p = _probabilities()
    model = _fit(kind, x)
    y = model.ppf(p[:, None])
    assert np.isfinite(y).all()
    assert (np.diff(y[:, 0]) >= 0).all()
    np.testing.assert_allclose(model.cdf(y)[:, 0], p, rtol=1e-8, atol=1e-10)


@given(p=st.floats(0, 1, exclude_min=True, exclude_max=True))
@example(p=5e-324)
@example(p=1 - TINY)
@settings(max_examples=30)
def test_every_probability_has_a_finite_value(kind: str, p: float) -> None:
    x = np.random.default_rng(1).standard_cauchy((300, 1))
    assert np.isfinite(_fit(kind, x).ppf(np.array([[p]]))).all()


def test_far_beyond_the_sample_probabilities_stay_inside(fitted: Marginals) -> None:
    far = np.array([[-1e300] * 3, [1e300] * 3])
    p = fitted.cdf(far)
    assert ((p > 0) & (p < 1)).all()


def test_the_fitted_sample_becomes_uniform(fitted: Marginals, sample: np.ndarray) -> None:
    p = np.sort(fitted.cdf(sample)[:, :2], axis=0)
    uniform = (np.arange(len(p)) + 0.5) / len(p)
    assert np.abs(p - uniform[:, None]).max() < 0.02


def test_draws_have_the_distribution_of_the_sample(fitted: Marginals, sample: np.ndarray) -> None:
    drawn = fitted.ppf(np.random.default_rng(8).random((20_000, 3)))
    for k in range(2):
        assert ks_2samp(drawn[:, k], sample[:, k]).statistic < 0.025
    levels = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
    difference = np.quantile(drawn, levels, axis=0) - np.quantile(sample, levels, axis=0)
    assert np.abs(difference / sample.std(axis=0)).max() < 0.25


def test_each_factor_is_on_its_own(kind: str, fitted: Marginals, sample: np.ndarray) -> None:
    alone = MARGINALS.build(kind).fit(sample[:, [1]])
    np.testing.assert_array_equal(alone.cdf(sample[:, [1]])[:, 0], fitted.cdf(sample)[:, 1])


def test_a_positive_unit_changes_nothing(kind: str, fitted: Marginals, sample: np.ndarray) -> None:
    scaled = MARGINALS.build(kind).fit(2.0**13 * sample)
    np.testing.assert_allclose(scaled.cdf(2.0**13 * sample), fitted.cdf(sample), rtol=1e-9)


def test_it_survives_being_written_and_read(fitted: Marginals, sample: np.ndarray, tmp_path: Path) -> None:
    persistence.save(fitted, tmp_path)
    loaded = persistence.load(tmp_path)
    assert loaded.get_params() == fitted.get_params()
    p = np.random.default_rng(0).random((50, 3))
    assert loaded.cdf(3 * sample).tobytes() == fitted.cdf(3 * sample).tobytes()
    assert loaded.ppf(p).tobytes() == fitted.ppf(p).tobytes()


def test_input_is_left_alone_and_fits_repeat(kind: str, fitted: Marginals, sample: np.ndarray) -> None:
    before = sample.copy()
    again = MARGINALS.build(kind).fit(sample)
    assert again.cdf(sample).tobytes() == fitted.cdf(sample).tobytes()
    np.testing.assert_array_equal(sample, before)


def test_samples_that_cannot_be_fitted(kind: str, sample: np.ndarray) -> None:
    model = MARGINALS.build(kind)
    with pytest.raises(DataError, match=r"needs at least \d+ rows; there are 1$"):
        model.fit(sample[:1])
    flat = sample.copy()
    flat[:, 2] = 0.3
    with pytest.raises(DataError, match="column 2 of the values is constant; drop that factor"):
        model.fit(flat)
    broken = sample.copy()
    broken[17, 1] = np.inf
    with pytest.raises(DataError, match=r"row 17, column 1 of the values is not finite"):
        model.fit(broken)
    with pytest.raises(DataError, match=r"shape \(1500,\); wanted \(rows, factors\)"):
        model.fit(sample[:, 0])


def test_use_before_fit_and_wrong_input(kind: str, fitted: Marginals, sample: np.ndarray) -> None:
    fresh = MARGINALS.build(kind)
    for use in (fresh.cdf, fresh.ppf):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            use(sample)
    with pytest.raises(DataError, match="values have 2 columns; the marginals were fitted to 3"):
        fitted.cdf(sample[:, :2])
    for wrong in (0.0, 1.0, -0.1, np.nan):
        p = np.full((4, 3), 0.5)
        p[2, 1] = wrong
        with pytest.raises(
            DataError, match=r"row 2, column 1 of the probabilities is .*; wanted strictly between"
        ):
            fitted.ppf(p)
