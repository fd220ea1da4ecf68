from __future__ import annotations

import numpy as np
import pytest
from arch.univariate import EWMAVariance, ZeroMean
from hypothesis import given, settings
from hypothesis import strategies as st

from qfin.errors import ConfigError, DataError
from qfin.volatility import VOLATILITY, Ewma


def test_volatility_equals_archs(history: np.ndarray) -> None:
    z = Ewma(decay=0.9).fit(history).filter(history)
    for k in range(3):
        oracle = ZeroMean(history[:, k], volatility=EWMAVariance(0.9), rescale=False).fix([])
        np.testing.assert_allclose(history[:, k] / z[:, k], oracle.conditional_volatility, rtol=1e-10)


def test_first_days_by_hand() -> None:
    returns = np.tile([[0.01], [-0.03]], (20, 1))
    weights = 0.94 ** np.arange(40)
    first = (weights @ returns[:, 0] ** 2) / weights.sum()
    second = 0.94 * first + 0.06 * 0.01**2
    third = 0.94 * second + 0.06 * 0.03**2
    z = Ewma().fit(returns).filter(returns)
    np.testing.assert_allclose(z[:3, 0], [0.01, -0.03, 0.01] / np.sqrt([first, second, third]), rtol=1e-12)


def test_the_forecast_stays_where_the_history_ends(history: np.ndarray) -> None:
    model = Ewma().fit(history)
    np.testing.assert_allclose(model.forecast(50), [np.sqrt(model.next_variance_)] * 50, rtol=1e-12)


@given(decay=st.floats(0.01, 0.99), unit=st.floats(1e-6, 1e6), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_innovations_have_no_unit_and_give_the_returns_back(decay: float, unit: float, seed: int) -> None:
    returns = np.random.default_rng(seed).standard_t(3, (60, 2))
    model, scaled = Ewma(decay).fit(returns), Ewma(decay).fit(unit * returns)
    np.testing.assert_allclose(scaled.filter(unit * returns), model.filter(returns), rtol=1e-9)
    z = np.random.default_rng(seed + 1).standard_t(3, (1, 5, 2))
    again = model.filter(np.vstack([returns, model.simulate(z)[0]]))[60:]
    np.testing.assert_allclose(again, z[0], rtol=1e-9)


def test_a_start_without_movement_is_refused(history: np.ndarray) -> None:
    stale = history.copy()
    stale[:75, 1] = 0.0
    with pytest.raises(DataError, match="column 1 of the returns does not move in its first 75 days"):
        Ewma().fit(stale)
    stale[74, 1] = 1e-4
    assert np.isfinite(Ewma().fit(stale).filter(stale)).all()


def test_parameters_are_checked(history: np.ndarray) -> None:
    with pytest.raises(ConfigError, match=r"volatility filter 'ewma': decay = 1.5 is not allowed"):
        VOLATILITY.build({"kind": "ewma", "decay": 1.5})
    with pytest.raises(ConfigError, match=r"Ewma: decay = 0.0 is not allowed"):
        Ewma(decay=0.0).fit(history)
    with pytest.raises(DataError, match="Ewma needs at least 30 days of returns; there are 29"):
        Ewma().fit(history[:29])
