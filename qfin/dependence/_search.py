"""Which circuit: the shapes that a search tries within its budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from qfin.dependence._cells import MAX_QUBITS

UPDATES_PER_SECOND = 5e9  # of amplitudes by gates, on the core that a budget's seconds are of
STEP_OVERHEAD = 2e-5  # seconds
LAYERS = (1, 2, 4)


@dataclass(frozen=True)
class Shape:
    """Ansatz, layers, and bits of a factor."""

    ansatz: str
    layers: int
    bits: int


def shapes(
    usual: Shape,
    ansaetze: Sequence[str],
    layers: Sequence[int],
    n_factors: int,
    ancillas: int,
    steps: int,
    seconds: float,
) -> tuple[list[Shape], list[Shape]]:
    """The shapes to try, the usual one first and then the cheapest, and those that the budget leaves out.

    Seconds are counted from a circuit's size and not measured, so that a search tries the same on every machine: each
    gate of each of `steps` training steps (over all folds and weights) passes 2**qubits amplitudes.

    Parameters
    ----------
    usual : what is taken without a search; always tried
    ansaetze, layers : to choose from; bits are the usual ones, one fewer and one more
    seconds : nominal, of one core
    """
    bits = [b for b in (usual.bits, usual.bits - 1, usual.bits + 1) if b >= 1]
    fitting = [
        shape
        for shape in (Shape(*parts) for parts in product(ansaetze, layers, bits))
        if shape != usual and shape.bits * n_factors + ancillas <= MAX_QUBITS
    ]
    fitting.sort(key=lambda shape: nominal_seconds(shape, n_factors, ancillas, steps))
    tried, left_out = [usual], []
    spent = nominal_seconds(usual, n_factors, ancillas, steps)
    for shape in fitting:
        cost = nominal_seconds(shape, n_factors, ancillas, steps)
        if spent + cost <= seconds:
            tried.append(shape)
            spent += cost
        else:
            left_out.append(shape)
    return tried, left_out


def nominal_seconds(shape: Shape, n_factors: int, ancillas: int, steps: int) -> float:
    """Seconds that so many training steps take on the core that budgets are of."""
    qubits = shape.bits * n_factors + ancillas
    pairs = qubits * (qubits - 1) // 2 if shape.ansatz == "all_rzz" else qubits + n_factors**2 // 2
    gates = shape.layers * (2 * qubits + pairs)
    return steps * (gates * 2.0**qubits / UPDATES_PER_SECOND + STEP_OVERHEAD)
