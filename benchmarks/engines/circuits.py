"""The circuits, angles and data that every engine gets, from one definition.

Conventions are Qiskit's: qubit q is bit q of an outcome, RY(a) = exp(-i a/2 Y), RZZ(a) = exp(-i a/2 ZZ).
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

LAYERS = 4
_TURNED = ("ry", "rz", "rzz")
_Placed = list[tuple[str, tuple[int, ...]]]  # gates by name and qubits


class Gate(NamedTuple):
    """One gate; `angle` is its place in the vector of angles, None for a gate without one."""

    name: str
    qubits: tuple[int, ...]
    angle: int | None


class Circuit(NamedTuple):
    """`layer`, `repeats` times with new angles, then `last`; angles are counted from 0 in each of the two lists."""

    num_qubits: int
    layer: tuple[Gate, ...]
    repeats: int
    last: tuple[Gate, ...]

    @property
    def angles_a_layer(self) -> int:
        """Angles of one layer."""
        return _angles(self.layer)

    @property
    def num_parameters(self) -> int:
        """Angles of the whole circuit."""
        return self.repeats * self.angles_a_layer + _angles(self.last)

    @property
    def gates(self) -> list[Gate]:
        """All gates in order, angles counted through."""
        parts = [(self.layer, k * self.angles_a_layer) for k in range(self.repeats)]
        parts.append((self.last, self.repeats * self.angles_a_layer))
        return [
            gate if gate.angle is None else gate._replace(angle=first + gate.angle)
            for part, first in parts
            for gate in part
        ]


def ring_cx(n: int) -> Circuit:
    """Four layers of RY and RZ on each qubit and a ring of CX, then RY and RZ: 10 n angles."""
    ring: _Placed = [("cx", (q, (q + 1) % n)) for q in range(n)]
    return Circuit(n, _gates(_rotations(n) + ring), LAYERS, _gates(_rotations(n)))


def line_rzz(n: int) -> Circuit:
    """Four layers of RY and RZ on each qubit and RZZ on neighbours, then RY and RZ: 14 n - 4 angles."""
    line: _Placed = [("rzz", (q, q + 1)) for q in range(n - 1)]
    return Circuit(n, _gates(_rotations(n) + line), LAYERS, _gates(_rotations(n)))


def iqp(n: int) -> Circuit:
    """H on each qubit, RZ on each and RZZ on all pairs, H on each: n (n + 1) / 2 angles."""
    fence: _Placed = [("h", (q,)) for q in range(n)]
    turns: _Placed = [("rz", (q,)) for q in range(n)]
    pairs: _Placed = [("rzz", pair) for pair in combinations(range(n), 2)]
    return Circuit(n, _gates(fence + turns + pairs + fence), 1, ())


CIRCUITS = {"ring_cx": ring_cx, "line_rzz": line_rzz, "iqp": iqp}


def angles(circuit: Circuit) -> np.ndarray:
    """Angles in radians, shape (num_parameters,), uniform on the circle."""
    return np.random.default_rng(0).uniform(-np.pi, np.pi, circuit.num_parameters)


def observed(circuit: Circuit) -> np.ndarray:
    """Share of each outcome in the data, shape (2**num_qubits,), all positive."""
    shares = np.random.default_rng(1).exponential(size=1 << circuit.num_qubits)
    shares /= shares.sum()
    return shares


def negative_log_likelihood(shares: np.ndarray, p: np.ndarray) -> tuple[float, np.ndarray]:
    """-sum of shares log p, and its derivative by p, shape (2**num_qubits,)."""
    slope = np.log(p)
    value = -float((shares * slope).sum())  # a BLAS would leave its threads spinning in every engine's way
    np.divide(shares, p, out=slope)
    return value, np.negative(slope, out=slope)


def _rotations(n: int) -> _Placed:
    return [(name, (q,)) for name in ("ry", "rz") for q in range(n)]


def _gates(gates: _Placed) -> tuple[Gate, ...]:
    numbers = iter(range(len(gates)))
    return tuple(Gate(name, qubits, next(numbers) if name in _TURNED else None) for name, qubits in gates)


def _angles(gates: tuple[Gate, ...]) -> int:
    return sum(gate.angle is not None for gate in gates)
