"""IQP circuits against Qiskit's statevector, finite differences and the exact discrepancy."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from qfin.errors import ConfigError
from qfin.quantum import Adam, MaximumMeanDiscrepancy
from qfin.quantum._iqp import IQP, Target, draw_words, median_sigmas


def _all_bits(n):
    return ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1).astype(np.uint8)


def _circuits():
    pairs = IQP.local(5)
    return [pairs, IQP(5, np.vstack([pairs.generators, [[1, 1, 1, 0, 1], [0, 1, 1, 1, 0]]]))]


@pytest.mark.parametrize("circuit", _circuits(), ids=["pairs", "larger gates"])
def test_probabilities_are_the_statevector_s(circuit):
    theta = np.random.default_rng(0).normal(size=circuit.n_gates)
    wanted = Statevector(circuit.circuit().assign_parameters(theta)).probabilities()
    np.testing.assert_allclose(circuit.probabilities(theta), wanted, atol=1e-12)


def test_qubit_u_is_bit_u():
    circuit = IQP(3, np.eye(3, dtype=np.uint8))
    probabilities = circuit.probabilities(np.array([np.pi / 2, 0.0, 0.0]))
    assert probabilities[1] == pytest.approx(1.0)


@pytest.mark.parametrize("circuit", _circuits(), ids=["pairs", "larger gates"])
def test_expectations_over_all_bitstrings_are_the_statevector_s(circuit):
    theta, bits = np.random.default_rng(1).normal(size=circuit.n_gates), _all_bits(5)
    state = Statevector(circuit.circuit().assign_parameters(theta)).probabilities()
    wanted = (-1.0) ** (bits @ bits.T.astype(int)) @ state
    np.testing.assert_allclose(circuit.expectations(theta, bits, bits=bits), wanted, atol=2e-6)


@pytest.mark.parametrize("circuit", _circuits(), ids=["pairs", "larger gates"])
def test_the_gradient_is_that_of_the_loss(circuit):
    rng = np.random.default_rng(2)
    theta, words, wanted = (
        rng.normal(size=circuit.n_gates),
        draw_words(5, [0.5, 1.0], 40, rng),
        rng.random(40),
    )
    bits = rng.integers(0, 2, (64, 5))
    step = 1e-2 * np.eye(circuit.n_gates)

    def loss(angles):
        return circuit.loss_and_gradient(angles, words, wanted, bits)[0]

    numeric = [(loss(theta + e) - loss(theta - e)) / 2e-2 for e in step]
    np.testing.assert_allclose(circuit.loss_and_gradient(theta, words, wanted, bits)[1], numeric, atol=2e-4)


def test_loss_and_gradient_are_unbiased():
    """The mean of many estimates, few samples each, is the exact discrepancy: too few would show any bias."""
    rng, circuit = np.random.default_rng(3), IQP.local(4)
    theta, data = rng.normal(size=circuit.n_gates), rng.integers(0, 2, (50, 4))
    target = np.bincount(data @ (1 << np.arange(4)), minlength=16) / 50
    exact = MaximumMeanDiscrepancy(target, (0.5, 1.0))
    step = 1e-5 * np.eye(circuit.n_gates)
    slope = [
        (exact(circuit.probabilities(theta + e))[0] - exact(circuit.probabilities(theta - e))[0]) / 2e-5
        for e in step
    ]
    wanted = np.r_[exact(circuit.probabilities(theta))[0], slope]
    estimates = [circuit.mmd_and_gradient(theta, Target(data), (0.5, 1.0), 16, 3, rng) for _ in range(4000)]
    seen = np.array([np.r_[loss, gradient] for loss, gradient in estimates])
    error = seen.std(axis=0) / np.sqrt(len(seen))
    assert (np.abs(seen.mean(axis=0) - wanted) < 4.5 * error + 1e-6).all()


def test_training_lowers_the_exact_discrepancy_of_aligned_spins():
    rng, circuit = np.random.default_rng(4), IQP.local(4)
    first = rng.integers(0, 2, (400, 1))
    data = np.where(rng.random((400, 4)) < 0.05, 1 - first, first)
    exact = MaximumMeanDiscrepancy(np.bincount(data @ (1 << np.arange(4)), minlength=16), (0.5, 1.0))
    theta = circuit.start(data, rng)
    before, adam = exact(circuit.probabilities(theta))[0], Adam(0.03)
    state = adam.start(theta)
    for number in range(1, 201):
        _, gradient = circuit.mmd_and_gradient(theta, Target(data), (0.5, 1.0), 100, 100, rng)
        theta, state = adam.step(theta, gradient, state, number)
    assert exact(circuit.probabilities(theta))[0] < 0.5 * before


def test_two_hundred_qubits_take_a_step():
    rng, circuit = np.random.default_rng(5), IQP.local(200)
    data = rng.integers(0, 2, (100, 200))
    loss, gradient = circuit.mmd_and_gradient(
        circuit.start(data, rng), Target(data), median_sigmas(data, rng), 50, 50, rng
    )
    assert np.isfinite(loss)
    assert gradient.shape == (200 + 200 * 199 // 2,)
    assert np.isfinite(gradient).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match=r"generators have shape \(2, 2\); wanted \(gates, 3\)"):
        IQP(3, np.eye(2))
    with pytest.raises(ConfigError, match="each with a 1 in it"):
        IQP(2, np.zeros((1, 2)))
    with pytest.raises(ConfigError, match="24 qubits at most"):
        IQP.local(25).probabilities(np.zeros(325))
