"""Scenario, conditional and reverse stress against closed forms and slow twins."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qfin import stages
from qfin.errors import ConfigError, DataError
from qfin.model import ScenarioModel
from qfin.risk import Portfolio
from qfin.scenarios import ScenarioSet


def drawn(config, store):
    """The `generate` artifact of the configured model."""
    history = stages.ingest(config, store)
    model = stages.train(
        config, stages.complete_spec(config, config.dependence), stages.encode(config, history, store), store
    )
    return stages.generate(config, model, store)


MOVES = {"Euro falls": {"EURUSD": -0.02}, "Both": {"EURUSD": -0.01, "USDJPY": 0.015}}


@pytest.fixture(scope="module")
def gaussian(small, tmp_path_factory):
    from qfin.store import Store

    store = Store(tmp_path_factory.mktemp("stress"))
    config = small(
        volatility="none", dependence="gaussian", scenarios={"count": 4000, "horizon": 1},
        stress={"moves": MOVES, "draws": 20_000},
    )  # fmt: skip
    scenarios = drawn(config, store)
    return config, store, scenarios, stages.stress(config, scenarios, store)


def test_a_move_alone_is_a_revaluation(gaussian):
    config, _, scenarios, made = gaussian
    there = ScenarioSet.read(scenarios.folder)
    portfolio = Portfolio.read(config.portfolio)
    for row in made.json("stress.json")["moves"]:
        returns = np.array([[[MOVES[row["name"]].get(name, 0.0) for name in there.names]]])
        moved = ScenarioSet(returns, there.factors, there.levels, there.as_of)
        pnl = portfolio.revalue(moved, ageing=False)
        assert row["pnl"] == pytest.approx(pnl.total[0], rel=1e-12)
        assert sum(row["trades"].values()) == pytest.approx(row["pnl"])


def test_given_a_move_the_rest_is_the_gaussian_copulas_conditional(gaussian):
    """Normal scores given one of them: mean rho x, variance 1 - rho^2 (the bivariate normal's own)."""
    _, store, scenarios, _ = gaussian
    model = ScenarioModel.read(store.get(scenarios.parents["model"]).folder)
    given = model.sample(20_000, 1, 3, given={"EURUSD": -0.01})
    np.testing.assert_array_equal(given.returns[:, 0, 0], -0.01)
    from scipy.stats import norm

    ends = model.volatility.simulate(np.array([np.zeros(4), np.ones(4)])[:, None, :])[:, 0, :]
    z = (given.returns[:, 0, :] - ends[0]) / (ends[1] - ends[0])
    scores = norm.ppf(model.marginals.cdf(z))
    rho = model.dependence.correlation_[0]
    for k in (1, 2, 3):
        assert scores[:, k].mean() == pytest.approx(rho[k] * scores[0, 0], abs=0.04)
        assert scores[:, k].std() == pytest.approx(np.sqrt(1 - rho[k] ** 2), abs=0.04)


def test_a_condition_agrees_with_the_days_that_meet_it(gaussian):
    _, store, scenarios, _ = gaussian
    model = ScenarioModel.read(store.get(scenarios.parents["model"]).folder)
    plain = model.sample(200_000, 1, 5).returns[:, 0, :]
    near = plain[np.abs(plain[:, 0] + 0.006) < 0.0003]
    given = model.sample(20_000, 1, 6, given={"EURUSD": -0.006}).returns[:, 0, :]
    assert len(near) > 300
    np.testing.assert_allclose(
        given.mean(axis=0), near.mean(axis=0), atol=4 * near.std(axis=0).max() / len(near) ** 0.5
    )


def test_no_cells_no_eigensolver_but_the_mildest_loss(gaussian):
    config, _, scenarios, made = gaussian
    reverse = made.json("stress.json")["reverse"]
    assert reverse["eigensolver"] is None
    assert "Mahalanobis" in reverse["method"]
    assert reverse["exact"]["loss"] >= reverse["bound"]
    there = ScenarioSet.read(scenarios.folder).returns[:, 0, :]
    inverse = np.linalg.inv(np.cov(there, rowvar=False))
    losses = -Portfolio.read(config.portfolio).revalue(ScenarioSet.read(scenarios.folder), ageing=False).total
    sizes = [x @ inverse @ x for x in there[losses >= reverse["bound"]]]
    chosen = there[reverse["exact"]["outcome"]]
    assert chosen @ inverse @ chosen == pytest.approx(min(sizes))


@pytest.fixture(scope="module")
def born(small, tmp_path_factory):
    from qfin.store import Store

    store = Store(tmp_path_factory.mktemp("stress-born"))
    config = small(dependence={"kind": "empirical_blend", "bits": 2}, scenarios={"count": 1000, "horizon": 1})
    scenarios = drawn(config, store)
    return config, store, scenarios


def test_the_most_probable_large_loss_is_that_of_a_loop_over_all_cells(born):
    config, store, scenarios = born
    made = stages.stress(config, scenarios, store)
    reverse = made.json("stress.json")["reverse"]
    model = ScenarioModel.read(store.get(scenarios.parents["model"]).folder)
    from qfin.quantum import Grid

    copula = model.dependence
    grid = Grid(2, 4, copula.bins, copula.code)
    lower, upper = grid.cell_bounds(np.arange(grid.n_cells))
    u = copula.recalibration_.forward((lower + upper) / 2)
    returns = model.volatility.simulate(model.marginals.ppf(u)[:, None, :])
    there = ScenarioSet.read(scenarios.folder)
    moved = ScenarioSet(returns, there.factors, there.levels, there.as_of)
    losses = -Portfolio.read(config.portfolio).revalue(moved, ageing=False).total
    best = max(
        (p, x) for x, p in enumerate(copula.probabilities_) if losses[x] >= reverse["bound"]
    )[1]  # fmt: skip
    assert reverse["exact"]["outcome"] == best
    assert reverse["exact"]["loss"] == pytest.approx(losses[best], rel=1e-9)
    assert reverse["losing"] == (losses >= reverse["bound"]).sum()
    assert reverse["same"] is (reverse["eigensolver"]["outcome"] == best)
    assert reverse["eigensolver"]["loss"] >= reverse["bound"]
    assert reverse["eigensolver"]["probability"] >= 0.5 * reverse["exact"]["probability"]


@pytest.fixture(scope="module")
def machine(small, tmp_path_factory):
    """A Born machine on 8 qubits, its run and the losses of its cells."""
    from qfin.store import Store

    store = Store(tmp_path_factory.mktemp("stress-machine"))
    spec = {"kind": "born", "layers": 2, "steps": 6, "data_weight": 1.0}
    config = small(dependence=spec, scenarios={"count": 2000, "horizon": 1}, stress={"moves": MOVES})
    return config, store, drawn(config, store)


@pytest.mark.parametrize("bound", [None, 40_000.0])
def test_the_eigensolver_trains_towards_what_enumeration_finds(machine, small, bound):
    """The answer to the value at risk has a probability below 1e-5, so 3,000 shots of the model would not show it."""
    config, store, scenarios = machine
    stress = small(stress={"moves": MOVES, "loss_bound": bound}).stress
    reverse = stages.stress(config.model_copy(update={"stress": stress}), scenarios, store).json(
        "stress.json"
    )["reverse"]
    assert reverse["same"] is True
    assert reverse["eigensolver"] == reverse["exact"]
    assert reverse["found_probability"] > 0.09
    assert bound or reverse["exact"]["probability"] < 1e-5
    assert (reverse["evaluations"], reverse["shots"]) == (453, 3000)


def test_a_move_past_what_a_margin_reaches_is_a_revaluation_and_a_reason(machine, small):
    config, store, scenarios = machine
    stress = small(stress={"moves": {"Euro collapses": {"EURUSD": -2.0}}}).stress
    row = stages.stress(config.model_copy(update={"stress": stress}), scenarios, store).json("stress.json")
    assert row["moves"][0]["pnl"] != 0.0
    assert "EURUSD = -2 is given, and its marginal reaches from" in row["moves"][0]["conditional"]["why_none"]


def test_it_is_the_same_again_and_published_once(born):
    config, store, scenarios = born
    one, other = (stages.stress(config, scenarios, store) for _ in range(2))
    assert other.reused
    assert json.loads(Path(one.path("stress.json")).read_text()) == other.json("stress.json")


@pytest.mark.parametrize(
    ("stress", "error", "message"),
    [
        (
            {"moves": {"x": {"EURUSX": 0.1}}},
            DataError,
            "stress 'x': there is no risk factor 'EURUSX'; choose from: EURUSD",
        ),
        (
            {"loss_bound": 1e9},
            ConfigError,
            "loss_bound = 1,000,000,000 USD is more than any scenario .* largest loss is",
        ),
    ],
)
def test_bad_stress(born, small, stress, error, message):
    config, store, scenarios = born
    with pytest.raises(error, match=message):
        stages.stress(config.model_copy(update={"stress": small(stress=stress).stress}), scenarios, store)


def test_what_cannot_be_given(born):
    _, store, scenarios = born
    model = ScenarioModel.read(store.get(scenarios.parents["model"]).folder)
    with pytest.raises(ConfigError, match="one day ahead only"):
        model.sample(10, 2, given={"EURUSD": 0.01})
    with pytest.raises(DataError, match="there is no risk factor 'X'; choose from: EURUSD"):
        model.sample(10, 1, given={"X": 0.01})


def test_a_model_that_cannot_be_conditioned_says_so(small, store):
    config = small(dependence="bootstrap", scenarios={"count": 500, "horizon": 1}, stress={"moves": MOVES})
    found = stages.stress(config, drawn(config, store), store).json("stress.json")
    assert all("why_none" in row["conditional"] for row in found["moves"])
    assert found["reverse"]["eigensolver"] is None
