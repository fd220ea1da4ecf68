"""Gathering operations into stages that one pass each can do, and laying them out as tables.

Two kinds of stage take turns: turns about Y, one on each qubit at most; and a monomial, Z-words followed by a network
of CX and X, which gives outcome z a phase and moves it to A z + b over GF(2). Operations move to the earliest stage
that they can join: turns past stages on other qubits, words past words and past networks, which turn a word into
another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from qfin.quantum._frame import Flip, Operation, Turn, Word

LEAST_QUBITS = 3  # a state fills at least one vector of eight numbers; qubits that a circuit lacks stay 0
Term = tuple[int, int]  # an angle and its sign; a list of terms is their sum


@dataclass
class Turns:
    """Turns about Y by qubit, each the sum of its terms."""

    gates: dict[int, list[Term]] = field(default_factory=dict)

    def blocks(self, mask: int) -> bool:
        return any(mask >> q & 1 for q in self.gates)


@dataclass
class Monomial:
    """Z-words by mask, each the sum of its terms, then z -> A z + b; the parity of `rows[q]` becomes bit q."""

    words: dict[int, list[Term]] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    offset: int = 0

    def flip(self, control: int, target: int) -> None:
        row = self.rows.get(target, 1 << target) ^ self.rows.get(control, 1 << control)
        self.rows[target] = row

    def before(self, mask: int) -> int:
        """The mask m' with m'.z = m.(A z): a word that follows the network, written in front of it."""
        result = 0
        for q in _bits(mask):
            result ^= self.rows.get(q, 1 << q)
        return result

    def moved(self) -> dict[int, int]:
        return {q: row for q, row in self.rows.items() if row != 1 << q}

    def blocks(self, mask: int) -> bool:
        """Whether a word or a moved bit lies on a qubit of the mask, so that a turn there does not commute."""
        return any(word & mask for word in self.words) or any(
            (row | 1 << q) & mask for q, row in self.moved().items()
        )

    def is_identity(self) -> bool:
        return not (self.words or self.moved() or self.offset)


Stage = Turns | Monomial


def schedule(
    operations: Iterable[Operation], last_words: Iterable[Word] = (), last_x: int = 0
) -> list[Stage]:
    """Stages that do the operations, then the last words, then X on the qubits of a mask; the last is a monomial."""
    stages: list[Stage] = [Monomial()]
    for operation in operations:
        match operation:
            case Turn():
                _place_turn(stages, operation)
            case Word():
                _place_word(stages, operation)
            case Flip():
                _place_flip(stages, operation)
    stages = _tidy(stages)
    if not stages or isinstance(stages[-1], Turns):
        stages.append(Monomial())
    last = stages[-1]
    assert isinstance(last, Monomial)
    for word in last_words:
        last.words.setdefault(last.before(word.mask), []).append((word.angle, word.sign))
    last.offset = last_x
    return stages


def _place_turn(stages: list[Stage], turn: Turn) -> None:
    mask, home = 1 << turn.qubit, None
    for stage in reversed(stages):
        if isinstance(stage, Turns):
            home = stage
        if stage.blocks(mask):
            break
    if home is None:
        home = Turns()
        stages.extend([home, Monomial()])
    home.gates.setdefault(turn.qubit, []).append((turn.angle, turn.sign))


def _place_flip(stages: list[Stage], flip: Flip) -> None:
    mask, home = 1 << flip.control | 1 << flip.target, None
    for stage in reversed(stages):
        if isinstance(stage, Monomial):
            home = stage
        if stage.blocks(mask):
            break
    assert home is not None  # the last stage is a monomial
    home.flip(flip.control, flip.target)


def _place_word(stages: list[Stage], word: Word) -> None:
    mask, home, home_mask = word.mask, None, 0
    for stage in reversed(stages):
        if isinstance(stage, Monomial):
            mask = stage.before(mask)
            home, home_mask = stage, mask
        elif stage.blocks(mask):
            break
    assert home is not None
    home.words.setdefault(home_mask, []).append((word.angle, word.sign))


def _tidy(stages: list[Stage]) -> list[Stage]:
    """Without monomials that do nothing, and with the turns that then meet made one stage."""
    tidy: list[Stage] = []
    for stage in stages:
        if isinstance(stage, Monomial) and stage.is_identity():
            continue
        last = tidy[-1] if tidy else None
        if isinstance(stage, Turns) and isinstance(last, Turns):
            for qubit, terms in stage.gates.items():
                last.gates.setdefault(qubit, []).extend(terms)
        else:
            tidy.append(stage)
    return tidy


class Tables(NamedTuple):
    """Stages as arrays, the form in which kernels read them.

    Outcomes have `bits` bits, `low_bits` of them low; there are `size` of them. Stage s has turns or is a monomial; it
    owns items `stages[s].start` to `stages[s].stop`: item i is a turn of qubit `place[i]`, in ascending order, or a
    Z-word, and its angle is the sum of `terms` from `first_term[i]` to `first_term[i + 1]`: term a + 1 is angle a, and
    -(a + 1) is angle a with a minus.

    A monomial that `moves` sends outcome z to `low[s, low part of z] ^ high[s, high part of z]`. A word with no low
    bits is entry `place[i] - size` of the table of high parts; any other is entry `place[i]` of the low table, which
    has a row for each of 2**`rank` classes of high parts: `class_of[s, high part of z]`. `learns` says whether any
    word has an angle that depends on parameters. `qubits` and `ones` are what their names say, for transforms.
    """

    bits: int
    low_bits: int
    size: int
    stages: np.ndarray
    place: np.ndarray
    first_term: np.ndarray
    terms: np.ndarray
    class_of: np.ndarray
    low: np.ndarray
    high: np.ndarray
    qubits: np.ndarray
    ones: np.ndarray


_STAGE = np.dtype([(name, np.int64) for name in ("has_turns", "start", "stop", "rank", "moves", "learns")])


class _Layout(NamedTuple):
    """A stage's rows in the tables."""

    items: list[tuple[int, list[Term]]]
    rank: int
    class_of: np.ndarray
    moves: bool
    low: np.ndarray
    high: np.ndarray


