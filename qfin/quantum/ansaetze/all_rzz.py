"""RY, RZ and RZZ on all pairs."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from qfin.quantum.ansaetze._base import Ansatz

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


class AllRzz(Ansatz):
    """RY and RZ on each qubit, then RZZ on every pair of qubits."""

    def build(self, n_qubits: int, layers: int, bits: int) -> QuantumCircuit:
        from qfin.quantum.ansaetze._layers import rotations_and_pairs

        return rotations_and_pairs(n_qubits, layers, list(combinations(range(n_qubits), 2)), "all_rzz")
