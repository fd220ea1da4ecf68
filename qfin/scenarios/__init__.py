"""Scenario sets, and scores with intervals: where generation and valuation meet and never see each other."""

from qfin.scenarios._score import Score, difference, mean_score
from qfin.scenarios._set import ScenarioSet

__all__ = ["ScenarioSet", "Score", "difference", "mean_score"]
