"""The matrix-product-state Born machine as a copula."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector
from scipy import stats

from qfin.dependence import DEPENDENCE
from qfin.errors import ConfigError
from qfin.quantum import BACKENDS, certify

SMALL = {"kind": "mps", "bits": 3, "data_weight": 0.5, "sweeps": 4, "teacher_draws": 4000, "random_state": 5}


@pytest.fixture(scope="module")
def model(history):
    return DEPENDENCE.build(SMALL).fit(history(3))


def test_the_circuit_s_outcomes_are_the_cells(model):
    """Bit order and factor order: the statevector's probabilities against the density on the grid of cells."""
    probabilities = Statevector(model.circuit_).probabilities()
    grid = model._wide
    bits = ((np.arange(512)[:, None] >> np.arange(9)) & 1).astype(np.uint8)
    bins = grid.bins_of(bits)
    middles = 0.5 * (grid.edges[bins] + grid.edges[bins + 1])
    points = model._recalibration.forward(middles)
    mass = model.masses_[np.arange(3), bins].prod(axis=1)
    np.testing.assert_allclose(np.exp(model._log_density(points)) * mass, probabilities, atol=1e-12)


def test_it_generalises_better_with_a_teacher_than_alone(history, t_draws, correlation):
    U, later = history(3), t_draws(correlation, 4.0, 4000, seed=99)
    taught = DEPENDENCE.build({"kind": "mps", "bits": 3, "random_state": 1}).fit(U)
    alone = DEPENDENCE.build({"kind": "mps", "bits": 3, "random_state": 1, "teacher": "none"}).fit(U)
    truth = DEPENDENCE.build("student_t").fit(U).score(later)
    assert alone.score(later) < taught.score(later) < truth
    assert taught.score(later) > 0.75 * truth
    assert taught.data_weight_ in (0.5, 0.25)
    assert alone.data_weight_ == 1.0


def test_correlated_factors_are_neighbours():
    rng = np.random.default_rng(0)
    common = rng.standard_normal((500, 2))
    z = np.column_stack([common[:, k % 2] + 0.5 * rng.standard_normal(500) for k in range(6)])
    U = stats.rankdata(z, axis=0) / 501
    model = DEPENDENCE.build(SMALL | {"bits": 1, "sweeps": 1}).fit(U)
    groups = (model.order_ % 2).tolist()
    assert groups in ([0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0])


def test_backends_draw_the_circuit_and_the_certificate_needs_no_table(model):
    aer = BACKENDS.build({"kind": "aer"})
    points, draws = model.sample_on(aer, 4000, 3)
    assert points.shape == (4000, 3)
    exact = Statevector(model.circuit_).probabilities()
    assert stats.chisquare(*_pooled(draws.frequencies()[0] * 4000, exact * 4000)).pvalue > 1e-3
    words = [(0,), (1, 7), (3, 4)]
    signs = [(1 - 2 * ((np.arange(512)[:, None] >> np.array(w)) & 1)).prod(axis=1) for w in words]
    np.testing.assert_allclose(model.correlators(words), [exact @ s for s in signs], atol=1e-10)
    certificate = certify(draws, model.correlators)
    assert certificate.passes
    assert certificate.kl_divergence is None
    assert certificate.words == 9 + 8
    assert not certify(draws, lambda w: -model.correlators(w)).passes


def _pooled(seen: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    few = expected < 5
    return np.append(seen[~few], seen[few].sum()), np.append(expected[~few], expected[few].sum())


def test_a_born_machine_begins_at_its_state(history):
    """The prior of a Born machine is loaded as amplitudes: untrained, the circuit has the state's probabilities."""
    U = history(2)
    born = DEPENDENCE.build(
        {"kind": "born", "bits": 3, "prior": {**SMALL}, "steps": 0, "random_state": 5}
    ).fit(U)
    mps = DEPENDENCE.build(SMALL | {"floor": 1e-3}).fit(U)
    np.testing.assert_allclose(born.score_samples(U), mps.score_samples(U), atol=0.05)
    assert born.details()["prior"] == "mps"


def test_eighteen_factors_fit_draw_condition_and_score(t_draws):
    """Forty qubits of factors on a chain, in random order: their order is found, and neighbours feel a condition."""
    place = np.random.default_rng(0).permutation(18)
    R = 0.85 ** np.abs(place[:, None] - place)
    U = t_draws(R, 5.0, 1600, seed=2)
    model = DEPENDENCE.build(SMALL | {"bits": 2, "max_bond": 8, "sweeps": 4}).fit(U[:800])
    assert model.details()["qubits"] == 36
    found = place[model.order_]
    assert np.abs(np.diff(found)).mean() < 1.5  # of 1 at best and 6 by chance
    truth = DEPENDENCE.build("student_t").fit(U[:800]).score(U[800:])
    assert 0.5 * truth < model.score(U[800:]) < truth
    given, free = model.sample(2000, 1, given={0: 0.01}), model.sample(2000, 1)
    tied = int(np.argmin(np.abs(place[1:] - place[0]))) + 1
    assert free[:, tied].mean() == pytest.approx(0.5, abs=0.03)
    assert given[:, tied].mean() < 0.25


def test_a_teacher_without_a_density_is_refused(history):
    with pytest.raises(ConfigError, match="'bootstrap' cannot be a prior"):
        DEPENDENCE.build(SMALL | {"teacher": "bootstrap"}).fit(history(2))
