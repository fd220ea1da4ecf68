"""The quantum engine: grid between unit cube and bitstrings, ansaetze, compiled circuits, losses, training.

Importing this room imports neither Qiskit nor Numba; they come with the first circuit.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from qfin.quantum.ansaetze import ANSAETZE
from qfin.quantum.bins import BINS
from qfin.quantum.codes import CODES
from qfin.quantum.losses import LOSSES

if TYPE_CHECKING:
    from qfin.quantum._adam import Adam
    from qfin.quantum._drawing import draw_svg
    from qfin.quantum._grid import Grid
    from qfin.quantum._program import Program
    from qfin.quantum._qasm import to_qasm
    from qfin.quantum._training import Stop, TrainingResult, train
    from qfin.quantum.losses.mmd import MaximumMeanDiscrepancy
    from qfin.quantum.losses.nll import NegativeLogLikelihood

_FILES = {
    "Adam": "_adam",
    "Grid": "_grid",
    "MaximumMeanDiscrepancy": "losses.mmd",
    "NegativeLogLikelihood": "losses.nll",
    "Program": "_program",
    "Stop": "_training",
    "TrainingResult": "_training",
    "draw_svg": "_drawing",
    "to_qasm": "_qasm",
    "train": "_training",
}


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)


__all__ = [
    "ANSAETZE",
    "BINS",
    "CODES",
    "LOSSES",
    "Adam",
    "Grid",
    "MaximumMeanDiscrepancy",
    "NegativeLogLikelihood",
    "Program",
    "Stop",
    "TrainingResult",
    "draw_svg",
    "to_qasm",
    "train",
]
