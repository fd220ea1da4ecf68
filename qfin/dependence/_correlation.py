"""Correlation matrices of elliptical copulas: estimated from pseudo-observations, kept positive definite."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from scipy.linalg import solve_triangular

SMALLEST_EIGENVALUE = 1e-6

Radial = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Of an elliptical distribution: log density generator, log g, and weight, -2 dlog g/dq, at squared distances q."""


def kendall_correlation(U: np.ndarray) -> np.ndarray:
    """Correlation from Kendall's tau, sin(pi tau / 2), shape (n, d) to (d, d).

    Holds for every elliptical copula, whatever its tails (McNeil, Frey and Embrechts, Quantitative Risk
    Management, 2015, proposition 7.43). Pair by pair, so the matrix may need `positive_definite`.
    """
    from scipy.stats import kendalltau

    correlation = np.eye(U.shape[1])
    for i, j in combinations(range(U.shape[1]), 2):
        tau = kendalltau(U[:, i], U[:, j]).statistic
        correlation[i, j] = correlation[j, i] = np.sin(0.5 * np.pi * tau)
    return correlation


def positive_definite(correlation: np.ndarray) -> tuple[np.ndarray, bool]:
    """A correlation matrix whose eigenvalues are at least 1e-6, and whether that changed it.

    The eigenvalue method (Rousseeuw and Molenberghs 1993; McNeil, Frey and Embrechts 2015, algorithm 7.57):
    eigenvalues that are too small are raised, then rows and columns rescaled to a unit diagonal.
    """
    values, vectors = np.linalg.eigh(correlation)
    if values[0] >= SMALLEST_EIGENVALUE:
        return correlation, False
    # twice the bound, because rescaling to a unit diagonal may take some of it back
    raised = (vectors * np.maximum(values, 2.0 * SMALLEST_EIGENVALUE)) @ vectors.T
    scale = np.sqrt(np.diag(raised))
    repaired = raised / np.outer(scale, scale)
    np.fill_diagonal(repaired, 1.0)
    return 0.5 * (repaired + repaired.T), True


def likelihood_correlation(scores: np.ndarray, radial: Radial, start: np.ndarray) -> np.ndarray:
    """Correlation that maximises an elliptical copula's likelihood, its other parameters held fixed.

    Parameters
    ----------
    scores : shape (n, d), the pseudo-observations mapped through the inverse of the elliptical margin
    radial : log density generator and weight of the elliptical distribution
    start : shape (d, d), a positive-definite correlation to begin at

    Notes
    -----
    R = L L' with the rows of L on the unit sphere (Pinheiro and Bates 1996), so that every step of L-BFGS is
    a correlation matrix. With y = L^{-1} x the mean log density is mean log g(|y|^2) - log|L|, and its
    gradient is L^{-T} (mean w y y' - I).
    """
    from scipy.optimize import minimize

    d = scores.shape[1]
    if d == 1:
        return start
    lower, columns = np.tril_indices(d, -1), np.ascontiguousarray(scores.T)

    def rows(free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raw = np.eye(d)
        raw[lower] = free
        lengths = np.linalg.norm(raw, axis=1)
        return raw / lengths[:, None], lengths

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        factor, lengths = rows(free)
        inverse = solve_triangular(factor, np.eye(d), lower=True)
        y = inverse @ columns
        log_generator, weights = radial(np.einsum("ij,ij->j", y, y))
        value = log_generator.mean() - np.log(np.diag(factor)).sum()
        moment = (y * weights) @ y.T / len(scores)
        slope = inverse.T @ (moment - np.eye(d))
        slope = (slope - np.sum(slope * factor, axis=1, keepdims=True) * factor) / lengths[:, None]
        return -value, -slope[lower]

    factor = np.linalg.cholesky(start)
    begin = (factor / np.diag(factor)[:, None])[lower]
    # 1e-10 of the log density is far below any difference between models
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"ftol": 1e-10, "gtol": 1e-7})
    factor, _ = rows(found.x)
    correlation = factor @ factor.T
    np.fill_diagonal(correlation, 1.0)
    return correlation


def shrunk(scores: np.ndarray, method: str) -> tuple[np.ndarray, float]:
    """Correlation of normal scores, shape (n, d), pulled towards the identity, and the intensity (scikit-learn)."""
    from sklearn.covariance import ledoit_wolf, oas

    standard = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    covariance, intensity = {"ledoit_wolf": ledoit_wolf, "oas": oas}[method](standard, assume_centered=True)
    scale = np.sqrt(np.diag(covariance))
    return covariance / np.outer(scale, scale), float(intensity)


def conditional(
    correlation: np.ndarray, columns: np.ndarray, held: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Of an elliptical distribution with some coordinates held: mean and scale matrix of the others, and x' R^{-1} x of
    the held ones.

    McNeil, Frey and Embrechts (2015), section 6.3.3; the others are in rising order.
    """
    others = np.setdiff1d(np.arange(len(correlation)), columns)
    inner = correlation[np.ix_(columns, columns)]
    slope = np.linalg.solve(inner, correlation[np.ix_(columns, others)]).T
    scale = correlation[np.ix_(others, others)] - slope @ correlation[np.ix_(columns, others)]
    return slope @ held, scale, float(held @ np.linalg.solve(inner, held))


def squared_distance(scores: np.ndarray, correlation: np.ndarray) -> tuple[np.ndarray, float]:
    """x' R^{-1} x of each row, shape (n,), and log|R|."""
    factor = np.linalg.cholesky(correlation)
    y = np.empty_like(scores.T)
    for i, row in enumerate(factor):  # forward substitution: LAPACK's threads cost far more than so few rows
        y[i] = (scores[:, i] - row[:i] @ y[:i]) / row[i]
    return np.einsum("ij,ij->j", y, y), 2.0 * float(np.log(np.diag(factor)).sum())
