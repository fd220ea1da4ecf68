"""The regular vine copula."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from qfin.dependence._base import DEFAULT_FLOOR, DensityCopula, Floor, Seed
from qfin.errors import ConfigError

if TYPE_CHECKING:
    from pyvinecopulib import Vinecop


class VineCopula(DensityCopula):
    """Pair copulas of many families on a tree of trees: asymmetric and tail dependence, pair by pair.

    c(u) = prod over trees and edges c_{e}(F(u_j | u_D), F(u_k | u_D)) (Bedford and Cooke 2002; Aas, Czado, Frigessi and
    Bakken 2009); structure by maximal spanning trees of Kendall's tau (Dissmann, Brechmann, Czado and Kurowicka 2013),
    families and rotations pair by pair, independence among them. Fitted by pyvinecopulib.

    Parameters
    ----------
    criterion : by which families are chosen
    truncation : trees beyond this one are independent; None: all trees are fitted
    floor : weight of the independent component mixed in
    random_state : seed of the draws

    Attributes
    ----------
    vine_ : the fitted vine as pyvinecopulib's JSON; "" with one factor
    """

    label: ClassVar[str] = "Vine copula"
    vine_: str

    def __init__(
        self,
        criterion: Literal["bic", "aic", "mbicv"] = "bic",
        truncation: Annotated[int, Field(ge=1)] | None = None,
        floor: Floor = DEFAULT_FLOOR,
        random_state: Seed = None,
    ) -> None:
        self.criterion = criterion
        self.truncation = truncation
        self.floor = floor
        self.random_state = random_state

    def details(self) -> dict[str, Any]:
        """Parameters, log-likelihood, and the families of each tree with how often they are used."""
        self._check_fitted()
        if not self.vine_:
            return {"parameters": 0, "families": []}
        vine = _read(self.vine_)
        families = []
        for tree in range(len(vine.pair_copulas)):
            names = [pair.family.name for pair in vine.pair_copulas[tree]]
            families.append({name: names.count(name) for name in sorted(set(names))})
        return {
            "parameters": int(vine.npars),
            "families": families,
            "truncation": int(vine.trunc_lvl),
            "order": [int(column) - 1 for column in vine.order],
        }

    def rosenblatt(self, U: np.ndarray) -> np.ndarray:
        """Rosenblatt transforms of points, shape (n, d) to (n, d) inside (0, 1), in the vine's own order of factors.

        Column k is the conditional probability of u_k given the factors before it: independent and uniform if the
        points are the vine's. They are the vine's alone, without the floor's independent component.
        """
        self._check_fitted()
        transforms = np.array(_read(self.vine_).rosenblatt(U)) if self.vine_ else np.array(U, dtype=float)
        return np.clip(transforms, np.finfo(float).eps, 1.0 - np.finfo(float).eps)

    def _fit(self, U: np.ndarray) -> None:
        if U.shape[1] == 1:
            self.vine_ = ""
            return
        from pyvinecopulib import FitControlsVinecop, Vinecop, families

        controls = FitControlsVinecop(
            family_set=families.parametric, selection_criterion=self.criterion, num_threads=2
        )
        if self.truncation is not None:
            controls.trunc_lvl = self.truncation
        self.vine_ = Vinecop.from_data(U, controls=controls).to_json()

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        uniforms = rng.random((n, self.n_features_in_))
        return _read(self.vine_).inverse_rosenblatt(uniforms) if self.vine_ else uniforms

    def _log_density(self, U: np.ndarray) -> np.ndarray:
        if not self.vine_:
            return np.zeros(len(U))
        with np.errstate(divide="ignore"):
            return np.log(_read(self.vine_).pdf(U))

    def _draw_given(
        self, n: int, columns: np.ndarray, values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """By the Rosenblatt transform, whose first factors can be held: the last ones of the vine's order."""
        d = self.n_features_in_
        vine, first = _read(self.vine_), self._first(len(columns))
        if set(first.tolist()) != set(columns.tolist()):
            raise ConfigError(
                f"this vine can hold {len(columns)} factors exactly only if they are {sorted(first.tolist())}, the "
                "first of its order; take 'student_t', or 'born' with a prior that can"
            )
        held = np.full((1, d), 0.5)
        held[0, columns] = values
        uniforms = rng.random((n, d))
        uniforms[:, columns] = vine.rosenblatt(held)[0, columns]
        return vine.inverse_rosenblatt(uniforms)[:, np.setdiff1d(np.arange(d), columns)]

    def _first(self, count: int) -> np.ndarray:
        """The factors that the Rosenblatt transform takes first, shape (count,)."""
        order = np.array(_read(self.vine_).order, dtype=np.int64) - 1
        return order[::-1][:count]


@lru_cache(maxsize=8)
def _read(vine: str) -> Vinecop:
    from pyvinecopulib import Vinecop

    return Vinecop.from_json(vine)
