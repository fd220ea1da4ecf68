"""Training of matrix product states, and what a trained one says, against tables of all amplitudes."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from qiskit.quantum_info import Statevector
from scipy import stats

from qfin.errors import DataError
from qfin.quantum._mps import MatrixProductState
from qfin.quantum._mps_circuit import mps_circuit
from qfin.quantum._mps_training import MPSTraining, product_mps, sweeps

ALL = np.array(list(product([0, 1], repeat=6)), dtype=np.uint8)  # row k: site 0 is k's most significant bit


def _target(seed: int = 0) -> np.ndarray:
    """Probabilities of all outcomes of six bits, far from independent."""
    weight = np.random.default_rng(seed).gamma(0.4, size=64) + 0.01
    return weight / weight.sum()


@pytest.fixture(scope="module")
def trained() -> MatrixProductState:
    *_, (state, _) = sweeps(ALL, _target(), [4, 8, 8, 8])
    return state


def test_unlimited_bonds_learn_any_distribution():
    target = _target()
    entropy = -(target @ np.log(target))
    *_, (state, loss) = sweeps(ALL, target, [8] * 40, inner=5)
    assert loss == pytest.approx(entropy, abs=2e-3)
    assert max(state.bonds) <= 8
    probabilities = state.to_vector() ** 2
    assert target @ np.log(target / probabilities) < 2e-3


def test_a_sweep_never_raises_the_loss_while_bonds_have_room():
    losses = [loss for _, loss in sweeps(ALL, _target(1), [8] * 10)]
    assert all(after <= before + 1e-9 for before, after in pairwise(losses))


def test_the_gradient_of_two_sites_is_that_of_the_loss():
    """The direction that training moves along, against differences of the loss."""
    bits, weights = ALL, _target(2)
    training = MPSTraining(bits, weights)
    training.sweep(4)
    tensors = [t.copy() for t in training._tensors]
    merged = np.tensordot(tensors[0], tensors[1], axes=1)
    merged /= np.linalg.norm(merged)

    def loss(pair: np.ndarray) -> float:
        rest = pair.reshape(4, -1)
        for tensor in tensors[2:]:
            rest = np.tensordot(rest.reshape(-1, tensor.shape[0]), tensor, axes=1)
        amplitudes = rest.reshape(-1)
        return -2.0 * float(weights @ np.log(np.abs(amplitudes))) + float(np.log((pair**2).sum()))

    left, right = training._left[-1], training._right[-1]
    which = training._bits[0] * 2 + training._bits[1]
    gradient = np.zeros_like(merged)
    for value in range(4):
        rows = which == value
        L, R = left[rows], right[rows]
        psi = np.einsum("nr,nr->n", L @ merged[:, value >> 1, value & 1], R)
        gradient[:, value >> 1, value & 1] = (L * (weights[rows] / psi)[:, None]).T @ R
    step = 1e-6
    for index in np.ndindex(merged.shape):
        moved = [merged.copy() for _ in range(2)]
        moved[0][index] += step
        moved[1][index] -= step
        slope = (loss(moved[0]) - loss(moved[1])) / (2 * step)
        assert slope == pytest.approx(-2.0 * (gradient - merged)[index], abs=1e-4)


def test_log_probabilities_are_the_squares_of_the_amplitudes(trained):
    vector = trained.to_vector()
    np.testing.assert_allclose(np.exp(trained.log_probabilities(ALL)), vector**2, atol=1e-14)
    assert (vector**2).sum() == pytest.approx(1.0)


def test_draws_have_the_amplitudes_squared_and_a_wrong_order_is_caught(trained):
    draws = trained.sample(20_000, np.random.default_rng(1))
    seen = np.bincount(draws.astype(int) @ (1 << np.arange(6)[::-1]), minlength=64)
    expected = 20_000 * trained.to_vector() ** 2
    kept = expected > 5
    assert stats.chisquare(seen[kept], expected[kept] * seen[kept].sum() / expected[kept].sum()).pvalue > 1e-3
    wrong = np.bincount(draws.astype(int) @ (1 << np.arange(6)), minlength=64)
    assert (
        stats.chisquare(wrong[kept], expected[kept] * wrong[kept].sum() / expected[kept].sum()).pvalue < 1e-6
    )


def test_conditions_on_either_side_are_exact(trained):
    held = {1: 1, 4: 0}
    table = trained.to_vector() ** 2
    possible = (ALL[:, 1] == 1) & (ALL[:, 4] == 0)
    assert trained.log_mass(held) == pytest.approx(np.log(table[possible].sum()))
    draws = trained.sample(20_000, np.random.default_rng(2), held)
    assert (draws[:, 1] == 1).all()
    assert (draws[:, 4] == 0).all()
    seen = np.bincount(draws.astype(int) @ (1 << np.arange(6)[::-1]), minlength=64)
    expected = np.where(possible, table, 0.0) / table[possible].sum() * 20_000
    kept = expected > 5
    assert seen[~possible].sum() == 0
    assert stats.chisquare(seen[kept], expected[kept] * seen[kept].sum() / expected[kept].sum()).pvalue > 1e-3


def test_a_condition_of_probability_zero_is_refused():
    state = MatrixProductState((np.array([[[1.0], [0.0]]]), np.array([[[1.0], [0.0]]])))
    assert state.log_mass({0: 1}) == -np.inf
    with pytest.raises(DataError, match="probability zero under the model"):
        state.sample(10, np.random.default_rng(0), {0: 1})


def test_margins_and_correlators_are_sums_over_the_table(trained):
    table = trained.to_vector() ** 2
    margins = trained.block_margins(2)
    for block in range(3):
        words = ALL[:, 2 * block] * 2 + ALL[:, 2 * block + 1]
        np.testing.assert_allclose(margins[block], np.bincount(words, table), atol=1e-12)
    for sites in ([0], [2, 5], [0, 1, 4]):
        signs = (1.0 - 2.0 * ALL[:, sites]).prod(axis=1)
        assert trained.correlator(sites) == pytest.approx(table @ signs)


@pytest.mark.parametrize("qubits", [None, [3, 0, 5, 1, 4, 2]])
def test_the_circuit_prepares_the_amplitudes(trained, qubits):
    circuit = mps_circuit(trained, qubits)
    amplitudes = Statevector(circuit).data
    qubits = range(6) if qubits is None else qubits
    index = (ALL.astype(int) << np.array(list(qubits))).sum(axis=1)
    np.testing.assert_allclose(amplitudes[index], trained.to_vector(), atol=1e-12)
    assert max(len(step.qubits) for step in circuit.data) == 1 + int(np.ceil(np.log2(max(trained.bonds))))


def test_a_hundred_and_fifty_qubits_train_draw_and_condition():
    rng = np.random.default_rng(0)
    bits = (np.cumsum(rng.random((500, 150)) < 0.1, axis=1) % 2).astype(np.uint8)  # neighbours mostly equal
    *_, (state, _) = sweeps(bits, np.ones(500), [2, 4])
    independent = product_mps(bits, np.ones(500))
    fresh = (np.cumsum(rng.random((200, 150)) < 0.1, axis=1) % 2).astype(np.uint8)
    gain = state.log_probabilities(fresh).mean() - independent.log_probabilities(fresh).mean()
    assert gain > 40.0
    draws = state.sample(500, rng, {0: 1, 149: 0})
    assert (draws[:, 0] == 1).all()
    assert (draws[:, 149] == 0).all()
    assert (draws[:, 1] == 1).mean() > 0.8
