"""The factor model: nested copulas recovered, densities, many factors, and what cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from qfin.dependence import DEPENDENCE, StudentTCopula
from qfin.errors import ConfigError

T = {"kind": "factor", "model": {"kind": "student_t", "correlation": "likelihood"}, "random_state": 5}


def _loaded(d: int, k: int, seed: int = 0) -> np.ndarray:
    """Correlation of d factors driven by k common ones."""
    rng = np.random.default_rng(seed)
    loadings = rng.standard_normal((d, k))
    R = loadings @ loadings.T + np.diag(1 + rng.random(d))
    return R / np.sqrt(np.outer(np.diag(R), np.diag(R)))


def test_a_t_copula_is_contained(t_draws, correlation):
    """On its own data the rotated model is as good as the t copula itself, with one component or all."""
    U, later = t_draws(correlation, 4.0, 3000, seed=1), t_draws(correlation, 4.0, 5000, seed=2)
    truth = StudentTCopula(correlation="likelihood").fit(U).score(later)
    for components in (1, 3):
        found = DEPENDENCE.build(T | {"components": components}).fit(U)
        assert found.score(later) == pytest.approx(truth, abs=0.015)
        assert found.degrees_of_freedom_ == pytest.approx(4.0, rel=0.15)
    gaussian = DEPENDENCE.build(T | {"components": 1, "residual": "gaussian"}).fit(U)
    assert gaussian.score(later) < truth - 0.03


def test_a_gaussian_copula_is_contained(gaussian_draws, correlation):
    U, later = gaussian_draws(correlation, 3000, seed=1), gaussian_draws(correlation, 5000, seed=2)
    found = DEPENDENCE.build(
        {"kind": "factor", "model": "gaussian", "residual": "gaussian", "components": 1}
    ).fit(U)
    assert found.score(later) == pytest.approx(DEPENDENCE.build("gaussian").fit(U).score(later), abs=0.01)


def test_the_explained_share_is_the_spectrum_s(gaussian_draws):
    R = _loaded(12, 2)
    model = DEPENDENCE.build(T | {"components": 2}).fit(gaussian_draws(R, 4000))
    wanted = np.sort(np.linalg.eigvalsh(R))[::-1][:2] / 12
    np.testing.assert_allclose(model.explained_, wanted, atol=0.02)
    assert model.details()["explained_share"] == pytest.approx(wanted.sum(), abs=0.03)


def test_a_circuit_inside_is_a_quantum_model_with_a_prior(history):
    spec = {"kind": "born", "bits": 2, "steps": 60, "learning_rate": 0.05, "data_weight": 1.0}
    model = DEPENDENCE.build({"kind": "factor", "model": spec, "components": 2, "random_state": 5}).fit(
        history(5)
    )
    assert model.details()["inner"]["qubits"] == 4
    assert model.details()["model"] == "born"
    gap = model.score(history(5)) - model.prior_.score(history(5))
    inner = model.model_
    plain = DEPENDENCE.build(T | {"model": "student_t", "components": 2}).fit(history(5))
    assert model.prior_.score(history(5)) == pytest.approx(plain.score(history(5)), abs=0.005)
    assert gap > 0  # trained on these very days
    assert inner.prior_ is not None


def test_bootstrapped_residuals_keep_the_days_together_and_have_no_density(t_draws):
    R = _loaded(8, 1)
    U = t_draws(R, 4.0, 1000)
    model = DEPENDENCE.build(T | {"components": 1, "residual": "bootstrap"}).fit(U)
    draws = model.sample(20_000, 1)
    np.testing.assert_allclose(stats.spearmanr(draws)[0], stats.spearmanr(U)[0], atol=0.08)
    with pytest.raises(ConfigError, match="no density, because its residuals are bootstrapped"):
        model.score_samples(U)
    assert model.prior_ is None
    without = DEPENDENCE.build({"kind": "factor", "model": "bootstrap", "components": 2}).fit(U)
    with pytest.raises(ConfigError, match="'bootstrap' has none"):
        without.score_samples(U)


def test_a_hundred_factors_with_fewer_days_than_factors(t_draws):
    R = _loaded(100, 3)
    U, later = t_draws(R, 5.0, 80, seed=1), t_draws(R, 5.0, 500, seed=2)
    model = DEPENDENCE.build(T | {"components": 3}).fit(U)
    draws = model.sample(4000, 1)
    assert all(stats.kstest(column, "uniform").pvalue > 1e-4 for column in draws[:, ::10].T)
    assert model.score(later) > 10.0
    seen, wanted = np.corrcoef(draws.T)[np.triu_indices(100, 1)], R[np.triu_indices(100, 1)]
    assert np.corrcoef(seen, wanted)[0, 1] > 0.9


def test_it_cannot_be_conditioned_nor_hold_itself(history):
    with pytest.raises(ConfigError, match="cannot be conditioned exactly"):
        DEPENDENCE.build(T).fit(history(3)).sample(10, given={0: 0.5})
    with pytest.raises(ConfigError, match="cannot hold another one"):
        DEPENDENCE.build({"kind": "factor", "model": T}).fit(history(3))
    with pytest.raises(ConfigError, match="there is no dependence model 'studnt'"):
        DEPENDENCE.build({"kind": "factor", "model": "studnt"}).fit(history(3))
