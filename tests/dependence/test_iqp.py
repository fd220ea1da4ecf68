"""The IQP Born machine: draws against its density, Qiskit's circuit, and what it does beyond a table."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from qfin.dependence import IQPBornMachine, StudentTCopula
from qfin.errors import ConfigError
from qfin.quantum import BACKENDS

QUICK = {"bits": 2, "steps": 20, "n_words": 50, "n_samples": 50, "random_state": 3}


@pytest.fixture(scope="module")
def small(history):
    return IQPBornMachine(**QUICK).fit(history(2))


def test_the_table_is_the_circuit_s(small):
    wanted = Statevector(small.circuit_).probabilities()
    np.testing.assert_allclose(small.probabilities_, wanted, atol=1e-10)


def test_draws_have_the_density(small, chi_square, cell_probabilities):
    draws = small.sample(20_000, 1)
    wanted = cell_probabilities(lambda U: np.exp(small.score_samples(U)), 2, 4)
    assert chi_square(draws, wanted, 4) > 1e-3
    assert chi_square(draws[:, ::-1] * [1, -1] + [0, 1], wanted, 4) < 1e-3


def test_hidden_qubits_are_summed_out(history):
    model = IQPBornMachine(**QUICK, ancillas=1).fit(history(2))
    joint = Statevector(model.circuit_).probabilities()
    np.testing.assert_allclose(model.probabilities_, joint[:16] + joint[16:], atol=1e-10)


def test_hidden_qubits_are_not_measured(history):
    model = IQPBornMachine(**QUICK, ancillas=1).fit(history(2))
    _, draws = model.sample_on(BACKENDS.build("exact"), 20_000, 2)
    assert draws.num_bits == 4
    np.testing.assert_allclose(draws.frequencies()[0], model.probabilities_, atol=0.02)


def test_correlators_need_no_state(small):
    words = [(0,), (1,), (0, 2), (1, 3)]
    signs = [(1 - 2 * ((np.arange(16)[:, None] >> np.array(w)) & 1)).prod(axis=1) for w in words]
    exact = np.array([small.probabilities_ @ s for s in signs])
    np.testing.assert_allclose(small.correlators(words), exact, atol=0.02)


def test_gates_between_all_of_many_qubits_are_not_drawn_here(history):
    U = np.hstack([history(5), history(5)[::-1]])
    model = IQPBornMachine(**QUICK | {"bits": 3, "steps": 1}).fit(U)
    assert model.truncation_error_ is None
    with pytest.raises(ConfigError, match="set gates = 'line', or draw on a device"):
        model.sample(10)


def test_it_learns_more_than_frequencies(history, t_draws, correlation):
    later = t_draws(correlation, 4.0, 4000, seed=99)
    model = IQPBornMachine(random_state=1).fit(history(3))
    truth = 0.35 * StudentTCopula().fit(history(3)).score(later)
    assert model.score(later) > truth
    assert model.losses_[-20:].mean() < 0.3 * model.losses_[:5].mean()


def test_a_backend_draws_the_table(small):
    _, draws = small.sample_on(BACKENDS.build("exact"), 20_000, 2)
    np.testing.assert_allclose(draws.frequencies()[0], small.probabilities_, atol=0.02)


def test_beyond_a_table_there_are_draws_and_no_density(history):
    U = history(5)
    U = np.hstack([U, U[::-1]])
    model = IQPBornMachine(**QUICK | {"bits": 3, "steps": 2}, gates="line", reach=1).fit(U)
    draws = model.sample(50, 1)
    assert draws.shape == (50, 10)
    assert model.truncation_error_ < 0.02
    cut = IQPBornMachine(**QUICK | {"bits": 3, "steps": 2}, gates="line", reach=3, bond_dimension=1)
    cut.fit(U)
    assert cut.truncation_error_ > 0.02  # the pairs it starts from need bonds of 2
    assert ((draws > 0) & (draws < 1)).all()
    with pytest.raises(ConfigError, match="30 qubits has no density.*'mps', or 'factor'"):
        model.score_samples(U)
    with pytest.raises(ConfigError, match="no conditional draws"):
        model.sample(5, given={0: 0.1})
    with pytest.raises(ConfigError, match="takes no prior"):
        IQPBornMachine(prior="student_t").fit(U)
