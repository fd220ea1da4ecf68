"""Mean log copula density of held-out days."""

from __future__ import annotations

import numpy as np

from qfin.dependence import Copula
from qfin.errors import ConfigError
from qfin.scenarios import Score, mean_score


def held_out_score(model: Copula, U: np.ndarray, confidence: float = 0.95, seed: int = 0) -> Score:
    """Mean log density that a fitted copula gives held-out days.

    Parameters
    ----------
    model : fitted to other days
    U : shape (days, d), the held-out days through the marginals of the days fitted, in time order
    confidence : of the interval
    seed : of the bootstrap; the same seed gives the same interval

    Raises
    ------
    ConfigError
        if the model has no density.
    DataError
        if there are fewer than 20 days, or the model gives a day no density at all.
    """
    score = getattr(model, "score_samples", None)
    if score is None:
        raise ConfigError(f"{type(model).__name__} has no density, so it has no held-out score")
    return mean_score(score(U), confidence, seed)
