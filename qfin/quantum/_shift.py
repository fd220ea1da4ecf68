"""Gradients from shifted angles, for backends that have samples only.

The parameter-shift rule holds for an angle phi of one gate exp(-i phi G) whose G has two eigenvalues that differ by 1:
dp/dphi = (p(phi + pi/2) - p(phi - pi/2)) / 2 for every outcome's probability p (Schuld et al., arXiv 1811.11184,
sec. III A). A parameter that several gates share has more frequencies than that, so each gate gets an angle of its own
here, and the parameters' gradient follows by the chain rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._angles import AngleMap, AngleTable

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_SHIFT = np.pi / 2


@dataclass(frozen=True, eq=False)
class ShiftRule:
    """A circuit in which every gate that depends on parameters has an angle of its own; make one with `of`.

    Attributes
    ----------
    circuit : the same circuit up to its global phase; its parameters are those angles, in the order of its gates
    shifted : indices of the angles that outcomes depend on; of the others, rotations about Z that only diagonal gates
        follow, the derivative is 0
    """

    circuit: QuantumCircuit
    shifted: np.ndarray
    _angles: AngleMap

    @classmethod
    def of(cls, circuit: QuantumCircuit) -> ShiftRule:
        """The rule of a circuit, its parameters in `circuit.parameters` order.

        Gates with other spectra (CRX, CRY, CRZ, U, CU, a user's own) are read through their definitions until only
        rotations depend on parameters.

        Raises
        ------
        ConfigError
            naming the instruction and its position, if it depends on a parameter and is no such gate.
        """
        from qiskit.circuit import ParameterVector

        table, steps = AngleTable(circuit.parameters), []
        for position, instruction in enumerate(circuit.data):
            operation = instruction.operation
            where = f"instruction {position} ({operation.name})"
            for part, qubits in _rotations(operation, instruction.qubits, where):
                if _is_free(part):
                    table.add(part.params[0], where)
                steps.append((part, qubits, instruction.clbits))
        unshared = circuit.copy_empty_like()
        unshared.global_phase = 0.0
        angles = table.freeze()
        own = iter(ParameterVector("phi", len(angles.offsets)))
        for operation, qubits, clbits in steps:
            unshared.append(
                _with_angle(operation, next(own)) if _is_free(operation) else operation, qubits, clbits
            )
        return cls(unshared, np.array(_seen_by_outcomes(unshared), dtype=np.int64), angles)

    def centre(self, theta: np.ndarray) -> np.ndarray:
        """The angles at some parameters, shape (1, angles)."""
        return self._angles.angles(theta)[None, :]

    def rows(self, theta: np.ndarray) -> np.ndarray:
        """The angles, then for each shifted one a row with it raised by pi/2, then all rows with one lowered.

        Shape (1 + 2 * len(shifted), angles).
        """
        centre = self.centre(theta)
        shifts = _SHIFT * np.eye(centre.shape[1])[self.shifted]
        return np.concatenate([centre, centre + shifts, centre - shifts])

    def gradient(self, theta: np.ndarray, means: np.ndarray) -> np.ndarray:
        """Derivatives by the parameters, shape (parameters,), of the mean of a function of outcomes.

        means : of the function at all `rows` but the first, exact or estimated, shape (2 * len(shifted),); the gradient
            is unbiased if they are
        """
        raised, lowered = means.reshape(2, -1)
        by_angle = np.zeros(self.circuit.num_parameters)
        by_angle[self.shifted] = (raised - lowered) / 2.0
        return self._angles.pull_back(theta, by_angle)


@cache
def _two_eigenvalues() -> frozenset[type]:
    """Qiskit's gates exp(-i phi G) whose G has two eigenvalues that differ by 1, whatever state controls them."""
    from qiskit.circuit import library as gates

    pauli_words = {gates.RXGate, gates.RYGate, gates.RZGate, gates.RXXGate, gates.RYYGate, gates.RZZGate}
    projectors = {gates.PhaseGate, gates.U1Gate, gates.CPhaseGate, gates.CU1Gate, gates.MCPhaseGate}
    return frozenset(pauli_words | {gates.RZXGate} | projectors)


@cache
def _diagonal() -> frozenset[type]:
    """What commutes with rotations about Z and with measurements."""
    from qiskit.circuit import Barrier, Delay, Measure
    from qiskit.circuit import library as gates

    rotations = {gates.RZGate, gates.RZZGate, gates.PhaseGate, gates.U1Gate, gates.CPhaseGate, gates.CU1Gate}
    fixed = {gates.ZGate, gates.SGate, gates.SdgGate, gates.TGate, gates.TdgGate, gates.CZGate, gates.CCZGate}
    return frozenset(
        rotations | fixed | {gates.MCPhaseGate, gates.CRZGate, gates.IGate, Barrier, Delay, Measure}
    )


def _kind(operation: Any) -> type:
    """Qiskit's class of a gate, which a user's own gate of the same name does not have."""
    return getattr(operation, "base_class", type(operation))


def _rotations(operation: Any, qubits: Sequence[Any], where: str) -> Iterator[tuple[Any, Sequence[Any]]]:
    """The same gate as gates that depend on no parameter or have two eigenvalues; global phases are left out."""
    from qiskit.circuit.library import RYGate, RZGate, UGate

    kind = _kind(operation)
    if not _is_free(operation) or kind in _two_eigenvalues():
        yield operation, qubits
    elif kind is UGate:
        theta, phi, lam = operation.params
        yield from ((RZGate(lam), qubits), (RYGate(theta), qubits), (RZGate(phi), qubits))
    elif qubits:  # a gate on none is a global phase
        definition = _definition(operation, where)
        for instruction in definition.data:
            inner = [qubits[definition.find_bit(qubit).index] for qubit in instruction.qubits]
            yield from _rotations(instruction.operation, inner, where)


def _definition(operation: Any, where: str) -> QuantumCircuit:
    from qiskit.circuit import Gate
    from qiskit.exceptions import QiskitError

    try:
        definition = operation.definition if isinstance(operation, Gate) else None
    except QiskitError:
        definition = None
    if definition is None:
        raise ConfigError(
            f"{where} depends on a parameter and cannot be written in rotations, so that no shift gives its "
            "derivative; use rotations, or train with method = 'spsa'"
        )
    return definition


def _is_free(operation: Any) -> bool:
    return any(getattr(parameter, "parameters", ()) for parameter in operation.params)


def _with_angle(gate: Any, angle: Any) -> Any:
    gate = gate.to_mutable()
    gate.params = [angle]
    return gate


def _seen_by_outcomes(circuit: QuantumCircuit) -> list[int]:
    """Indices of the angles that can change an outcome's probability: no others commute with all that follows."""
    seen: list[int] = []
    turned: set[Any] = set()
    index = circuit.num_parameters
    for instruction in reversed(circuit.data):
        free = _is_free(instruction.operation)
        index -= free
        if _kind(instruction.operation) not in _diagonal():
            turned.update(instruction.qubits)
        if free and not turned.isdisjoint(instruction.qubits):
            seen.append(index)
    return seen[::-1]
