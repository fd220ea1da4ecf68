"""What a Born machine may be besides one circuit on all days alike: searched, hidden qubits, ensembles, tails, ages."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector, partial_trace
from scipy.stats import chi2_contingency, rankdata

from qfin import persistence
from qfin.dependence import BornMachine
from qfin.dependence._search import Shape, nominal_seconds, shapes
from qfin.dependence.born import _day_weights
from qfin.errors import ConfigError, DataError
from qfin.quantum import BACKENDS

QUICK = {"bits": 2, "layers": 3, "data_weight": 1.0, "steps": 20, "learning_rate": 0.05, "random_state": 3}


@pytest.fixture(scope="module")
def U() -> np.ndarray:
    """Two factors that rise together and, in the last fifth of the days, against each other."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal(1000)
    sign = np.where(np.arange(1000) < 800, 1.0, -1.0)
    y = 0.8 * sign * x + 0.6 * rng.standard_normal(1000)
    return rankdata(np.column_stack([x, y]), axis=0) / 1001


def test_hidden_qubits_are_traced_out(U: np.ndarray) -> None:
    born = BornMachine(ancillas=2, **QUICK).fit(U)
    plain = BornMachine(**QUICK).fit(U)
    circuit = born.circuit_.remove_final_measurements(inplace=False)
    assert circuit.num_qubits == 6
    state = partial_trace(Statevector(circuit), [4, 5])
    np.testing.assert_allclose(np.real(np.diag(state.data)), born.probabilities_, atol=1e-12)
    assert state.purity().real < 1 - 1e-6  # they take part
    assert born.details()["parameters"] > plain.details()["parameters"]
    with pytest.raises(ConfigError, match="hidden qubits cannot be diagnosed"):
        born.trained_circuit(U)


def test_hidden_qubits_count(U: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="11 bits for each of 2 factors and 3 hidden ones need 25 qubits"):
        BornMachine(bits=11, ancillas=3).fit(U)


def test_an_ensemble_is_the_equal_mixture_of_its_circuits(U: np.ndarray) -> None:
    born = BornMachine(ensemble=3, prior="none", **QUICK).fit(U)
    alone = [born.result_, *born.ensemble_]
    learner = born._trained_learner
    each = [Statevector(learner.free(born.product_angles_).assign_parameters(m.theta)) for m in alone]
    np.testing.assert_allclose(
        np.mean([state.probabilities() for state in each], axis=0), born.probabilities_, atol=1e-12
    )
    assert not np.allclose(each[0].probabilities(), each[1].probabilities(), atol=1e-4)


def test_an_ensemble_on_a_backend_shares_the_shots(U: np.ndarray) -> None:
    born = BornMachine(ensemble=3, prior="none", **QUICK).fit(U)
    backend = BACKENDS.build("exact")
    points, draws = born.sample_on(backend, 10_000, 1)
    assert points.shape == (10_000, 2)
    assert (draws.rows, draws.shots) == (1, 10_000)
    np.testing.assert_allclose(draws.frequencies()[0], born.probabilities_, atol=2.5 / 100)
    halves = np.array([np.bincount(half, minlength=16) for half in np.split(draws.outcomes()[0], 2)])
    assert chi2_contingency(halves[:, halves.sum(axis=0) > 0]).pvalue > 1e-3  # in random order
    with pytest.raises(ConfigError, match="ensemble of circuits cannot be tuned"):
        born.tune(backend, steps=1)


def test_a_loaded_prior_with_hidden_qubits_runs_on_a_backend(U: np.ndarray) -> None:
    born = BornMachine(ancillas=1, **QUICK).fit(U)
    draws = born.sample_on(BACKENDS.build("exact"), 20_000, 1)[1]
    np.testing.assert_allclose(draws.frequencies()[0], born.probabilities_, atol=2.5 / 20_000**0.5)


