"""ScenarioModel: volatility, marginals and dependence composed, against the composition done by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import clone

from qfin import persistence
from qfin.dependence import Bootstrap, BornMachine, GaussianCopula, Independent, StudentTCopula
from qfin.errors import ConfigError, DataError, NotFittedError
from qfin.marginals import MARGINALS, Empirical, Semiparametric
from qfin.market import ReturnsFrame, RiskFactor
from qfin.model import ScenarioModel
from qfin.quantum.backends import Exact
from qfin.scenarios import ScenarioSet
from qfin.volatility import VOLATILITY, Ewma, Garch, Unfiltered

FACTORS = (RiskFactor("EURUSD"), RiskFactor("UST10Y", "IR", "per cent", "absolute", pillar="10Y"))
SCALES = np.array([0.006, 5.0])  # a log return, and basis points
RHO = -0.6


def _returns(days: int = 600, seed: int = 0, storm: float = 1.0) -> ReturnsFrame:
    """Two dependent factors of very different scale; volatility over the last 60 days times `storm`."""
    x = stats.multivariate_t(np.zeros(2), [[1, RHO], [RHO, 1]], df=5, seed=seed).rvs(days) * SCALES
    x[-60:] *= storm
    dates = pd.bdate_range("2020-01-01", periods=days)
    return ReturnsFrame(x, dates, FACTORS, np.array([1.1, 4.2]))


def _historical(**parameters: object) -> ScenarioModel:
    return ScenarioModel(Unfiltered(), Empirical(), Bootstrap(**parameters))


@pytest.fixture(scope="module")
def garch() -> ScenarioModel:
    return ScenarioModel(Garch(), Semiparametric(), StudentTCopula(random_state=7)).fit(_returns())


@pytest.mark.parametrize("volatility", VOLATILITY.kinds())
@pytest.mark.parametrize("marginals", MARGINALS.kinds())
def test_every_combination_fits_draws_and_survives_storage(volatility, marginals, tmp_path):
    parts = VOLATILITY.build(volatility), MARGINALS.build(marginals), GaussianCopula(random_state=1)
    model = ScenarioModel(*parts).fit(_returns())
    drawn = model.sample(300, horizon=3)
    assert drawn.returns.shape == (300, 3, 2)
    correlation = stats.spearmanr(drawn.returns[:, 0]).statistic
    assert correlation == pytest.approx(stats.spearmanr(_returns().values).statistic, abs=0.12)
    np.testing.assert_allclose(drawn.returns[:, 0].std(axis=0), _returns().values.std(axis=0), rtol=0.5)
    model.write(tmp_path)
    assert ScenarioModel.read(tmp_path).sample(300, horizon=3).returns.tobytes() == drawn.returns.tobytes()
    assert drawn.lineage["model"] == {
        "volatility": volatility,
        "marginals": marginals,
        "dependence": "gaussian",
    }


def test_scenarios_are_the_three_stages_done_by_hand(garch):
    """Slow twin: a path at a time, a day at a time."""
    n, h = 20, 4
    uniforms = garch.dependence.sample(n * h, 11)
    by_hand = []
    for path in range(n):
        innovations = np.stack([garch.marginals.ppf(uniforms[path * h + day][None])[0] for day in range(h)])
        by_hand.append(garch.volatility.simulate(innovations[None])[0])
    np.testing.assert_allclose(garch.sample(n, h, 11).returns, by_hand, rtol=1e-12)


def test_historical_simulation_draws_days_that_happened():
    """No filter, the sample's own margins and the bootstrap: every scenario is a day of the history, to rounding."""
    history = _returns()
    drawn = _historical(random_state=3).fit(history).sample(200).returns[:, 0]
    nearest = np.abs((drawn[:, None] - history.values[None]) / SCALES).max(axis=2).min(axis=1)
    assert nearest.max() < 1e-8
    assert len(np.unique(drawn.round(12), axis=0)) > 100


