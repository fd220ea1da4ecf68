"""A batch of angles is each of them alone."""

from __future__ import annotations

import numpy as np
import pytest

from qfin.quantum import Program
from tests.quantum._circuits import quadratic, random_circuit, random_state


@pytest.fixture(scope="module", params=["float64", "float32"])
def program(request: pytest.FixtureRequest) -> Program:
    circuit = random_circuit(np.random.default_rng(3), 4, 40)
    circuit.measure_all()
    return Program.from_circuit(circuit, dtype=request.param)


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("start", ["zero", "complex"])
def test_a_batch_has_the_same_bits_as_one_by_one(program: Program, batch: int, start: str) -> None:
    rng = np.random.default_rng(batch)
    theta, initial = rng.normal(size=(batch, len(program.parameters))), random_state(rng, 4, start)
    loss = quadratic(rng.normal(size=16))
    probabilities = program.probabilities(theta, initial)
    states = program.statevector(theta, initial)
    values, gradients = program.value_and_gradient(theta, loss, initial)
    assert probabilities.shape == states.shape == (batch, 16)
    assert values.shape == (batch,)
    assert gradients.shape == theta.shape
    for k, row in enumerate(theta):
        np.testing.assert_array_equal(probabilities[k], program.probabilities(row, initial))
        np.testing.assert_array_equal(states[k], program.statevector(row, initial))
        value, gradient = program.value_and_gradient(row, loss, initial)
        assert values[k] == value
        np.testing.assert_array_equal(gradients[k], gradient)


def test_a_batch_of_samples_draws_row_by_row(program: Program) -> None:
    theta = np.random.default_rng(0).normal(size=(3, len(program.parameters)))
    samples = program.sample(theta, 50, np.random.default_rng(1))
    assert samples.shape == (3, 50)
    assert samples.dtype == np.int64
    rng = np.random.default_rng(1)
    np.testing.assert_array_equal(samples, [program.sample(row, 50, rng) for row in theta])


def test_a_list_of_lists_is_a_batch(program: Program) -> None:
    theta = np.ones((2, len(program.parameters)))
    np.testing.assert_array_equal(program.probabilities(theta.tolist()), program.probabilities(theta))


def test_a_loss_that_is_infinite_for_one_row_leaves_the_others(program: Program) -> None:
    theta = np.random.default_rng(0).normal(size=(3, len(program.parameters)))
    weights, bad = np.arange(16.0), program.probabilities(theta[1])

    def loss(p: np.ndarray) -> tuple[float, np.ndarray]:
        return (np.inf if (p == bad).all() else float(weights @ p)), weights

    values, gradients = program.value_and_gradient(theta, loss)
    assert values[1] == np.inf
    assert np.isfinite(values[[0, 2]]).all()
    assert np.isnan(gradients).any(axis=1).tolist() == [False, True, False]
