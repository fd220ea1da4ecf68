"""Scenarios of a day on which some returns are given: closed forms, rejection, and what cannot be given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri
from sklearn.base import clone

from qfin.dependence import Bootstrap, BornMachine, GaussianCopula
from qfin.errors import ConfigError, DataError
from qfin.marginals import Empirical, Semiparametric
from qfin.market import ReturnsFrame, RiskFactor
from qfin.model import ScenarioModel
from qfin.quantum.backends import Exact
from qfin.scenarios import ScenarioSet
from qfin.volatility import Ewma, Garch, Unfiltered

FACTORS = (
    RiskFactor("EURUSD"),
    RiskFactor("UST10Y", "IR", "per cent", "absolute", pillar="10Y"),
    RiskFactor("SPX", "EQ", "", "relative"),
)
SCALES = np.array([0.006, 5.0, 0.01])  # a log return, basis points, a relative return
CORRELATION = np.array([[1.0, -0.6, 0.3], [-0.6, 1.0, -0.4], [0.3, -0.4, 1.0]])


def _history(days: int, storm: float = 1.0) -> ReturnsFrame:
    """Normal returns of known correlation; the last 60 days times `storm`."""
    x = np.random.default_rng(4).multivariate_normal(np.zeros(3), CORRELATION, days) * SCALES
    x[-60:] *= storm
    dates = pd.date_range("1990-01-01", periods=days)
    return ReturnsFrame(x, dates, FACTORS, np.array([1.1, 4.2, 5000.0]))


def _gaussian(volatility) -> ScenarioModel:
    copula = GaussianCopula(floor=0.0, random_state=7)
    return ScenarioModel(volatility, Semiparametric(), copula).fit(_history(1500, storm=3.0))


@pytest.fixture(scope="module")
def garch() -> ScenarioModel:
    return _gaussian(Garch(distribution="normal"))


def _scores(model: ScenarioModel, returns: np.ndarray) -> np.ndarray:
    """Normal scores of tomorrow's returns, shape (n, d): by the filter's own state where it has one."""
    volatility = model.volatility
    mean, deviation = getattr(volatility, "mean_", 0.0), 1.0
    if hasattr(volatility, "next_variance_"):
        deviation = np.sqrt(volatility.next_variance_)
    return ndtri(model.marginals.cdf((returns - mean) / deviation))


@pytest.mark.parametrize("volatility", [Unfiltered(), Ewma(), Garch()], ids=lambda v: type(v).__name__)
def test_normal_scores_given_one_are_the_textbook_s(volatility):
    """Mean R_21 R_11^-1 x and covariance R_22 - R_21 R_11^-1 R_12 (McNeil, Frey and Embrechts, section 6.3.3)."""
    model = _gaussian(volatility)
    value = float(model.sample(2000, 1, 1).returns[:, 0, 1].max())
    drawn = model.sample(20_000, 1, 2, given={"UST10Y": value}).returns[:, 0, :]
    assert (drawn[:, 1] == value).all()
    scores, R = _scores(model, drawn), model.dependence.correlation_
    others = [0, 2]
    assert scores[0, 1] > 2.0
    np.testing.assert_allclose(scores[:, others].mean(axis=0), R[1, others] * scores[0, 1], atol=0.03)
    wanted = R[np.ix_(others, others)] - np.outer(R[1, others], R[1, others])
    np.testing.assert_allclose(np.cov(scores[:, others].T), wanted, atol=0.03)


def test_two_given_returns_are_both_held(garch):
    held = {"SPX": -0.03, "EURUSD": 0.004}
    drawn = garch.sample(20_000, 1, 2, given=held).returns[:, 0, :]
    assert (drawn[:, [0, 2]] == [0.004, -0.03]).all()
    scores, R = _scores(garch, drawn), garch.dependence.correlation_
    slope = np.linalg.solve(R[np.ix_([0, 2], [0, 2])], R[[0, 2], 1])
    assert scores[:, 1].mean() == pytest.approx(slope @ scores[0, [0, 2]], abs=0.03)
    assert scores[:, 1].var() == pytest.approx(1.0 - slope @ R[[0, 2], 1], abs=0.03)


def test_returns_are_those_of_the_normal_distribution_they_were_drawn_from():
    """Nothing of the model in the reference: mean rho s_2 / s_1 r, deviation s_2 sqrt(1 - rho^2)."""
    copula = GaussianCopula(floor=0.0, random_state=7)
    model = ScenarioModel(Unfiltered(), Empirical(), copula).fit(_history(8000))
    drawn = model.sample(20_000, 1, 3, given={"EURUSD": -0.009}).returns[:, 0, 1]
    assert drawn.mean() == pytest.approx(-0.6 * 5.0 / 0.006 * -0.009, rel=0.06)
    assert drawn.std() == pytest.approx(5.0 * 0.8, rel=0.05)


def test_a_stormy_today_makes_the_same_move_an_ordinary_one(garch):
    """Today's volatility is three times that of the history, so 2 % says less of the rest than it did in the calm."""
    calm = ScenarioModel(clone(garch.volatility), Semiparametric(), GaussianCopula(random_state=7))
    calm.fit(_history(1500))
    sizes = [abs(_scores(m, np.full((1, 3), 0.02))[0, 0]) for m in (garch, calm)]
    assert sizes[0] < 0.6 * sizes[1]
    drawn = garch.sample(20_000, 1, 4, given={"EURUSD": 0.02}).returns[:, 0, :]
    assert _scores(garch, drawn)[:, 1].mean() == pytest.approx(
        garch.dependence.correlation_[0, 1] * sizes[0], abs=0.03
    )