@pytest.mark.parametrize("marginals", [Empirical(), Semiparametric()], ids=str)
def test_each_factor_keeps_its_own_distribution(marginals):
    history = _returns()
    drawn = (
        ScenarioModel(Unfiltered(), marginals, Independent(random_state=2))
        .fit(history)
        .sample(4000)
        .returns[:, 0]
    )
    for k in range(2):
        assert stats.ks_2samp(drawn[:, k], history.values[:, k]).pvalue > 0.01
    assert stats.spearmanr(drawn).statistic == pytest.approx(
        0.0, abs=0.05
    )  # and dependence is the copula's alone


def test_the_days_of_a_scenario_are_drawn_independently():
    drawn = (
        ScenarioModel(Unfiltered(), Empirical(), GaussianCopula(random_state=2))
        .fit(_returns())
        .sample(4000, 5)
    )
    assert stats.spearmanr(drawn.returns[:, 0, 0], drawn.returns[:, 1, 0]).statistic == pytest.approx(
        0.0, abs=0.05
    )
    ratio = drawn.returns.sum(axis=1).var(axis=0) / drawn.returns[:, 0].var(axis=0)
    np.testing.assert_allclose(ratio, 5.0, rtol=0.15)


@pytest.mark.parametrize("volatility", [Ewma(), Garch()], ids=str)
def test_scenarios_start_from_today_s_volatility(volatility):
    """A storm in the last 60 days: filtered scenarios are wild, unfiltered ones average over the history."""

    def width(filtered, storm: float) -> np.ndarray:
        model = ScenarioModel(filtered, Empirical(), Independent(random_state=2))
        return model.fit(_returns(storm=storm)).sample(2000).returns[:, 0].std(axis=0)

    assert (width(clone(volatility), 4.0) > 2.5 * width(clone(volatility), 1.0)).all()
    assert (width(Unfiltered(), 4.0) < 2.5 * width(Unfiltered(), 1.0)).all()


def test_pseudo_observations_are_uniform_on_the_days_fitted(garch):
    U = garch.pseudo_observations(_returns())
    assert U.shape == (600, 2)
    assert ((U > 0) & (U < 1)).all()
    for column in U.T:
        assert stats.kstest(column, "uniform").pvalue > 0.5


def test_held_out_days_are_mapped_without_looking_ahead(garch):
    """Days that follow change nothing before them, and each day's only depends on days up to it."""
    longer = _returns(700)
    changed = longer.values.copy()
    changed[650:] *= 3
    U = garch.pseudo_observations(longer)
    np.testing.assert_array_equal(garch.pseudo_observations(replace(longer, values=changed))[:650], U[:650])
    first = ReturnsFrame(longer.values[:600], longer.dates[:600], longer.factors, longer.levels)
    np.testing.assert_allclose(garch.pseudo_observations(first), U[:600], rtol=1e-12)


def test_fit_is_margins_then_dependence(garch):
    model = clone(garch).fit_margins(_returns())
    model.fit_dependence(model.pseudo_observations(_returns()))
    assert model.sample(100).returns.tobytes() == garch.sample(100).returns.tobytes()


def _bytes(scenarios: ScenarioSet, folder: Path) -> bytes:
    scenarios.write(folder)
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_the_same_seed_gives_the_same_files_and_another_does_not(garch, tmp_path):
    files = [_bytes(garch.sample(200, 2, seed), tmp_path / str(i)) for i, seed in enumerate([5, 5, 6])]
    assert files[0] == files[1] != files[2]
    assert _bytes(garch.sample(200, 2), tmp_path / "own") == _bytes(
        garch.sample(200, 2, 7), tmp_path / "seven"
    )


def test_refitting_gives_the_same_scenarios(garch):
    again = clone(garch).fit(_returns())
    assert again.sample(100).returns.tobytes() == garch.sample(100).returns.tobytes()
    other = clone(garch).fit(_returns(seed=1))
    assert other.sample(100).returns.tobytes() != garch.sample(100).returns.tobytes()


