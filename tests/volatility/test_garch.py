from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from arch import univariate

from qfin import persistence
from qfin.errors import ConfigError, DataError
from qfin.volatility import VOLATILITY, Garch

ALPHA, BETA, GAMMA, DEGREES = 0.04, 0.91, 0.06, 7.0  # of conftest's series
VARIANTS = list(itertools.product((False, True), ("normal", "t"), ("constant", "zero")))


def _arch(series: np.ndarray, model: Garch) -> Any:
    mean = univariate.ConstantMean if model.mean == "constant" else univariate.ZeroMean
    distribution = univariate.StudentsT() if model.distribution == "t" else univariate.Normal()
    process = univariate.GARCH(p=1, o=int(model.asymmetric), q=1)
    return mean(series, volatility=process, distribution=distribution, rescale=False)


def _parameters(model: Garch, k: int, unit: float) -> list[float]:
    """In arch's order, of returns divided by `unit`."""
    mean = [model.mean_[k] / unit] if model.mean == "constant" else []
    gamma = [model.gamma_[k]] if model.asymmetric else []
    degrees = [model.degrees_of_freedom_[k]] if model.distribution == "t" else []
    return [*mean, model.omega_[k] / unit**2, model.alpha_[k], *gamma, model.beta_[k], *degrees]


@pytest.mark.parametrize(("asymmetric", "distribution", "mean"), VARIANTS)
def test_volatility_and_forecast_equal_archs(
    history: np.ndarray, asymmetric: bool, distribution: Any, mean: Any
) -> None:
    model = Garch(asymmetric, distribution, mean).fit(history)
    volatility = (history - model.mean_) / model.filter(history)
    for k, unit in enumerate(history.std(axis=0)):
        parameters = _parameters(model, k, unit)
        oracle = _arch(history[:, k] / unit, model).fix(parameters)
        np.testing.assert_allclose(volatility[:, k], oracle.conditional_volatility * unit, rtol=1e-10)
        ahead = np.sqrt(oracle.forecast(horizon=40).variance.to_numpy()[-1]) * unit
        np.testing.assert_allclose(model.forecast(40)[:, k], ahead, rtol=1e-10)
        fitted = _arch(history[:, k] / unit, model).fit(disp="off")
        assert oracle.loglikelihood == pytest.approx(fitted.loglikelihood, abs=1e-4)
        np.testing.assert_allclose(parameters, fitted.params, rtol=0.01, atol=1e-3)


def test_known_parameters_are_recovered() -> None:
    rng = np.random.default_rng(11)
    process = univariate.ZeroMean(
        volatility=univariate.GARCH(1, 1, 1), distribution=univariate.StudentsT(seed=rng)
    )
    returns = process.simulate([0.02, ALPHA, GAMMA, BETA, DEGREES], 12_000).data.to_numpy()[:, None]
    model = Garch(asymmetric=True, mean="zero").fit(returns)
    np.testing.assert_allclose(model.alpha_, ALPHA, atol=0.015)
    np.testing.assert_allclose(model.gamma_, GAMMA, atol=0.025)
    np.testing.assert_allclose(model.beta_, BETA, atol=0.03)
    np.testing.assert_allclose(model.degrees_of_freedom_, DEGREES, rtol=0.2)
    assert Garch(distribution="normal").fit(returns).degrees_of_freedom_ == np.inf
    assert Garch().fit(returns).gamma_ == 0.0


def test_innovations_are_standardised(history: np.ndarray) -> None:
    z = Garch(asymmetric=True).fit(history).filter(history)
    np.testing.assert_allclose(z.mean(axis=0), 0.0, atol=0.05)
    np.testing.assert_allclose(z.std(axis=0), 1.0, atol=0.03)
    squares, raw = z**2, (history - history.mean(axis=0)) ** 2
    clustering = [[np.corrcoef(s[1:, k], s[:-1, k])[0, 1] for k in range(3)] for s in (squares, raw)]
    assert np.mean(clustering[0]) < 0.05 < np.mean(clustering[1])


def test_the_unit_of_the_returns_changes_nothing_but_units(history: np.ndarray) -> None:
    model, small = Garch().fit(history), Garch().fit(2.0**-12 * history)
    np.testing.assert_allclose(small.filter(2.0**-12 * history), model.filter(history), rtol=1e-12)
    np.testing.assert_allclose(small.forecast(9), 2.0**-12 * model.forecast(9), rtol=1e-12)


def test_simulated_variance_is_the_forecast(history: np.ndarray) -> None:
    model = Garch(asymmetric=True).fit(history)
    z = np.random.default_rng(5).standard_normal((40_000, 5, 3))
    deviation = np.sqrt(np.mean((model.simulate(z) - model.mean_) ** 2, axis=0))
    np.testing.assert_allclose(deviation, model.forecast(5), rtol=4 / np.sqrt(2 * 40_000))


