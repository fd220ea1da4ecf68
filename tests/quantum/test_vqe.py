"""The eigensolver for diagonal Hamiltonians against enumeration, and its loss against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, ConditionalValueAtRisk, Program, find_ground_state

ENERGIES = arrays(float, 8, elements=st.integers(-50, 50))
WEIGHTS = arrays(float, 8, elements=st.floats(0.01, 1))


@given(energies=ENERGIES, weights=WEIGHTS, share=st.sampled_from([0.05, 0.3, 0.5, 1.0]))
def test_it_is_the_mean_of_the_lowest_part(energies, weights, share):
    p = weights / weights.sum()
    left, total = share, 0.0
    for energy, mass in sorted(zip(energies, p, strict=True)):
        taken = min(mass, left)
        total, left = total + taken * energy, left - taken
    assert ConditionalValueAtRisk(energies, share)(p)[0] == pytest.approx(total / share, abs=1e-9)


@settings(max_examples=30)
@given(weights=WEIGHTS, share=st.sampled_from([0.11, 0.37, 1.0]))
def test_its_slope_is_its_derivative(weights, share):
    """Moves of mass from one outcome to another: derivatives are those on the simplex."""
    energies, p = np.array([3.0, -1.0, 4.0, 1.5, -5.0, 9.0, 2.0, 6.0]), weights / weights.sum()
    loss, step = ConditionalValueAtRisk(energies, share), 1e-7
    _, slope = loss(p)
    for to, source in ((4, 0), (1, 5), (7, 4)):
        moved = p.copy()
        moved[to] += step
        moved[source] -= step
        difference = (loss(moved)[0] - loss(p)[0]) / step
        assert difference == pytest.approx(slope[to] - slope[source], abs=1e-4)


@pytest.mark.parametrize("ansatz", ["line_rzz", "ring_cx"])
def test_the_ground_state_of_a_spin_chain_is_found(ansatz):
    """An Ising chain in a field, ten spins: the enumeration of 1,024 states says which."""
    n, rng = 10, np.random.default_rng(3)
    spins = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    couplings, fields = rng.normal(size=n - 1), 0.5 * rng.normal(size=n)
    energies = (spins[:, :-1] * spins[:, 1:]) @ couplings + spins @ fields
    program = Program.from_circuit(ANSAETZE.build(ansatz).build(n, 2, n))
    flat = np.full(2**n, 2.0 ** (-n / 2))
    found = find_ground_state(program, energies, initial=flat if ansatz == "line_rzz" else None)
    assert found.outcome == energies.argmin()
    assert found.energy == energies.min()
    assert found.history[-1] < found.history[0]
    assert (found.evaluations, found.shots) == (453, 3000)


def test_the_same_seed_finds_the_same():
    program = Program.from_circuit(ANSAETZE.build("ring_cx").build(4, 1, 2))
    energies = np.random.default_rng(0).normal(size=16)
    one, other = (find_ground_state(program, energies, steps=20, seed=5) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    ("energies", "share", "message"),
    [
        (np.zeros(6), 0.1, r"energies have shape \(6,\); wanted \(2\*\*n,\)"),
        (np.array([0.0, np.nan]), 0.1, "the energy of outcome 1 is not finite"),
        (np.zeros(4), 0.0, "share = 0.0 is not allowed"),
    ],
)
def test_bad_input(energies, share, message):
    with pytest.raises(ConfigError, match=message):
        ConditionalValueAtRisk(energies, share)
