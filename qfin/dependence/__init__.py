"""Dependence models: distributions on the unit cube, quantum and classical behind the same three verbs.

`fit(U)`, `sample(n)` and, where there is a density, `score_samples(U)`: log density in nats, 0 for independence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfin.dependence._base import Copula, DensityCopula
from qfin.registry import Room

if TYPE_CHECKING:
    from qfin.dependence._circuit import TrainedCircuit as TrainedCircuit
    from qfin.dependence.bootstrap import Bootstrap as Bootstrap
    from qfin.dependence.born import BornMachine as BornMachine
    from qfin.dependence.empirical_blend import EmpiricalBlend as EmpiricalBlend
    from qfin.dependence.factor import FactorCopula as FactorCopula
    from qfin.dependence.gaussian import GaussianCopula as GaussianCopula
    from qfin.dependence.independent import Independent as Independent
    from qfin.dependence.iqp import IQPBornMachine as IQPBornMachine
    from qfin.dependence.mps import MPSBornMachine as MPSBornMachine
    from qfin.dependence.qgan import QuantumGAN as QuantumGAN
    from qfin.dependence.rbm import BoltzmannMachine as BoltzmannMachine
    from qfin.dependence.student_t import StudentTCopula as StudentTCopula
    from qfin.dependence.vine import VineCopula as VineCopula

DEPENDENCE: Room[Copula] = Room("qfin.dependence", "dependence model")


def __getattr__(name: str) -> Any:
    return DEPENDENCE.export(name)


__all__ = ["DEPENDENCE", "Copula", "DensityCopula"]
