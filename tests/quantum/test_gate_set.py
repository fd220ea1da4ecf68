"""Every gate of Qiskit's library, on a random state: final state and gradient by each of its angles."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter
from qiskit.circuit import library as lib
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
from qiskit.quantum_info import Pauli, SparsePauliOp, random_hermitian, random_unitary

from qfin.quantum import Program
from tests.quantum._circuits import assert_exact, exact_state, random_state

NO_GATES = ("measure", "reset", "delay")
STANDARD = {name: gate for name, gate in get_standard_gate_name_mapping().items() if name not in NO_GATES}
A, B, C, D = (Parameter(name) for name in "abcd")


def after_a_random_state(gate: Gate, spare: int = 0) -> tuple[QuantumCircuit, np.ndarray]:
    """The gate on qubits in descending order, then a rotation that shows its phases; and a state to begin with."""
    n = gate.num_qubits + spare
    circuit = QuantumCircuit(n)
    circuit.append(gate, range(n - 1, spare - 1, -1))
    circuit.rx(0.3, range(n))
    state = random_state(np.random.default_rng(n), n, "complex")
    assert state is not None
    return circuit, state


def angles(circuit: QuantumCircuit) -> np.ndarray:
    return np.random.default_rng(circuit.num_parameters).normal(size=circuit.num_parameters)


@pytest.mark.parametrize("name", STANDARD)
def test_a_standard_gate_with_free_angles(name: str) -> None:
    kind = STANDARD[name].base_class
    gate = kind(*(Parameter(f"t{k}") for k in range(len(STANDARD[name].params))))
    circuit, state = after_a_random_state(gate, spare=1)
    assert circuit.num_parameters == len(gate.params)
    assert_exact(circuit, angles(circuit), state)


@pytest.mark.parametrize("name", [name for name, gate in STANDARD.items() if gate.params])
@pytest.mark.parametrize("halves", [-2, -1, 0, 1, 2, 3, 0.5])
def test_a_standard_gate_at_multiples_of_pi(name: str, halves: float) -> None:
    """Given as numbers, some become Pauli gates of the frame; given for a parameter, they stay turns and words."""
    kind, count = STANDARD[name].base_class, len(STANDARD[name].params)
    circuit, state = after_a_random_state(kind(*[halves * np.pi] * count), spare=1)
    assert_exact(circuit, [], state)
    circuit, state = after_a_random_state(kind(*(Parameter(f"t{k}") for k in range(count))), spare=1)
    assert_exact(circuit, [halves * np.pi] * count, state)


@pytest.mark.parametrize(
    "kind", [lib.MCXGrayCode, lib.MCXRecursive, lib.MCXVChain, lib.MCXGate], ids=lambda kind: kind.__name__
)
@pytest.mark.parametrize("controls", [1, 2, 3, 5])
def test_x_with_many_controls(kind: Any, controls: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        circuit, state = after_a_random_state(kind(controls))
    assert_exact(circuit, [], state)


@pytest.mark.parametrize("controls", range(1, 9))
def test_a_phase_with_many_controls(controls: int) -> None:
    assert_exact(*with_angles(lib.MCPhaseGate(2 * A - B, controls)))


@pytest.mark.parametrize("controls", [1, 3, 6])
@pytest.mark.parametrize("name", ["mcrx", "mcry", "mcrz", "mcp"])
def test_rotations_with_many_controls(name: str, controls: int) -> None:
    circuit = QuantumCircuit(controls + 1)
    circuit.h(range(controls + 1))
    getattr(circuit, name)(A * B, list(range(controls)), controls)
    circuit.ry(0.3, range(controls + 1))
    assert_exact(circuit, [0.7, -1.1])


CONTROLLED = {
    "rx": lambda: lib.RXGate(A),
    "ry": lambda: lib.RYGate(A),
    "rz": lambda: lib.RZGate(A),
    "p": lambda: lib.PhaseGate(A),
    "u": lambda: lib.UGate(A, B, C),
    "u1": lambda: lib.U1Gate(A),
    "u3": lambda: lib.U3Gate(A, B, C),
    "cu": lambda: lib.CUGate(A, B, C, D),
    "cp": lambda: lib.CPhaseGate(A),
    "x": lib.XGate,
    "h": lib.HGate,
    "sx": lib.SXGate,
    "s": lib.SGate,
    "cx": lib.CXGate,
    "swap": lib.SwapGate,
    "unitary": lambda: lib.UnitaryGate(random_unitary(2, seed=0)),
}


@pytest.mark.parametrize("name", CONTROLLED)
@pytest.mark.parametrize("when", ["1", "0", "01", "110"])
def test_a_gate_controlled_on_zeros_and_ones(name: str, when: str) -> None:
    assert_exact(*with_angles(CONTROLLED[name]().control(len(when), ctrl_state=when, annotated=False)))


GENERALISED: dict[str, Callable[[], Any]] = {
    "C3X": lib.C3XGate,
    "C4X": lib.C4XGate,
    "MCU1": lambda: lib.MCU1Gate(A, 3),
    "RV": lambda: lib.RVGate(0.3, 0.5, -0.7),
    "Pauli": lambda: lib.PauliGate("XYZI"),
    "Diagonal": lambda: lib.DiagonalGate(np.exp(1j * np.arange(8))),
    "Permutation": lambda: lib.PermutationGate([2, 0, 3, 1]),
    "LinearFunction": lambda: lib.LinearFunction([[1, 1, 0], [0, 1, 0], [1, 0, 1]]),
    "UCRX": lambda: lib.UCRXGate([0.3, 0.7, -0.2, 1.0]),
    "UCRY": lambda: lib.UCRYGate([0.3, 0.7, -0.2, 1.0]),
    "UCRZ": lambda: lib.UCRZGate([0.3, 0.7, -0.2, 1.0]),
    "UC": lambda: lib.UCGate([random_unitary(2, seed=k).data for k in range(4)]),
    "Unitary": lambda: lib.UnitaryGate(random_unitary(8, seed=0)),
    "one-qubit Unitary": lambda: lib.UnitaryGate(random_unitary(2, seed=0)),
    "Isometry": lambda: lib.Isometry(random_unitary(4, seed=0).data, 0, 0),
    "Hamiltonian": lambda: lib.HamiltonianGate(random_hermitian(4, seed=0), 0.7),
    "PauliEvolution": lambda: lib.PauliEvolutionGate(SparsePauliOp(["XYZ", "ZZI"]), A),
    "PauliProductRotation": lambda: lib.PauliProductRotationGate(Pauli("XYZ"), A),
    "MCMT": lambda: lib.MCMTGate(lib.RYGate(A), 2, 2),
    "MS": lambda: lib.MSGate(3, A),
    "QFT": lambda: lib.QFTGate(4),
    "HalfAdder": lambda: lib.HalfAdderGate(1),
    "ModularAdder": lambda: lib.ModularAdderGate(2),
    "GraphState": lambda: lib.GraphStateGate([[0, 1, 1], [1, 0, 0], [1, 0, 0]]),
    "LinearPauliRotations": lambda: lib.LinearPauliRotationsGate(2, 0.4, 0.3),
    "annotated": lambda: lib.XGate().control(2, annotated=True),
    "inverse": lambda: lib.RXXGate(A).inverse(annotated=True),
    "power": lambda: lib.RYGate(A).power(2),
}


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")  # Qiskit's own exponential
@pytest.mark.parametrize("name", GENERALISED)
def test_a_gate_of_the_library(name: str) -> None:
    assert_exact(*with_angles(GENERALISED[name]()))


def with_angles(gate: Gate) -> tuple[QuantumCircuit, np.ndarray, np.ndarray]:
    circuit, state = after_a_random_state(gate)
    return circuit, angles(circuit), state


CIRCUITS: dict[str, Callable[[], QuantumCircuit]] = {
    "efficient_su2": lambda: lib.efficient_su2(3, reps=2),
    "real_amplitudes": lambda: lib.real_amplitudes(4),
    "n_local": lambda: lib.n_local(3, ["ry", "rz"], "crx", entanglement="circular"),
    "excitation_preserving": lambda: lib.excitation_preserving(3, mode="fsim"),
    "zz_feature_map": lambda: lib.zz_feature_map(3),
    "pauli_feature_map": lambda: lib.pauli_feature_map(3, paulis=["Z", "XX", "ZYZ"]),
    "qaoa_ansatz": lambda: lib.qaoa_ansatz(SparsePauliOp(["ZZI", "IZZ", "XXI"]), reps=2),
    "quantum_volume": lambda: lib.quantum_volume(4, seed=0),
    "iqp": lambda: lib.iqp([[6, 5, 3], [5, 4, 5], [3, 5, 1]]),
    "grover_operator": lambda: lib.grover_operator(lib.hidden_linear_function([[1, 1], [1, 0]])),
}


@pytest.mark.parametrize("name", CIRCUITS)
def test_a_circuit_of_the_library(name: str) -> None:
    circuit = CIRCUITS[name]()
    assert_exact(circuit, angles(circuit))


def test_a_global_phase_with_parameters_reaches_the_state_alone() -> None:
    inner = QuantumCircuit(1, global_phase=A)
    inner.ry(B, 0)
    circuit = QuantumCircuit(2, global_phase=A * B)
    circuit.append(lib.GlobalPhaseGate(C), [])
    circuit.append(inner.to_gate(), [1])
    theta = [0.4, 1.1, -2.0]
    program = Program.from_circuit(circuit)
    np.testing.assert_allclose(program.statevector(theta), exact_state(circuit, theta), rtol=0, atol=1e-14)
    gradient = program.value_and_gradient(theta, lambda p: (p[2], np.eye(4)[2]))[1]
    np.testing.assert_allclose(gradient, [0.0, np.sin(1.1) / 2, 0.0], rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", ["h", "x", "rzz", "cx", "unitary"])
def test_a_users_gate_of_a_standard_name_is_the_users(name: str) -> None:
    inner = QuantumCircuit(2, name=name)
    inner.ry(A, 0)
    inner.cx(0, 1)
    circuit = QuantumCircuit(3)
    circuit.append(inner.to_gate(), [2, 0])
    assert_exact(circuit, [0.7])
