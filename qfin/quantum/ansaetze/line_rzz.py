"""RY, RZ and RZZ on a line and between factors."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from qfin.quantum.ansaetze._base import Ansatz

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


class LineRzz(Ansatz):
    """RY and RZ on each qubit, then RZZ on a line and between the top bits of each two factors."""

    def build(self, n_qubits: int, layers: int, bits: int) -> QuantumCircuit:
        from qfin.quantum.ansaetze._layers import rotations_and_pairs

        return rotations_and_pairs(n_qubits, layers, self._pairs(n_qubits, bits), "line_rzz")

    def _pairs(self, n_qubits: int, bits: int) -> list[tuple[int, int]]:
        line = [(q, q + 1) for q in range(n_qubits - 1)]
        between_factors = combinations(range(bits - 1, n_qubits, bits), 2)
        every_other_first = (
            line[::2] + line[1::2]
        )  # two layers of depth instead of a staircase; all RZZ commute
        return every_other_first + [pair for pair in between_factors if pair not in set(line)]
