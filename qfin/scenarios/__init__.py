"""Scenario sets, and scores with intervals: where generation and valuation meet and never see each other."""

from qfin.scenarios._classifier import classifier_scores
from qfin.scenarios._compare import compare
from qfin.scenarios._dependence_scores import dependence_scores
from qfin.scenarios._diebold_mariano import DieboldMariano, diebold_mariano
from qfin.scenarios._discrepancy import Discrepancy
from qfin.scenarios._distances import energy_distance, marginal_scores, sliced_wasserstein_distance
from qfin.scenarios._forecast_scores import (
    energy_score,
    forecast_scores,
    fz0_score,
    pinball_score,
    portfolio_var_es,
    variogram_score,
)
from qfin.scenarios._memorisation import memorisation_scores
from qfin.scenarios._path_scores import path_scores
from qfin.scenarios._score import Score, difference, mean_score
from qfin.scenarios._set import ScenarioSet
from qfin.scenarios._uniformity import probability_integral_transform, uniformity_scores

__all__ = [
    "DieboldMariano",
    "Discrepancy",
    "ScenarioSet",
    "Score",
    "classifier_scores",
    "compare",
    "dependence_scores",
    "diebold_mariano",
    "difference",
    "energy_distance",
    "energy_score",
    "forecast_scores",
    "fz0_score",
    "marginal_scores",
    "mean_score",
    "memorisation_scores",
    "path_scores",
    "pinball_score",
    "portfolio_var_es",
    "probability_integral_transform",
    "sliced_wasserstein_distance",
    "uniformity_scores",
    "variogram_score",
]
