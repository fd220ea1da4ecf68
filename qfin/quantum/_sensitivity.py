"""What each gate of a trained circuit is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._program import LossFunction, Program

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_STEP = 1e-4  # radians
_ROUNDING_OF_FISHER = 1e-20  # (1e-16/_STEP)^2 and some; a gate within 1e-4 of doing nothing has 1e-16
_ROUNDING_OF_LOSS = 1e-12


@dataclass(frozen=True)
class GateSensitivity:
    """A gate with free angles, at its trained angles.

    Attributes
    ----------
    position : of the instruction in the circuit, from 0
    name, qubits, angles : the gate, its qubits, its angles in radians
    loss_change : loss without the gate (its angles 0, the others as trained) minus the loss with it, in the loss's
        unit; positive: the gate earns that much
    gradient : dL/dangle, of several angles the length
    fisher : Fisher information of the outcome probabilities, sum over x of (dp_x/dangle)^2 / p_x, of several angles the
        trace; how fast the distribution changes with the gate, in 1/radian^2
    """

    position: int
    name: str
    qubits: tuple[int, ...]
    angles: tuple[float, ...]
    loss_change: float
    gradient: float
    fisher: float

    @property
    def idle(self) -> bool:
        """Whether the gate changes no outcome's probability, neither by its angle nor by being there."""
        return self.fisher < _ROUNDING_OF_FISHER and abs(self.loss_change) < _ROUNDING_OF_LOSS


def gate_sensitivity(
    circuit: QuantumCircuit, theta: np.ndarray, loss: LossFunction, initial: np.ndarray | None = None
) -> list[GateSensitivity]:
    """Every gate with free angles, in the circuit's order; gates that share a parameter are taken one by one.

    Parameters
    ----------
    circuit : standard gates; those with free angles are the identity at angle 0
    theta : in `circuit.parameters` order
    loss, initial : as in `Program.value_and_gradient`

    Raises
    ------
    ConfigError
        naming a gate with free angles that is not a standard one, or is not the identity at angle 0.
    """
    untied, angles, gates = _untie(circuit, theta)
    program = Program.from_circuit(untied)
    value, gradient = program.value_and_gradient(angles, loss, initial)

    def root(place: int, step: float) -> np.ndarray:
        moved = angles.copy()
        moved[place] += step
        return np.sqrt(program.probabilities(moved, initial))

    def information(place: int) -> float:
        # 4 sum (d sqrt(p))^2 is the same figure, and finite where p is 0
        slope = (root(place, _STEP) - root(place, -_STEP)) / (2.0 * _STEP)
        return float(4.0 * slope @ slope)

    def without(places: list[int]) -> float:
        removed = angles.copy()
        removed[places] = 0.0
        return float(loss(program.probabilities(removed, initial))[0])

    return [
        GateSensitivity(
            position,
            circuit.data[position].operation.name,
            tuple(circuit.find_bit(qubit).index for qubit in circuit.data[position].qubits),
            tuple(angles[places].tolist()),
            without(places) - value,
            float(gradient[places[0]] if len(places) == 1 else np.linalg.norm(gradient[places])),
            sum(map(information, places)),
        )
        for position, places in gates
    ]


def _untie(
    circuit: QuantumCircuit, theta: np.ndarray
) -> tuple[QuantumCircuit, np.ndarray, list[tuple[int, list[int]]]]:
    """The circuit with a parameter of its own for each free angle, their values, and (position, their places)."""
    from qiskit.circuit import ParameterVector

    values = dict(zip(circuit.parameters, map(float, theta), strict=True))
    untied = circuit.copy_empty_like()
    untied.global_phase = 0.0
    angles: list[float] = []
    gates: list[tuple[int, list[int]]] = []
    fresh = ParameterVector("angle", 0)
    for position, instruction in enumerate(circuit.data):
        operation = instruction.operation
        if any(getattr(angle, "parameters", ()) for angle in operation.params):
            _check_removable(operation, position)
            places = list(range(len(angles), len(angles) + len(operation.params)))
            angles += [_bound(angle, values) for angle in operation.params]
            fresh.resize(len(angles))
            operation = operation.to_mutable()
            operation.params = [fresh[place] for place in places]
            gates.append((position, places))
        untied.append(operation, instruction.qubits, instruction.clbits)
    return untied, np.array(angles), gates


def _bound(angle: Any, values: dict[Any, float]) -> float:
    free = getattr(angle, "parameters", ())
    return float(angle.bind({parameter: values[parameter] for parameter in free}) if free else angle)


def _check_removable(gate: Any, position: int) -> None:
    if not type(gate).__module__.startswith("qiskit.circuit.library.standard_gates"):
        raise ConfigError(
            f"instruction {position} ({gate.name}) is no standard gate of Qiskit; decompose the circuit first"
        )
    matrix = type(gate)(*[0.0] * len(gate.params)).to_matrix()
    if not np.allclose(matrix, matrix[0, 0] * np.eye(len(matrix))):
        raise ConfigError(
            f"instruction {position} ({gate.name}) is at no angle the identity, so it cannot be taken out by its "
            "angle; write it as U or in rotations"
        )
