"""Gaussian and Student-t copulas against scipy.stats, known parameters, and data that try to break them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize

from qfin.dependence import GaussianCopula, Independent, StudentTCopula
from qfin.dependence._correlation import SMALLEST_EIGENVALUE, kendall_correlation, positive_definite
from qfin.errors import ConfigError

TINY = 2.0**-53
ESTIMATORS = [GaussianCopula(), StudentTCopula(), StudentTCopula(correlation="likelihood")]


def _random_correlation(d: int, seed: int) -> np.ndarray:
    factor = np.random.default_rng(seed).standard_normal((d, d + 1))
    covariance = factor @ factor.T
    return covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))


def _with(model, correlation: np.ndarray, nu: float | None = None):
    """A model with these parameters, as if fitted."""
    model.n_features_in_, model.correlation_, model.repaired_ = len(correlation), correlation, False
    if nu is not None:
        model.degrees_of_freedom_ = nu
    return model


def _points(d: int) -> np.ndarray:
    """Body and both tails, down to the last representable."""
    body = np.random.default_rng(0).random((200, d))
    return np.vstack([body, np.full((1, d), 1e-9), np.full((1, d), TINY), np.full((1, d), 1 - TINY)])


def _rounding(correlation: np.ndarray) -> float:
    """Relative error that scipy's inverse of a nearly singular matrix may have; extended precision sides with qfin."""
    return max(1e-10, 10 * np.finfo(float).eps * np.linalg.cond(correlation))


@settings(max_examples=25)
@given(d=st.integers(1, 6), nu=st.floats(1, 200), seed=st.integers(0, 1000))
def test_t_log_density_is_scipy_s(d, nu, seed):
    correlation, U = _random_correlation(d, seed), _points(d)
    x = stats.t.ppf(U, nu)
    x[-1] = -x[-2]  # scipy's ppf near 1 as the mirror image of its own near 0
    expected = stats.multivariate_t(np.zeros(d), correlation, df=nu).logpdf(x) - stats.t.logpdf(x, nu).sum(
        axis=1
    )
    seen = _with(StudentTCopula(floor=0), correlation, nu).score_samples(U)
    np.testing.assert_allclose(seen, expected, rtol=_rounding(correlation), atol=1e-10)


@settings(max_examples=25)
@given(d=st.integers(1, 6), seed=st.integers(0, 1000))
def test_gaussian_log_density_is_scipy_s(d, seed):
    correlation, U = _random_correlation(d, seed), _points(d)
    z = stats.norm.ppf(U)
    expected = stats.multivariate_normal(np.zeros(d), correlation).logpdf(z) - stats.norm.logpdf(z).sum(
        axis=1
    )
    seen = _with(GaussianCopula(floor=0), correlation).score_samples(U)
    np.testing.assert_allclose(seen, expected, rtol=_rounding(correlation), atol=1e-10)


def test_t_copula_of_many_degrees_of_freedom_is_nearly_gaussian(correlation, gaussian_draws):
    U = gaussian_draws(correlation, 2000)
    gap = _with(GaussianCopula(floor=0), correlation).score_samples(U)
    gap -= _with(StudentTCopula(floor=0), correlation, 200.0).score_samples(U)
    assert abs(gap.mean()) < 0.002
    assert np.abs(gap).max() < 0.5


def test_independence_scores_exactly_zero():
    U = np.random.default_rng(0).random((100, 3))
    assert (Independent().fit(U).score_samples(U) == 0.0).all()


@pytest.mark.parametrize("model", ESTIMATORS, ids=str)
def test_draws_fall_into_rectangles_as_often_as_scipy_says(model, correlation):
    """P(U <= u) by scipy's own rectangle probabilities, an implementation that shares nothing with ours."""
    corner, n = np.array([0.2, 0.4, 0.7]), 200_000
    model = _with(type(model)(floor=0), correlation, 3.5 if isinstance(model, StudentTCopula) else None)
    if isinstance(model, StudentTCopula):
        exact = stats.multivariate_t(np.zeros(3), correlation, df=3.5).cdf(
            stats.t.ppf(corner, 3.5), random_state=0
        )
    else:
        exact = stats.multivariate_normal(np.zeros(3), correlation).cdf(stats.norm.ppf(corner))
    seen = (model.sample(n, 1) <= corner).all(axis=1).mean()
    assert seen == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / n) + 1e-4)


@pytest.mark.parametrize("model", ESTIMATORS[1:], ids=str)
@pytest.mark.parametrize("nu", [2.5, 6.0])
def test_the_t_copula_finds_what_made_the_data(model, nu, correlation, t_draws):
    fit = type(model)(**model.get_params()).fit(t_draws(correlation, nu, 20_000, seed=1))
    np.testing.assert_allclose(fit.correlation_, correlation, atol=0.02)
    assert fit.degrees_of_freedom_ == pytest.approx(nu, rel=0.08)


def test_the_gaussian_copula_finds_what_made_the_data(correlation, gaussian_draws):
    U = gaussian_draws(correlation, 20_000, seed=1)
    np.testing.assert_allclose(GaussianCopula().fit(U).correlation_, correlation, atol=0.02)
    assert StudentTCopula().fit(U).degrees_of_freedom_ > 60  # all but Gaussian, and the likelihood says so


