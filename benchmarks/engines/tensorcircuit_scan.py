"""tensorcircuit-ng with JAX: the layers as steps of `jax.lax.scan`, so that only one layer is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engines.circuits import Circuit
from engines.default_qubit import compiled
from engines.tensorcircuit import PACKAGES as PACKAGES
from engines.tensorcircuit import applier


def gradient(circuit: Circuit, shares: np.ndarray) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Function from angles to the value and the gradient."""
    import jax

    apply = applier(circuit.num_qubits)
    in_layers = circuit.repeats * circuit.angles_a_layer

    def probabilities(theta: Any) -> Any:
        zero = jax.numpy.zeros(shares.size, dtype=complex).at[0].set(1.0)
        steps = theta[:in_layers].reshape(circuit.repeats, circuit.angles_a_layer)
        state, _ = jax.lax.scan(lambda state, step: (apply(circuit.layer, step, state), None), zero, steps)
        if circuit.last:
            state = apply(circuit.last, theta[in_layers:], state)
        return state.real**2 + state.imag**2

    return compiled(probabilities, shares)
