"""How good a model is on days it has not seen, who wins a race, and what a grid alone costs."""

from qfin.evaluation._comparison import confidence_set, verdict
from qfin.evaluation._discretisation import discretisation_cost
from qfin.evaluation._forecasts import Composition, Forecaster, Span, spans
from qfin.evaluation._held_out import held_out_score
from qfin.evaluation._race import RaceResult, Rules, race
from qfin.scenarios import DieboldMariano, Score, diebold_mariano, difference

__all__ = [
    "Composition",
    "DieboldMariano",
    "Forecaster",
    "RaceResult",
    "Rules",
    "Score",
    "Span",
    "confidence_set",
    "diebold_mariano",
    "difference",
    "discretisation_cost",
    "held_out_score",
    "race",
    "spans",
    "verdict",
]
