"""Random circuits and slow twins for the tests of the engine."""

from __future__ import annotations

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Statevector

ONE_ANGLE = {
    "rx": 1,
    "ry": 1,
    "rz": 1,
    "p": 1,
    "rxx": 2,
    "ryy": 2,
    "rzz": 2,
    "rzx": 2,
    "cp": 2,
    "crx": 2,
    "cry": 2,
    "crz": 2,
}
NO_ANGLE = {
    **dict.fromkeys(["h", "x", "y", "z", "s", "sdg", "t", "tdg", "sx", "sxdg", "id"], 1),
    **dict.fromkeys(["cx", "cy", "cz", "ch", "swap", "iswap", "ecr", "dcx", "csx", "cs"], 2),
    **dict.fromkeys(["ccx", "ccz", "cswap"], 3),
}


def random_circuit(rng: np.random.Generator, n_qubits: int, n_gates: int) -> QuantumCircuit:
    """A circuit over the gate set whose angles are numbers, parameters, shared ones and expressions of them."""
    circuit = QuantumCircuit(n_qubits, global_phase=float(rng.normal()))
    parameters = [Parameter(f"t{k}") for k in range(4)]
    for _ in range(n_gates):
        names = [
            name for name, width in (ONE_ANGLE | NO_ANGLE | {"u": 1, "cu": 2}).items() if width <= n_qubits
        ]
        name = str(rng.choice(names))
        width = (ONE_ANGLE | NO_ANGLE | {"u": 1, "cu": 2})[name]
        qubits = [int(q) for q in rng.permutation(n_qubits)[:width]]
        count = {"u": 3, "cu": 4}.get(name, int(name in ONE_ANGLE))
        getattr(circuit, name)(*(_angle(rng, parameters) for _ in range(count)), *qubits)
    return circuit


def _angle(rng: np.random.Generator, parameters: list[Parameter]) -> object:
    a, b = (parameters[k] for k in rng.integers(len(parameters), size=2))
    return [float(rng.normal()), a, 2.0 * a - 0.3 * b + 0.7, a * b, (a + b).sin()][rng.integers(5)]


def exact_state(circuit: QuantumCircuit, theta: np.ndarray) -> np.ndarray:
    """Qiskit's own final state."""
    return Statevector(circuit.assign_parameters(dict(zip(circuit.parameters, theta, strict=True)))).data


def difference_gradient(function: object, theta: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Derivative by central differences of sixth order, error about step**6."""
    gradient = np.zeros(len(theta))
    for k, unit in enumerate(np.eye(len(theta))):
        at = {j: function(theta + j * step * unit) for j in (-3, -2, -1, 1, 2, 3)}  # type: ignore[operator]
        gradient[k] = (45 * (at[1] - at[-1]) - 9 * (at[2] - at[-2]) + (at[3] - at[-3])) / (60 * step)
    return gradient
