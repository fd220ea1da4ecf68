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
    assert found.probability > 0.09  # the lowest tenth of the probability is all that training looks at
    assert found.history[0] > found.history[-1] == pytest.approx(energies.min(), abs=0.2)
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


def test_with_most_of_the_probability_looked_at_the_ground_state_is_the_most_probable():
    energies = np.random.default_rng(4).normal(size=16)
    program = Program.from_circuit(ANSAETZE.build("line_rzz").build(4, 2, 4))
    found = find_ground_state(program, energies, share=0.6, initial=np.full(16, 0.25))
    assert found.outcome == found.most_probable == energies.argmin()
    assert found.probability > 0.59


def test_what_was_measured_is_told_from_what_is_there():
    """A ground state hidden in 1,024 flat outcomes, before any training: few shots miss it, and it says so."""
    program = Program.from_circuit(ANSAETZE.build("line_rzz").build(10, 1, 10))
    energies = np.random.default_rng(2).permutation(1024.0 * np.arange(1024))
    flat = np.full(1024, 2.0**-5)
    found = find_ground_state(program, energies, steps=0, restarts=1, shots=5, initial=flat)
    assert found.energy == energies[found.outcome] > energies.min()
    angles = np.random.default_rng(0).uniform(-0.3, 0.3, len(program.parameters))
    untrained = program.probabilities(angles, flat)
    assert found.probability == untrained[found.outcome] < 0.1
    assert found.most_probable == untrained.argmax()
    assert (found.evaluations, found.shots, len(found.history)) == (1, 5, 1)


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        (8, {}, "there are 8 energies; the circuit has 16 outcomes"),
        (16, {"restarts": 0}, "restarts = 0 is not allowed; wanted at least 1"),
        (16, {"shots": 0}, "shots = 0 is not allowed"),
        (16, {"steps": -1}, "max_steps = -1"),
    ],
)
def test_an_eigensolver_that_cannot_run(size, options, message):
    program = Program.from_circuit(ANSAETZE.build("ring_cx").build(4, 1, 2))
    with pytest.raises(ConfigError, match=message):
        find_ground_state(program, np.arange(float(size)), **options)
