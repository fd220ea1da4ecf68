"""What every ansatz does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


class Ansatz(ABC):
    """A family of parametrised circuits, one for each number of qubits and layers.

    `identity_at_zero` says whether the circuit with all angles 0 is the identity, so that training can start exactly
    at a loaded prior. The number of parameters is the circuit's own: `circuit.num_parameters`.
    """

    identity_at_zero: bool = True

    @abstractmethod
    def build(self, n_qubits: int, layers: int, bits: int) -> QuantumCircuit:
        """A circuit whose parameters are the vector `theta`, numbered in the order of its gates.

        Parameters
        ----------
        n_qubits : number of qubits
        layers : how many times the layer is repeated, each time with parameters of its own
        bits : qubits of one factor; factor k owns qubits k*bits to (k+1)*bits - 1, the last one its top bit
        """
