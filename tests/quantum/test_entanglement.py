"""Entangling capability and expressibility against closed forms and Qiskit's random states."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector, partial_trace, random_statevector

from qfin.quantum import expressibility, haar_meyer_wallach, meyer_wallach


@pytest.mark.parametrize("n", [2, 3, 5])
def test_known_states(n):
    ghz = np.zeros(2**n)
    ghz[[0, -1]] = np.sqrt(0.5)
    assert meyer_wallach(ghz) == pytest.approx(1.0)
    product = Statevector.from_label(("r+0-l")[:n])
    assert meyer_wallach(product.data) == pytest.approx(0.0, abs=1e-12)
    w = np.where(np.bitwise_count(np.arange(2**n)) == 1, n**-0.5, 0.0)
    assert meyer_wallach(w) == pytest.approx(4 * (n - 1) / n**2)  # every qubit has purity 1 - 2 (n - 1)/n^2


def test_it_is_the_mean_impurity_of_single_qubits():
    state = random_statevector(2**4, seed=3)
    purities = [partial_trace(state, [q for q in range(4) if q != k]).purity().real for k in range(4)]
    assert meyer_wallach(state.data) == pytest.approx(2 - 2 * np.mean(purities))


def test_random_states_have_the_mean_of_haar():
    found = [meyer_wallach(random_statevector(8, seed=k).data) for k in range(400)]
    assert haar_meyer_wallach(3) == pytest.approx(np.mean(found), abs=4 * np.std(found) / 20)


def test_random_states_are_expressible_and_one_state_is_not():
    states = np.array([random_statevector(16, seed=k).data for k in range(200)])
    assert expressibility(states) < 0.01
    assert expressibility(np.repeat(states[:1], 10, axis=0)) == pytest.approx(np.log(20))


def test_phases_on_one_qubit_have_fidelities_of_the_arcsine_law():
    """F = cos^2(difference/2) where Haar's are uniform in [0, 1]."""
    angles = np.random.default_rng(2).uniform(0, 2 * np.pi, 1200)
    states = np.column_stack([np.ones(1200), np.exp(1j * angles)]) / np.sqrt(2)
    shares = np.diff(2 / np.pi * np.arcsin(np.sqrt(np.linspace(0, 1, 21))))
    assert expressibility(states) == pytest.approx(shares @ np.log(20 * shares), rel=0.05)
