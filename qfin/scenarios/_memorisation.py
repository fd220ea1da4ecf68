"""Whether scenarios repeat the days a model was trained on, and whether they reach the days it was not."""

from __future__ import annotations

import numpy as np

from qfin.scenarios._discrepancy import Discrepancy
from qfin.scenarios._samples import History, Samples, Scenarios, moments

_Z95 = 1.6448536269514722
_NEIGHBOURS = 5
_SAME = 1e-9


def memorisation_scores(scenarios: Scenarios, training: History, held_out: History) -> list[Discrepancy]:
    """Scenarios' distances to their nearest training day, beside those of held-out days to theirs.

    Distances are Euclidean, of one-day returns in the training days' standard deviations. A perfect model's scenarios
    lie as near to the training days as held-out days do; both are taken as independent of each other.

    copied share : of scenarios that equal a training day, to 1e-9; novelty is 1 less it
    memorised share : of those whose nearest training day is nearer than a third of the way to the second nearest
        (Yoon et al. 2023)
    inauthentic share : of those nearer to their nearest training day than that day is to any other (Alaa et al. 2022,
        1 - AuthPct)
    data copying : -C_T, the Mann-Whitney z of scenarios nearer to training days than held-out days are (Meehan,
        Chaudhuri and Dasgupta 2020, one cell); above 1.64 is copying, far below 0 is missing the data
    uncovered share : of held-out days without a scenario as near as their fifth nearest training day (Naeem et al.
        2020, 1 - coverage); the floor is a perfect model's

    Floors of the first three are the held-out days' own share, p-values those of two proportions.

    Parameters
    ----------
    scenarios : a set, or shape (n, d) or (n, h, d)
    training : shape (days, d), the days the model was fitted to
    held_out : shape (m, d), days it was not
    """
    from sklearn.neighbors import NearestNeighbors

    samples, unseen = Samples.of(scenarios, training), Samples.of(scenarios, held_out).history
    mean, deviation = moments(samples.history, samples.names)
    unseen, samples = (unseen - mean) / deviation, samples.standardised()
    drawn, seen = samples.scenarios, samples.history
    days = NearestNeighbors().fit(seen)
    near, nearest = days.kneighbors(drawn, 2)
    unseen_near, unseen_nearest = days.kneighbors(unseen, _NEIGHBOURS)
    between = days.kneighbors(None, 1)[0][:, 0]
    rows = [
        _shares("copied share", near[:, 0] < _SAME, unseen_near[:, 0] < _SAME),
        _shares("memorised share", _much_nearer(near), _much_nearer(unseen_near)),
        _shares(
            "inauthentic share",
            near[:, 0] < between[nearest[:, 0]],
            unseen_near[:, 0] < between[unseen_nearest[:, 0]],
        ),
        _data_copying(near[:, 0], unseen_near[:, 0]),
    ]
    reach = NearestNeighbors(n_neighbors=1).fit(drawn).kneighbors(unseen)[0][:, 0]
    return [*rows, _uncovered(reach > unseen_near[:, -1], len(seen), len(drawn))]


def _much_nearer(near: np.ndarray) -> np.ndarray:
    return near[:, 0] < near[:, 1] / 3


def _shares(score: str, drawn: np.ndarray, unseen: np.ndarray) -> Discrepancy:
    """Share of scenarios beside that of held-out days, by the normal test of two proportions."""
    from scipy.stats import norm

    share, floor = drawn.mean(), unseen.mean()
    pooled = (drawn.sum() + unseen.sum()) / (len(drawn) + len(unseen))
    deviation = np.sqrt(pooled * (1 - pooled) * (1 / len(drawn) + 1 / len(unseen)))
    p_value = float(norm.sf((share - floor) / deviation)) if deviation > 0 else 1.0
    return Discrepancy(score, float(share), None, float(floor), float(floor + _Z95 * deviation), p_value)


def _data_copying(drawn: np.ndarray, unseen: np.ndarray) -> Discrepancy:
    from scipy.stats import mannwhitneyu

    test = mannwhitneyu(drawn, unseen, alternative="less", method="asymptotic", use_continuity=False)
    n, m = len(drawn), len(unseen)
    # from the statistic, not the p-value, which is 0 for a set of copies; ties (all copies at 0) only shrink z
    z = (n * m / 2 - test.statistic) / np.sqrt(n * m * (n + m + 1) / 12)
    return Discrepancy("data copying", float(z), None, 0.0, _Z95, float(test.pvalue))


def _uncovered(missed: np.ndarray, training: int, scenarios: int) -> Discrepancy:
    """Share of days missed; of a perfect model the first five neighbours are then all training days by chance."""
    from scipy.stats import binom

    days, nearer = len(missed), np.arange(_NEIGHBOURS)
    floor = float(np.prod((training - nearer) / (training + scenarios - nearer)))
    count = int(missed.sum())
    upper, p_value = binom.ppf(0.95, days, floor) / days, binom.sf(count - 1, days, floor)
    return Discrepancy("uncovered share", count / days, None, floor, float(upper), float(p_value))
