"""Random circuits, and a dense simulator of them to compare the engine with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Statevector

from qfin.quantum import Program
from qfin.quantum._reading import read_circuit
from qfin.quantum._stages import Stage, schedule

Loss = Callable[[np.ndarray], tuple[float, np.ndarray]]

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
WIDTHS = ONE_ANGLE | NO_ANGLE | {"u": 1, "cu": 2}


def random_circuit(
    rng: np.random.Generator, n_qubits: int, n_gates: int, prefix: str = "t"
) -> QuantumCircuit:
    """A circuit over the gate set whose angles are numbers, parameters, shared ones and expressions of them."""
    circuit = QuantumCircuit(n_qubits, global_phase=float(rng.normal()))
    parameters = [Parameter(f"{prefix}{k}") for k in range(4)]
    names = [name for name, width in WIDTHS.items() if width <= n_qubits]
    for name in rng.choice(names, size=n_gates):
        qubits = [int(q) for q in rng.permutation(n_qubits)[: WIDTHS[name]]]
        count = {"u": 3, "cu": 4}.get(name, int(name in ONE_ANGLE))
        getattr(circuit, name)(*(_angle(rng, parameters) for _ in range(count)), *qubits)
    return circuit


def _angle(rng: np.random.Generator, parameters: list[Parameter]) -> object:
    a, b = (parameters[k] for k in rng.integers(len(parameters), size=2))
    return [float(rng.normal()), a, 2.0 * a - 0.3 * b + 0.7, a * b, (a + b).sin()][rng.integers(5)]


def freed(circuit: QuantumCircuit) -> tuple[QuantumCircuit, np.ndarray]:
    """The circuit with a parameter in place of each angle of its standard gates, and those angles."""
    free, values = circuit.copy_empty_like(), []
    for instruction in circuit.data:
        gate = instruction.operation
        if gate.params and all(isinstance(angle, float) for angle in gate.params):
            gate = gate.to_mutable()
            values += gate.params
            gate.params = [Parameter(f"t{len(values) - k:04}") for k in range(len(gate.params), 0, -1)]
        free.append(gate, instruction.qubits)
    return free, np.array(values)


def stages_of(circuit: QuantumCircuit) -> list[Stage]:
    """What the engine makes of a circuit."""
    reading = read_circuit(circuit)
    return schedule(reading.operations, reading.last_words, reading.last_x)


def random_state(rng: np.random.Generator, n_qubits: int, kind: str) -> np.ndarray | None:
    """A state to begin with: None for |0...0>, or a "real" or "complex" vector."""
    if kind == "zero":
        return None
    state = rng.normal(size=2**n_qubits) + (kind == "complex") * 1j * rng.normal(size=2**n_qubits)
    state /= np.linalg.norm(state)
    return state if kind == "complex" else state.real


def quadratic(weights: np.ndarray) -> Loss:
    """A loss that is neither linear in p nor symmetric."""
    return lambda p: (float(weights @ p + p @ p), weights + 2.0 * p)


def bound(circuit: QuantumCircuit, theta: Sequence[float]) -> QuantumCircuit:
    return circuit.assign_parameters(dict(zip(circuit.parameters, theta, strict=True)))


def exact_state(
    circuit: QuantumCircuit, theta: Sequence[float], initial: np.ndarray | None = None
) -> np.ndarray:
    """Qiskit's own final state."""
    start = Statevector.from_int(0, 2**circuit.num_qubits) if initial is None else Statevector(initial)
    return start.evolve(bound(circuit, theta)).data


def dense_gradient(
    circuit: QuantumCircuit, theta: Sequence[float], loss: Loss, initial: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of a loss of the state's probabilities, gate by gate: Qiskit takes psi and each d psi/dtheta along.

    What a gate does to psi has frequencies of an angle up to 1, so its differences are exact to 1e-12 however often the
    circuit uses a parameter.
    """
    theta = np.asarray(theta, dtype=float)
    psi = np.eye(2**circuit.num_qubits)[0] if initial is None else initial
    tangents = np.zeros((len(theta), len(psi)), dtype=complex)
    columns = {parameter: k for k, parameter in enumerate(circuit.parameters)}
    for instruction in circuit.data:
        gate = QuantumCircuit(len(instruction.qubits))
        gate.append(instruction.operation, range(gate.num_qubits))
        own = [columns[parameter] for parameter in gate.parameters]
        qubits = [circuit.find_bit(qubit).index for qubit in instruction.qubits]

        def after(state: np.ndarray, angles: np.ndarray, gate: Any = gate, on: Any = qubits) -> np.ndarray:
            return Statevector(state).evolve(bound(gate, angles), on).data

        tangents = np.array([after(tangent, theta[own]) for tangent in tangents]).reshape(tangents.shape)
        tangents[own] += difference_gradient(lambda t, psi=psi: after(psi, t), theta[own]).reshape(
            -1, len(psi)
        )
        psi = after(psi, theta[own])
    weights = loss(np.abs(psi) ** 2)[1]
    return 2.0 * (tangents.conj() * psi).real @ weights


def difference_gradient(function: Callable[..., Any], theta: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Derivatives by central differences of sixth order, error about step**6, shape (len(theta), ...)."""
    gradient = []
    for unit in np.eye(len(theta)):
        at = {j: function(theta + j * step * unit) for j in (-3, -2, -1, 1, 2, 3)}
        gradient.append((45 * (at[1] - at[-1]) - 9 * (at[2] - at[-2]) + (at[3] - at[-3])) / (60 * step))
    return np.array(gradient)


def shift_gradient(
    program: Program,
    theta: np.ndarray,
    loss: Loss,
    initial: np.ndarray | None = None,
    of: Sequence[int] | slice = slice(None),
) -> np.ndarray:
    """Gradient by some parameters, each the angle of one rotation with eigenvalues +-1/2: from two shifts, exactly.

    (Schuld et al., arXiv 1811.11184.)
    """
    weights = loss(program.probabilities(theta, initial))[1]
    shifts = np.eye(len(theta))[of] * np.pi / 2
    plus, minus = (program.probabilities(theta + shift, initial) for shift in (shifts, -shifts))
    return (plus - minus) @ weights / 2


def assert_exact(
    circuit: QuantumCircuit, theta: Sequence[float], initial: np.ndarray | None = None, seed: int = 0
) -> None:
    """State with its global phase and probabilities are Qiskit's; the gradient is that of the dense simulator."""
    program, state = Program.from_circuit(circuit), exact_state(circuit, theta, initial)
    np.testing.assert_allclose(program.statevector(theta, initial), state, rtol=0, atol=1e-12)
    np.testing.assert_allclose(program.probabilities(theta, initial), np.abs(state) ** 2, rtol=0, atol=1e-12)
    loss = quadratic(np.random.default_rng(seed).normal(size=len(state)))
    value, gradient = program.value_and_gradient(theta, loss, initial)
    assert abs(value - loss(np.abs(state) ** 2)[0]) <= 1e-11
    expected = dense_gradient(circuit, theta, loss, initial)
    scale = max(1.0, np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-10 * scale)
