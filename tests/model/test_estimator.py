"""Scenarios as scikit-learn and skfolio take them, against the ScenarioModel inside and the real skfolio."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from skfolio.prior import SyntheticData
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from qfin.dependence import GaussianCopula
from qfin.errors import ConfigError, DataError, NotFittedError
from qfin.estimator import FrozenScenarios, ScenarioEstimator
from qfin.marginals import Empirical
from qfin.market import ReturnsFrame, RiskFactor, read_prices
from qfin.model import ScenarioModel
from qfin.volatility import Unfiltered

PAGE = (Path(__file__).parents[2] / "docs/portfolio_optimisation.md").read_text(encoding="utf-8")
SIMPLE: dict[str, Any] = {"volatility": "none", "marginals": "empirical", "dependence": "gaussian"}


@pytest.fixture(scope="module")
def X() -> pd.DataFrame:
    return read_prices("multi")[["AAPL", "IBM", "WTI"]].pct_change().dropna().tail(500)


@pytest.fixture(scope="module")
def fitted(X: pd.DataFrame) -> ScenarioEstimator:
    return ScenarioEstimator(**SIMPLE, random_state=7).fit(X)


@pytest.fixture(scope="module")
def model() -> ScenarioModel:
    """Of an equity under log returns, oil under changes in dollars, a rate in basis points, a volatility."""
    factors = (
        RiskFactor("SPX", "EQ", "points"),
        RiskFactor("OIL", "CMD", "USD", "absolute"),
        RiskFactor("UST10Y", "IR", "per cent", "absolute", pillar="10Y"),
        RiskFactor("VIX", "VOL", "per cent"),
    )
    mixing = np.array([[1.0, 0.5, 0.3, -0.6]] * 4) * 0.5 + np.eye(4)
    values = np.random.default_rng(3).normal(size=(300, 4)) @ mixing * [0.01, 1.5, 5.0, 0.06]
    levels = np.array([5_000.0, 60.0, 4.2, 18.0])
    history = ReturnsFrame(values, pd.bdate_range("2020-01-01", periods=300), factors, levels)
    return ScenarioModel(Unfiltered(), Empirical(), GaussianCopula(random_state=5)).fit(history)


def _cvar(returns: np.ndarray, weights: np.ndarray) -> float:
    """Mean of the worst 2.5 % of 2,000 portfolio returns, as a loss."""
    assert len(returns) == 2_000
    return float(-np.sort(returns @ weights)[:50].mean())


def test_the_page() -> None:
    names: dict[str, Any] = {}
    first, second, third = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(first, names)
    weights, prior = names["optimiser"].weights_, names["optimiser"].prior_estimator_
    returns = prior.return_distribution_.returns
    assert weights.sum() == pytest.approx(1.0)
    assert prior.distribution_estimator_.model_.dependence.label == "Born machine"
    others = [np.full(4, 0.25), *np.random.default_rng(1).dirichlet(np.ones(4), 200)]
    assert _cvar(returns, weights) < min(_cvar(returns, other) for other in others)

    exec(second, names)
    stressed = names["stressed"].return_distribution_.returns
    np.testing.assert_allclose(stressed[:, 3], -0.08, atol=1e-5)
    assert (stressed[:, :3].mean(axis=0) < returns[:, :3].mean(axis=0) - 0.002).all()
    assert names["on_that_day"].mean == pytest.approx((stressed @ weights).mean())
    assert names["on_that_day"].cvar == pytest.approx(_cvar(stressed, weights))

    exec(third, names)
    optimiser = names["optimiser"]
    assert optimiser.weights_.sum() == pytest.approx(1.0)
    drawn = names["fitted"].sample(2_000, random_state=7).returns[:, 0, [2, 1, 0]]
    np.testing.assert_allclose(optimiser.prior_estimator_.return_distribution_.returns, np.expm1(drawn))


def test_the_prior_looks_like_the_history_it_was_fitted_to(X: pd.DataFrame) -> None:
    prior = SyntheticData(ScenarioEstimator(**SIMPLE, random_state=7), n_samples=4_000).fit(X)
    drawn = prior.return_distribution_
    assert drawn.returns.shape == (4_000, 3)
    assert prior.feature_names_in_.tolist() == ["AAPL", "IBM", "WTI"]
    assert prior.distribution_estimator_.feature_names_in_.tolist() == ["AAPL", "IBM", "WTI"]
    error = X.std().to_numpy() / np.sqrt(4_000)
    assert (np.abs(drawn.mu - X.mean().to_numpy()) < 4 * error).all()
    np.testing.assert_allclose(np.sqrt(np.diag(drawn.covariance)), X.std(), rtol=0.1)
    np.testing.assert_allclose(np.corrcoef(drawn.returns.T), X.corr(), atol=0.1)


def test_historical_simulation_draws_rows_of_the_history(X: pd.DataFrame) -> None:
    drawn = ScenarioEstimator("none", "empirical", "bootstrap", random_state=7).fit(X).sample(100)
    nearest = np.abs(drawn[:, None] - X.to_numpy()).max(axis=2).min(axis=1)
    assert nearest.max() < 1e-8


def test_draws_are_the_model_s_log_returns_made_linear(X: pd.DataFrame, fitted: ScenarioEstimator) -> None:
    assert fitted.model_.as_of_ == X.index[-1]
    log_returns = fitted.model_.sample(50, random_state=7).returns[:, 0]
    np.testing.assert_allclose(fitted.sample(50), np.exp(log_returns) - 1, rtol=1e-9, atol=1e-15)


def test_days_of_a_longer_horizon_compound(X: pd.DataFrame) -> None:
    estimator = ScenarioEstimator(**SIMPLE, horizon=3, random_state=7).fit(X)
    daily = np.exp(estimator.model_.sample(20, horizon=3, random_state=7).returns)
    by_hand = [path[0] * path[1] * path[2] - 1 for path in daily]
    np.testing.assert_allclose(estimator.sample(20), by_hand, rtol=1e-9, atol=1e-15)


def test_the_same_seed_draws_the_same(X: pd.DataFrame, fitted: ScenarioEstimator) -> None:
    again = clone(fitted).fit(X).sample(100)
    assert fitted.sample(100).tobytes() == fitted.sample(100).tobytes() == again.tobytes()
    assert fitted.sample(100, random_state=8).tobytes() != again.tobytes()
    assert fitted.sample(100, random_state=8).tobytes() == fitted.sample(100, random_state=8).tobytes()
    free = ScenarioEstimator(**SIMPLE).fit(X)
    assert free.sample(100).tobytes() != free.sample(100).tobytes()
    assert pickle.loads(pickle.dumps(fitted)).sample(100).tobytes() == again.tobytes()


@pytest.mark.parametrize(("own", "wanted"), [(None, 7), (3, 3)])
def test_the_seed_of_the_fit_is_the_dependence_model_s_own_if_it_has_one(X, own, wanted) -> None:
    spec = {"kind": "gaussian", "random_state": own}
    estimator = ScenarioEstimator(**{**SIMPLE, "dependence": spec}, random_state=7).fit(X)
    assert estimator.model_.dependence.random_state == wanted
    assert spec == {"kind": "gaussian", "random_state": own}


def test_clone_keeps_parameters_and_forgets_the_fit(fitted: ScenarioEstimator) -> None:
    copy = clone(fitted)
    assert copy.get_params() == {**SIMPLE, "horizon": 1, "random_state": 7}
    with pytest.raises(
        NotFittedError, match=r"this ScenarioEstimator is not fitted yet; call fit\(X\) first"
    ):
        copy.sample(10)
    assert copy.set_params(dependence="independent", random_state=1).dependence == "independent"


def test_instances_are_cloned_and_searched_into(X: pd.DataFrame, fitted: ScenarioEstimator) -> None:
    own = GaussianCopula(floor=0.01)
    estimator = ScenarioEstimator(Unfiltered(), Empirical(), own, random_state=7)
    estimator.set_params(dependence__floor=1e-3).fit(X)
    assert estimator.sample(50).tobytes() == fitted.sample(50).tobytes()
    assert not hasattr(own, "n_features_in_")
    assert own.random_state is None


def test_arrays_have_columns_by_number_and_days_without_dates(X: pd.DataFrame, fitted) -> None:
    bare = ScenarioEstimator(**SIMPLE, random_state=7).fit(X.to_numpy())
    assert bare.sample(50).tobytes() == fitted.sample(50).tobytes()
    assert bare.sample(50, {2: -0.05}).tobytes() == fitted.sample(50, {"WTI": -0.05}).tobytes()
    assert bare.sample(50, {"x2": -0.05}).tobytes() == fitted.sample(50, {2: -0.05}).tobytes()
    assert bare.model_.as_of_ == pd.bdate_range("2000-01-03", periods=500)[-1]
    numbered = ScenarioEstimator(**SIMPLE, random_state=7).fit(X.reset_index(drop=True))
    assert numbered.sample(50).tobytes() == bare.sample(50).tobytes()


def test_held_assets_stay_and_the_others_follow_the_model(fitted: ScenarioEstimator) -> None:
    drawn = fitted.sample(2_000, conditioning={"WTI": -0.05})
    np.testing.assert_allclose(drawn[:, 2], -0.05, rtol=1e-12)
    given = fitted.model_.sample(2_000, random_state=7, given={"WTI": np.log(0.95)}).returns[:, 0]
    np.testing.assert_allclose(drawn, np.exp(given) - 1, rtol=1e-9, atol=1e-15)
    assert (drawn[:, :2].mean(axis=0) < fitted.sample(2_000)[:, :2].mean(axis=0) - 0.002).all()


def test_skfolio_conditions_by_sample_args(X: pd.DataFrame) -> None:
    sample_args = {"conditioning": {"WTI": -0.05}, "random_state": 3}
    prior = SyntheticData(ScenarioEstimator(**SIMPLE), n_samples=500, sample_args=sample_args).fit(X)
    expected = prior.distribution_estimator_.sample(500, {"WTI": -0.05}, 3)
    np.testing.assert_array_equal(prior.return_distribution_.returns[:, :2], expected[:, :2])
    np.testing.assert_allclose(prior.return_distribution_.returns[:, 2], -0.05, atol=1e-5)


def test_a_frozen_model_is_neither_cloned_nor_fitted_again(model: ScenarioModel, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(ScenarioModel, "fit", refuse)
    wanted = pd.DataFrame(np.zeros((5, 2)), columns=["OIL", "SPX"])
    prior = SyntheticData(FrozenScenarios(model, random_state=7), n_samples=300).fit(wanted)
    assert prior.distribution_estimator_.model_ is model
    drawn = model.sample(300, random_state=7).returns[:, 0]
    by_hand = np.column_stack([drawn[:, 1] / 60.0, np.exp(drawn[:, 0]) - 1])
    np.testing.assert_allclose(prior.return_distribution_.returns, by_hand, rtol=1e-9, atol=1e-15)
    again = clone(prior.distribution_estimator_).set_params(random_state=8)
    assert again.model is model
    assert not hasattr(again, "model_")
    assert again.fit(wanted).sample(10).tobytes() != prior.distribution_estimator_.sample(10).tobytes()


def test_a_frozen_model_can_be_held_at_an_asset_nobody_wants(model: ScenarioModel) -> None:
    frozen = FrozenScenarios(model, random_state=7).fit(pd.DataFrame({"SPX": [0.0, 0.0]}))
    held = model.sample(200, random_state=7, given={"OIL": -3.0}).returns[:, 0, :1]
    np.testing.assert_allclose(frozen.sample(200, {"OIL": -0.05}), np.exp(held) - 1, rtol=1e-9, atol=1e-15)
    both = FrozenScenarios(model, random_state=7).fit(pd.DataFrame({"OIL": [0.0, 0.0], "SPX": [0.0, 0.0]}))
    assert both.sample(50, {0: -0.05}).tobytes() == both.sample(50, {"OIL": -0.05}).tobytes()
    with pytest.raises(DataError, match="UST10Y is an interest rate and has no linear return"):
        frozen.sample(10, {"UST10Y": -0.05})


def test_what_a_frozen_model_refuses(model: ScenarioModel) -> None:
    for column, message in {
        "GOLD": "there is no risk factor 'GOLD' in the model; choose from: SPX, OIL, UST10Y, VIX",
        "VIX": "VIX is a volatility and has no linear return; leave it out of X",
    }.items():
        with pytest.raises(DataError, match=message):
            FrozenScenarios(model).fit(pd.DataFrame({"SPX": [0.0, 0.0], column: [0.0, 0.0]}))
    with pytest.raises(DataError, match="X has 2 columns without names; the model has factors SPX, OIL"):
        FrozenScenarios(model).fit(np.zeros((5, 2)))
    with pytest.raises(NotFittedError, match="the model is not fitted yet; fit it first"):
        FrozenScenarios(clone(model)).fit(np.zeros((5, 4)))
    with pytest.raises(ConfigError, match="FrozenScenarios: model = .* is not allowed"):
        FrozenScenarios(GaussianCopula()).fit(np.zeros((5, 4)))


def test_an_asset_below_zero_has_no_linear_return(model: ScenarioModel, monkeypatch) -> None:
    monkeypatch.setattr(model, "levels_", np.array([5_000.0, -37.0, 4.2, 18.0]))
    with pytest.raises(DataError, match="OIL stands at -37 and has no linear return; leave it out of X"):
        FrozenScenarios(model).fit(pd.DataFrame({"OIL": [0.0, 0.0]}))


def _spoilt(X: pd.DataFrame, value: float) -> pd.DataFrame:
    X = X.copy()
    X.iloc[3, 1] = value
    return X


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda X: _spoilt(X, np.nan), r"IBM is nan on \d{4}-\d\d-\d\d; a linear return is finite and above -1"),
        (lambda X: _spoilt(X, np.inf), r"IBM is inf on \d{4}-\d\d-\d\d; .*: correct it or drop the row"),
        (lambda X: _spoilt(X, -1.5), r"IBM is -1\.5 on \d{4}-\d\d-\d\d"),
        (lambda X: _spoilt(X, np.nan).to_numpy(), r"x1 is nan in row 3 \(counted from 0\)"),
        (lambda X: X.assign(IBM=0.01), "IBM is constant; drop it, it carries no risk"),
        (lambda X: X.set_axis(["A", "B", "A"], axis=1), "A is the name of two columns of X; rename one"),
        (lambda X: X[::-1], "dates of returns must increase; sort them"),
        (lambda X: X.head(10), "at least 20 rows; there are 10"),
    ],
)  # fmt: skip
def test_histories_that_cannot_be_fitted(X: pd.DataFrame, spoil: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ScenarioEstimator(**SIMPLE).fit(spoil(X))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dependence": "borm"}, "there is no dependence model 'borm'; did you mean 'born'"),
        ({"dependence": {"kind": "born", "bits": 99}}, "dependence model 'born': bits = 99 is not allowed"),
        ({"horizon": 0}, "ScenarioEstimator: horizon = 0 is not allowed"),
        ({"random_state": -1}, "ScenarioEstimator: random_state = -1 is not allowed"),
    ],
)
def test_parameters_that_are_none(X: pd.DataFrame, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ScenarioEstimator(**{**SIMPLE, **parameters}).fit(X)


@pytest.mark.parametrize(
    ("conditioning", "error", "message"),
    [
        ({"WTI": (-0.1, -0.05)}, ConfigError, r"conditioning holds 'WTI' at \(-0.1, -0.05\); wanted one number"),
        ({"GOLD": 0.0}, DataError, "there is no risk factor 'GOLD' in the model; choose from: AAPL, IBM, WTI"),
        ({3: 0.0}, DataError, "conditioning names the column 3; wanted 0 to 2, or a name"),
        ({"WTI": -1.0}, DataError, "WTI cannot return -1: a linear return is finite and above -1"),
        ({"WTI": np.nan}, DataError, "WTI cannot return nan"),
        ({"AAPL": 0.0, "IBM": 0.0, "WTI": 0.0}, DataError, "leave at least one to draw"),
    ],
)  # fmt: skip
def test_conditions_that_cannot_be(fitted: ScenarioEstimator, conditioning, error, message) -> None:
    with pytest.raises(error, match=message):
        fitted.sample(10, conditioning)


def test_draws_that_cannot_be(X: pd.DataFrame, fitted: ScenarioEstimator) -> None:
    with pytest.raises(ConfigError, match="n_samples must be at least 1, not 0"):
        fitted.sample(0)
    longer = ScenarioEstimator(**SIMPLE, horizon=2).fit(X)
    with pytest.raises(ConfigError, match="returns can be given one day ahead only"):
        longer.sample(10, {"WTI": -0.05})
    bootstrap = ScenarioEstimator(**{**SIMPLE, "dependence": "bootstrap"}).fit(X)
    with pytest.raises(ConfigError, match="cannot be conditioned exactly; take another model"):
        bootstrap.sample(10, {"WTI": -0.05})


def test_scikit_learn_s_own_checks() -> None:
    """All of them but those whose X is no history of linear returns, or who want a ValueError for a DataError."""
    below = "X has values below -1"
    known = {
        "check_estimators_overwrite_params": below,
        "check_estimators_fit_returns_self": below,
        "check_readonly_memmap_input": below,
        "check_n_features_in_after_fitting": below,
        "check_positive_only_tag_during_fit": below,
        "check_estimators_nan_inf": "DataError is no ValueError",
        "check_fit2d_1feature": "10 days are too few",
    }
    estimator = ScenarioEstimator(**SIMPLE, random_state=1)
    found = check_estimator(estimator, on_skip=None, on_fail=None, expected_failed_checks=known)
    assert [check["check_name"] for check in found if check["status"] == "failed"] == []
    assert sum(check["status"] == "passed" for check in found) > 25
