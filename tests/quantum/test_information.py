"""Mutual information against Qiskit's, scikit-learn's and simulation."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import mutual_information as qiskit_mutual_information
from qiskit.quantum_info import partial_trace, random_statevector
from sklearn.metrics import mutual_info_score

from qfin.quantum import estimated_information, joint_tables, mutual_information, quantum_mutual_information


@pytest.mark.parametrize("n", [2, 3, 5])
def test_of_qubits_against_qiskit(n):
    state = random_statevector(2**n, seed=n)
    found = quantum_mutual_information(state.data)
    for i, j in combinations(range(n), 2):
        pair = partial_trace(state, [q for q in range(n) if q not in (i, j)])
        assert found[i, j] == pytest.approx(qiskit_mutual_information(pair, base=np.e), abs=1e-12)
        assert found[j, i] == found[i, j]
    assert np.diag(found).tolist() == [0.0] * n


def test_of_a_bell_pair_and_of_ghz():
    bell = np.zeros(8)
    bell[[0b000, 0b101]] = np.sqrt(0.5)
    found = quantum_mutual_information(bell)
    assert found[0, 2] == pytest.approx(2 * np.log(2))
    assert found[0, 1] == pytest.approx(0.0, abs=1e-12)
    ghz = np.zeros(8)
    ghz[[0, 7]] = np.sqrt(0.5)
    np.testing.assert_allclose(quantum_mutual_information(ghz)[np.triu_indices(3, 1)], np.log(2))


@given(st.integers(0, 10**6))
def test_measured_bits_share_no_more_than_qubits(seed):
    state = random_statevector(16, seed=seed).data
    quantum = quantum_mutual_information(state)
    for pair, joint in joint_tables(np.abs(state) ** 2).items():
        assert -1e-12 <= mutual_information(joint) <= quantum[pair] + 1e-12


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_of_words_against_scikit_learn(bits):
    draws = np.random.default_rng(1).integers(0, 64, 500) & np.random.default_rng(2).integers(0, 64, 500)
    frequencies = np.bincount(draws, minlength=64) / 500
    tables = joint_tables(frequencies, bits)
    assert sorted(tables) == list(combinations(range(6 // bits), 2))
    for (i, j), joint in tables.items():
        first, second = ((draws >> (k * bits)) & (2**bits - 1) for k in (i, j))
        assert mutual_information(joint) == pytest.approx(mutual_info_score(first, second), abs=1e-12)
        counted = np.zeros((2**bits, 2**bits))
        np.add.at(counted, (first, second), 1 / 500)
        np.testing.assert_allclose(joint, counted)


@pytest.mark.parametrize("strength", [0.0, 0.4])
def test_an_estimate_has_no_bias_and_the_error_it_states(strength):
    rng = np.random.default_rng(9)
    law = (1 - strength) * np.full((4, 4), 1 / 16) + strength * np.eye(4) / 4
    samples = rng.multinomial(800, law.ravel(), size=600).reshape(-1, 4, 4) / 800
    found = np.array([estimated_information(sample, 800) for sample in samples])
    spread = found[:, 0].std()
    assert found[:, 0].mean() == pytest.approx(mutual_information(law), abs=4 * spread / 600**0.5)
    assert found[:, 1].mean() == pytest.approx(spread, rel=0.2)
