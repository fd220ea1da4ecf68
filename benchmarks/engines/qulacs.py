"""qulacs: backpropagation of an inner product, `backprop_inner_product(bra)` with bra = w psi, w = dL/dp.

Its rotations are exp(+i a/2 G), so angles and gradient change sign.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engines.circuits import Circuit, negative_log_likelihood

PACKAGES = ("qulacs", "numpy")


def gradient(circuit: Circuit, shares: np.ndarray) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Function from angles to the value and the gradient."""
    import qulacs

    n = circuit.num_qubits
    written = qulacs.ParametricQuantumCircuit(n)
    z = 3  # its number of the Pauli matrix
    add = {
        "ry": lambda q: written.add_parametric_RY_gate(q, 0.0),
        "rz": lambda q: written.add_parametric_RZ_gate(q, 0.0),
        "rzz": lambda *pair: written.add_parametric_multi_Pauli_rotation_gate(list(pair), [z, z], 0.0),
        "cx": written.add_CNOT_gate,
        "h": written.add_H_gate,
    }
    for gate in circuit.gates:  # parameters are numbered as they are added
        add[gate.name](*gate.qubits)
    state, bra = qulacs.QuantumState(n), qulacs.QuantumState(n)

    def value_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        for k, angle in enumerate(theta.tolist()):
            written.set_parameter(k, -angle)
        state.set_zero_state()
        written.update_quantum_state(state)
        psi = state.get_vector()
        value, slope = negative_log_likelihood(shares, psi.real**2 + psi.imag**2)
        bra.load(slope * psi)
        return value, -2.0 * np.array(written.backprop_inner_product(bra))

    return value_and_gradient
