"""qfin itself: `Program.value_and_gradient`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from engines.circuits import Circuit, negative_log_likelihood

PACKAGES = ("qfin-scenarios", "qiskit", "numba", "numpy")


def qiskit_circuit(circuit: Circuit):  # type: ignore[no-untyped-def]  # qiskit is imported late
    """The circuit in Qiskit, parameters in the order of the angles."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector

    names = ParameterVector("a", circuit.num_parameters)
    written = QuantumCircuit(circuit.num_qubits)
    for name, qubits, angle in circuit.gates:
        getattr(written, name)(*([] if angle is None else [names[angle]]), *qubits)
    return written


def gradient(circuit: Circuit, shares: np.ndarray) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Function from angles to the value and the gradient."""
    from qfin.quantum import Program

    program = Program.from_circuit(qiskit_circuit(circuit))
    return partial(program.value_and_gradient, loss=partial(negative_log_likelihood, shares))
