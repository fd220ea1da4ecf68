"""What a backend drew: outcomes of shots, of any width."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qfin.errors import ConfigError

_MOST_BITS_OF_AN_INTEGER = 62
_MOST_BITS_OF_A_TABLE = 26


@dataclass(frozen=True, eq=False)
class Draws:
    """Outcomes of `shots` measurements for each row of parameters; read-only.

    Attributes
    ----------
    packed : shape (rows, shots, ceil(num_bits / 8)) uint8; bit j of an outcome is bit j % 8 of byte j // 8
    num_bits : bits of an outcome
    lineage : what drew them, JSON values: backend, job ids, versions, how the state was prepared; never a credential
    """

    packed: np.ndarray
    num_bits: int
    lineage: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.packed.ndim != 3 or self.packed.shape[2] != -(-self.num_bits // 8):
            raise ConfigError(
                f"packed outcomes have shape {self.packed.shape}; wanted (rows, shots, {-(-self.num_bits // 8)})"
            )
        self.packed.flags.writeable = False

    @classmethod
    def from_outcomes(
        cls, outcomes: np.ndarray, num_bits: int, lineage: Mapping[str, Any] | None = None
    ) -> Draws:
        """From integers, shape (rows, shots), bit j of an outcome being qubit j."""
        little = np.ascontiguousarray(outcomes, dtype="<i8")
        as_bytes = little.view(np.uint8).reshape(*little.shape, 8)
        return cls(as_bytes[:, :, : -(-num_bits // 8)].copy(), num_bits, lineage or {})

    @classmethod
    def from_bits(cls, bits: np.ndarray, lineage: Mapping[str, Any] | None = None) -> Draws:
        """From bits, shape (rows, shots, num_bits) of 0 and 1, column j being qubit j."""
        return cls(np.packbits(bits, axis=2, bitorder="little"), bits.shape[2], lineage or {})

    @property
    def rows(self) -> int:
        """Sets of parameters."""
        return self.packed.shape[0]

    @property
    def shots(self) -> int:
        """Measurements of each."""
        return self.packed.shape[1]

    def bits(self) -> np.ndarray:
        """Bits, shape (rows, shots, num_bits) uint8, column j is qubit j."""
        return np.unpackbits(self.packed, axis=2, count=self.num_bits, bitorder="little")

    def outcomes(self) -> np.ndarray:
        """Outcomes as integers, shape (rows, shots) int64.

        Raises
        ------
        ConfigError
            if they have more than 62 bits; `bits` has them then.
        """
        if self.num_bits > _MOST_BITS_OF_AN_INTEGER:
            raise ConfigError(
                f"outcomes of {self.num_bits} bits are no 64-bit integers; take bits(), shape (rows, shots, bits)"
            )
        padded = np.zeros((*self.packed.shape[:2], 8), dtype=np.uint8)
        padded[:, :, : self.packed.shape[2]] = self.packed
        return padded.view("<i8")[:, :, 0].astype(np.int64, copy=False)

    def frequencies(self) -> np.ndarray:
        """Share of the shots that gave each outcome, shape (rows, 2**num_bits).

        Raises
        ------
        ConfigError
            if a table of that many outcomes does not fit.
        """
        if self.num_bits > _MOST_BITS_OF_A_TABLE:
            raise ConfigError(f"a table of 2**{self.num_bits} outcomes does not fit; take bits() or counts()")
        size = 1 << self.num_bits
        return np.array([np.bincount(row, minlength=size) for row in self.outcomes()]) / self.shots

    def counts(self, row: int = 0) -> dict[str, int]:
        """How often each bitstring was seen, as Qiskit writes them: the highest qubit on the left."""
        seen, count = np.unique(self.packed[row], axis=0, return_counts=True)
        bits = np.unpackbits(seen, axis=1, count=self.num_bits, bitorder="little")[:, ::-1]
        return {
            "".join(map(str, word)): int(number)
            for word, number in zip(bits.tolist(), count.tolist(), strict=True)
        }
