"""All scores of a scenario set against history that apply, in one table."""

from __future__ import annotations

import pandas as pd

from qfin.scenarios._classifier import classifier_scores
from qfin.scenarios._dependence_scores import dependence_scores
from qfin.scenarios._discrepancy import Discrepancy
from qfin.scenarios._distances import energy_distance, marginal_scores, sliced_wasserstein_distance
from qfin.scenarios._forecast_scores import forecast_scores
from qfin.scenarios._memorisation import memorisation_scores
from qfin.scenarios._path_scores import path_scores
from qfin.scenarios._samples import History, Samples, Scenarios
from qfin.scenarios._uniformity import PORTFOLIO, probability_integral_transform, uniformity_scores

_COLUMNS = ["score", "factor", "value", "floor", "upper", "p_value"]


def compare(
    scenarios: Scenarios, history: History, held_out: History | None = None, seed: int = 0
) -> pd.DataFrame:
    """Scores of scenarios against history, a row a figure; in every row higher is worse.

    Distances, marginals, dependence, a classifier test and, of paths, volatility clustering and the leverage effect
    against `history`; proper scores and uniformity of the probability integral transform on `held_out` days, or on
    `history` if there are none; memorisation only where there are. All are of one-day returns, steps pooled. Scores
    whose cost is the square of something compare evenly spaced rows or factors; each says how many.

    Parameters
    ----------
    scenarios : a set, or shape (n, d) or (n, h, d)
    history : shape (days, d), in time order; for memorisation the days that the model was fitted to
    held_out : shape (m, d), in time order, days that it was not fitted to
    seed : of floors, split and directions; the same seed gives the same table

    Returns
    -------
    columns score, factor (or pair; none where the figure belongs to all), value, floor and upper (median and 95 %
    quantile of a perfect model's figure) and p_value; NaN where one is not known

    Raises
    ------
    DataError
        if a shape is wrong, a value is not finite, there are fewer than 20 rows of anything, the factors differ, or
        one never changes in history.
    """
    samples = Samples.of(scenarios, history)
    observed = history if held_out is None else held_out
    rows: list[Discrepancy] = [
        energy_distance(scenarios, history, seed),
        sliced_wasserstein_distance(scenarios, history, seed),
        *marginal_scores(scenarios, history, seed),
        *(dependence_scores(scenarios, history, seed=seed) if len(samples.names) > 1 else []),
        *(path_scores(scenarios, history, seed) or []),
        *classifier_scores(scenarios, history, seed),
        *forecast_scores(scenarios, observed, seed=seed),
        *uniformity_scores(
            probability_integral_transform(scenarios, observed),
            (*samples.names, PORTFOLIO),
            len(samples.scenarios),
        ),
    ]
    if held_out is not None:
        rows += memorisation_scores(scenarios, history, held_out)
    return pd.DataFrame([row.to_dict() for row in rows])[_COLUMNS].astype(
        {column: float for column in _COLUMNS[2:]}
    )
