"""Marginal distributions: each factor's innovations to the unit interval and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfin.marginals._base import Marginals
from qfin.registry import Room

if TYPE_CHECKING:
    from qfin.marginals.empirical import Empirical as Empirical
    from qfin.marginals.semiparametric import Semiparametric as Semiparametric

MARGINALS: Room[Marginals] = Room("qfin.marginals", "marginal distribution")


def __getattr__(name: str) -> Any:
    return MARGINALS.export(name)
