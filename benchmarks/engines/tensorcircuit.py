"""tensorcircuit-ng with JAX: the whole circuit as one tensor network, compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engines.circuits import Circuit, Gate
from engines.default_qubit import compiled

PACKAGES = ("tensorcircuit-ng", "jax", "jaxlib")


def gradient(circuit: Circuit, shares: np.ndarray) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Function from angles to the value and the gradient."""
    apply = applier(circuit.num_qubits)

    def probabilities(theta: Any) -> Any:
        state = apply(circuit.gates, theta)
        return state.real**2 + state.imag**2

    return compiled(probabilities, shares)


def applier(n: int) -> Callable[..., Any]:
    """Function from gates, angles and a state (|0...0> if there is none) to the state after them."""
    import jax
    import tensorcircuit as tc

    jax.config.update("jax_enable_x64", True)
    tc.set_backend("jax")
    tc.set_dtype("complex128")

    def apply(gates: Sequence[Gate], theta: Any, state: Any = None) -> Any:
        network = tc.Circuit(n, inputs=state)
        for name, qubits, angle in gates:
            parameters = {} if angle is None else {"theta": theta[angle]}
            getattr(network, name)(
                *(n - 1 - q for q in qubits), **parameters
            )  # its qubit 0 is the highest bit
        return network.state()

    return apply
