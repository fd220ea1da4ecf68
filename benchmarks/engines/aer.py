"""Qiskit Aer: the parameter-shift rule, all shifted circuits in one `run` with `parameter_binds`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engines.circuits import Circuit, negative_log_likelihood
from engines.program import qiskit_circuit

PACKAGES = ("qiskit-aer", "qiskit")


def gradient(circuit: Circuit, shares: np.ndarray) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Function from angles to the value and the gradient."""
    from qiskit_aer import AerSimulator

    count = circuit.num_parameters
    written = qiskit_circuit(circuit)
    written.save_probabilities()
    names = written.parameters  # a vector's elements, in its order
    simulator = AerSimulator(
        method="statevector", max_parallel_experiments=0
    )  # 0: as many as there are cores
    shifts = 0.5 * np.pi * np.vstack([np.zeros((1, count)), np.eye(count), -np.eye(count)])

    def value_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        shifted = (theta + shifts).T.tolist()
        result = simulator.run(written, parameter_binds=[dict(zip(names, shifted, strict=True))]).result()
        p = np.array([result.data(k)["probabilities"] for k in range(len(shifts))])
        value, slope = negative_log_likelihood(shares, p[0])
        return value, 0.5 * (p[1 : count + 1] - p[count + 1 :]) @ slope

    return value_and_gradient