@pytest.mark.parametrize(
    "model", [GaussianCopula(floor=0), StudentTCopula("likelihood", 5.0, floor=0)], ids=str
)
def test_no_correlation_near_the_estimate_is_likelier(model, history):
    """Maximum likelihood against a search that knows no gradient."""
    U = history(3)
    fit = type(model)(**model.get_params()).fit(U)
    best, lower = fit.score(U), np.tril_indices(3, -1)

    def loss(entries):
        trial = np.eye(3)
        trial[lower] = entries
        return -_with(type(model)(**model.get_params()), trial + np.tril(trial, -1).T, 5.0).score(U)

    slow = minimize(
        loss, fit.correlation_[lower] + 0.01, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12}
    )
    assert best == pytest.approx(-slow.fun, abs=1e-8)
    np.testing.assert_allclose(fit.correlation_[lower], slow.x, atol=1e-4)


def test_likelihood_beats_kendall_on_the_days_fitted(history):
    U = history(3)
    assert StudentTCopula("likelihood", floor=0).fit(U).score(U) > StudentTCopula(floor=0).fit(U).score(U)


def test_degrees_of_freedom_maximise_the_profile_likelihood(history):
    U = history(3)
    best = StudentTCopula(floor=0).fit(U)
    for nu in best.degrees_of_freedom_ * np.array([0.7, 0.97, 1.03, 1.4]):
        fixed = StudentTCopula(degrees_of_freedom=nu, floor=0).fit(U)
        assert fixed.degrees_of_freedom_ == nu
        assert fixed.score(U) < best.score(U)


def test_kendall_inversion_is_exact_for_a_known_tau():
    U = np.array([[0.1, 0.1], [0.2, 0.2], [0.3, 0.4], [0.4, 0.3]])  # five of six pairs agree: tau = 4/6
    assert kendall_correlation(U)[0, 1] == pytest.approx(np.sin(np.pi / 2 * 4 / 6))


@settings(max_examples=50)
@given(d=st.integers(2, 6), seed=st.integers(0, 10_000))
def test_repair_gives_a_correlation_matrix_and_leaves_a_good_one_alone(d, seed):
    raw = np.tril(np.random.default_rng(seed).uniform(-1, 1, (d, d)), -1)
    repaired, changed = positive_definite(raw + raw.T + np.eye(d))
    np.testing.assert_array_equal(np.diag(repaired), 1.0)
    np.testing.assert_array_equal(repaired, repaired.T)
    assert np.linalg.eigvalsh(repaired)[0] > 0.9 * SMALLEST_EIGENVALUE / d
    good = _random_correlation(d, seed)
    assert positive_definite(good)[1] == (np.linalg.eigvalsh(good)[0] < SMALLEST_EIGENVALUE)
    assert positive_definite(repaired)[0] == pytest.approx(repaired, abs=1e-5)
    assert changed == (np.linalg.eigvalsh(raw + raw.T + np.eye(d))[0] < SMALLEST_EIGENVALUE)


@pytest.mark.parametrize("model", ESTIMATORS, ids=str)
def test_factors_that_repeat_each_other_are_repaired_and_reported(model, history):
    U = history(2)
    fit = type(model)(**model.get_params()).fit(np.column_stack([U, U[:, 0]]))
    assert fit.details()["correlation_repaired"]
    assert fit.correlation_[0, 2] > 0.9999
    assert np.isfinite(fit.score_samples(np.random.default_rng(0).random((50, 3)))).all()
    assert not type(model)(**model.get_params()).fit(U).details()["correlation_repaired"]


@pytest.mark.parametrize("model", ESTIMATORS, ids=str)
@pytest.mark.parametrize("n", [5, 8])
def test_a_handful_of_days_is_enough_to_stay_finite(model, n, history):
    U = history(3)[:n]
    fit = type(model)(**model.get_params()).fit(U)
    assert np.isfinite(fit.score_samples(U)).all()
    assert np.isfinite(fit.sample(100, 0)).all()


def test_tails_of_the_t_copula_move_together(correlation):
    """Lower tail dependence 2 t_{nu+1}(-sqrt((nu+1)(1-rho)/(1+rho))) (Demarta and McNeil 2005, equation 15)."""
    nu, rho, q = 3.0, 0.6, 1e-3
    draws = _with(StudentTCopula(floor=0), correlation, nu).sample(2_000_000, 0)[:, :2]
    exact = 2 * stats.t.cdf(-np.sqrt((nu + 1) * (1 - rho) / (1 + rho)), nu + 1)
    assert (draws < q).all(axis=1).mean() / q == pytest.approx(exact, abs=0.05)


def test_details_are_the_fit(history):
    fit = StudentTCopula().fit(history(2))
    details = fit.details()
    assert details["degrees_of_freedom"] == fit.degrees_of_freedom_
    assert details["correlation"] == fit.correlation_.tolist()
    assert details["correlation"][0][1] == pytest.approx(kendall_correlation(history(2))[0, 1])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"degrees_of_freedom": 0.5},
            "degrees_of_freedom = 0.5 is not allowed: .*greater than or equal to 1",
        ),
        (
            {"degrees_of_freedom": 500.0},
            "degrees_of_freedom = 500.0 is not allowed: .*less than or equal to 200",
        ),
        ({"correlation": "spearman"}, "correlation = 'spearman' is not allowed: .*'kendall' or 'likelihood'"),
    ],
)
def test_parameters_are_bounded(parameters, message, history):
    with pytest.raises(ConfigError, match=message):
        StudentTCopula(**parameters).fit(history(2))
