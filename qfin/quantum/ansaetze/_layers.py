"""Layers that several ansaetze share."""

from __future__ import annotations

from collections.abc import Sequence

from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector


def rotations_and_pairs(
    n_qubits: int, layers: int, pairs: Sequence[tuple[int, int]], name: str
) -> QuantumCircuit:
    """Layers of RY and RZ on each qubit and RZZ on each pair, every angle a parameter of its own."""
    theta = ParameterVector("theta", layers * (2 * n_qubits + len(pairs)))
    angles = iter(theta)
    circuit = QuantumCircuit(n_qubits, name=name)
    for _ in range(layers):
        for qubit in range(n_qubits):
            circuit.ry(next(angles), qubit)
            circuit.rz(next(angles), qubit)
        for pair in pairs:
            circuit.rzz(next(angles), *pair)
    return circuit
