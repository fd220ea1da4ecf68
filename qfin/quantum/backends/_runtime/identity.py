"""A circuit as text that stays the same from one process to the next."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.errors import ConfigError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


_WRITTEN_BY_NAME = (
    "qiskit.circuit.library.standard_gates",
    "qiskit.circuit.library.data_preparation.state_preparation",
    "qiskit.circuit.library.data_preparation.initializer",
    "qiskit.circuit.library.generalized_gates.unitary",
    "qiskit.circuit.measure",
    "qiskit.circuit.reset",
    "qiskit.circuit.barrier",
    "qiskit.circuit.delay",
)


def circuit_text(circuit: QuantumCircuit) -> str:
    """One line an instruction: name, parameters, qubits, classical bits.

    Gates that are not Qiskit's own are written as what they are made of: their names may hold a process's number and
    a counter (`circuit-163`), with which the same request would be another one, and another paid job, tomorrow.
    Arrays, such as amplitudes, are written as a hash of their bytes.

    Raises
    ------
    ConfigError
        naming a gate that has neither parameters that say what it does nor a definition.
    """
    wires = list(range(circuit.num_qubits)), list(range(circuit.num_clbits))
    return "\n".join([f"{circuit.num_qubits} {circuit.num_clbits}", *_lines(circuit, *wires)])


def _lines(circuit: QuantumCircuit, qubits: Sequence[int], clbits: Sequence[int]) -> Iterator[str]:
    for instruction in circuit.data:
        operation = instruction.operation
        on = [qubits[circuit.find_bit(qubit).index] for qubit in instruction.qubits]
        into = [clbits[circuit.find_bit(clbit).index] for clbit in instruction.clbits]
        definition = getattr(operation, "definition", None)
        if _says_all(operation):
            yield f"{operation.name} {_parameters(operation.params)} {on} {into}"
        elif definition is not None:
            yield from _lines(definition, on, into)
        else:
            raise ConfigError(
                f"{operation.name!r} on qubits {on} is no gate that can be told apart from others; "
                "write it in plain gates"
            )


def _says_all(operation: Any) -> bool:
    """Whether an operation's name and parameters say what it does."""
    module = getattr(operation, "base_class", type(operation)).__module__
    return module.startswith(_WRITTEN_BY_NAME)


def _parameters(values: Sequence[Any]) -> str:
    if any(getattr(value, "parameters", ()) or isinstance(value, str) for value in values):
        return repr([str(value) for value in values])
    flat = np.concatenate([np.zeros(0), *(np.ravel(np.asarray(value, dtype=complex)) for value in values)])
    return repr(flat.tolist()) if flat.size <= 4 else hashlib.sha256(flat.tobytes()).hexdigest()
