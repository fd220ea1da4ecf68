"""The engine's three operations, and the Pauli frame that keeps X, Y and Z gates out of them.

A Pauli gate never touches the state: it is carried to the end of the circuit, where all of them together relabel
outcomes (X) and give phases (Z). On its way it only changes signs of angles (Knill, arXiv quant-ph/0410199).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Word:
    """exp(-i sign angle/2 Z_mask), a rotation about the product of Z on the qubits of the mask (bit q is qubit q)."""

    mask: int
    angle: int
    sign: int = 1


@dataclass(frozen=True)
class Turn:
    """exp(-i sign angle/2 Y) on one qubit, a real matrix."""

    qubit: int
    angle: int
    sign: int = 1


@dataclass(frozen=True)
class Flip:
    """CX."""

    control: int
    target: int


Operation = Word | Turn | Flip


class PauliFrame:
    """Operations behind which waits the Pauli operator X_(x mask) Z_(z mask), Z first in time."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.x = 0
        self.z = 0
        self.phase = 0.0

    def word(self, mask: int, angle: int) -> None:
        self.operations.append(Word(mask, angle, _sign(mask & self.x)))

    def turn(self, qubit: int, angle: int) -> None:
        self.operations.append(Turn(qubit, angle, _sign((self.x ^ self.z) & 1 << qubit)))

    def flip(self, control: int, target: int) -> None:
        """X on the control spreads to the target, Z on the target to the control."""
        self.operations.append(Flip(control, target))
        self.x ^= (self.x >> control & 1) << target
        self.z ^= (self.z >> target & 1) << control

    def z_half_turns(self, mask: int, halves: int) -> None:
        """exp(-i halves pi/2 Z_mask) = (-i Z_mask)^halves."""
        self.phase -= halves * np.pi / 2
        if halves % 2:
            if self.x.bit_count() and (mask & self.x).bit_count() % 2:
                self.phase += np.pi  # Z goes before X in time
            self.z ^= mask

    def y_half_turns(self, qubit: int, halves: int) -> None:
        """exp(-i halves pi/2 Y) = (X Z)^halves, up to the sign: (X Z)^2 = -1."""
        halves %= 4
        if halves >= 2:
            self.phase += np.pi
        if halves % 2:
            if self.x >> qubit & 1:
                self.phase += np.pi
            self.x ^= 1 << qubit
            self.z ^= 1 << qubit


def half_turns(angle: float) -> int | None:
    """The angle in units of pi if it is a whole number of them, to the last bits of a double."""
    halves = round(angle / np.pi)
    return halves if abs(angle - halves * np.pi) <= 4e-16 * max(1, abs(halves)) else None


def _sign(mask: int) -> int:
    return -1 if mask.bit_count() % 2 else 1
