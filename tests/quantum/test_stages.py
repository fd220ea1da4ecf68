"""What is gathered into which stage."""

from __future__ import annotations

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qfin.quantum import ANSAETZE
from qfin.quantum._reading import read_circuit
from qfin.quantum._stages import DIAGONAL, LINEAR, ONE_QUBIT, schedule, tabulate


def kinds(circuit: QuantumCircuit) -> list[int]:
    return tabulate(schedule(read_circuit(circuit).operations), circuit.num_qubits).kind.tolist()


def test_a_layer_of_line_rzz_is_one_real_layer_and_one_phase() -> None:
    circuit = ANSAETZE.build("line_rzz").build(6, 3, 3)
    assert kinds(circuit) == [ONE_QUBIT, DIAGONAL] * 3
    tables = tabulate(schedule(read_circuit(circuit).operations), 6)
    assert tables.gate_real.all()


def test_a_layer_of_ring_cx_is_one_layer_and_one_permutation() -> None:
    assert kinds(ANSAETZE.build("ring_cx").build(6, 3, 3)) == [ONE_QUBIT, LINEAR] * 3


def test_cx_rz_cx_is_a_word_and_the_flips_cancel() -> None:
    circuit = QuantumCircuit(2)
    circuit.h([0, 1])
    circuit.cx(0, 1)
    circuit.rz(Parameter("a"), 1)
    circuit.cx(0, 1)
    operations = read_circuit(circuit).operations
    tables = tabulate(schedule(operations), 2)
    assert tables.kind.tolist() == [ONE_QUBIT, DIAGONAL]
    assert tables.word_mask.tolist() == [0b11]


def test_gates_on_one_qubit_are_one_gate() -> None:
    circuit = QuantumCircuit(1)
    for k in range(5):
        circuit.ry(Parameter(f"a{k}"), 0)
        circuit.rz(Parameter(f"b{k}"), 0)
        circuit.h(0)
    tables = tabulate(schedule(read_circuit(circuit).operations), 1)
    assert tables.kind.tolist() == [ONE_QUBIT]
    assert np.diff(tables.factor_start).tolist() == [15]
