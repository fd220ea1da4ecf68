"""Distances between the distribution of scenarios and that of history: joint, and factor by factor."""

from __future__ import annotations

import warnings

import numpy as np

from qfin.scenarios._discrepancy import Discrepancy, resampled_weights
from qfin.scenarios._samples import History, Samples, Scenarios, stream

_ROWS = 4_000
_PROJECTIONS = 50


def energy_distance(scenarios: Scenarios, history: History, seed: int = 0) -> Discrepancy:
    """Energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| (Székely and Rizzo 2013), with its floor.

    X a scenario's one-day return and Y a day's, in the history's standard deviations; the V-statistic, so never below
    0. Of more than 4,000 scenarios or days, 4,000 evenly spaced ones are compared.

    Parameters
    ----------
    scenarios : a set, or shape (n, d) or (n, h, d)
    history : shape (days, d)
    seed : of the floor
    """
    from sklearn.metrics.pairwise import euclidean_distances

    samples = Samples.of(scenarios, history).standardised().thinned(_ROWS)
    X, Y = samples.scenarios, samples.history
    within = euclidean_distances(Y)
    value = 2 * euclidean_distances(X, Y).mean() - euclidean_distances(X).mean() - within.mean()
    drawn, past = resampled_weights(len(Y), len(X), samples.steps, stream(seed, "energy distance"))
    excess = drawn - past
    return Discrepancy.beside("energy distance", value, -np.sum(excess @ within * excess, axis=1))


def sliced_wasserstein_distance(scenarios: Scenarios, history: History, seed: int = 0) -> Discrepancy:
    """Sliced Wasserstein-1 distance over 50 random directions (Bonneel et al. 2015), with its floor.

    In the history's standard deviations; the mean over directions of the Wasserstein-1 distance of projections.

    Parameters
    ----------
    scenarios : a set, or shape (n, d) or (n, h, d)
    history : shape (days, d)
    seed : of directions and floor
    """
    from ot.sliced import get_random_projections, sliced_wasserstein_distance

    samples = Samples.of(scenarios, history).standardised()
    X, Y = samples.scenarios, samples.history
    directions = get_random_projections(Y.shape[1], _PROJECTIONS, seed)
    value = sliced_wasserstein_distance(X, Y, projections=directions, p=1)
    drawn, past = resampled_weights(
        len(Y), len(X), samples.steps, stream(seed, "sliced Wasserstein distance")
    )
    floor = wasserstein_and_kolmogorov(Y @ directions, drawn - past)[0].mean(axis=1)
    return Discrepancy.beside("sliced Wasserstein distance", value, floor)


def marginal_scores(scenarios: Scenarios, history: History, seed: int = 0) -> list[Discrepancy]:
    """Kolmogorov-Smirnov, Anderson-Darling and Wasserstein-1 of each factor's one-day return.

    Kolmogorov-Smirnov is the largest difference of distribution functions, its p-value asymptotic; Anderson-Darling is
    the standardised k-sample statistic (Scholz and Stephens 1987), its p-value known between 0.001 and 0.25;
    both p-values take days as independent. Wasserstein-1 is in the history's standard deviations.

    Parameters
    ----------
    scenarios : a set, or shape (n, d) or (n, h, d)
    history : shape (days, d)
    seed : of the floors
    """
    from scipy import stats

    samples = Samples.of(scenarios, history).standardised()
    X, Y = samples.scenarios, samples.history
    drawn, past = resampled_weights(len(Y), len(X), samples.steps, stream(seed, "marginals"))
    wasserstein, kolmogorov = wasserstein_and_kolmogorov(Y, drawn - past)
    rows = []
    for k, name in enumerate(samples.names):
        x, y = X[:, k], Y[:, k]
        ks = stats.ks_2samp(x, y, method="asymp")
        with (
            warnings.catch_warnings()
        ):  # of a p-value outside the table, and of names SciPy is about to change
            warnings.simplefilter("ignore")
            ad = stats.anderson_ksamp([x, y])
        rows += [
            Discrepancy.beside("Kolmogorov-Smirnov", ks.statistic, kolmogorov[:, k], name, ks.pvalue),
            Discrepancy(
                "Anderson-Darling",
                float(ad.statistic),
                name,
                None,
                float(ad.critical_values[2]),
                float(ad.pvalue),
            ),
            Discrepancy.beside("Wasserstein-1", stats.wasserstein_distance(x, y), wasserstein[:, k], name),
        ]
    return rows


def wasserstein_and_kolmogorov(values: np.ndarray, excess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wasserstein-1 and Kolmogorov-Smirnov distance of two weightings of the same points, column by column.

    The integral and the maximum of |F - G|; for many weightings of one sample, which is sorted only once.

    values : shape (points, k)
    excess : shape (resamples, points), the one weighting less the other
    returns both of shape (resamples, k)
    """
    order = np.argsort(values, axis=0)
    gaps = np.diff(np.take_along_axis(values, order, axis=0), axis=0)
    integral, largest = np.empty((2, len(excess), values.shape[1]))
    for b, weights in enumerate(excess):
        apart = np.abs(np.cumsum(weights[order], axis=0)[:-1])
        integral[b] = np.einsum("ik,ik->k", apart, gaps)
        largest[b] = np.max(apart, axis=0, where=gaps > 0, initial=0.0)
    return integral, largest
