"""RY, RZ and a ring of CX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfin.quantum.ansaetze._base import Ansatz

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


class RingCx(Ansatz):
    """RY and RZ on each qubit, then a ring of CX; with all angles 0 it permutes the outcomes."""

    identity_at_zero = False

    def build(self, n_qubits: int, layers: int, bits: int) -> QuantumCircuit:
        from qiskit import QuantumCircuit
        from qiskit.circuit import ParameterVector

        theta = ParameterVector("theta", 2 * n_qubits * layers)
        angles = iter(theta)
        circuit = QuantumCircuit(n_qubits, name="ring_cx")
        for _ in range(layers):
            for qubit in range(n_qubits):
                circuit.ry(next(angles), qubit)
                circuit.rz(next(angles), qubit)
            for qubit in range(n_qubits if n_qubits > 2 else n_qubits - 1):
                circuit.cx(qubit, (qubit + 1) % n_qubits)
        return circuit
