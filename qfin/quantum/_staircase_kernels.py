"""Compiled passes of a two-qubit gate over a state, real or complex, seen as shape (before, 4, after)."""

from __future__ import annotations

import numpy as np

from qfin.quantum._jit import kernel


@kernel
def turn(state: np.ndarray, gate: np.ndarray) -> None:
    """state[l, :, r] = gate @ state[l, :, r] for all l and r, in place."""
    for before in range(state.shape[0]):
        for after in range(state.shape[2]):
            a, b = state[before, 0, after], state[before, 1, after]
            c, d = state[before, 2, after], state[before, 3, after]
            for row in range(4):
                part = gate[row, 0] * a + gate[row, 1] * b + gate[row, 2] * c + gate[row, 3] * d
                state[before, row, after] = part


@kernel
def environment(wanted: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Sum over l and r of wanted[l, i, r] conj(state[l, j, r]), shape (4, 4)."""
    total = np.empty((4, 4), dtype=state.dtype)
    for row in range(4):
        a = b = c = d = (
            0.0 * state[0, 0, 0]
        )  # four sums at a time, so that no addition waits for the one before
        for before in range(state.shape[0]):
            for after in range(state.shape[2]):
                weight = wanted[before, row, after]
                a += weight * np.conj(state[before, 0, after])
                b += weight * np.conj(state[before, 1, after])
                c += weight * np.conj(state[before, 2, after])
                d += weight * np.conj(state[before, 3, after])
        total[row, 0], total[row, 1], total[row, 2], total[row, 3] = a, b, c, d
    return total
