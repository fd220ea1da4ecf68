"""Scenario sets: where generation and valuation meet and never see each other."""

from qfin.scenarios._set import ScenarioSet

__all__ = ["ScenarioSet"]
