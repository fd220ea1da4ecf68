"""What has no meaning in an exact simulation is refused by name, and so is a wrong argument."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Instruction, Parameter
from qiskit.circuit.classical import expr

from qfin.errors import ConfigError
from qfin.quantum import Program

A = Parameter("a")


def measured_too_early(circuit: QuantumCircuit) -> None:
    circuit.measure(1, 1)
    circuit.cx(0, 1)


def measured_twice(circuit: QuantumCircuit) -> None:
    circuit.measure(0, 0)
    circuit.measure(0, 1)


def measured_too_early_inside(circuit: QuantumCircuit) -> None:
    inner = QuantumCircuit(1, 1, name="inner")
    inner.measure(0, 0)
    inner.x(0)
    circuit.h(0)
    circuit.append(inner.to_instruction(), [1], [0])


def reset_too_late(circuit: QuantumCircuit) -> None:
    circuit.h(1)
    circuit.barrier()
    circuit.reset(1)


def conditional(circuit: QuantumCircuit) -> None:
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)


def conditional_alternative(circuit: QuantumCircuit) -> None:
    circuit.h(0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(0)
    with otherwise:
        circuit.x(1)


def while_loop(circuit: QuantumCircuit) -> None:
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.x(1)


def for_loop(circuit: QuantumCircuit) -> None:
    with circuit.for_loop(range(3)):
        circuit.x(1)


def switch(circuit: QuantumCircuit) -> None:
    with circuit.switch(circuit.cregs[0]) as case, case(0):
        circuit.x(0)


def prepared_too_late(circuit: QuantumCircuit) -> None:
    circuit.h(0)
    circuit.prepare_state([0.6, 0.8], 0)


def initialised_too_late(circuit: QuantumCircuit) -> None:
    circuit.cx(0, 1)
    circuit.initialize([0.6, 0.0, 0.0, 0.8], [1, 0])


def prepared_too_late_inside(circuit: QuantumCircuit) -> None:
    inner = QuantumCircuit(1, name="inner")
    inner.prepare_state([0.6, 0.8], 0)
    circuit.ry(A, 1)
    circuit.append(inner.to_gate(), [1])


def written_twice(circuit: QuantumCircuit) -> None:
    circuit.measure([0, 1], [1, 1])


def classical_variable(circuit: QuantumCircuit) -> None:
    circuit.h(0)
    circuit.add_var("v", expr.lift(True))


def opaque(circuit: QuantumCircuit) -> None:
    circuit.append(Gate("mystery", 2, [A]), [1, 0])


def not_unitary(circuit: QuantumCircuit) -> None:
    circuit.append(Instruction("measure_and_forget", 1, 0, []), [0])


def imaginary(circuit: QuantumCircuit) -> None:
    circuit.h(0)
    circuit.rzz(1j * A, 0, 1)


REFUSED = {
    measured_too_early: "instruction 1 (cx on qubits 0, 1) comes after the measurement of qubit 1",
    measured_twice: "instruction 1 (measure on qubit 0) comes after the measurement of qubit 0",
    measured_too_early_inside: "instruction 1 (inner on qubit 1) comes after the measurement of qubit 1",
    reset_too_late: "instruction 2 (reset on qubit 1) is a reset of a qubit already in use",
    conditional: "instruction 0 (if_else on qubit 0) is a conditional",
    conditional_alternative: "instruction 1 (if_else on qubits 0, 1) is a conditional",
    while_loop: "instruction 0 (while_loop on qubit 1) is a conditional",
    for_loop: "instruction 0 (for_loop on qubit 1) is a conditional",
    switch: "instruction 0 (switch_case on qubit 0) is a conditional",
    prepared_too_late: "instruction 1 (state_preparation on qubit 0) prepares a state on qubits already in use",
    initialised_too_late: "instruction 1 (initialize on qubits 1, 0) prepares a state on qubits already in use",
    prepared_too_late_inside: "instruction 1 (inner on qubit 1) prepares a state on qubits already in use",
    written_twice: "instruction 1 (measure on qubit 1) overwrites classical bit 1",
    classical_variable: "instruction 1 (store) works on a classical variable",
    opaque: "instruction 0 (mystery on qubits 1, 0) is not a gate that Qiskit can write in simpler ones",
    not_unitary: "instruction 0 (measure_and_forget on qubit 0) is not a gate",
    imaginary: "instruction 1 (rzz on qubits 0, 1): the angle is 0+1j; wanted a real, finite number",
}


@pytest.mark.parametrize("build", REFUSED, ids=lambda build: build.__name__)
def test_an_instruction_without_a_meaning_is_named_with_its_position(
    build: Callable[[QuantumCircuit], None],
) -> None:
    circuit = QuantumCircuit(2, 2)
    build(circuit)
    with pytest.raises(ConfigError, match=re.escape(REFUSED[build])):
        Program.from_circuit(circuit)


def test_a_circuit_larger_than_memory_is_refused_with_the_bytes_it_takes() -> None:
    message = r"50 qubits take ([\d,]+) bytes to simulate exactly; this machine has [\d,]+; use fewer qubits"
    wanted = []
    for dtype in ("float64", "float32"):
        with pytest.raises(ConfigError, match=message) as error:
            Program.from_circuit(QuantumCircuit(50), dtype=dtype)
        wanted.append(int(re.search(message, str(error.value))[1].replace(",", "")))
    assert wanted[0] == 2 * wanted[1]
    assert wanted[0] >= 3 * 16 * 2**50  # psi, lambda and a third state


def test_the_largest_circuits_that_fit_are_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 1024, "SC_PHYS_PAGES": 8}[name])
    assert Program.from_circuit(QuantumCircuit(6)).num_qubits == 6
    with pytest.raises(ConfigError, match="this machine has 8,192; use fewer qubits"):
        Program.from_circuit(QuantumCircuit(9))


def test_a_circuit_of_no_qubits_is_refused() -> None:
    with pytest.raises(ConfigError, match="the circuit has no qubits"):
        Program.from_circuit(QuantumCircuit(0))


@pytest.fixture(scope="module")
def program() -> Program:
    circuit = QuantumCircuit(2)
    circuit.ry(A, 0)
    circuit.rz(Parameter("b"), 1)
    return Program.from_circuit(circuit)


@pytest.mark.parametrize("theta", [0.1, [], [0.1], [0.1, 0.2, 0.3], np.ones((2, 3)), np.ones((1, 2, 2))])
@pytest.mark.parametrize("method", ["probabilities", "statevector", "sample", "value_and_gradient"])
def test_angles_of_a_wrong_shape(program: Program, method: str, theta: object) -> None:
    shape = re.escape(str(np.shape(theta)))
    more = {"sample": (3, np.random.default_rng()), "value_and_gradient": (lambda p: (0.0, p),)}.get(
        method, ()
    )
    with pytest.raises(
        ConfigError, match=rf"theta has shape {shape}; the circuit wants \(2,\), or \(batch, 2\)"
    ):
        getattr(program, method)(theta, *more)


@pytest.mark.parametrize(
    ("initial", "message"),
    [
        ([1.0, 0.0], r"the initial state has shape \(2,\); 2 qubits want \(4,\)"),
        (np.eye(4), r"the initial state has shape \(4, 4\); 2 qubits want \(4,\)"),
        (np.ones(4), "the initial state has norm 2; wanted 1"),
        (np.full(4, np.nan), "the initial state has norm nan; wanted 1"),
        (np.zeros(4), "the initial state has norm 0; wanted 1"),
    ],
)
@pytest.mark.parametrize("method", ["probabilities", "statevector"])
def test_a_wrong_initial_state(program: Program, method: str, initial: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        getattr(program, method)([0.1, 0.2], initial)


def test_an_angle_that_is_not_real_for_some_parameters() -> None:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.ry(A.log(), 0)
    program = Program.from_circuit(circuit)
    with pytest.raises(
        ConfigError, match=r"instruction 1 \(ry on qubit 0\): the angle is 0\+3.14159j; wanted a real"
    ):
        program.probabilities([-1.0])
    assert np.isfinite(program.probabilities([1.0])).all()


def test_after_an_error_a_program_goes_on(program: Program) -> None:
    expected = program.probabilities([0.1, 0.2])

    def broken(p: np.ndarray) -> tuple[float, np.ndarray]:
        raise ValueError("a loss of the user's own")

    with pytest.raises(ValueError, match="a loss of the user's own"):
        program.value_and_gradient([0.1, 0.2], broken)
    np.testing.assert_array_equal(program.probabilities([0.1, 0.2]), expected)
