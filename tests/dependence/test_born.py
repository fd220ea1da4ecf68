"""The Born machine against its prior, Qiskit's own simulation, and the laws a copula obeys."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector
from scipy.stats import chi2, kstest
from sklearn.base import clone

from qfin import persistence
from qfin.dependence import Bootstrap, BornMachine, GaussianCopula, StudentTCopula
from qfin.errors import ConfigError, DataError, NotFittedError

BINS = 8  # a side of the chi-square test's table


@pytest.fixture(scope="module")
def U() -> np.ndarray:
    """Pseudo-observations no symmetric copula fits: strongly dependent in one corner, and in factor order."""
    rng = np.random.default_rng(5)
    n = 1500
    x = rng.random(n)
    y = np.where(x < 0.3, 0.3 * rng.random(n), 0.3 + 0.7 * rng.beta(2.0, 1.0, n))
    ranks = np.argsort(np.argsort(np.column_stack([x, y]), axis=0), axis=0)
    return (ranks + 0.5) / n


@pytest.fixture(scope="module")
def loaded(U: np.ndarray) -> BornMachine:
    """Trained far away from its prior, so that ratio and recalibration matter."""
    return BornMachine(data_weight=1.0, steps=150, learning_rate=0.03, random_state=3).fit(U)


@pytest.fixture(scope="module")
def scratch(U: np.ndarray) -> BornMachine:
    return BornMachine(bits=2, prior="none", layers=3, steps=25, random_state=3).fit(U)


def test_untrained_it_is_its_prior(U: np.ndarray) -> None:
    born = BornMachine(steps=0, data_weight=1.0, random_state=1).fit(U)
    prior = StudentTCopula(random_state=1).fit(U)
    np.testing.assert_allclose(born.score_samples(U), prior.score_samples(U), atol=0.02)
    assert born.score(U) == pytest.approx(prior.score(U), abs=2e-4)


def test_training_adds_to_the_prior_on_data_the_prior_misses(U: np.ndarray, loaded: BornMachine) -> None:
    assert loaded.score(U) > loaded.prior_.score(U) + 0.1


@pytest.mark.parametrize("name", ["loaded", "scratch"])
def test_probabilities_are_those_of_its_circuit_in_qiskit(name: str, request: pytest.FixtureRequest) -> None:
    born = request.getfixturevalue(name)
    np.testing.assert_allclose(Statevector(born.circuit_).probabilities(), born.probabilities_, atol=1e-12)
    assert born.probabilities_.std() > 1e-3


@pytest.mark.parametrize("name", ["loaded", "scratch"])
def test_density_integrates_to_one(name: str, request: pytest.FixtureRequest) -> None:
    born = request.getfixturevalue(name)
    assert _cell_probabilities(born).sum() == pytest.approx(1.0, abs=3e-3)


@pytest.mark.parametrize("name", ["loaded", "scratch"])
def test_score_samples_is_the_density_of_what_sample_draws(name: str, request: pytest.FixtureRequest) -> None:
    born = request.getfixturevalue(name)
    expected = _cell_probabilities(born)
    drawn = born.sample(20_000, random_state=11)
    assert _p_value(drawn, expected) > 1e-3
    assert _p_value(drawn[:, ::-1], expected) < 1e-6, "factors in the wrong order must be noticed"
    unmapped = born._cells.fill(_outcomes(born, 20_000), np.random.default_rng(11))
    assert _p_value(unmapped, expected) < 1e-3, "draws that were not recalibrated must be noticed"


@pytest.mark.parametrize("name", ["loaded", "scratch"])
def test_margins_are_uniform(name: str, request: pytest.FixtureRequest) -> None:
    born = request.getfixturevalue(name)
    drawn = born.sample(20_000, random_state=2)
    for column in drawn.T:
        assert kstest(column, "uniform").pvalue > 1e-3
    raw = born._cells.fill(_outcomes(born, 20_000), np.random.default_rng(2))
    assert min(kstest(column, "uniform").pvalue for column in raw.T) < 1e-3, "the circuit's own are not"


def test_draws_are_distinct_points(loaded: BornMachine) -> None:
    drawn = loaded.sample(5000, random_state=1)
    assert len(np.unique(drawn, axis=0)) == len(drawn)


def test_forward_chaining_chooses_inside_the_training_days(U: np.ndarray) -> None:
    born = BornMachine(bits=2, max_steps=20, random_state=1).fit(U)
    assert [choice.data_weight for choice in born.selection_] == [1.0, 0.3]
    best = max(born.selection_, key=lambda choice: choice.gain)
    assert (born.data_weight_, born.steps_) == (best.data_weight, best.steps)
    assert len(best.curve) == 21
    assert best.curve[0] == 0.0
    assert best.gain == best.curve[best.steps] > 0.0
    assert born.details()["selection"][0]["curve"][0] == 0.0
    assert born.details()["stop"] == "it took the steps chosen by forward chaining"


def test_a_prior_that_is_true_leaves_nothing_to_add() -> None:
    truth = StudentTCopula(random_state=1).fit(
        StudentTCopula(random_state=0).fit(_correlated(400)).sample(2000)
    )
    U = truth.sample(2500, random_state=8)
    born = BornMachine(bits=2, random_state=1).fit(U)
    fresh = truth.sample(20_000, random_state=9)
    assert born.score(fresh) - born.prior_.score(fresh) > -0.004


def test_the_prior_can_be_learnt_instead_of_loaded(U: np.ndarray) -> None:
    born = BornMachine(bits=2, start="train", layers=3, steps=0, data_weight=1.0, random_state=1).fit(U)
    gap = np.sum(born.prior_probabilities_ * np.log(born.prior_probabilities_ / born.probabilities_))
    assert 0.0 <= gap < 0.02
    assert born.circuit_.data[0].operation.name == "ry"


def test_an_instance_and_a_mapping_serve_as_prior(U: np.ndarray) -> None:
    settings = {"bits": 2, "steps": 2, "data_weight": 1.0, "random_state": 1}
    by_kind = BornMachine(prior="gaussian", **settings).fit(U)
    by_mapping = BornMachine(prior={"kind": "gaussian"}, **settings).fit(U)
    by_instance = BornMachine(prior=GaussianCopula(floor=0.5), **settings).fit(U)
    np.testing.assert_array_equal(by_kind.probabilities_, by_mapping.probabilities_)
    np.testing.assert_array_equal(by_kind.probabilities_, by_instance.probabilities_)
    assert by_instance.prior_.floor == by_instance.floor


def test_smoothing_keeps_the_margins_and_reaches_empty_cells(U: np.ndarray) -> None:
    settings = {"bits": 4, "prior": "none", "layers": 1, "steps": 0, "random_state": 1}
    plain, smooth = (BornMachine(smoothing=width, **settings).fit(U) for width in (0.0, 0.8))
    grid = plain._grid
    masses = grid.bin_masses(smooth._histogram(U, np.inf))
    np.testing.assert_allclose(masses, np.broadcast_to(np.diff(grid.edges), masses.shape), atol=0.01)
    assert np.sum(smooth._histogram(U, np.inf) == 0) < np.sum(plain._histogram(U, np.inf) == 0) / 2


def test_saved_and_loaded_it_draws_the_same_bytes(loaded: BornMachine, U: np.ndarray, tmp_path) -> None:
    persistence.save(loaded, tmp_path)
    again = persistence.load(tmp_path)
    np.testing.assert_array_equal(again.sample(100), loaded.sample(100))
    np.testing.assert_array_equal(again.score_samples(U), loaded.score_samples(U))
    assert again.circuit_ == loaded.circuit_
    assert again.details() == loaded.details()


def test_bits_of_any_matrix() -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.random(400) < 0.9, rng.random(400) < 0.2, np.zeros(400)]).astype(int)
    X[:, 2] = X[:, 0] & ~X[:, 1] & 1
    born = BornMachine(layers=4, steps=300, random_state=0).fit_bits(X)
    histogram = np.bincount(X @ [1, 2, 4], minlength=8) / 400
    np.testing.assert_allclose(born.probabilities_, histogram, atol=0.02)
    drawn = born.sample_bits(20_000)
    seen = np.bincount(drawn @ np.array([1, 2, 4]), minlength=8) / 20_000
    np.testing.assert_allclose(seen, born.probabilities_, atol=2.5 / 20_000**0.5)
    np.testing.assert_allclose(Statevector(born.circuit_).probabilities(), born.probabilities_, atol=1e-12)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        born.sample(10)


def test_bad_bits() -> None:
    with pytest.raises(DataError, match=r"X\[1, 0\] = 2 is neither 0 nor 1"):
        BornMachine().fit_bits(np.array([[0, 1], [2, 0]]))
    with pytest.raises(
        ConfigError,
        match="25 columns need 25 qubits, and a model with a table of all outcomes does at most 24",
    ):
        BornMachine().fit_bits(np.zeros((2, 25), dtype=int))


def test_too_many_qubits() -> None:
    with pytest.raises(
        ConfigError, match="5 bits for each of 5 factors need 25 qubits.*take fewer bits or factors"
    ):
        BornMachine(bits=5).fit(np.random.default_rng(0).random((100, 5)))


@pytest.mark.parametrize("prior", ["bootstrap", Bootstrap(), "born"])
def test_a_prior_needs_a_density_of_its_own(prior: object, U: np.ndarray) -> None:
    with pytest.raises(
        ConfigError, match="cannot be a prior.*none, factor, gaussian, independent, mps, student_t, vine"
    ):
        BornMachine(prior=prior).fit(U)


def test_steps_that_are_given_are_taken_whatever_the_most_to_choose_from(U: np.ndarray) -> None:
    born = BornMachine(bits=1, steps=9, max_steps=5, random_state=1).fit(U)
    assert (born.steps_, born.result_.steps) == (9, 9)
    assert {choice.steps for choice in born.selection_} == {9}


def test_an_ansatz_that_would_scramble_a_loaded_prior_is_refused(U: np.ndarray) -> None:
    born = BornMachine(bits=2, ansatz="ring_cx", steps=1, data_weight=1.0, random_state=1)
    with pytest.raises(
        ConfigError, match="'ring_cx' is not the identity .* choose one of: all_rzz, line_rzz"
    ):
        born.fit(U)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        born.sample(5)
    assert born.set_params(prior="none").fit(U).sample(5).shape == (5, 2)


def test_parameters_are_checked(U: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="BornMachine: ansatz = 'line' is not allowed.*line_rzz"):
        BornMachine(ansatz="line").fit(U)
    with pytest.raises(ConfigError, match="BornMachine: data_weight = 2.0 is not allowed"):
        BornMachine(data_weight=2.0).fit(U)


def test_clone_and_seed(U: np.ndarray) -> None:
    born = BornMachine(bits=2, steps=3, data_weight=1.0, random_state=4)
    first, second = clone(born).fit(U), clone(born).fit(U)
    np.testing.assert_array_equal(first.sample(50), second.sample(50))
    other = clone(born).set_params(random_state=5).fit(U)
    assert not np.array_equal(first.sample(50), other.sample(50))


def _correlated(n: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((n, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    return (np.argsort(np.argsort(x, axis=0), axis=0) + 0.5) / n


def _outcomes(born: BornMachine, n: int) -> np.ndarray:
    return np.random.default_rng(7).choice(
        len(born.probabilities_), n, p=born.probabilities_ / born.probabilities_.sum()
    )


def _cell_probabilities(born: BornMachine, parts: int = 40) -> np.ndarray:
    """Probability of each cell of an equal BINS x BINS table, by the midpoint rule on the model's density."""
    side = BINS * parts
    middle = (np.arange(side) + 0.5) / side
    points = np.stack(np.meshgrid(middle, middle, indexing="ij"), axis=-1).reshape(-1, 2)
    density = np.exp(born.score_samples(points)).reshape(BINS, parts, BINS, parts)
    return density.mean(axis=(1, 3)).ravel() / BINS**2


def _p_value(drawn: np.ndarray, expected: np.ndarray) -> float:
    cell = (drawn * BINS).astype(int)
    seen = np.bincount(cell[:, 0] * BINS + cell[:, 1], minlength=BINS**2)
    wanted = expected / expected.sum() * len(drawn)
    return float(chi2.sf(np.sum((seen - wanted) ** 2 / wanted), BINS**2 - 1))