def test_scenarios_know_where_they_come_from(garch):
    history = _returns()
    drawn = garch.sample(50, 2, 9)
    assert drawn.as_of == history.as_of
    assert drawn.factors == FACTORS
    np.testing.assert_array_equal(drawn.levels, history.levels)
    assert drawn.lineage["history"] == history.content_hash
    assert drawn.lineage["seed"] == 9
    assert drawn.lineage["backend"] == "classical"
    assert drawn.lineage["job_ids"] == []
    assert garch.sample(50).lineage["seed"] == 7
    assert garch.sample(50, random_state=np.random.default_rng(0)).lineage["seed"] is None


def test_clone_forgets_the_fit_and_keeps_nested_parameters(garch):
    copy = clone(garch)
    assert copy.get_params()["dependence__random_state"] == 7
    copy.set_params(dependence__floor=0.01, volatility__asymmetric=True)
    assert copy.dependence.floor == 0.01
    assert garch.dependence.floor == 1e-3
    with pytest.raises(NotFittedError, match="this ScenarioModel is not fitted yet; call fit"):
        copy.sample(10)


@pytest.mark.parametrize("use", ["sample", "pseudo_observations", "write"])
def test_use_before_fit_says_so(use, tmp_path):
    argument = {"sample": 10, "pseudo_observations": _returns(), "write": tmp_path}[use]
    with pytest.raises(
        NotFittedError, match=r"this ScenarioModel is not fitted yet; call fit\(returns\) first"
    ):
        getattr(_historical(), use)(argument)
    assert list(tmp_path.iterdir()) == []


def test_wrong_input_is_refused(garch):
    with pytest.raises(DataError, match=r"fit takes a ReturnsFrame; make one with ReturnsFrame\.from_prices"):
        _historical().fit(_returns().to_frame())
    with pytest.raises(ConfigError, match="n must be at least 1, not 0"):
        garch.sample(0)
    with pytest.raises(ConfigError, match="horizon must be at least 1, not -1"):
        garch.sample(10, horizon=-1)


def test_a_history_too_short_or_constant_is_refused():
    with pytest.raises(DataError, match=r"at least \d+ (rows|days)"):
        ScenarioModel(Garch(), Empirical(), Bootstrap()).fit(_returns(61).tail(10))
    history = _returns()
    still = np.column_stack([history.values[:, 0], np.zeros(len(history))])
    with pytest.raises(DataError, match=r"column 1 .*constant"):
        _historical().fit(replace(history, values=still))


def test_what_is_stored_as_something_else_is_not_read_as_a_model(tmp_path):
    persistence.save(Independent(), tmp_path)
    with pytest.raises(DataError, match="holds a Independent, not a ScenarioModel"):
        ScenarioModel.read(tmp_path)


def test_a_backend_draws_the_cells_and_the_lineage_says_how_well(tmp_path: Path) -> None:
    born = BornMachine(bits=2, layers=1, data_weight=1.0, steps=5, random_state=3)
    model = ScenarioModel(Unfiltered(), Empirical(), born).fit(_returns())
    assert model.request(500, 2, 5).shots == 1000
    drawn = model.sample(500, 2, 5, backend=Exact(), certificate_bound=0.4)
    assert drawn.returns.shape == (500, 2, 2)
    assert (drawn.lineage["backend"], drawn.lineage["job_ids"]) == ("exact", [])
    assert drawn.lineage["certificate"]["passes"] is True
    assert drawn.lineage["certificate"]["shots"] == 1000
    drawn.write(tmp_path)
    assert ScenarioSet.read(tmp_path).lineage["certificate"] == drawn.lineage["certificate"]
    strict = model.sample(500, 2, 5, backend=Exact(), certificate_bound=1e-9)
    assert strict.lineage["certificate"]["passes"] is False
    assert strict.returns.tobytes() == drawn.returns.tobytes()


def test_a_model_without_a_circuit_refuses_a_backend(garch: ScenarioModel) -> None:
    with pytest.raises(ConfigError, match="Student-t copula has no circuit to run on a backend"):
        garch.sample(10, backend=Exact())
