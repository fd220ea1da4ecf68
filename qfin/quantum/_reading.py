"""Reading a Qiskit circuit into the engine's three operations: Z-words, turns about Y and CX (`_frame`).

Every one-qubit gate is a turn between two Z-words, U = e^(i d) RZ(a) RY(b) RZ(c), an RX one whose words are constants.
Other gates are these and CX, or are read through their own definition. Global phases are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._angles import AngleMap, AngleTable, real_number
from qfin.quantum._frame import Operation, PauliFrame, Word, half_turns

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_MOST_CONTROLS = 6


@dataclass(frozen=True)
class Reading:
    """What a circuit says.

    After the operations come `last_words`, then X on the qubits of the mask `last_x`. `measured[k]` is the qubit that
    gives bit k of an outcome; `global_phase` indexes an angle; `prepared` is the state the circuit begins with, shape
    (2**n_qubits,), None for |0...0>.
    """

    n_qubits: int
    operations: tuple[Operation, ...]
    last_words: tuple[Word, ...]
    last_x: int
    angles: AngleMap
    global_phase: int
    measured: tuple[int, ...]
    prepared: np.ndarray | None


def read_circuit(circuit: QuantumCircuit) -> Reading:
    """Read a circuit, its free parameters in `circuit.parameters` order.

    Raises
    ------
    ConfigError
        naming the instruction and its position if it has no meaning in an exact simulation: a measurement that is not
        at the end, a reset, a conditional, a prepared state that is not at the start.
    """
    reader = _Reader(circuit)
    for position, instruction in enumerate(circuit.data):
        qubits = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        clbits = [circuit.find_bit(clbit).index for clbit in instruction.clbits]
        reader.where = f"instruction {position} ({instruction.operation.name}{_names(qubits)})"
        reader.read(instruction.operation, qubits, clbits)
    reader.add_phase(circuit.global_phase)
    return reader.reading()


class _Reader:
    def __init__(self, circuit: QuantumCircuit) -> None:
        self.n_qubits = circuit.num_qubits
        self.where = ""
        self._frame = PauliFrame()
        self._table = AngleTable(circuit.parameters)
        self._phase: Any = 0.0
        self._touched: set[int] = set()
        self._measured: dict[int, int] = {}
        self._prepared: list[tuple[list[int], np.ndarray]] = []

    def read(self, operation: Any, qubits: list[int], clbits: Sequence[int] = ()) -> None:
        from qiskit.circuit import Barrier, ControlFlowOp, Delay, Measure, Reset
        from qiskit.circuit.library import IGate

        if isinstance(operation, Barrier | Delay | IGate):
            return
        late = self._measured.keys() & set(qubits)
        if late:
            raise ConfigError(
                f"{self.where} comes after the measurement of qubit {min(late)}; measure at the end only"
            )
        if isinstance(operation, ControlFlowOp):
            raise ConfigError(
                f"{self.where} is a conditional or another block of control flow; the engine takes gates only"
            )
        if isinstance(operation, Measure):
            self._measure(qubits[0], clbits[0])
        elif isinstance(operation, Reset):
            self._check_fresh(qubits, "is a reset of a qubit already in use; leave it out")
        elif operation.name == "store":
            raise ConfigError(f"{self.where} works on a classical variable; the engine takes gates only")
        elif operation.name == "pauli_product_measurement":
            raise ConfigError(f"{self.where} measures several qubits as one; turn them to Z and measure one")
        elif _prepares_a_state(operation):
            self._check_fresh(qubits, "prepares a state on qubits already in use; it must come first")
            if isinstance(operation.params[0], str) or len(operation.params) != 2 ** len(qubits):
                self._read_definition(operation.definition, qubits)  # of a label or a number: plain gates
            else:
                self._prepared.append((qubits, np.asarray(operation.params, dtype=complex)))
            self._touched.update(qubits)
        else:
            self._read_gate(operation, qubits)
            self._touched.update(qubits)

    def _read_gate(self, gate: Any, qubits: list[int]) -> None:
        rule = _RULES.get(gate.name) if _is_standard(gate) else None
        if rule is not None and not (rule is _controlled_phase and len(qubits) > _MOST_CONTROLS):
            rule(self, qubits, *gate.params)
        elif len(qubits) == 1 and hasattr(gate, "__array__") and not _has_free_angle(gate):
            self.fixed(qubits[0], np.asarray(gate.to_matrix(), dtype=complex))
        else:
            self._read_definition(_definition(gate, self.where), qubits)

    def _read_definition(self, definition: QuantumCircuit, qubits: list[int]) -> None:
        for instruction in definition.data:
            inner = [qubits[definition.find_bit(qubit).index] for qubit in instruction.qubits]
            clbits = [definition.find_bit(clbit).index for clbit in instruction.clbits]
            self.read(instruction.operation, inner, clbits)
        self.add_phase(definition.global_phase)

    def word(self, qubits: Sequence[int], angle: Any) -> None:
        """exp(-i angle/2 Z...Z)."""
        mask, halves = sum(1 << q for q in qubits), self._half_turns(angle)
        if halves is None:
            self._frame.word(mask, self._table.add(angle, self.where))
        else:
            self._frame.z_half_turns(mask, halves)

    def turn(self, qubit: int, angle: Any) -> None:
        """exp(-i angle/2 Y)."""
        halves = self._half_turns(angle)
        if halves is None:
            self._frame.turn(qubit, self._table.add(angle, self.where))
        else:
            self._frame.y_half_turns(qubit, halves)

    def flip(self, control: int, target: int) -> None:
        self._frame.flip(control, target)

    def fixed(self, qubit: int, matrix: np.ndarray) -> None:
        """A constant one-qubit gate."""
        from qiskit.synthesis import OneQubitEulerDecomposer

        theta, phi, lam, phase = OneQubitEulerDecomposer("ZYZ").angles_and_phase(matrix)
        _zyz(self, qubit, theta, phi, lam)
        self.add_phase(phase)

    def add_phase(self, angle: Any) -> None:
        self._phase = self._phase + angle

    def reading(self) -> Reading:
        frame, last_words = self._frame, []
        if frame.z:  # Z = e^(i pi/2) exp(-i pi/2 Z)
            last_words.append(Word(frame.z, self._table.add(np.pi, "the last Z gates")))
            self.add_phase(np.pi / 2)
        phase = self._table.add(self._phase + frame.phase, "the global phase")
        return Reading(
            self.n_qubits,
            tuple(frame.operations),
            tuple(last_words),
            frame.x,
            self._table.freeze(),
            phase,
            self._outcome_bits(),
            _join(self._prepared, self.n_qubits),
        )

    def _half_turns(self, angle: Any) -> int | None:
        free = getattr(angle, "parameters", ())
        return None if free else half_turns(real_number(angle, self.where))

    def _measure(self, qubit: int, clbit: int) -> None:
        if clbit in self._measured.values():
            raise ConfigError(
                f"{self.where} overwrites classical bit {clbit}, which holds another qubit's outcome"
            )
        self._measured[qubit] = clbit

    def _outcome_bits(self) -> tuple[int, ...]:
        if not self._measured:
            return tuple(range(self.n_qubits))
        return tuple(sorted(self._measured, key=self._measured.__getitem__))

    def _check_fresh(self, qubits: list[int], complaint: str) -> None:
        if self._touched & set(qubits):
            raise ConfigError(f"{self.where} {complaint}")


def _is_standard(gate: Any) -> bool:
    """Whether a gate is Qiskit's own of that name, not a user's with the same name."""
    return getattr(gate, "base_class", type(gate)).__module__.startswith(
        "qiskit.circuit.library.standard_gates"
    )


def _prepares_a_state(operation: Any) -> bool:
    from qiskit.circuit.library import Initialize, StatePreparation

    return isinstance(operation, Initialize | StatePreparation)


def _has_free_angle(gate: Any) -> bool:
    return any(getattr(parameter, "parameters", ()) for parameter in gate.params)


def _definition(gate: Any, where: str) -> QuantumCircuit:
    from qiskit import QuantumCircuit, transpile
    from qiskit.exceptions import QiskitError

    try:
        definition = getattr(gate, "definition", None)
        if definition is not None:
            return definition
        circuit = QuantumCircuit(gate.num_qubits)
        circuit.append(gate, range(gate.num_qubits))
        circuit = transpile(circuit, basis_gates=["rz", "ry", "p", "sx", "cx"], optimization_level=0)
    except (QiskitError, TypeError):
        circuit = None
    if circuit is None or any(instruction.operation.name == gate.name for instruction in circuit.data):
        raise ConfigError(f"{where} is not a gate that Qiskit can write in simpler ones; use gates only")
    return circuit


def _join(prepared: list[tuple[list[int], np.ndarray]], n_qubits: int) -> np.ndarray | None:
    """Tensor product of states on some qubits each, |0> on all others."""
    if not prepared:
        return None
    outcomes = np.arange(1 << n_qubits)
    idle = sum(1 << q for q in range(n_qubits)) - sum(1 << q for qubits, _ in prepared for q in qubits)
    state = np.where(outcomes & idle, 0.0, 1.0).astype(complex)
    for qubits, amplitudes in prepared:
        state *= amplitudes[sum(((outcomes >> q) & 1) << k for k, q in enumerate(qubits))]
    return state


def _names(qubits: list[int]) -> str:
    shown = ", ".join(str(q) for q in qubits[:4]) + (", ..." if len(qubits) > 4 else "")
    return f" on qubit{'s' if len(qubits) > 1 else ''} {shown}" if qubits else ""


def _controlled_phase(reader: _Reader, qubits: list[int], angle: Any) -> None:
    """exp(i angle n_1 ... n_k) with n = (1 - Z)/2, expanded in words."""
    share = angle / 2 ** (len(qubits) - 1)
    for size in range(1, len(qubits) + 1):
        for subset in combinations(qubits, size):
            reader.word(subset, share if size % 2 else -share)
    reader.add_phase(share / 2)


def _constant_phase(angle: float) -> Callable[..., None]:
    return lambda reader, qubits, *_: _controlled_phase(reader, qubits, angle)


def _zyz(reader: _Reader, qubit: int, theta: Any, phi: Any, lam: Any) -> None:
    """RZ(phi) RY(theta) RZ(lam)."""
    reader.word([qubit], lam)
    reader.turn(qubit, theta)
    reader.word([qubit], phi)


def _rx(reader: _Reader, qubits: list[int], angle: Any) -> None:
    _zyz(reader, qubits[0], angle, -np.pi / 2, np.pi / 2)


def _ry(reader: _Reader, qubits: list[int], angle: Any) -> None:
    reader.turn(qubits[0], angle)


def _u(reader: _Reader, qubits: list[int], theta: Any, phi: Any, lam: Any) -> None:
    _zyz(reader, qubits[0], theta, phi, lam)
    reader.add_phase((phi + lam) / 2)


def _h(reader: _Reader, qubits: list[int]) -> None:
    """H = e^(i pi/2) RY(pi/2) RZ(pi)."""
    _zyz(reader, qubits[0], np.pi / 2, 0.0, np.pi)
    reader.add_phase(np.pi / 2)


def _x_to_z(reader: _Reader, qubits: list[int], halves: int) -> None:
    """RY(-pi/2), which maps X to Z by conjugation, and its inverse."""
    reader.turn(qubits[0], -halves * np.pi / 2)


def _y_to_z(reader: _Reader, qubits: list[int], halves: int) -> None:
    """RX(pi/2), which maps Y to Z by conjugation, and its inverse."""
    _rx(reader, qubits, halves * np.pi / 2)


def _half_turn(reader: _Reader, qubits: list[int], theta: float, lam: float) -> None:
    """X = e^(i pi/2) RY(pi) RZ(pi), Y = e^(i pi/2) RY(pi), Z = e^(i pi/2) RZ(pi)."""
    _zyz(reader, qubits[0], theta, 0.0, lam)
    reader.add_phase(np.pi / 2)


def _controlled_z_rotation(reader: _Reader, qubits: list[int], angle: Any) -> None:
    reader.word(qubits[1:], angle / 2)
    reader.word(qubits, -angle / 2)


def _conjugated(rule: Callable[..., None], basis: Callable[..., None], on: slice) -> Callable[..., None]:
    """A rule between a basis change and its inverse on some of its qubits."""

    def read(reader: _Reader, qubits: list[int], angle: Any) -> None:
        for qubit in qubits[on]:
            basis(reader, [qubit], 1)
        rule(reader, qubits, angle)
        for qubit in qubits[on]:
            basis(reader, [qubit], -1)

    return read


def _z_word(reader: _Reader, qubits: list[int], angle: Any) -> None:
    reader.word(qubits, angle)


def _swap(reader: _Reader, qubits: list[int]) -> None:
    a, b = qubits
    reader.flip(a, b)
    reader.flip(b, a)
    reader.flip(a, b)


_BOTH, _TARGET = slice(None), slice(1, None)
_RULES: dict[str, Callable[..., None]] = {
    "rx": _rx,
    "ry": _ry,
    "rz": _z_word,
    "rzz": _z_word,
    "rxx": _conjugated(_z_word, _x_to_z, _BOTH),
    "ryy": _conjugated(_z_word, _y_to_z, _BOTH),
    "rzx": _conjugated(_z_word, _x_to_z, _TARGET),
    "crz": _controlled_z_rotation,
    "crx": _conjugated(_controlled_z_rotation, _x_to_z, _TARGET),
    "cry": _conjugated(_controlled_z_rotation, _y_to_z, _TARGET),
    "u": _u,
    "u3": _u,
    "u2": lambda reader, qubits, phi, lam: _u(reader, qubits, np.pi / 2, phi, lam),
    **dict.fromkeys(["p", "u1", "cp", "cu1", "mcphase"], _controlled_phase),
    **dict.fromkeys(["cz", "ccz"], _constant_phase(np.pi)),
    "h": _h,
    "x": lambda reader, qubits: _half_turn(reader, qubits, np.pi, np.pi),
    "y": lambda reader, qubits: _half_turn(reader, qubits, np.pi, 0.0),
    "z": lambda reader, qubits: _half_turn(reader, qubits, 0.0, np.pi),
    "s": _constant_phase(np.pi / 2),
    "sdg": _constant_phase(-np.pi / 2),
    "t": _constant_phase(np.pi / 4),
    "tdg": _constant_phase(-np.pi / 4),
    "cx": lambda reader, qubits: reader.flip(*qubits),
    "swap": _swap,
}
