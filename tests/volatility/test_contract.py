"""What every kind of the room does, the one you are about to add included."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from qfin import persistence
from qfin.errors import ConfigError, DataError, NotFittedError
from qfin.registry import kind_of
from qfin.volatility import VOLATILITY
from qfin.volatility._base import VolatilityFilter

pytestmark = pytest.mark.parametrize("kind", VOLATILITY.kinds())
_fitted: dict[str, VolatilityFilter] = {}


@pytest.fixture
def fitted(kind: str, history: np.ndarray) -> VolatilityFilter:
    """One fit of each kind for the whole file; no test may change it."""
    if kind not in _fitted:
        _fitted[kind] = VOLATILITY.build(kind).fit(history)
    return _fitted[kind]


def _innovations(n: int, horizon: int) -> np.ndarray:
    return np.random.default_rng(3).standard_t(5, (n, horizon, 3))


def test_it_is_described_and_cloned(kind: str) -> None:
    model = VOLATILITY.build(kind)
    assert kind_of(clone(model)) == kind
    assert (inspect.getdoc(type(model)) or "").splitlines()[0].endswith(".")


def test_filtering_simulated_days_gives_their_innovations_back(
    fitted: VolatilityFilter, history: np.ndarray
) -> None:
    z = _innovations(2, 8)
    for path, drawn in zip(fitted.simulate(z), z, strict=True):
        again = fitted.filter(np.vstack([history, path]))
        np.testing.assert_allclose(again[len(history) :], drawn, rtol=1e-10, atol=1e-12)


def test_the_past_does_not_change_with_what_follows(fitted: VolatilityFilter, history: np.ndarray) -> None:
    longer = np.vstack([history, 50 * history[:20]])
    np.testing.assert_array_equal(fitted.filter(longer)[: len(history)], fitted.filter(history))
    np.testing.assert_array_equal(fitted.filter(history[:100]), fitted.filter(history)[:100])


def test_days_taken_in_later_leave_the_state_of_one_pass(kind: str, history: np.ndarray) -> None:
    """Whatever the state is, a path from it is filtered back to its innovations."""
    model, z = VOLATILITY.build(kind).fit(history[:-30]), _innovations(1, 5)
    paths = model.advance(history[-30:-29]).advance(history[-29:]).simulate(z)
    again = model.filter(np.vstack([history, paths[0]]))
    np.testing.assert_allclose(again[len(history) :], z[0], rtol=1e-10, atol=1e-12)


def test_each_factor_is_on_its_own(kind: str, fitted: VolatilityFilter, history: np.ndarray) -> None:
    alone = VOLATILITY.build(kind).fit(history[:, [1]])
    np.testing.assert_allclose(alone.filter(history[:, [1]])[:, 0], fitted.filter(history)[:, 1], rtol=1e-12)
    np.testing.assert_allclose(alone.forecast(5)[:, 0], fitted.forecast(5)[:, 1], rtol=1e-12)


def test_the_forecast_is_a_deviation_in_each_factors_unit(
    fitted: VolatilityFilter, history: np.ndarray
) -> None:
    forecast = fitted.forecast(30)
    assert forecast.shape == (30, 3)
    ratio = forecast / history.std(axis=0)
    assert (ratio > 0.2).all()
    assert (ratio < 5).all()


def test_fitting_and_simulating_repeat_exactly(
    kind: str, fitted: VolatilityFilter, history: np.ndarray
) -> None:
    again = VOLATILITY.build(kind).fit(history.copy())
    z = _innovations(5, 4)
    before = z.copy()
    assert again.simulate(z).tobytes() == fitted.simulate(z).tobytes()
    np.testing.assert_array_equal(z, before)


def test_simulation_has_the_shape_of_its_innovations(fitted: VolatilityFilter) -> None:
    for shape in ((1, 1, 3), (7, 1, 3), (2, 30, 3)):
        paths = fitted.simulate(np.ones(shape))
        assert paths.shape == shape
        assert np.isfinite(paths).all()


def test_it_survives_being_written_and_read(
    fitted: VolatilityFilter, history: np.ndarray, tmp_path: Path
) -> None:
    persistence.save(fitted, tmp_path)
    loaded = persistence.load(tmp_path)
    assert loaded.get_params() == fitted.get_params()
    z = _innovations(4, 6)
    assert loaded.filter(history).tobytes() == fitted.filter(history).tobytes()
    assert loaded.simulate(z).tobytes() == fitted.simulate(z).tobytes()
    assert loaded.forecast(6).tobytes() == fitted.forecast(6).tobytes()


def test_history_that_cannot_be_fitted(kind: str, history: np.ndarray) -> None:
    model = VOLATILITY.build(kind)
    with pytest.raises(DataError, match=r"needs at least \d+ days of returns; there are 1$"):
        model.fit(history[:1])
    flat = history.copy()
    flat[:, 2] = 0.25
    with pytest.raises(DataError, match="column 2 of the returns is constant; drop that factor"):
        model.fit(flat)
    broken = history.copy()
    broken[17, 1] = np.nan
    with pytest.raises(DataError, match=r"not finite at day 17, factor 1 \(counted from 0\)"):
        model.fit(broken)
    with pytest.raises(DataError, match=r"shape \(1500,\); wanted \(days, factors\)"):
        model.fit(history[:, 0])


def test_use_before_fit_and_wrong_shapes(kind: str, fitted: VolatilityFilter, history: np.ndarray) -> None:
    fresh = VOLATILITY.build(kind)
    for use in (
        lambda: fresh.filter(history),
        lambda: fresh.forecast(1),
        lambda: fresh.simulate(history[None]),
    ):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            use()
    with pytest.raises(DataError, match="returns have 2 columns; the filter was fitted to 3"):
        fitted.filter(history[:, :2])
    with pytest.raises(DataError, match="innovations have 2 columns; the filter was fitted to 3"):
        fitted.simulate(history[None, :, :2])
    with pytest.raises(DataError, match=r"wanted \(paths, days, factors\)"):
        fitted.simulate(history)
    with pytest.raises(ConfigError, match="horizon must be at least 1, not 0"):
        fitted.forecast(0)