@pytest.fixture(scope="module")
def born() -> ScenarioModel:
    machine = BornMachine(
        bits=2, layers=2, data_weight=1.0, steps=40, learning_rate=0.05, floor=0.05, random_state=3
    )
    return ScenarioModel(Ewma(), Semiparametric(), machine).fit(_history(700))


@pytest.fixture(scope="module")
def plain(born) -> np.ndarray:
    """Returns of the Born machine without a condition."""
    return born.sample(400_000, 1, 5).returns[:, 0, :]


@pytest.mark.parametrize("quantile", [0.1, 0.8])
def test_a_born_machine_s_draws_are_those_that_rejection_keeps(born, plain, quantile):
    value = float(np.quantile(plain[:, 0], quantile))
    near = plain[np.abs(plain[:, 0] - value) < 0.00005]
    given = born.sample(4000, 1, 6, given={"EURUSD": value}).returns[:, 0, :]
    assert len(near) > 1500
    for k in (1, 2):
        assert stats.ks_2samp(given[:, k], near[:, k]).pvalue > 1e-3
        assert (
            stats.ks_2samp(given[:, k], plain[:, k]).pvalue < 1e-6
        )  # it would notice a condition that is ignored
    products = [(one[:, 1:] / SCALES[1:]).prod(axis=1) for one in (given, near)]
    assert stats.ks_2samp(*products).pvalue > 1e-3


@settings(max_examples=25)
@for_all(value=st.floats(-0.02, 0.02), name=st.sampled_from(["EURUSD", "SPX"]), n=st.integers(1, 5))
def test_what_is_given_comes_out_to_the_bit(garch, value, name, n):
    drawn = garch.sample(n, given={name: value})
    assert drawn.returns.shape == (n, 1, 3)
    assert (drawn.returns[:, 0, drawn.names.index(name)] == value).all()


def test_the_condition_is_in_the_lineage_and_in_the_file(garch, tmp_path):
    drawn = garch.sample(10, 1, 9, given={"UST10Y": np.float32(12.5)})
    assert drawn.lineage["given"] == {"UST10Y": 12.5}
    assert drawn.lineage["seed"] == 9
    drawn.write(tmp_path)
    back = ScenarioSet.read(tmp_path)
    assert back.lineage["given"] == {"UST10Y": 12.5}
    assert back.returns.tobytes() == garch.sample(10, 1, 9, given={"UST10Y": 12.5}).returns.tobytes()
    assert "given" not in garch.sample(10).lineage


def test_no_condition_is_no_condition(garch):
    assert garch.sample(50, given={}).returns.tobytes() == garch.sample(50).returns.tobytes()


@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        ({"EURUSX": 0.01}, {}, DataError, "no risk factor 'EURUSX'; choose from: EURUSD, UST10Y, SPX"),
        ({"EURUSD": np.nan}, {}, DataError, "EURUSD = nan is given, and no log return can be that"),
        ({"UST10Y": np.inf}, {}, DataError, "UST10Y = inf is given, and no bp can be that"),
        ({"SPX": -1.0}, {}, DataError, "SPX = -1.0 is given, and no relative return can be that"),
        ({"EURUSD": -5.0}, {}, DataError, r"EURUSD = -5 is given, and its marginal reaches from -\d.*smaller move"),
        ({"UST10Y": 1e6}, {}, DataError, "UST10Y = 1e.06 is given, and its marginal reaches from -"),
        ({f.name: 0.001 for f in FACTORS}, {}, DataError, "given holds every factor; leave at least one"),
        ({"EURUSD": 0.01}, {"horizon": 2}, ConfigError, "given one day ahead only"),
        ({"EURUSD": 0.01}, {"backend": Exact()}, ConfigError, "draws from exact probabilities"),
    ],
)  # fmt: skip
def test_what_cannot_be_given(garch, given, options, error, message):
    with pytest.raises(error, match=message):
        garch.sample(10, given=given, **options)


def test_a_model_that_cannot_be_conditioned_says_so():
    model = ScenarioModel(Unfiltered(), Empirical(), Bootstrap(random_state=1)).fit(_history(200))
    with pytest.raises(ConfigError, match="Bootstrap cannot be conditioned exactly; take another model"):
        model.sample(10, given={"EURUSD": 0.001})
