"""Mutual information between qubits, between measured bits and between factors, in nats.

Qubits, or words of several qubits, are numbered from the lowest: word k of b bits owns qubits k*b to (k+1)*b - 1, as
factors do on a grid.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np


def quantum_mutual_information(state: np.ndarray) -> np.ndarray:
    """I(i:j) = S(i) + S(j) - S(ij) of each two qubits of a pure state, shape (2**n,) to (n, n), diagonal 0.

    S is von Neumann's entropy of the reduced density matrix (Nielsen and Chuang 2010, section 11.3). It is at least
    what the measured bits share (Holevo's bound), and at most 2 ln 2.
    """
    n = len(state).bit_length() - 1
    entropies = {pair: _pair_entropies(_split(state, *pair, 1)) for pair in combinations(range(n), 2)}
    return _symmetric({pair: s_i + s_j - s_ij for pair, (s_i, s_j, s_ij) in entropies.items()}, n)


def joint_tables(probabilities: np.ndarray, bits: int = 1) -> dict[tuple[int, int], np.ndarray]:
    """Joint probabilities of each two words of `bits` bits, (i, j) to shape (2**bits, 2**bits), rows word i.

    Parameters
    ----------
    probabilities : shape (2**n,), of outcomes; n is a multiple of `bits`
    """
    words = (len(probabilities).bit_length() - 1) // bits
    return {
        pair: _split(probabilities, *pair, bits).sum(axis=(0, 2, 4)).T
        for pair in combinations(range(words), 2)
    }


def mutual_information(joint: np.ndarray) -> float:
    """Sum of p ln(p / (p_row p_column)) over a table of joint probabilities, shape (r, c)."""
    return float(np.sum(joint * _log_ratio(joint)))


def estimated_information(joint: np.ndarray, n: int) -> tuple[float, float]:
    """Mutual information behind a table of frequencies of n independent observations, and its standard error.

    By chance alone frequencies share information: the bias (cells - rows - columns + 1)/(2n) of those seen is taken off
    (Miller 1955), so that an estimate can be negative. The variance is the delta method's, less what chance adds to it,
    and at least that of independence, (rows - 1)(columns - 1)/(2n^2), where 2n times the information is chi-squared.
    """
    ratio = _log_ratio(joint)
    value = float(np.sum(joint * ratio))
    rows, columns, cells = (int((t > 0.0).sum()) for t in (joint.sum(axis=1), joint.sum(axis=0), joint))
    chance = (rows - 1) * (columns - 1) / (2.0 * n**2)
    variance = (float(np.sum(joint * ratio**2)) - value**2) / n
    bias = (cells - rows - columns + 1) / (2.0 * n)
    return value - bias, float(np.sqrt(max(variance - chance, chance)))


def _symmetric(values: dict[tuple[int, int], float], n: int) -> np.ndarray:
    """Values of pairs as a symmetric matrix, shape (n, n), diagonal 0."""
    matrix = np.zeros((n, n))
    for (i, j), value in values.items():
        matrix[i, j] = matrix[j, i] = value
    return matrix


def _split(values: np.ndarray, i: int, j: int, bits: int) -> np.ndarray:
    """Values of outcomes with words i < j as axes 3 and 1."""
    low, between = 1 << (i * bits), 1 << ((j - i - 1) * bits)
    return np.asarray(values).reshape(-1, 1 << bits, between, 1 << bits, low)


def _pair_entropies(state: np.ndarray) -> tuple[float, float, float]:
    """S(i), S(j) and S(ij) of a state whose axes 3 and 1 are qubits i and j."""
    amplitudes = state.transpose(3, 1, 0, 2, 4).reshape(4, -1)
    joint = amplitudes @ amplitudes.conj().T
    split = joint.reshape(2, 2, 2, 2)
    first, second = np.einsum("ajbj->ab", split), np.einsum("jajb->ab", split)
    return _entropy(first), _entropy(second), _entropy(joint)


def _entropy(density: np.ndarray) -> float:
    weights = np.linalg.eigvalsh(density)
    weights = weights[weights > 0.0]
    return float(-weights @ np.log(weights))


def _log_ratio(joint: np.ndarray) -> np.ndarray:
    """ln(p / (p_row p_column)), 0 where p is 0."""
    independent = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    return np.log(joint / independent, out=np.zeros_like(joint), where=joint > 0.0)
