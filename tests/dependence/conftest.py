"""One fitted model of every kind in the room, and the tools that compare draws with a density."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr, stdtr

from qfin.dependence import DEPENDENCE, Copula

SMALL = {
    "born": {"bits": 2, "layers": 1, "data_weight": 1.0, "steps": 25, "learning_rate": 0.05},
    "empirical_blend": {"bits": 2},
    "factor": {"model": "student_t", "components": 2},
    "iqp": {"bits": 3, "steps": 400, "n_words": 200, "n_samples": 200},
    "mps": {"bits": 3, "data_weight": 0.5, "sweeps": 4, "max_bond": 8, "teacher_draws": 4000},
    "qgan": {"bits": 2, "layers": 1, "steps": 25, "learning_rate": 0.02},
    "rbm": {"bits": 2, "smoothing": 0.0, "steps": 2500, "max_steps": 2500, "chains": 256},
}
"""Parameters that make a kind quick enough to test; a kind that needs none is not listed."""

CORRELATION = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]])


def _t_draws(correlation: np.ndarray, nu: float, n: int, seed: int = 0) -> np.ndarray:
    """Draws of the t copula made without qfin."""
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((n, len(correlation))) @ np.linalg.cholesky(correlation).T
    return stdtr(nu, normal / np.sqrt(rng.chisquare(nu, n) / nu)[:, None])


def _gaussian_draws(correlation: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """Draws of the Gaussian copula made without qfin."""
    return ndtr(
        np.random.default_rng(seed).standard_normal((n, len(correlation))) @ np.linalg.cholesky(correlation).T
    )


def _history(d: int, n: int = 600) -> np.ndarray:
    """Pseudo-observations of n days of d dependent factors, shape (n, d)."""
    correlation = np.eye(d)
    correlation[: min(d, 3), : min(d, 3)] = CORRELATION[:d, :d]
    return stats.rankdata(_t_draws(correlation, 4.0, n, seed=11), axis=0) / (n + 1)


def _build(kind: str, **parameters: object) -> Copula:
    """A small unfitted model of a kind."""
    return DEPENDENCE.build({"kind": kind, **SMALL.get(kind, {}), **parameters})


@cache
def _fit_once(kind: str, d: int, **parameters: object) -> Copula:
    return _build(kind, random_state=5, **parameters).fit(_history(d))


def _cell_probabilities(density: Callable[[np.ndarray], np.ndarray], d: int, cells: int) -> np.ndarray:
    """Integral of a density over equal cells of the cube, shape (cells,) * d, by the midpoint rule.

    The nodes crowd towards the faces, where copula densities peak.
    """
    nodes = {2: 241, 3: 41}[d]
    edges = np.union1d(np.linspace(0, 1, cells + 1), np.r_[0, ndtr(np.linspace(-5, 5, nodes)), 1])
    middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    points = np.stack(np.meshgrid(*[middle] * d, indexing="ij"), axis=-1).reshape(-1, d)
    weights = np.prod(np.stack(np.meshgrid(*[width] * d, indexing="ij"), axis=-1), axis=-1).ravel()
    bins = np.minimum((points * cells).astype(int), cells - 1)
    return np.bincount(bins @ cells ** np.arange(d)[::-1], weights * density(points), cells**d)


def _chi_square(draws: np.ndarray, probabilities: np.ndarray, cells: int) -> float:
    """p-value that the draws have these cell probabilities."""
    bins = np.minimum((draws * cells).astype(int), cells - 1)
    seen = np.bincount(bins @ cells ** np.arange(draws.shape[1])[::-1], minlength=cells ** draws.shape[1])
    return float(stats.chisquare(seen, probabilities / probabilities.sum() * len(draws)).pvalue)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", DEPENDENCE.kinds())
    if "density_kind" in metafunc.fixturenames:
        kinds = [k for k in DEPENDENCE.kinds() if hasattr(DEPENDENCE.load(k), "score_samples")]
        metafunc.parametrize("density_kind", kinds)


@pytest.fixture(scope="session")
def correlation() -> np.ndarray:
    return CORRELATION


def _as_fixture(function: Callable) -> Callable:
    """A fixture that is the function, because test modules cannot import from here."""
    return pytest.fixture(scope="session", name=function.__name__.lstrip("_"))(lambda: function)


t_draws, gaussian_draws, history = _as_fixture(_t_draws), _as_fixture(_gaussian_draws), _as_fixture(_history)
build, chi_square, cell_probabilities = (
    _as_fixture(_build),
    _as_fixture(_chi_square),
    _as_fixture(_cell_probabilities),
)


@pytest.fixture(scope="session")
def fitted() -> Callable[..., Copula]:
    """Gives a small model of a kind fitted to `history(d)`; shared, so not to be changed."""
    return lambda kind, d=2, **parameters: _fit_once(kind, d, **parameters)
