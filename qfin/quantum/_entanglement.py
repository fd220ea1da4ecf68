"""How much a circuit entangles, and how much of the state space it reaches (Sim, Johnson and Aspuru-Guzik,
arXiv 1905.10876)."""

from __future__ import annotations

import numpy as np

_BINS = 20


def meyer_wallach(state: np.ndarray) -> float:
    """Meyer-Wallach measure Q of a pure state, shape (2**n,); 0 for a product state, 1 for a GHZ state.

    Q = 2 (1 - mean over qubits k of Tr rho_k^2) (Meyer and Wallach, quant-ph/0108104; in this form Brennen,
    quant-ph/0305094).
    """
    state = np.asarray(state)
    n = len(state).bit_length() - 1
    purity = 0.0
    for k in range(n):
        zero, one = state.reshape(-1, 2, 1 << k).transpose(1, 0, 2).reshape(2, -1)
        a, b = np.vdot(zero, zero).real, np.vdot(one, one).real
        purity += (a * a + b * b + 2.0 * abs(np.vdot(zero, one)) ** 2) / n
    return float(2.0 * (1.0 - purity))


def haar_meyer_wallach(n_qubits: int) -> float:
    """Mean Q of Haar-random states, (N - 2)/(N + 1) with N = 2**n_qubits (Scott, quant-ph/0310137)."""
    size = 2.0**n_qubits
    return (size - 2.0) / (size + 1.0)


def expressibility(states: np.ndarray) -> float:
    """Divergence of the states' fidelities from those of Haar-random states, in nats; the lower, the more expressible.

    The fidelity F of two Haar-random states in N dimensions has P(F > f) = (1 - f)^(N-1). The histogram that
    Kullback-Leibler compares has 20 bins of equal Haar probability, so that it tells states apart at any N; from 0
    (Haar-random) to ln 20 = 3.0 (all states the same).

    Parameters
    ----------
    states : shape (draws, N), pure states of norm 1 at independent random angles; all pairs are compared
    """
    draws, size = states.shape
    fidelities = np.abs(states.conj() @ states.T)[np.triu_indices(draws, 1)] ** 2
    uniform = -np.expm1((size - 1) * np.log1p(-np.minimum(fidelities, 1.0 - 1e-15)))
    shares = np.histogram(uniform, bins=_BINS, range=(0.0, 1.0))[0] / len(uniform)
    seen = shares[shares > 0.0]
    return float(seen @ np.log(_BINS * seen))
