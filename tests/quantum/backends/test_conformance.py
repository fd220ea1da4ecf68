"""What every backend promises, checked for each kind there is against the exact engine.

Statistical bounds: a chi-square statistic of k degrees of freedom exceeds k + 2 sqrt(k x) + 2 x with a probability of
at most exp(-x) (Laurent and Massart, 2000, lemma 1); x = 18 makes that 1.5e-8. Seeds are fixed besides.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, BACKENDS, Request

EXACT = BACKENDS.build("exact")
SPECS = {
    "exact": {"kind": "exact"},
    "aer": {"kind": "aer"},
    "aer, matrix product state": {"kind": "aer", "method": "matrix_product_state"},
    "aer, noise": {"kind": "aer", "noise": "fake_manila"},
    "ibm, fake": {"kind": "ibm", "device": "fake_manila"},
}
NOISY = ("aer, noise", "ibm, fake")
IDEAL = [name for name in SPECS if name not in NOISY]
X = 18.0
MOST_NOISE = 0.2  # total variation distance; fake_manila's errors make up to about half of it here


def built(name):
    if SPECS[name]["kind"] not in BACKENDS.kinds():
        pytest.skip(f"there is no backend {SPECS[name]['kind']!r}")
    return BACKENDS.build(SPECS[name])


@pytest.fixture(scope="module", params=SPECS)
def backend(request):
    return built(request.param)


@pytest.fixture(scope="module", params=IDEAL)
def ideal(request):
    return built(request.param)


def asymmetric(n=3):
    """Qubit q is 1 with a probability of its own, and the last is correlated with the first."""
    circuit = QuantumCircuit(n)
    for q, angle in enumerate(np.linspace(0.3, 2.2, n)):
        circuit.ry(angle, q)
    circuit.cx(0, n - 1)
    return circuit


def state(n, seed=0, phases=False):
    rng = np.random.default_rng(seed)
    amplitudes = np.sqrt(rng.dirichlet(np.full(2**n, 0.4)))
    return amplitudes * np.exp(1j * rng.uniform(-np.pi, np.pi, 2**n)) if phases else amplitudes


def rotated(n=3):
    circuit = QuantumCircuit(n)
    for q in range(n):
        circuit.ry(Parameter(f"angle[{q}]"), q)
    circuit.cx(0, 1)
    return circuit


def assert_fits(draws, exact, noisy):
    """Frequencies within shot noise of exact probabilities; a noisy device's within its errors of them."""
    for seen, wanted in zip(draws.frequencies(), exact, strict=True):
        if noisy:
            assert np.abs(seen - wanted).sum() / 2 < MOST_NOISE
            continue
        assert not seen[wanted < 1e-14].any(), "an impossible outcome was drawn"
        counts, means = seen * draws.shots, wanted * draws.shots
        rare = means < 5
        cells = [*zip(counts[~rare], means[~rare], strict=True), (counts[rare].sum(), means[rare].sum())]
        statistic = sum((c - m) ** 2 / m for c, m in cells if m > 0)
        freedom = len(cells) - 1
        assert statistic < freedom + 2 * np.sqrt(freedom * X) + 2 * X


def check(backend, circuit, theta=(), initial=None, shots=4000, seed=7):
    theta = np.atleast_2d(np.asarray(theta, dtype=float))
    request = Request(circuit, theta, shots, seed, initial)
    draws = backend.run(request)
    exact = EXACT.probabilities(request)
    assert (draws.rows, draws.shots) == (len(theta), shots)
    assert_fits(draws, exact, backend.capabilities().noisy)
    if backend.capabilities().exact:
        np.testing.assert_allclose(backend.probabilities(request), exact, atol=1e-12)


def test_every_kind_is_here():
    assert set(BACKENDS.kinds()) <= {spec["kind"] for spec in SPECS.values()} | {"aer_gpu"}  # test_aer_gpu.py


def test_bit_j_is_qubit_j(backend):
    p = EXACT.probabilities(Request(asymmetric(), np.empty((1, 0)), 1)).reshape(2, 2, 2)
    assert np.abs(p - p.T).sum() / 2 > 2 * MOST_NOISE  # so that a reversed order fails, with noise too
    check(backend, asymmetric())


@pytest.mark.parametrize("kind", ANSAETZE.kinds())
def test_every_ansatz(backend, kind):
    circuit = ANSAETZE.build(kind).build(4, 1, 2)
    theta = np.random.default_rng(3).normal(scale=0.6, size=(2, circuit.num_parameters))
    check(backend, circuit, theta)