def test_tail_weight_trains_the_tail(U: np.ndarray) -> None:
    """Given more weight on the tail, the likelihood of what is in it gets better, that of the rest worse."""
    settings = {**QUICK, "bits": 3, "steps": 60}
    plain = BornMachine(**settings).fit(U)
    tailed = BornMachine(tail_weight=1.0, **settings).fit(U)
    target, tail = plain._counts(U), plain._tail()

    def censored(p: np.ndarray) -> float:
        return -float(target[tail] @ np.log(p[tail]) + target[~tail].sum() * np.log(p[~tail].sum()))

    def conditional_body(p: np.ndarray) -> float:
        return -float(target[~tail] @ np.log(p[~tail] / p[~tail].sum()))

    assert 0.2 < target[tail].sum() < 0.5
    assert censored(tailed.probabilities_) < censored(plain.probabilities_)
    assert conditional_body(tailed.probabilities_) > conditional_body(plain.probabilities_)


def test_a_half_life_follows_a_dependence_that_moves(U: np.ndarray) -> None:
    settings = {**QUICK, "steps": 200, "data_weight": 1.0}
    old = BornMachine(half_life=float("inf"), **settings).fit(U)
    new = BornMachine(half_life=50.0, **settings).fit(U)
    recent = U[800:]
    assert new.score(recent) > old.score(recent) + 0.1
    weights = _day_weights(1000, 50.0)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[-51] / weights[-1] == pytest.approx(0.5)


def test_a_search_tries_shapes_and_keeps_the_best(U: np.ndarray, tmp_path) -> None:
    settings = {"bits": 2, "search_seconds": 0.05, "max_steps": 20, "learning_rate": 0.05, "random_state": 3}
    born = BornMachine(**settings).fit(U)
    tried = {choice.shape for choice in born.selection_}
    assert len(tried) > 3
    best = max(born.selection_, key=lambda choice: choice.gain)
    assert best.gain > 0
    assert (born.ansatz_, born.layers_, born.bits_) == (best.shape.ansatz, best.shape.layers, best.shape.bits)
    assert born.n_qubits_ == 2 * born.bits_
    persistence.save(born, tmp_path)
    again = persistence.load(tmp_path)
    assert again.details() == born.details()
    np.testing.assert_array_equal(again.sample(50), born.sample(50))
    assert (
        BornMachine(bits=2, layers=1, search_seconds=0.05, max_steps=20, random_state=3).fit(U).layers_ == 1
    )


def test_a_budget_is_kept_by_count_not_by_clock() -> None:
    usual = Shape("line_rzz", 2, 3)
    arguments = (usual, ["line_rzz", "all_rzz"], [1, 2, 4], 4, 0, 480)
    few, left = shapes(*arguments, seconds=0.0)
    assert few == [usual]
    assert len(left) == 17
    some, rest = shapes(*arguments, seconds=0.5)
    assert some[0] == usual
    assert 1 < len(some) < 18
    assert set(some) | set(rest) == {usual, *left}
    assert sum(nominal_seconds(shape, 4, 0, 480) for shape in some) <= 0.5
    assert all(shape.bits * 8 <= 24 for shape in shapes(*arguments[:3], 8, 0, 480, seconds=1e9)[0])


def test_ties_that_a_bin_cannot_hold_are_named(U: np.ndarray) -> None:
    tied = U.copy()
    tied[: len(U) // 2, 1] = 0.5
    with pytest.raises(
        DataError, match=r"column 1 of U is 0.5 on 50% of the days, and the bin .* holds 20.0%"
    ):
        BornMachine(**{**QUICK, "bits": 3}).fit(tied)
    assert BornMachine(**{**QUICK, "bits": 1}).fit(tied).n_features_in_ == 2  # a half holds half of the days


def test_more_parameters_than_days_is_said(U: np.ndarray) -> None:
    born = BornMachine(**{**QUICK, "layers": 9}).fit(U[::20])
    count = born.details()["parameters"]
    assert count > 50
    assert born.warnings() == [
        f"Born machine has {count} parameters and was fitted to 50 days; trust its held-out score only, or give it "
        "more days"
    ]
    assert BornMachine(**QUICK).fit(U).warnings() == []
