"""Readout errors measured and taken out: M3, and draws from what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.errors import ConfigError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, eq=False)
class Mitigated:
    """Outcomes of one circuit with readout errors taken out.

    Attributes
    ----------
    outcomes : shape (m,) integers, sorted
    probabilities : shape (m,), the nearest probability distribution
    overhead : factor by which mitigation raises the variance of a mean
    """

    outcomes: np.ndarray
    probabilities: np.ndarray
    overhead: float


def calibration_circuits(num_qubits: int, measured: tuple[int, ...]) -> list[QuantumCircuit]:
    """Two circuits that measure the same qubits: all prepared in 0, and all in 1."""
    from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

    circuits = []
    for ones in (False, True):
        bits = ClassicalRegister(len(measured), "outcome")
        circuit = QuantumCircuit(QuantumRegister(num_qubits, "q"), bits)
        if ones:
            circuit.x(list(measured))
        circuit.measure(list(measured), bits)
        circuits.append(circuit)
    return circuits


def confusion_matrices(zeros: np.ndarray, ones: np.ndarray) -> list[np.ndarray]:
    """Of each qubit, P(seen | prepared), seen down the rows, from bits of shape (shots, qubits)."""
    up, down = zeros.mean(axis=0), 1.0 - ones.mean(axis=0)
    return [np.array([[1.0 - u, d], [u, 1.0 - d]]) for u, d in zip(up, down, strict=True)]


def mitigate(outcomes: np.ndarray, matrices: list[np.ndarray]) -> Mitigated:
    """Take readout errors out of outcomes, shape (shots,) integers.

    M3 (Nation, Kang, Sundaresan and Gambetta, PRX Quantum 2, 040326, 2021): the confusion matrix is inverted on the
    outcomes that were seen. The quasi-distribution is then projected onto the nearest probability distribution in the
    Euclidean norm (Smolin, Gambetta and Smith, arXiv 1106.5458).

    Parameters
    ----------
    matrices : of each bit of an outcome, as `confusion_matrices` gives them

    Raises
    ------
    ConfigError
        if a qubit's readout cannot be inverted: it says 1 as often for a 0 as for a 1.
    """
    import mthree

    for bit, matrix in enumerate(matrices):
        if np.linalg.det(matrix) < 0.05:
            raise ConfigError(
                f"bit {bit} is read as 1 in {matrix[1, 0]:.0%} of 0 and {matrix[1, 1]:.0%} of 1: its readout tells "
                "nothing to be corrected; take another device, or set mitigation = 'none'"
            )
    n = len(matrices)
    seen, count = np.unique(outcomes, return_counts=True)
    counts = {format(o, f"0{n}b"): int(c) for o, c in zip(seen.tolist(), count.tolist(), strict=True)}
    m3 = mthree.M3Mitigation()
    m3.cals_from_matrices([matrix.astype(np.float32) for matrix in matrices])
    quasi = m3.apply_correction(counts, list(range(n)), return_mitigation_overhead=True)
    nearest = {int(bits, 2): float(p) for bits, p in quasi.nearest_probability_distribution().items()}
    support = np.array(sorted(nearest), dtype=np.int64)
    probabilities = np.array([nearest[outcome] for outcome in support.tolist()])
    return Mitigated(support, probabilities / probabilities.sum(), float(quasi.mitigation_overhead))


def systematic_draws(mitigated: Mitigated, shots: int, rng: np.random.Generator) -> np.ndarray:
    """Outcomes of a mitigated distribution in random order, shape (shots,) int64.

    Systematic resampling (Kitagawa, J. Comput. Graph. Statist. 5, 1996): each outcome comes up floor or ceil of
    shots * p times, so that hardly any noise is added to that of the device's own shots.
    """
    edges = np.cumsum(mitigated.probabilities)
    places = (rng.random() + np.arange(shots)) / shots
    chosen = np.searchsorted(edges / edges[-1], places, side="right")
    return rng.permutation(mitigated.outcomes[np.minimum(chosen, len(edges) - 1)])


def lineage_of(matrices: list[np.ndarray]) -> dict[str, Any]:
    """The readout errors that were taken out, as JSON values."""
    return {
        "method": "m3",
        "1_as_0": [round(float(m[0, 1]), 6) for m in matrices],
        "0_as_1": [round(float(m[1, 0]), 6) for m in matrices],
    }
