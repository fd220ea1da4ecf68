"""Gathering operations into stages that one kernel each can do, and laying them out as tables.

A stage is a layer of one-qubit gates (at most one on each qubit, whatever was fused into it), a layer of Z-words (they
all commute), or a network of CX (a linear map of outcomes over GF(2)). Operations move to the earliest stage they can
join: past stages on other qubits, words past words, and words past CX networks, which turn a word into another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import NamedTuple

import numpy as np

from qfin.quantum._reading import Fixed, Flip, Operation, Turn, Word, Y, Z

ONE_QUBIT, DIAGONAL, LINEAR = 0, 1, 2
_CONSTANT = 0


@dataclass
class _OneQubit:
    """Gates by qubit, each a list of factors in order of time."""

    gates: dict[int, list[Turn | Fixed | Word]] = field(default_factory=dict)

    def support(self) -> int:
        return sum(1 << q for q in self.gates)


@dataclass
class _Diagonal:
    words: list[Word] = field(default_factory=list)

    def support(self) -> int:
        return reduce(or_, (word.mask for word in self.words), 0)


@dataclass
class _Linear:
    """z -> A z over GF(2); `rows[q]` is the mask of the bits whose parity becomes bit q."""

    rows: dict[int, int] = field(default_factory=dict)

    def support(self) -> int:
        moved = {q: row for q, row in self.rows.items() if row != 1 << q}
        return reduce(or_, (row | 1 << q for q, row in moved.items()), 0)

    def flip(self, control: int, target: int) -> None:
        self.rows[target] = self.rows.get(target, 1 << target) ^ self.rows.get(control, 1 << control)

    def before(self, mask: int) -> int:
        """The mask m' with m'.z = m.(A z): a word that follows this stage, written in front of it."""
        result = 0
        for q in range(mask.bit_length()):
            if mask >> q & 1:
                result ^= self.rows.get(q, 1 << q)
        return result


_Stage = _OneQubit | _Diagonal | _Linear


def schedule(operations: Iterable[Operation]) -> list[_Stage]:
    """Stages that do the operations, in order of time."""
    stages: list[_Stage] = []
    for operation in operations:
        match operation:
            case Word():
                _place_word(stages, operation)
            case Flip():
                _place_flip(stages, operation)
            case _:
                _place_one_qubit(stages, operation)
    stages = [stage for stage in stages if stage.support()]
    _fold_single_words(stages)
    return _merge_neighbours([stage for stage in stages if stage.support()])


def _place_one_qubit(stages: list[_Stage], gate: Turn | Fixed) -> None:
    home = None
    for stage in reversed(stages):
        if isinstance(stage, _OneQubit):
            home = stage
        if stage.support() >> gate.qubit & 1:
            break
    if home is None:
        home = _OneQubit()
        stages.append(home)
    home.gates.setdefault(gate.qubit, []).append(gate)


def _place_flip(stages: list[_Stage], flip: Flip) -> None:
    mask = 1 << flip.control | 1 << flip.target
    home = None
    for stage in reversed(stages):
        if isinstance(stage, _Linear):
            home = stage
        if stage.support() & mask:
            break
    if home is None:
        home = _Linear()
        stages.append(home)
    home.flip(flip.control, flip.target)


def _place_word(stages: list[_Stage], word: Word) -> None:
    mask, place, home, home_mask = word.mask, len(stages), None, 0
    for position in range(len(stages) - 1, -1, -1):
        stage = stages[position]
        if isinstance(stage, _Diagonal):
            home, home_mask = stage, mask
        elif isinstance(stage, _Linear):
            mask = stage.before(mask)
        elif stage.support() & mask:
            break
        place = position
    if home is None:
        home, home_mask = _Diagonal(), mask
        stages.insert(place, home)
    home.words.append(Word(home_mask, word.angle))


def _fold_single_words(stages: list[_Stage]) -> None:
    """Move a diagonal stage of one-qubit words into the one-qubit stage beside it, where it costs nothing."""
    for position, stage in enumerate(stages):
        if not isinstance(stage, _Diagonal) or any(word.mask & (word.mask - 1) for word in stage.words):
            continue
        earlier = stages[position - 1] if position else None
        later = stages[position + 1] if position + 1 < len(stages) else None
        if isinstance(earlier, _OneQubit):
            for word in stage.words:
                earlier.gates.setdefault(word.mask.bit_length() - 1, []).append(word)
        elif isinstance(later, _OneQubit):
            for word in stage.words:
                later.gates.setdefault(word.mask.bit_length() - 1, []).insert(0, word)
        else:
            continue
        stage.words.clear()


def _merge_neighbours(stages: list[_Stage]) -> list[_Stage]:
    merged: list[_Stage] = []
    for stage in stages:
        last = merged[-1] if merged else None
        if isinstance(stage, _OneQubit) and isinstance(last, _OneQubit):
            for qubit, factors in stage.gates.items():
                last.gates.setdefault(qubit, []).extend(factors)
        else:
            merged.append(stage)
    return merged


class Tables(NamedTuple):
    """Stages as arrays, the form in which kernels read them.

    Stage s is of `kind[s]` and owns the gates, words or linear maps `start[s]` to `stop[s]`. Gate g turns
    `gate_qubit[g]` by the product of factors `factor_start[g]` to `factor_start[g + 1]`: factor f is a rotation about
    `factor_axis[f]` by angle `factor_index[f]`, or constant matrix `factor_index[f]` where the axis is 0. `gate_real`
    marks gates whose matrices are real for all angles. Linear map l sends outcome z to
    `low[l, z & mask] ^ high[l, z >> low_bits]`, and back by `low_back`, `high_back`.
    """

    kind: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    gate_qubit: np.ndarray
    gate_real: np.ndarray
    factor_start: np.ndarray
    factor_axis: np.ndarray
    factor_index: np.ndarray
    constants: np.ndarray
    word_mask: np.ndarray
    word_angle: np.ndarray
    low: np.ndarray
    high: np.ndarray
    low_back: np.ndarray
    high_back: np.ndarray


def tabulate(stages: list[_Stage], n_qubits: int) -> Tables:
    """Lay stages out as tables."""
    spans: list[tuple[int, int, int]] = []
    gates: list[tuple[int, list[Turn | Fixed | Word]]] = []
    words: list[Word] = []
    maps: list[np.ndarray] = []
    for stage in stages:
        if isinstance(stage, _OneQubit):
            spans.append((ONE_QUBIT, len(gates), len(gates) + len(stage.gates)))
            gates.extend(sorted(stage.gates.items()))
        elif isinstance(stage, _Diagonal):
            spans.append((DIAGONAL, len(words), len(words) + len(stage.words)))
            words.extend(stage.words)
        else:
            spans.append((LINEAR, len(maps), len(maps) + 1))
            maps.append(_matrix(stage, n_qubits))
    constants: list[np.ndarray] = []
    factors = [_factor(factor, constants) for _, fused in gates for factor in fused]
    low_bits = (n_qubits + 1) // 2
    forward = [_image_tables(matrix, low_bits) for matrix in maps]
    backward = [_image_tables(_inverse(matrix), low_bits) for matrix in maps]
    return Tables(
        kind=_integers([kind for kind, _, _ in spans]),
        start=_integers([start for _, start, _ in spans]),
        stop=_integers([stop for _, _, stop in spans]),
        gate_qubit=_integers([qubit for qubit, _ in gates]),
        gate_real=_integers([all(_is_real(factor) for factor in fused) for _, fused in gates]),
        factor_start=_integers(np.cumsum([0, *(len(fused) for _, fused in gates)])),
        factor_axis=_integers([axis for axis, _ in factors]),
        factor_index=_integers([index for _, index in factors]),
        constants=np.array(constants, dtype=complex).reshape(-1, 2, 2),
        word_mask=_integers([word.mask for word in words]),
        word_angle=_integers([word.angle for word in words]),
        low=_stack([low for low, _ in forward], low_bits),
        high=_stack([high for _, high in forward], n_qubits - low_bits),
        low_back=_stack([low for low, _ in backward], low_bits),
        high_back=_stack([high for _, high in backward], n_qubits - low_bits),
    )


def _factor(factor: Turn | Fixed | Word, constants: list[np.ndarray]) -> tuple[int, int]:
    if isinstance(factor, Fixed):
        constants.append(factor.matrix)
        return _CONSTANT, len(constants) - 1
    return (Z if isinstance(factor, Word) else factor.axis), factor.angle


def _is_real(factor: Turn | Fixed | Word) -> bool:
    if isinstance(factor, Fixed):
        return not np.iscomplex(factor.matrix).any()
    return isinstance(factor, Turn) and factor.axis == Y


def _matrix(stage: _Linear, n_qubits: int) -> np.ndarray:
    """A as an array of bits, shape (n, n)."""
    rows = [stage.rows.get(q, 1 << q) for q in range(n_qubits)]
    return np.array([[row >> column & 1 for column in range(n_qubits)] for row in rows], dtype=np.int64)


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Inverse over GF(2) by elimination."""
    n = len(matrix)
    both = np.hstack([matrix, np.eye(n, dtype=np.int64)])
    for column in range(n):
        pivot = column + int(np.argmax(both[column:, column]))
        both[[column, pivot]] = both[[pivot, column]]
        others = both[:, column].astype(bool)
        others[column] = False
        both[others] ^= both[column]
    return both[:, n:]


def _image_tables(matrix: np.ndarray, low_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of all low words and of all high words; the image of an outcome is the XOR of its two halves'."""
    images = (matrix << np.arange(len(matrix))[:, None]).sum(axis=0)
    return _span(images[:low_bits]), _span(images[low_bits:])


def _span(images: np.ndarray) -> np.ndarray:
    table = np.zeros(1, dtype=np.int64)
    for image in images:
        table = np.concatenate([table, table ^ image])
    return table


def _stack(tables: list[np.ndarray], bits: int) -> np.ndarray:
    return np.array(tables, dtype=np.int64).reshape(-1, 1 << bits)


def _integers(values: object) -> np.ndarray:
    return np.ascontiguousarray(np.array(values, dtype=np.int64))
