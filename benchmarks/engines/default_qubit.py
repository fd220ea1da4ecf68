"""PennyLane default.qubit: backpropagation through JAX, the whole loss compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engines.circuits import Circuit
from engines.lightning import GATES

PACKAGES = ("pennylane", "jax", "jaxlib")


def gradient(circuit: Circuit, shares: np.ndarray) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Function from angles to the value and the gradient."""
    import jax
    import pennylane as qml

    jax.config.update("jax_enable_x64", True)
    n = circuit.num_qubits

    @qml.qnode(qml.device("default.qubit", wires=n), interface="jax", diff_method="backprop")
    def probabilities(theta: Any) -> Any:
        for name, qubits, angle in circuit.gates:
            parameters = [] if angle is None else [theta[angle]]
            getattr(qml, GATES[name])(*parameters, wires=[n - 1 - q for q in qubits])
        return qml.probs(wires=range(n))

    return compiled(probabilities, shares)


def compiled(
    probabilities: Callable[[Any], Any], shares: np.ndarray
) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Value and gradient of the negative log-likelihood of a traceable function, compiled by JAX."""
    import jax

    data = jax.numpy.asarray(shares)
    both = jax.jit(jax.value_and_grad(lambda theta: -data @ jax.numpy.log(probabilities(theta))))

    def value_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = both(theta)
        return float(value), np.asarray(slope)

    return value_and_gradient
