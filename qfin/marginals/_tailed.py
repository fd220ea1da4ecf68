"""Marginals made of one `TailedDistribution` a factor."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import numpy as np

from qfin.errors import DataError, NotFittedError
from qfin.marginals._base import Marginals
from qfin.marginals._checks import check_probabilities, check_sample, check_values
from qfin.marginals._distribution import TailedDistribution, ranked
from qfin.registry import check_estimator


class TailedMarginals(Marginals):
    """Subclasses say how few rows will do, and turn one factor's ranked sample into a distribution.

    `cdf` is strictly increasing as far as floats can tell, which is down to 2^-53 in the lower tail and to steps of
    2^-53 in the upper. `ppf(cdf(x))` is x to 1e-10 of |x| and the sample's range wherever F(x) is between
    2^-53 and 1 - 1e-6; beyond that 1 - F(x) has fewer digits left, and ppf(cdf(x)) is off by what half a unit in the
    last place of F(x) is worth.
    `cdf(ppf(p))` is p to 1e-10 everywhere in [2^-53, 1 - 2^-53].

    Attributes
    ----------
    distributions_ : one a factor
    """

    distributions_: tuple[TailedDistribution, ...]

    def fit(self, values: np.ndarray) -> Self:
        """Estimate each factor alone from values of shape (T, d).

        Raises
        ------
        ConfigError
            if a parameter is outside its bounds.
        DataError
            if there are too few rows, a value is not finite, or a column has too few distinct values.
        """
        check_estimator(self)
        values = check_sample(values, self._min_rows(), type(self).__name__)
        self.distributions_ = tuple(self._fit_column(column, k) for k, column in enumerate(values.T))
        return self

    def cdf(self, values: np.ndarray) -> np.ndarray:
        """Probability of a value at most this, shape (n, d) to (n, d), inside [2^-53, 1 - 2^-53]."""
        self._check_fitted()
        values = check_values(values, len(self.distributions_))
        return np.column_stack([f.cdf(x) for f, x in zip(self.distributions_, values.T, strict=True)])

    def ppf(self, probabilities: np.ndarray) -> np.ndarray:
        """Inverse of `cdf`, shape (n, d) to (n, d)."""
        self._check_fitted()
        probabilities = check_probabilities(probabilities, len(self.distributions_))
        return np.column_stack([f.ppf(p) for f, p in zip(self.distributions_, probabilities.T, strict=True)])

    @property
    def shape_(self) -> np.ndarray:
        """Shape of each factor's lower and upper tail, (d, 2); 0 is exponential, above 0 a power law."""
        return np.array([f.shape for f in self.distributions_])

    @property
    def scale_(self) -> np.ndarray:
        """Scale of each factor's lower and upper tail, (d, 2), in the factor's unit."""
        return np.array([f.scale for f in self.distributions_])

    @property
    def threshold_(self) -> np.ndarray:
        """Where each factor's lower tail ends and its upper tail begins, (d, 2), in the factor's unit."""
        return np.array([f.values[[0, -1]] for f in self.distributions_])

    @property
    def mass_(self) -> np.ndarray:
        """Probability beyond each threshold, (d, 2)."""
        return np.array([f.mass for f in self.distributions_])

    @abstractmethod
    def _min_rows(self) -> int: ...

    @abstractmethod
    def _fit_column(self, sample: np.ndarray, column: int) -> TailedDistribution: ...

    def _check_fitted(self) -> None:
        if not hasattr(self, "distributions_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit(values) first")


def ranked_column(sample: np.ndarray, column: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`ranked`, with an error for a column that does not vary."""
    values, probabilities, counts = ranked(sample)
    if len(values) < 2:
        raise DataError(f"column {column} of the values is constant; drop that factor")
    return values, probabilities, counts


def excesses(values: np.ndarray, counts: np.ndarray, n_beyond: int) -> tuple[int, np.ndarray]:
    """The outer tail of distinct `values`, sorted from the outside in, each of which occurs `counts` times.

    Returns how many distinct values it takes to hold `n_beyond` observations (all but the innermost at most), and
    their excesses over the threshold, which is half way from the last of them to the next value further in: a
    threshold on a value would cut the observations that tie there in two.
    """
    held = min(int(np.searchsorted(np.cumsum(counts), n_beyond)) + 1, len(values) - 1)
    threshold = (values[held - 1] + values[held]) / 2
    return held, np.repeat(np.abs(values[:held] - threshold), counts[:held])
