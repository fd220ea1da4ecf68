"""Gradients at random angles against closed forms, their statistics against SciPy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from scipy.stats import quantile_test

from qfin.quantum import ANSAETZE, NegativeLogLikelihood, Program, decay, gradient_size


def rotations(n: int, idle: bool = False) -> Program:
    theta = ParameterVector("theta", n)
    circuit = QuantumCircuit(n)
    for qubit in range(n):
        circuit.ry(theta[qubit], qubit)
    if idle:
        for qubit, angle in enumerate(ParameterVector("phi", n)):
            circuit.rz(angle, qubit)
    return Program.from_circuit(circuit)


def uniform(draws: int, parameters: int) -> np.ndarray:
    return np.random.default_rng(5).uniform(0, 2 * np.pi, (draws, parameters))


def all_zero(p):
    """1 - P(0...0): a global loss."""
    slope = np.zeros(len(p))
    slope[0] = -1.0
    return 1.0 - p[0], slope


def mean_bit(p):
    """Mean share of ones: a local loss."""
    slope = np.bitwise_count(np.arange(len(p))) / (len(p).bit_length() - 1)
    return float(slope @ p), slope


@pytest.mark.parametrize("n", [1, 2, 4])
def test_a_product_circuit_with_a_global_and_a_local_loss(n):
    """Cerezo, Sone, Volkoff, Cincio and Coles 2021 (arXiv 2001.00550), the warm-up example."""
    angles = uniform(6000, n)
    found = gradient_size(rotations(n), all_zero, angles)
    assert found.variance == pytest.approx((3 / 8) ** (n - 1) / 8, rel=0.12)
    local = gradient_size(rotations(n), mean_bit, angles)
    assert local.variance == pytest.approx(1 / (8 * n**2), rel=0.05)


def test_median_and_interval_are_of_the_squared_gradient_over_draws():
    angles = uniform(101, 2)
    found = gradient_size(rotations(2), mean_bit, angles)
    squares = np.mean((np.sin(angles) / 4) ** 2, axis=1)
    interval = quantile_test(squares, q=0.0, p=0.5).confidence_interval()
    assert found.median == pytest.approx(np.median(squares))
    assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high))
    assert found.variance == pytest.approx(np.var(np.sin(angles) / 4, axis=0, ddof=1).mean())
    assert found.loss == pytest.approx(np.median(np.mean(np.sin(angles / 2) ** 2, axis=1)))


def test_angles_that_change_nothing_are_not_averaged():
    angles = uniform(50, 2)
    with_idle = gradient_size(rotations(2, idle=True), mean_bit, np.hstack([uniform(50, 2), angles]))
    assert (with_idle.parameters, with_idle.active) == (4, 2)
    assert with_idle.median == pytest.approx(gradient_size(rotations(2), mean_bit, angles).median)


def test_draws_without_a_likelihood_count_as_infinite():
    loss = NegativeLogLikelihood([0.0, 1.0])
    angles = np.array([[0.0]] * 2 + [[1.0]] * 9)
    found = gradient_size(rotations(1), loss, angles)
    assert found.median == pytest.approx((1 / np.tan(0.5)) ** 2)
    assert found.upper == np.inf
    assert np.isnan(found.variance)
    assert gradient_size(rotations(1), loss, angles[:2]).median == np.inf


def test_a_deep_random_circuit_has_a_barren_plateau_and_one_layer_has_none():
    """Over 2-designs the variance of a local loss halves with each qubit (McClean et al. 2018)."""
    sizes = [2, 3, 4, 5, 6]

    def fitted(layers):
        variances = []
        for n in sizes:
            program = Program.from_circuit(ANSAETZE.build("all_rzz").build(n, layers, 1))
            angles = uniform(60, len(program.parameters))
            variances.append(n**2 * gradient_size(program, mean_bit, angles).variance)
        return decay(sizes, variances)

    assert fitted(12).upper < 0.7
    assert fitted(1).lower > 0.9


def test_decay_is_the_regression_of_logarithms():
    sizes = [4, 6, 7, 9, 12]
    values = 0.6 ** np.array(sizes) * np.exp([0.1, -0.2, 0.05, 0.1, -0.05])
    found = decay(sizes, values)
    fit = sm.OLS(np.log(values), sm.add_constant(np.array(sizes, dtype=float))).fit()
    np.testing.assert_allclose(
        [found.factor, found.lower, found.upper], np.exp([fit.params[1], *fit.conf_int()[1]])
    )
    assert decay([1, 2, 3], [8.0, 4.0, 2.0]).factor == pytest.approx(0.5)


@pytest.mark.parametrize("values", [[1.0, 0.5], [1.0, 0.0, 0.1], [1.0, np.inf, 0.1]])
def test_no_decay_without_three_values_that_have_logarithms(values):
    assert decay(range(len(values)), values) is None
