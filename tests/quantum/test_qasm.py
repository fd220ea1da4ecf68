from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

from qfin.quantum import to_qasm
from qfin.quantum._qasm import rotations


def _state(n, seed, zeros=0):
    amplitudes = np.random.default_rng(seed).normal(size=2**n)
    amplitudes[:zeros] = 0.0
    return amplitudes / np.linalg.norm(amplitudes)


def _built(amplitudes):
    circuit = QuantumCircuit(int(np.log2(len(amplitudes))))
    for gate, angle, *qubits in rotations(amplitudes):
        circuit.ry(angle, *qubits) if gate == "ry" else circuit.cx(*qubits)
    return circuit


@given(st.integers(1, 6), st.integers(0, 10_000), st.integers(0, 2))
def test_rotations_prepare_exactly_the_state_signs_included(n, seed, zeros):
    amplitudes = _state(n, seed, min(zeros, 2**n - 1))
    np.testing.assert_allclose(Statevector(_built(amplitudes)).data, amplitudes, atol=1e-12)


def test_the_number_of_gates_is_the_papers():
    assert dict(_built(_state(5, 0)).count_ops()) == {"ry": 31, "cx": 30}


def _simulated(text, n):
    """State that OpenQASM 3 of ry, rz, rzz and cx prepares, read without Qiskit's importer."""
    from qiskit.circuit import library

    gates = {"ry": library.RYGate, "rz": library.RZGate, "cx": library.CXGate, "rzz": library.RZZGate}
    circuit = QuantumCircuit(n)
    for line in text.splitlines():
        word = line.split("(")[0].split(" ")[0]
        if word in gates and line.endswith(";"):
            values = line[line.find("(") + 1 : line.find(")")] if "(" in line else ""
            angles = [eval(v, {"pi": np.pi}) for v in values.split(",") if v]
            qubits = [int(part.split("]")[0]) for part in line.split("[")[1:]]
            circuit.append(gates[word](*angles), qubits)
    return Statevector(circuit).data


def test_the_text_is_the_circuit():
    circuit = QuantumCircuit(4)
    circuit.prepare_state(_state(3, 5), [2, 0, 3])
    circuit.ry(0.3, 1)
    circuit.rzz(0.7, 1, 2)
    circuit.rz(-0.2, 3)
    text = to_qasm(circuit)
    assert text.startswith("OPENQASM 3")
    overlap = np.vdot(_simulated(text, 4), Statevector(circuit).data)
    assert abs(overlap) == pytest.approx(1.0, abs=1e-12)
    assert to_qasm(circuit) == text


def test_complex_states_and_labels_are_left_to_qiskit():
    circuit = QuantumCircuit(2)
    circuit.prepare_state(np.array([0.6, 0.8j]), [0])
    circuit.prepare_state("-", [1])
    assert "gate" in to_qasm(circuit)
