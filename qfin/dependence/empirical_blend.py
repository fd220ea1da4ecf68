"""A histogram blended with a classical copula."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from qfin.dependence._base import DEFAULT_FLOOR, Floor, Seed
from qfin.dependence._cells import CellCopula
from qfin.dependence._density import HeldOutDays
from qfin.dependence._prior import PriorCells, as_prior
from qfin.dependence._selection import folds, ranked
from qfin.errors import ConfigError
from qfin.quantum import BINS, CODES

_WEIGHTS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
_FOLD_DRAWS = 2**15


class EmpiricalBlend(CellCopula):
    """Share of the days in each cell, mixed with a prior's: the baseline that any smoothed histogram must pass.

    P(cell) = w (share of the days) + (1 - w) P_prior(cell), the prior's density inside the cells. A circuit that does
    no better than this has learnt nothing that counting would not have.

    Parameters
    ----------
    weight : w; None: chosen by forward chaining inside the training days
    bits, bins, code : of the grid, as of a Born machine
    prior : a kind of this room that has a density, or a mapping with its parameters, or an instance
    floor : weight of the independent component mixed in
    random_state : seed of the draws

    Attributes
    ----------
    weight_ : w
    """

    label: ClassVar[str] = "Histogram blend"
    weight_: float

    def __init__(
        self,
        weight: Annotated[float, Field(ge=0, le=1)] | None = None,
        bits: Annotated[int, Field(ge=1, le=16)] = 3,
        bins: Literal[BINS.kinds()] = "tail_refined",  # type: ignore[valid-type]
        code: Literal[CODES.kinds()] = "gray",  # type: ignore[valid-type]
        prior: Any = "student_t",
        floor: Floor = DEFAULT_FLOOR,
        random_state: Seed = None,
    ) -> None:
        self.weight = weight
        self.bits = bits
        self.bins = bins
        self.code = code
        self.prior = prior
        self.floor = floor
        self.random_state = random_state

    def details(self) -> dict[str, Any]:
        """The weight of the days, and how many cells they fill."""
        self._check_fitted()
        return {"weight": self.weight_, "cells": len(self.probabilities_)}

    def n_parameters(self) -> int | None:
        """The prior's, and the weight: the share of the days in a cell is not fitted."""
        assert self.prior_ is not None
        prior = self.prior_.n_parameters()
        return None if prior is None else prior + 1

    def _fit(self, U: np.ndarray) -> None:
        if self.prior == "none":
            raise ConfigError("a histogram blend needs a prior with a density; 'student_t' is the usual one")
        prior = self._begin(U)
        self.weight_ = self._chosen(U) if self.weight is None else float(self.weight)
        self._settle_on(self.weight_ * self._counts(U) + (1.0 - self.weight_) * prior)

    def _chosen(self, U: np.ndarray) -> float:
        """The weight that scores best on the days that follow those fitted."""
        losses = np.zeros(len(_WEIGHTS))
        for fitted, following in folds(len(U)):
            past, future = ranked(U[fitted]), ranked(U[following])
            model = as_prior(self.prior, self.floor, self.random_state)
            assert model is not None
            cells = PriorCells(model.fit(past), self._grid)
            prior = cells.tabulate(_FOLD_DRAWS, self._rng("fold draws")).probabilities
            held_out, counts = HeldOutDays(future, cells, prior, self.floor), self._counts(past)
            losses += [held_out(w * counts + (1.0 - w) * prior)[0] for w in _WEIGHTS]
        return _WEIGHTS[int(np.argmin(losses))]
