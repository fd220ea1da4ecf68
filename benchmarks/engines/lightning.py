"""PennyLane lightning.qubit: adjoint differentiation through a QNode, as its users write it.

`qml.probs` has no adjoint gradient there; with w = dL/dp fixed, the gradient is that of the observable diag(w), given
as a sparse matrix. PennyLane's wire 0 is the highest bit of an outcome.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engines.circuits import Circuit, negative_log_likelihood

PACKAGES = ("pennylane", "pennylane-lightning", "numpy")
GATES = {"ry": "RY", "rz": "RZ", "rzz": "IsingZZ", "cx": "CNOT", "h": "Hadamard"}


def gradient(circuit: Circuit, shares: np.ndarray) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Function from angles to the value and the gradient."""
    import pennylane as qml
    from pennylane import numpy as traced
    from scipy.sparse import csr_matrix

    n, size = circuit.num_qubits, shares.size
    device = qml.device("lightning.qubit", wires=n)
    rows = np.arange(size + 1)

    def apply(theta: np.ndarray) -> None:
        for name, qubits, angle in circuit.gates:
            parameters = [] if angle is None else [theta[angle]]
            getattr(qml, GATES[name])(*parameters, wires=[n - 1 - q for q in qubits])

    @qml.qnode(device)
    def probabilities(theta: np.ndarray) -> object:
        apply(theta)
        return qml.probs(wires=range(n))

    @qml.qnode(device, diff_method="adjoint")
    def expectation(theta: np.ndarray, weights: np.ndarray) -> object:
        apply(theta)
        diagonal = csr_matrix((weights, rows[:-1], rows), shape=(size, size))
        return qml.expval(qml.SparseHamiltonian(diagonal, wires=range(n)))

    derivative = qml.grad(expectation, argnums=0)

    def value_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = negative_log_likelihood(shares, np.asarray(probabilities(theta)))
        return value, np.asarray(derivative(traced.array(theta, requires_grad=True), slope))

    return value_and_gradient
