from __future__ import annotations

import numpy as np

from qfin.volatility import Unfiltered


def test_returns_pass_through_untouched(history: np.ndarray) -> None:
    model = Unfiltered().fit(history)
    assert model.filter(history).tobytes() == history.tobytes()
    paths = history[:600].reshape(60, 10, 3)
    assert model.simulate(paths).tobytes() == paths.tobytes()


def test_the_forecast_is_the_sample_deviation(history: np.ndarray) -> None:
    forecast = Unfiltered().fit(history).forecast(3)
    np.testing.assert_allclose(forecast, [history.std(axis=0, ddof=1)] * 3, rtol=1e-14)