def test_a_measured_subset_and_its_order(backend):
    circuit = asymmetric(4)
    circuit.add_register(ClassicalRegister(4))
    circuit.measure([3, 0], [1, 2])
    check(backend, circuit)
    assert backend.run(Request(circuit, np.empty((1, 0)), 10)).num_bits == 2


def test_a_loaded_state_lies_on_its_qubits(backend):
    check(backend, rotated(), [[0.0, 0.0, 0.0], [0.4, -0.3, 0.8]], state(3))


def test_a_loaded_state_keeps_its_phases(backend):
    check(backend, rotated(), [[0.7, 1.3, -0.4]], state(3, phases=True))


def test_a_state_that_the_circuit_prepares(backend):
    circuit = QuantumCircuit(3)
    circuit.prepare_state(state(2), [2, 0])
    circuit.cx(2, 1)
    check(backend, circuit)
    with pytest.raises(ConfigError, match="the circuit prepares a state of its own; leave 'initial' out"):
        backend.run(Request(circuit, np.empty((1, 0)), 10, initial=state(3)))


def test_draws_follow_the_seed_and_rows_are_independent(backend):
    circuit = rotated()
    theta = np.full((3, 3), 1.1)
    first, again, other = (backend.run(Request(circuit, theta, 200, seed)) for seed in (5, 5, 6))
    assert first.packed.tobytes() == again.packed.tobytes()
    assert first.packed.tobytes() != other.packed.tobytes()
    one, two, three = first.outcomes()
    assert not np.array_equal(one, two)
    assert not np.array_equal(two, three)


def test_rows_without_parameters_are_independent(backend):
    draws = backend.run(Request(asymmetric(), np.empty((2, 0)), 200)).outcomes()
    assert not np.array_equal(draws[0], draws[1])


def test_outcomes_come_in_no_order(backend):
    """A scenario is one shot: the first half of the shots is distributed as the second."""
    outcomes = backend.run(Request(asymmetric(), np.empty((1, 0)), 4000)).outcomes()[0]
    halves = [np.bincount(half, minlength=8) / 2000 for half in (outcomes[:2000], outcomes[2000:])]
    assert np.abs(halves[0] - halves[1]).max() < 6 * np.sqrt(0.5 / 2000)  # 6 standard deviations or more
    repeats = np.mean(outcomes[1:] == outcomes[:-1])  # sorted outcomes would nearly all repeat
    shares = np.bincount(outcomes, minlength=8) / 4000
    assert abs(repeats - (shares**2).sum()) < 0.06


def test_capabilities_tell_the_truth(backend):
    able = backend.capabilities()
    request = Request(asymmetric(), np.empty((1, 0)), 10)
    assert able.shots_only is not able.exact
    assert not able.remote
    if able.shots_only:
        with pytest.raises(ConfigError, match="has samples only, no probabilities; draw from it with run()"):
            backend.probabilities(request)
    if able.max_qubits is not None:
        n = able.max_qubits + 1
        with pytest.raises(ConfigError, match=rf"{n} qubits"):
            backend.run(Request(QuantumCircuit(n), np.empty((1, 0)), 10))
    if able.max_shots is not None:
        with pytest.raises(ConfigError, match=f"{able.max_shots + 1:,} shots are asked for"):
            backend.run(Request(asymmetric(), np.empty((1, 0)), able.max_shots + 1))


def test_a_plan_runs_nothing(backend, monkeypatch):
    def ran(*_, **__):
        raise AssertionError("the plan ran the request")

    request = Request(rotated(), np.zeros((4, 3)), 50, initial=state(3))
    monkeypatch.setattr(type(backend), "_run", ran)
    plan = backend.plan(request)
    assert (plan.qubits, plan.circuits, plan.shots) == (3, 4, 50)
    assert 0 < plan.expected_fidelity <= 1
    assert (plan.expected_fidelity < 1) is backend.capabilities().noisy
    assert plan.preparation_fidelity is not None


def test_lineage_is_text_that_a_file_can_hold(backend):
    lineage = backend.run(Request(asymmetric(), np.empty((1, 0)), 10)).lineage
    assert json.loads(json.dumps(lineage)) == lineage
    assert lineage["backend"] == backend.name


def test_a_measurement_in_the_middle_is_refused(backend):
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    circuit.x(0)
    with pytest.raises(ConfigError, match="comes after the measurement of qubit 0; measure at the end only"):
        backend.run(Request(circuit, np.empty((1, 0)), 10))


def test_sixteen_qubits(ideal):
    """One layer that entangles neighbours, drawn from beside its exact probabilities, outcome by outcome."""
    circuit = ANSAETZE.build("ring_cx").build(16, 1, 4)
    theta = np.random.default_rng(1).normal(scale=0.5, size=(1, circuit.num_parameters))
    check(ideal, circuit, theta, shots=20_000)
