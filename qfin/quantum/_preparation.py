"""Preparing a state on a device by a shallow circuit: a loaded prior, where synthesis would take 2**n gates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._information import quantum_mutual_information

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_LEAST_MOVE = 1e-9  # nats that a move on the line has to save; less is rounding
_CX_FIDELITY = (
    1.0 - 1e-12
)  # of a CX in the choice how many to take: a further one has to improve a gate by more


@dataclass(frozen=True, eq=False)
class Preparation:
    """A circuit that prepares a state approximately, and how well and at what cost.

    Attributes
    ----------
    circuit : from |0...0>, of RY, RZ and CX; qubit j is bit j of an amplitude's index
    fidelity : |<wanted|prepared>|^2, exact
    two_qubit_gates : number of CX, before any routing; all join neighbours on one line of qubits
    layers : staircases of two-qubit gates
    """

    circuit: QuantumCircuit
    fidelity: float
    two_qubit_gates: int
    layers: int


def prepare_state(amplitudes: np.ndarray, *, min_fidelity: float = 0.99, max_layers: int = 8) -> Preparation:
    """Prepare a state with as few layers of two-qubit gates as reach a fidelity.

    The qubits are put on a line with those that share much information close together; then layers of staircases are
    added and improved until the fidelity is reached, or there are `max_layers`: then it is lower than asked for.
    Nothing is random: same amplitudes, same circuit. Time grows with 2**n and with the square of the layers;
    benchmarks/preparation.py measures it.

    Parameters
    ----------
    amplitudes : shape (2**n,), of norm 1; for a distribution its square root. Real ones take two CX a gate, complex
        ones three.

    Raises
    ------
    ConfigError
        if amplitudes have another shape, are not finite or not of norm 1, or an option is out of range.
    """
    from qfin.quantum._program import Program

    wanted = _check_amplitudes(amplitudes)
    _check_options(min_fidelity, max_layers)
    circuit, layers = _shallow(wanted, min_fidelity, max_layers)
    found = Program.from_circuit(circuit).statevector(np.empty(0))
    return Preparation(
        circuit=circuit,
        fidelity=float(abs(np.vdot(wanted, found)) ** 2),
        two_qubit_gates=circuit.count_ops().get("cx", 0),
        layers=layers,
    )


def line_order(information: np.ndarray) -> list[int]:
    """Qubits in an order on a line with a small sum of information times distance.

    That is the information across all cuts of the line, which its bonds have to carry. Two orders, the natural one and
    that of the Laplacian's second eigenvector (Fiedler), are improved by moving one qubit at a time; the better wins.

    Parameters
    ----------
    information : shape (n, n), symmetric, at least 0; for example the mutual information of each two qubits
    """
    n = len(information)
    laplacian = np.diag(information.sum(axis=1)) - information
    spectral = np.argsort(np.linalg.eigh(laplacian)[1][:, min(1, n - 1)], kind="stable").tolist()
    natural, other = (_moved(start, information) for start in (list(range(n)), spectral))
    gain = _across(natural, information) - _across(other, information)
    return other if gain > _LEAST_MOVE else natural


def _moved(order: list[int], information: np.ndarray) -> list[int]:
    """Move the qubit, to the place, that saves most, until nothing does."""
    while True:
        trials = [_moved_one(order, i, j) for i in range(len(order)) for j in range(len(order))]
        best = min(trials, key=lambda trial: _across(trial, information))
        if _across(best, information) > _across(order, information) - _LEAST_MOVE:
            return order
        order = best


def _moved_one(order: list[int], start: int, stop: int) -> list[int]:
    rest = order[:start] + order[start + 1 :]
    return [*rest[:stop], order[start], *rest[stop:]]


def _across(order: list[int], information: np.ndarray) -> float:
    places = np.argsort(order)
    return float(np.sum(information * np.abs(places[:, None] - places)))


def _shallow(wanted: np.ndarray, min_fidelity: float, max_layers: int) -> tuple[QuantumCircuit, int]:
    """The circuit and its number of layers."""
    from qiskit import QuantumCircuit

    from qfin.quantum._staircase import prepare_in_layers

    n = len(wanted).bit_length() - 1
    if n == 1:
        return _one_qubit(wanted), 0
    order = line_order(quantum_mutual_information(wanted))
    on_line = wanted.reshape((2,) * n).transpose([n - 1 - qubit for qubit in order])
    *_, (gates, _) = prepare_in_layers(np.ascontiguousarray(on_line).ravel(), min_fidelity, max_layers)
    circuit = QuantumCircuit(n)
    for number, layer in enumerate(gates):
        for site, gate in enumerate(layer):
            part = _in_cx(gate, from_zeros=number == site == 0)
            circuit.compose(part, [order[site + 1], order[site]], inplace=True)
    return _merged(circuit), len(gates)


def _one_qubit(wanted: np.ndarray) -> QuantumCircuit:
    from qiskit.synthesis import OneQubitEulerDecomposer

    a, b = wanted
    return OneQubitEulerDecomposer("ZYZ")(np.array([[a, -np.conj(b)], [b, np.conj(a)]]))


def _in_cx(gate: np.ndarray, *, from_zeros: bool) -> QuantumCircuit:
    """A gate in RY, RZ and CX; where it acts on |00> only its first column matters, which takes one CX at most."""
    from qiskit.circuit.library import CXGate
    from qiskit.synthesis import TwoQubitBasisDecomposer

    from qfin.quantum._staircase import gate_for_pair

    decompose = TwoQubitBasisDecomposer(CXGate(), basis_fidelity=_CX_FIDELITY, euler_basis="ZYZ")
    return decompose(gate_for_pair(gate[:, 0]) if from_zeros else gate)


def _merged(circuit: QuantumCircuit) -> QuantumCircuit:
    """The same with one-qubit gates that follow each other made one."""
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import Optimize1qGatesDecomposition

    return PassManager([Optimize1qGatesDecomposition(["rz", "ry"])]).run(circuit)


def _check_amplitudes(amplitudes: np.ndarray) -> np.ndarray:
    """Amplitudes of norm exactly 1, real if they can be."""
    values = np.asarray(amplitudes)
    if values.ndim != 1 or len(values) < 2 or len(values) & (len(values) - 1):
        raise ConfigError(f"amplitudes have shape {values.shape}; wanted (2**n,), n at least 1")
    if not np.issubdtype(values.dtype, np.number):
        raise ConfigError(f"amplitudes are {values.dtype}; wanted real or complex numbers")
    if np.iscomplexobj(values) and not values.imag.any():
        values = values.real
    values = values.astype(complex if np.iscomplexobj(values) else float)
    finite = np.isfinite(values)
    if not finite.all():
        worst = int(np.argmin(finite))
        raise ConfigError(f"amplitude {worst} is {values[worst]}; wanted finite numbers")
    norm = float(np.linalg.norm(values))
    if not abs(norm - 1.0) < 1e-6:
        raise ConfigError(f"the amplitudes have norm {norm:.6g}; wanted 1")
    return values / norm


def _check_options(min_fidelity: float, max_layers: int) -> None:
    if not 0.0 < min_fidelity <= 1.0:
        raise ConfigError(f"min_fidelity = {min_fidelity} is not allowed; wanted more than 0, at most 1")
    if max_layers < 1:
        raise ConfigError(f"max_layers = {max_layers} is not allowed; wanted at least 1")
