"""The circuit that prepares a matrix product state: a staircase of unitaries, one for each site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qfin.quantum._mps import MatrixProductState

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


def mps_circuit(state: MatrixProductState, qubits: Sequence[int] | None = None) -> QuantumCircuit:
    """The state exactly, from |0...0>, by a gate a site on 1 + log2(bond) neighbouring qubits.

    Gate k takes the bond on its left, held by the first qubits, to site k and the bond on its right, which the qubits
    after k hold (Schoen, Solano, Verstraete, Cirac and Wolf, PRL 95, 110503, 2005).

    Parameters
    ----------
    qubits : of each site; None: site k is qubit k
    """
    from qiskit import QuantumCircuit
    from qiskit.circuit.library import UnitaryGate

    qubits = range(state.n_sites) if qubits is None else qubits
    circuit = QuantumCircuit(state.n_sites)
    for site, tensor in enumerate(state.tensors):
        width = 1 + (tensor.shape[2] - 1).bit_length()
        on = [int(q) for q in qubits[site : site + width]]
        circuit.append(UnitaryGate(_completed(tensor, 1 << width), label=f"A{site}"), on)
    return circuit


def _completed(tensor: np.ndarray, size: int) -> np.ndarray:
    """A unitary of shape (size, size) whose first columns are the isometry from left bond to (right bond, site)."""
    fixed = np.zeros((size, tensor.shape[0]), dtype=tensor.dtype)
    outputs = tensor.transpose(2, 1, 0).reshape(-1, tensor.shape[0])  # row 2 * bond + site
    fixed[: len(outputs)] = outputs
    others = np.linalg.svd(fixed)[0][:, tensor.shape[0] :]
    return np.column_stack([fixed, others])
