"""A Born machine whose cells a backend draws: what it asks for, what comes back, and what a bad device does."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector
from scipy.stats import kstest

from qfin.dependence import BornMachine, StudentTCopula
from qfin.quantum import Backend, Capabilities, Draws, Request
from qfin.quantum.backends import Exact

SHOTS = 20_000


class Flipping(Backend):
    """Draws of the exact backend whose bits flip with probability `rate`: a device with readout errors."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def capabilities(self) -> Capabilities:
        return Capabilities(exact=False, noisy=True, remote=False, max_qubits=16, max_shots=50_000)

    def _run(self, request: Request) -> Draws:
        bits = Exact().run(request).bits()
        flips = np.random.default_rng(request.seed).random(bits.shape) < self.rate
        return Draws.from_bits(bits ^ flips, {"backend": "flipping", "job_ids": ["job-1"]})


@pytest.fixture(scope="module")
def U() -> np.ndarray:
    prior = StudentTCopula(random_state=2)
    rng = np.random.default_rng(4)
    x = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 800)
    return prior.fit((np.argsort(np.argsort(x, axis=0), axis=0) + 0.5) / 800).sample(1200)


@pytest.fixture(scope="module", params=["load", "train", "none"])
def born(U: np.ndarray, request: pytest.FixtureRequest) -> BornMachine:
    kind = {"prior": "none"} if request.param == "none" else {"start": request.param}
    return BornMachine(bits=3, layers=2, data_weight=1.0, steps=40, random_state=3, **kind).fit(U)


def test_the_request_is_the_trained_circuit(born: BornMachine) -> None:
    request = born.request(SHOTS)
    bound = request.circuit.assign_parameters(request.theta[0])
    start = Statevector.from_int(0, 2**6) if request.initial is None else Statevector(request.initial)
    np.testing.assert_allclose(start.evolve(bound).probabilities(), born.probabilities_, atol=1e-12)
    assert (request.shots, request.rows) == (SHOTS, 1)
    assert request.seed == born.request(SHOTS).seed != born.request(SHOTS, 9).seed


def test_points_lie_in_the_drawn_cells_and_have_the_models_distribution(born: BornMachine) -> None:
    U, draws = born.sample_on(Exact(), SHOTS, 1)
    again, _ = born.sample_on(Exact(), SHOTS, 1)
    assert (again == U).all()
    assert draws.shots == len(U) == SHOTS
    usual = born.sample(SHOTS, 2)
    for k in range(2):
        assert kstest(U[:, k], "uniform").pvalue > 1e-4
    assert np.corrcoef(U.T)[0, 1] == pytest.approx(np.corrcoef(usual.T)[0, 1], abs=0.03)
    mean, expected = born.score(U), born.score(usual)
    assert mean == pytest.approx(expected, abs=0.04)
    V, _ = born.recalibration_.inverse(U)
    same_cell = born._grid.encode(V) == draws.outcomes()[0]
    assert same_cell.mean() > 0.9  # all but the floor's share and those that recalibration moves over an edge


def test_margins_stay_uniform_on_a_device_that_flips_bits(born: BornMachine) -> None:
    U, draws = born.sample_on(Flipping(0.05), SHOTS, 1)
    assert draws.lineage["job_ids"] == ["job-1"]
    exact = born._grid.bin_masses(born.probabilities_)
    assert np.abs(born._grid.bin_masses(draws.frequencies()[0]) - exact).max() > 0.01
    for column in U.T:
        assert kstest(column, "uniform").pvalue > 1e-4


def test_few_shots_leave_no_empty_bin_without_mass(born: BornMachine) -> None:
    U, _ = born.sample_on(Exact(), 10, 1)
    assert ((U > 0) & (U < 1)).all()
