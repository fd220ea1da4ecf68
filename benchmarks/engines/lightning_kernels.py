"""PennyLane lightning.qubit's compiled adjoint, called directly: what is left without PennyLane's own cost.

These classes are the package's internals. Its users go through a QNode, which is `lightning.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engines.circuits import Circuit, negative_log_likelihood
from engines.lightning import GATES

PACKAGES = ("pennylane-lightning", "numpy")


def gradient(circuit: Circuit, shares: np.ndarray) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Function from angles to the value and the gradient."""
    from pennylane_lightning.lightning_qubit_ops import MeasurementsC128, StateVectorC128
    from pennylane_lightning.lightning_qubit_ops.algorithms import AdjointJacobianC128, create_ops_listC128
    from pennylane_lightning.lightning_qubit_ops.observables import SparseHamiltonianC128

    n, gates = circuit.num_qubits, circuit.gates
    names = [GATES[gate.name] for gate in gates]
    wires = [[n - 1 - q for q in gate.qubits] for gate in gates]
    none: list[list[int]] = [[] for _ in gates]
    not_inverse, no_matrix = [False] * len(gates), [np.zeros((0, 0))] * len(gates)
    rows, all_wires, trained = np.arange(shares.size + 1), list(range(n)), list(range(circuit.num_parameters))
    state, jacobian = StateVectorC128(n), AdjointJacobianC128()
    methods = [getattr(state, name) for name in names]

    def value_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        numbers = theta.tolist()
        parameters = [[] if gate.angle is None else [numbers[gate.angle]] for gate in gates]
        state.resetStateVector()
        for method, on, parameter in zip(methods, wires, parameters, strict=True):
            method(on, False, parameter)
        p = np.asarray(MeasurementsC128(state).probs(all_wires))
        value, slope = negative_log_likelihood(shares, p)
        diagonal = SparseHamiltonianC128(slope.astype(complex), rows[:-1], rows, all_wires)
        operations = create_ops_listC128(names, parameters, wires, not_inverse, no_matrix, none, none)
        return value, np.asarray(jacobian(state, [diagonal], operations, trained))

    return value_and_gradient