def tabulate(stages: list[Stage], n_qubits: int, is_free: np.ndarray) -> Tables:
    """Lay stages out as tables; `is_free[a]` says whether angle a depends on parameters."""
    n = max(LEAST_QUBITS, n_qubits)
    low_bits = max(LEAST_QUBITS, (n + 1) // 2)
    layouts = [_lay_out(stage, n, low_bits) for stage in stages]
    items = [item for layout in layouts for item in layout.items]
    stops = np.cumsum([len(layout.items) for layout in layouts]).tolist()
    rows = [
        (isinstance(stage, Turns), start, stop, layout.rank, layout.moves, _learns(layout, is_free))
        for stage, layout, start, stop in zip(stages, layouts, [0, *stops[:-1]], stops, strict=True)
    ]
    return Tables(
        bits=n,
        low_bits=low_bits,
        size=1 << n,
        stages=np.array(rows, dtype=_STAGE),
        place=_integers([place for place, _ in items]),
        first_term=_integers(np.cumsum([0, *(len(terms) for _, terms in items)])),
        terms=_integers([sign * (angle + 1) for _, terms in items for angle, sign in terms]),
        class_of=np.array([layout.class_of for layout in layouts], dtype=np.uint32),
        low=np.array([layout.low for layout in layouts], dtype=np.uint32),
        high=np.array([layout.high for layout in layouts], dtype=np.uint32),
        qubits=_integers(range(n)),
        ones=np.ones(n),
    )


def _lay_out(stage: Stage, n: int, low_bits: int) -> _Layout:
    if isinstance(stage, Turns):
        no_classes = np.zeros(1 << (n - low_bits), dtype=np.uint32)
        return _Layout(sorted(stage.gates.items()), 0, no_classes, False, *_image_tables({}, 0, n, low_bits))
    rank, class_of, places = _classes(list(stage.words), n, low_bits)
    items = list(zip(places, stage.words.values(), strict=True))
    moves = bool(stage.moved() or stage.offset)
    return _Layout(items, rank, class_of, moves, *_image_tables(stage.moved(), stage.offset, n, low_bits))


def _learns(layout: _Layout, is_free: np.ndarray) -> bool:
    return any(is_free[angle] for _, terms in layout.items for angle, _ in terms)


def _classes(masks: list[int], n: int, low_bits: int) -> tuple[int, np.ndarray, list[int]]:
    """Rank, class of each high part, and place of each word.

    The high parts of words that have low bits span a space over GF(2); to the low bits, high parts differ only by
    their parities with a basis of it, their class. A line of neighbours has 2 classes, however long it is.
    """
    parts = [(mask & (1 << low_bits) - 1, mask >> low_bits) for mask in masks]
    basis: list[tuple[int, int]] = []  # (vector with a leading bit of its own, its coordinates in `chosen`)
    chosen: list[int] = []
    for low, high in parts:
        rest, coordinates = _reduce(high, basis) if low else (0, 0)
        if rest:
            basis.append((rest, coordinates ^ 1 << len(chosen)))
            chosen.append(high)
    outcomes = np.arange(1 << (n - low_bits))
    class_of = np.zeros(len(outcomes), dtype=np.uint32)
    for bit, vector in enumerate(chosen):
        class_of |= (np.bitwise_count(outcomes & vector) & 1).astype(np.uint32) << np.uint32(bit)
    places = [low | _reduce(high, basis)[1] << low_bits if low else (1 << n) + high for low, high in parts]
    return len(chosen), class_of, places


def _reduce(vector: int, basis: list[tuple[int, int]]) -> tuple[int, int]:
    """What is left of a vector beside a basis over GF(2), and the coordinates of what was taken off."""
    coordinates = 0
    for element, element_coordinates in basis:
        if vector >> (element.bit_length() - 1) & 1:
            vector ^= element
            coordinates ^= element_coordinates
    return vector, coordinates


def _image_tables(moved: dict[int, int], offset: int, n: int, low_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of all low and all high parts under z -> A z + b; the image of an outcome is the XOR of its parts'."""
    rows = [moved.get(q, 1 << q) for q in range(n)]
    images = [sum((row >> column & 1) << q for q, row in enumerate(rows)) for column in range(n)]
    return _span(images[:low_bits]), _span(images[low_bits:]) ^ np.uint32(offset)


def _span(images: list[int]) -> np.ndarray:
    table = np.zeros(1, dtype=np.uint32)
    for image in images:
        table = np.concatenate([table, table ^ np.uint32(image)])
    return table


def _bits(mask: int) -> list[int]:
    return [q for q in range(mask.bit_length()) if mask >> q & 1]


def _integers(values: object) -> np.ndarray:
    return np.ascontiguousarray(np.array(values, dtype=np.int64))
