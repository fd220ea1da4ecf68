"""The parts of the Born machine: selection, recalibration, cells of a prior, product states."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from qfin.dependence import GaussianCopula
from qfin.dependence._circuit import product_angles, product_state
from qfin.dependence._prior import PriorCells, UniformCells, subdivide
from qfin.dependence._recalibration import Recalibration
from qfin.dependence._selection import Choice, choose, folds
from qfin.quantum import Grid


@given(st.integers(50, 5000))
def test_folds_fit_the_past_and_score_what_follows(n: int) -> None:
    pairs = list(folds(n))
    assert len(pairs) == 8
    for fitted, following in pairs:
        assert fitted.start == 0
        assert fitted.stop == following.start < following.stop <= n
    assert pairs[-1][1].stop == n


def _choose(curves: dict[float, list[list[float]]], **options: int) -> Choice:
    """`choose` on given validation curves, a list of folds for each weight."""
    fold = iter(range(8))

    def gains(fitted: np.ndarray, following: np.ndarray) -> list[np.ndarray]:
        number = next(fold)
        return [np.array(by_fold[number]) for by_fold in curves.values()]

    return choose(np.random.default_rng(0).random((100, 2)), list(curves), gains, **options)[0]


def test_the_best_setting_is_chosen() -> None:
    choice = _choose({1.0: [[0.0, 0.3, 0.1]] * 8, 0.3: [[0.0, 0.1, 0.2]] * 8})
    assert (choice.data_weight, choice.steps, choice.gain) == (1.0, 1, pytest.approx(0.3))
    assert choice.curve == pytest.approx((0.0, 0.3, 0.1))


def test_a_loss_is_never_chosen() -> None:
    assert _choose({1.0: [[0.0, -0.1, -0.2]] * 8}).steps == 0


def test_the_fewest_steps_within_one_standard_error_are_taken() -> None:
    folds_of_best = [[0.0, 0.08, 0.0], [0.0, 0.08, 0.2]] * 4
    assert _choose({1.0: folds_of_best}).steps == 1
    assert _choose({1.0: folds_of_best}, cautious=False).steps == 2


def test_a_gain_that_differs_in_sign_from_fold_to_fold_is_not_believed() -> None:
    assert _choose({1.0: [[0.0, 0.2], [0.0, -0.1], [0.0, 0.1], [0.0, -0.1]] * 2}).steps == 0
    assert _choose({1.0: [[0.0, 0.2], [0.0, -0.1], [0.0, 0.1], [0.0, -0.1]] * 2}, steps=1).steps == 1


def test_blocks_are_taken_by_their_own_ranks() -> None:
    seen = []
    U = np.random.default_rng(0).random((60, 2)) * np.linspace(0.1, 1.0, 60)[:, None]
    choose(U, [1.0], lambda fitted, following: seen.append((fitted, following)) or [np.zeros(2)])
    for block in (block for pair in seen for block in pair):
        np.testing.assert_allclose(np.sort(block[:, 0]), np.arange(1, len(block) + 1) / (len(block) + 1))
    expected = np.argsort(U[: len(seen[0][0]), 1])
    np.testing.assert_array_equal(np.argsort(seen[0][0][:, 1]), expected)


@given(st.lists(st.floats(0.01, 5.0), min_size=4, max_size=4), st.floats(1e-9, 1 - 1e-9))
def test_recalibration_is_increasing_and_invertible(density: list[float], v: float) -> None:
    calibration = Recalibration.from_density(np.array([0.0, 0.1, 0.5, 0.9, 1.0]), np.array([density]))
    u = calibration.forward(np.array([[v], [min(v + 1e-3, 1.0)]]))
    assert u[0, 0] < u[1, 0] or v + 1e-3 > 1.0
    back, log_slope = calibration.inverse(np.clip(u[:1], 1e-300, 1 - 2.0**-53))
    assert back[0, 0] == pytest.approx(v, abs=1e-9)
    step = 1e-7
    if 0.1 < v < 0.4:
        slope = np.diff(calibration.forward(np.array([[v], [v + step]])), axis=0) / step
        assert np.log(slope) == pytest.approx(log_slope[0], abs=1e-5)


def test_a_quarter_of_a_part_maps_to_a_quarter() -> None:
    calibration = Recalibration.from_density(np.array([0.0, 0.5, 1.0]), np.array([[1.5, 0.5]]))
    assert calibration.forward(np.array([[0.125]]))[0, 0] == pytest.approx(0.1875)
    assert calibration.forward(np.array([[0.625]]))[0, 0] == pytest.approx(0.75 + 0.0625)


def test_subdivided_edges() -> None:
    np.testing.assert_allclose(subdivide(np.array([0.0, 0.2, 1.0]), 2), [0.0, 0.1, 0.2, 0.6, 1.0])


@pytest.fixture(scope="module")
def gaussian() -> GaussianCopula:
    rng = np.random.default_rng(1)
    x = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 3000)
    return GaussianCopula(floor=0.0, random_state=0).fit(norm.cdf(x))


def test_cell_probabilities_against_scipy(gaussian: GaussianCopula) -> None:
    grid = Grid(3, 2)
    table = PriorCells(gaussian, grid).tabulate(2**20, np.random.default_rng(0))
    rho = np.corrcoef(norm.ppf(gaussian.sample(400_000, 1)).T)[0, 1]
    lower, upper = grid.cell_bounds(np.arange(grid.n_cells))
    clip = lambda u: norm.ppf(np.clip(u, 1e-12, 1 - 1e-12))  # noqa: E731
    law = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    exact = np.array([law.cdf(clip(b), lower_limit=clip(a)) for a, b in zip(lower, upper, strict=True)])
    np.testing.assert_allclose(table.probabilities, exact, atol=6e-4)
    rare = exact < 1e-5
    assert rare.any()
    assert np.all(table.probabilities > 0)


def test_filled_points_lie_in_their_cells(gaussian: GaussianCopula) -> None:
    grid = Grid(3, 2)
    outcomes = np.random.default_rng(0).integers(0, grid.n_cells, 3000)
    for cells in (PriorCells(gaussian, grid), UniformCells(grid)):
        np.testing.assert_array_equal(grid.encode(cells.fill(outcomes, np.random.default_rng(1))), outcomes)


def test_filled_points_follow_the_prior_inside_the_cell(gaussian: GaussianCopula) -> None:
    grid = Grid(1, 2)
    corner = np.full(4000, grid.encode(np.array([[0.1, 0.1]]))[0])
    filled = PriorCells(gaussian, grid).fill(corner, np.random.default_rng(1))
    even = UniformCells(grid).fill(corner, np.random.default_rng(1))
    assert np.corrcoef(filled.T)[0, 1] > 0.3
    assert abs(np.corrcoef(even.T)[0, 1]) < 0.05


def test_unchanged_cells_leave_margins_alone(gaussian: GaussianCopula) -> None:
    grid = Grid(2, 2)
    table = PriorCells(gaussian, grid).tabulate(2**14, np.random.default_rng(0))
    calibration = table.recalibration(table.probabilities)
    np.testing.assert_allclose(
        calibration.values, np.broadcast_to(calibration.knots, calibration.values.shape)
    )


@given(st.lists(st.floats(0.01, 1.0), min_size=8, max_size=8))
def test_product_state_has_the_targets_bit_frequencies(weights: list[float]) -> None:
    target = np.array(weights) / sum(weights)
    state = product_state(product_angles(target))
    assert state @ state == pytest.approx(1.0)
    bits = (np.arange(8)[:, None] >> np.arange(3)) & 1
    np.testing.assert_allclose((state**2) @ bits, target @ bits, atol=1e-12)