def test_a_fall_raises_volatility_more_than_a_rise_where_it_is_asymmetric() -> None:
    model = _with_parameters(alpha=0.03, gamma=0.10, beta=0.9)
    z = np.array([[[-3.0], [1.0]], [[3.0], [1.0]]])
    after_fall, after_rise = model.simulate(z)[:, 1, 0]
    np.testing.assert_allclose([after_fall**2, after_rise**2], [0.01 + 0.13 * 9 + 0.9, 0.01 + 0.03 * 9 + 0.9])


def test_integrated_variance_grows_linearly() -> None:
    model = _with_parameters(alpha=0.06, gamma=0.08, beta=0.9)
    np.testing.assert_allclose(model.persistence, 1.0)
    np.testing.assert_allclose(model.forecast(1000)[:, 0] ** 2, 1.0 + 0.01 * np.arange(1000), rtol=1e-10)


def test_an_explosive_series_is_fitted_on_the_boundary() -> None:
    rng = np.random.default_rng(2)
    variance, shocks = 1.0, np.empty(2000)
    for day, z in enumerate(rng.standard_normal(2000)):
        shocks[day] = np.sqrt(variance) * z
        variance = 0.001 + 0.3 * shocks[day] ** 2 + 0.75 * variance
    model = Garch().fit(shocks[:, None])
    assert 0.999 < model.persistence[0] <= 1.0 + 1e-9
    assert np.isfinite(model.forecast(250)).all()


def _with_parameters(alpha: float, gamma: float, beta: float) -> Garch:
    """A one-factor filter with omega .01, mean 0 and a variance of 1 tomorrow."""
    model = Garch(asymmetric=True)
    values = {"mean": 0.0, "omega": 0.01, "alpha": alpha, "gamma": gamma, "beta": beta}
    for name, value in {**values, "backcast": 1.0, "next_variance": 1.0}.items():
        setattr(model, f"{name}_", np.array([value]))
    return model


def _fails(times: float, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let arch's optimiser fail so many times; the starting points it was given."""
    real, starts = univariate.ConstantMean.fit, []

    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        starts.append(kwargs["starting_values"])
        if len(starts) > times:
            return real(self, *args, **kwargs)
        why = SimpleNamespace(message="Positive directional derivative for linesearch")
        return SimpleNamespace(convergence_flag=8, optimization_result=why, params=pd.Series({"mu": 0.0}))

    monkeypatch.setattr(univariate.ConstantMean, "fit", fit)
    return starts


def test_a_fit_that_does_not_converge_names_the_column(
    history: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fails(np.inf, monkeypatch)
    with pytest.raises(DataError, match=r"likelihood of column 0 .*\(Positive directional.*'ewma'"):
        Garch().fit(history)


@pytest.mark.parametrize(("asymmetric", "distribution", "size"), [(False, "normal", 4), (True, "t", 6)])
def test_other_starting_points_are_tried_first(
    history: np.ndarray, monkeypatch: pytest.MonkeyPatch, asymmetric: bool, distribution: Any, size: int
) -> None:
    at_once = Garch(asymmetric, distribution).fit(history[:, [1]])
    starts = _fails(2, monkeypatch)
    later = Garch(asymmetric, distribution).fit(history[:, [1]])
    assert starts[0] is None
    assert [len(start) for start in starts[1:]] == [size, size]
    np.testing.assert_allclose(later.filter(history[:, [1]]), at_once.filter(history[:, [1]]), rtol=0.01)


def test_a_loaded_filter_needs_no_arch(history: np.ndarray, tmp_path: Path) -> None:
    persistence.save(Garch().fit(history), tmp_path)
    code = (
        "import sys, pathlib, numpy; from qfin import persistence\n"
        f"model = persistence.load(pathlib.Path({str(tmp_path)!r}))\n"
        "model.simulate(numpy.ones((2, 3, 3))); model.filter(numpy.ones((9, 3))); model.forecast(5)\n"
        "sys.exit('arch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_too_few_days_and_wrong_parameters(history: np.ndarray) -> None:
    with pytest.raises(DataError, match="Garch needs at least 250 days of returns; there are 249"):
        Garch().fit(history[:249])
    assert Garch().fit(history[:250]).filter(history).shape == history.shape
    with pytest.raises(
        ConfigError, match="distribution = 'cauchy' is not allowed: input should be 'normal' or 't'"
    ):
        VOLATILITY.build({"kind": "garch", "distribution": "cauchy"})
    with pytest.raises(ConfigError, match="Garch: mean = 'ar' is not allowed"):
        Garch(mean="ar").fit(history)  # type: ignore[arg-type]
