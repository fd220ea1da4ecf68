"""How good a model is on days it has not seen, and what its grid alone costs it."""

from qfin.evaluation._discretisation import discretisation_cost
from qfin.evaluation._held_out import held_out_score
from qfin.scenarios import Score, difference

__all__ = ["Score", "difference", "discretisation_cost", "held_out_score"]
