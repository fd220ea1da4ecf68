"""Empirical distribution functions."""

from __future__ import annotations

import numpy as np

from qfin.marginals._distribution import TailedDistribution
from qfin.marginals._tailed import TailedMarginals, excesses, ranked_column

_MIN_ROWS = 20
_TAIL = 0.05


class Empirical(TailedMarginals):
    """Each factor's own sample: straight lines between its sorted values, hardly anything beyond them.

    F is average rank / (n + 1) at each distinct value, so that ties are one knot. The 1 / (n + 1) beyond either end of
    the sample falls off exponentially, at the mean excess of the outermost 5 % of the sample: a thin tail that keeps
    every probability invertible without claiming to know what has not been seen. `semiparametric` claims it.
    """

    def _min_rows(self) -> int:
        return _MIN_ROWS

    def _fit_column(self, sample: np.ndarray, column: int) -> TailedDistribution:
        values, probabilities, counts = ranked_column(sample, column)
        beyond = int(np.ceil(_TAIL * len(sample)))
        scale = [
            np.mean(excesses(v, c, beyond)[1]) for v, c in ((values, counts), (values[::-1], counts[::-1]))
        ]
        return TailedDistribution(values, probabilities, np.zeros(2), np.array(scale))
