"""The quantum engine: grid between unit cube and bitstrings, ansaetze, compiled circuits, losses, training.

Importing this room imports neither Qiskit nor Numba; they come with the first circuit.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from qfin.quantum.ansaetze import ANSAETZE
from qfin.quantum.backends import BACKENDS, Backend, Capabilities, Plan, Request
from qfin.quantum.bins import BINS
from qfin.quantum.codes import CODES
from qfin.quantum.losses import LOSSES

if TYPE_CHECKING:
    from qfin.quantum._adam import Adam
    from qfin.quantum._certificate import Certificate, certify
    from qfin.quantum._cvar import ConditionalValueAtRisk
    from qfin.quantum._drawing import draw_svg
    from qfin.quantum._draws import Draws
    from qfin.quantum._entanglement import expressibility, haar_meyer_wallach, meyer_wallach
    from qfin.quantum._grid import Grid
    from qfin.quantum._information import (
        estimated_information,
        joint_tables,
        mutual_information,
        quantum_mutual_information,
    )
    from qfin.quantum._preparation import Preparation, prepare_state
    from qfin.quantum._program import Program
    from qfin.quantum._qasm import to_qasm
    from qfin.quantum._sampled import ShotSchedule, train_on_samples
    from qfin.quantum._sensitivity import GateSensitivity, gate_sensitivity
    from qfin.quantum._spsa import Spsa
    from qfin.quantum._trainability import Decay, GradientSize, decay, gradient_size
    from qfin.quantum._training import Stop, TrainingResult, train
    from qfin.quantum._vqe import GroundState, find_ground_state
    from qfin.quantum.losses.mmd import MaximumMeanDiscrepancy
    from qfin.quantum.losses.nll import NegativeLogLikelihood
    from qfin.quantum.losses.tail_nll import TailWeightedLikelihood

_FILES = {
    "Adam": "_adam",
    "Certificate": "_certificate",
    "ConditionalValueAtRisk": "_cvar",
    "Decay": "_trainability",
    "Draws": "_draws",
    "GateSensitivity": "_sensitivity",
    "GradientSize": "_trainability",
    "GroundState": "_vqe",
    "Grid": "_grid",
    "MaximumMeanDiscrepancy": "losses.mmd",
    "NegativeLogLikelihood": "losses.nll",
    "Preparation": "_preparation",
    "Program": "_program",
    "ShotSchedule": "_sampled",
    "Spsa": "_spsa",
    "Stop": "_training",
    "TailWeightedLikelihood": "losses.tail_nll",
    "TrainingResult": "_training",
    "certify": "_certificate",
    "decay": "_trainability",
    "draw_svg": "_drawing",
    "estimated_information": "_information",
    "expressibility": "_entanglement",
    "find_ground_state": "_vqe",
    "gate_sensitivity": "_sensitivity",
    "gradient_size": "_trainability",
    "haar_meyer_wallach": "_entanglement",
    "joint_tables": "_information",
    "meyer_wallach": "_entanglement",
    "mutual_information": "_information",
    "prepare_state": "_preparation",
    "quantum_mutual_information": "_information",
    "to_qasm": "_qasm",
    "train": "_training",
    "train_on_samples": "_sampled",
}


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)


__all__ = [
    "ANSAETZE",
    "BACKENDS",
    "BINS",
    "CODES",
    "LOSSES",
    "Adam",
    "Backend",
    "Capabilities",
    "Certificate",
    "ConditionalValueAtRisk",
    "Decay",
    "Draws",
    "GateSensitivity",
    "GradientSize",
    "Grid",
    "GroundState",
    "MaximumMeanDiscrepancy",
    "NegativeLogLikelihood",
    "Plan",
    "Preparation",
    "Program",
    "Request",
    "ShotSchedule",
    "Spsa",
    "Stop",
    "TailWeightedLikelihood",
    "TrainingResult",
    "certify",
    "decay",
    "draw_svg",
    "estimated_information",
    "expressibility",
    "find_ground_state",
    "gate_sensitivity",
    "gradient_size",
    "haar_meyer_wallach",
    "joint_tables",
    "meyer_wallach",
    "mutual_information",
    "prepare_state",
    "quantum_mutual_information",
    "to_qasm",
    "train",
    "train_on_samples",
]
