"""What a request begins with, what its circuit does and what it measures, apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum.backends._base import Request

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_PREPARING = ("state_preparation", "initialize")


@dataclass(frozen=True, eq=False)
class Parts:
    """A request's circuit taken apart.

    Attributes
    ----------
    bare : its gates, with its free parameters
    measured : the qubit that each bit of an outcome comes from
    initial : the state it begins with, shape (2**n_qubits,), None for |0...0>
    """

    bare: QuantumCircuit
    measured: tuple[int, ...]
    initial: np.ndarray | None


def split(request: Request) -> Parts:
    """Take a request's circuit apart; a state that the circuit prepares first is its initial state.

    Raises
    ------
    ConfigError
        naming what an outcome of a pure state cannot mean (a measurement before the end, a reset, a conditional), or
        if the request and the circuit both begin with a state of their own.
    """
    from qiskit import QuantumCircuit

    from qfin.quantum._reading import read_circuit

    circuit = request.circuit
    reading = read_circuit(circuit)
    if reading.prepared is not None and request.initial is not None:
        raise ConfigError("the circuit prepares a state of its own; leave 'initial' out")
    bare = QuantumCircuit(circuit.num_qubits, name=circuit.name, global_phase=circuit.global_phase)
    for instruction in circuit.data:
        if instruction.operation.name not in ("measure", "barrier", *_PREPARING):
            bare.append(
                instruction.operation, [circuit.find_bit(qubit).index for qubit in instruction.qubits]
            )
    initial = request.initial if reading.prepared is None else reading.prepared
    return Parts(bare, reading.measured, initial)


def measuring(bare: QuantumCircuit, qubits: list[int]) -> QuantumCircuit:
    """The circuit, then a measurement of qubit `qubits[k]` into classical bit k."""
    from qiskit import ClassicalRegister

    whole = bare.copy()
    whole.add_register(ClassicalRegister(len(qubits), "outcome"))
    whole.measure(qubits, range(len(qubits)))
    return whole
