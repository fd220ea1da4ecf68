"""Empirical distribution functions with generalised Pareto tails."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from qfin.errors import DataError
from qfin.marginals import _pareto
from qfin.marginals._distribution import TailedDistribution
from qfin.marginals._tailed import TailedMarginals, excesses, ranked_column

_MIN_EXCESSES = 20


class Semiparametric(TailedMarginals):
    """Each factor's own sample in the body, generalised Pareto tails past a threshold on both sides.

    Peaks over threshold: excesses past the threshold are fitted by maximum likelihood (Davison and Smith 1990), as
    McNeil and Frey (2000, section 2.2) do for GARCH innovations; they take the outer 10 % too. Between the thresholds
    F is that of `empirical`, and it is continuous there. The shape is held between -.5 and .9. A negative one would
    forbid any loss beyond an end point, so the last hundredth of such a tail is exponential (see `_pareto`).

    At least 20 observations must lie beyond each threshold, 200 rows for tails of 10 %.

    Parameters
    ----------
    tail : share of the sample beyond the threshold, on each side
    """

    def __init__(self, tail: Annotated[float, Field(gt=0.0, le=0.25)] = 0.1) -> None:
        self.tail = tail

    def _min_rows(self) -> int:
        return int(np.ceil(_MIN_EXCESSES / self.tail))

    def _fit_column(self, sample: np.ndarray, column: int) -> TailedDistribution:
        values, probabilities, counts = ranked_column(sample, column)
        beyond = int(np.ceil(self.tail * len(sample)))
        below, lower = excesses(values, counts, beyond)
        above, upper = excesses(values[::-1], counts[::-1], beyond)
        if below + above >= len(values):
            raise DataError(
                f"column {column} of the values has too few distinct ones ({len(values)} in {len(sample)} rows) "
                "for a body between two tails; use marginals 'empirical', or drop that factor"
            )
        shape, scale = np.transpose([_pareto.fit(lower), _pareto.fit(upper)])
        return TailedDistribution(
            _body(values, below, above), _body(probabilities, below, above), shape, scale
        )


def _body(knots: np.ndarray, below: int, above: int) -> np.ndarray:
    """Knots without so many at either end, and half way to the next one on both sides."""
    half_way = (knots[1:] + knots[:-1]) / 2
    return np.concatenate([half_way[[below - 1]], knots[below : len(knots) - above], half_way[[-above]]])
