"""`score_samples` is the density of exactly what `sample` draws, and wrong samplers are caught."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.xdist_group(
    "copulas"
)  # with test_conformance.py, which looks at the same fitted models

CELLS, DRAWS = 8, 20_000
HONEST, CAUGHT = 1e-3, 1e-6


def _density(model):
    return lambda points: np.exp(model.score_samples(points))


@pytest.mark.parametrize("floor", [1e-3, 0.3])
def test_draws_have_the_density(density_kind, floor, fitted, cell_probabilities, chi_square):
    model = fitted(density_kind, floor=floor)
    cells = cell_probabilities(_density(model), 2, CELLS)
    assert cells.sum() == pytest.approx(1.0, abs=2e-3)
    assert chi_square(model.sample(DRAWS, 2), cells, CELLS) > HONEST


def test_the_density_s_margins_are_uniform(density_kind, fitted, cell_probabilities):
    cells = cell_probabilities(_density(fitted(density_kind)), 2, CELLS).reshape(CELLS, CELLS)
    np.testing.assert_allclose(cells.sum(axis=0), 1 / CELLS, rtol=0.015)
    np.testing.assert_allclose(cells.sum(axis=1), 1 / CELLS, rtol=0.015)


def test_columns_in_the_wrong_order_are_caught(density_kind, fitted, cell_probabilities, chi_square):
    """Three factors: with two, an elliptical copula is the same either way round."""
    model = fitted(density_kind, 3)
    draws, cells = model.sample(DRAWS, 2), cell_probabilities(_density(model), 3, 4)
    assert chi_square(draws, cells, 4) > HONEST
    if density_kind == "independent":  # the same in any order: what must be caught is dependence
        draws[:, 1] = draws[:, 0]
    assert chi_square(draws[:, ::-1], cells, 4) < CAUGHT


def test_a_mirrored_factor_is_caught(density_kind, fitted, cell_probabilities, chi_square):
    model = fitted(density_kind)
    draws = model.sample(DRAWS, 2)
    draws[:, 1] = draws[:, 0] if density_kind == "independent" else 1 - draws[:, 1]
    assert chi_square(draws, cell_probabilities(_density(model), 2, CELLS), CELLS) < CAUGHT


def test_a_sampler_that_forgets_the_floor_is_caught(density_kind, fitted, cell_probabilities, chi_square):
    model = fitted(density_kind, floor=0.3)
    draws = model._draw(DRAWS, np.random.default_rng(2))
    p_value = chi_square(draws, cell_probabilities(_density(model), 2, CELLS), CELLS)
    assert (p_value > HONEST) if density_kind == "independent" else (p_value < CAUGHT)


@pytest.mark.parametrize("nu", [2.5, 40.0])
def test_other_degrees_of_freedom_are_caught(nu, fitted, t_draws, cell_probabilities, chi_square):
    """Correlation and margins alike: only the tails give the wrong sampler away."""
    model = fitted("student_t", floor=0.0)
    assert model.degrees_of_freedom_ == pytest.approx(4.0, abs=1.5)
    cells = cell_probabilities(_density(model), 2, CELLS)
    right = t_draws(model.correlation_, model.degrees_of_freedom_, 50_000, seed=3)
    assert chi_square(right, cells, CELLS) > HONEST
    assert chi_square(t_draws(model.correlation_, nu, 50_000, seed=3), cells, CELLS) < CAUGHT


def test_the_floor_mixes_in_independence(density_kind, fitted, history):
    """c = (1 - floor) c_model + floor, and no model's density falls below its floor."""
    model, U = fitted(density_kind, floor=0.3), history(2)
    expected = np.log(0.7 * np.exp(model._log_density(U)) + 0.3)
    np.testing.assert_allclose(model.score_samples(U), expected, atol=1e-12)
    corner = np.array([[2.0**-53, 1 - 2.0**-53], [2.0**-53, 2.0**-53], [1 - 2.0**-53, 0.5]])
    assert (fitted(density_kind).score_samples(corner) >= np.log(1e-3)).all()
    assert np.isfinite(fitted(density_kind).score_samples(corner)).all()
