"""The engine's operations done one by one on a dense state, as their docstrings say them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from hypothesis import strategies as st

from qfin.quantum._frame import Flip, Operation, Turn, Word
from qfin.quantum._stages import Stage, Turns


def signs(mask: int, n: int) -> np.ndarray:
    """Z_mask's diagonal: (-1)^(mask.z) for each outcome z."""
    return 1.0 - 2.0 * (np.bitwise_count(np.arange(1 << n) & mask) % 2)


def turn(state: np.ndarray, qubit: int, angle: float) -> np.ndarray:
    """exp(-i angle/2 Y)."""
    c, s = np.cos(angle / 2), np.sin(angle / 2)
    pairs = state.reshape(-1, 2, 1 << qubit)
    return np.einsum("ab,hbl->hal", [[c, -s], [s, c]], pairs).ravel()


def word(state: np.ndarray, mask: int, angle: float) -> np.ndarray:
    """exp(-i angle/2 Z_mask)."""
    return np.exp(-0.5j * angle * signs(mask, len(state).bit_length() - 1)) * state


def moved(state: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The number at each outcome z goes to its image."""
    out = np.empty_like(state)
    out[image] = state
    return out


def flip_x(state: np.ndarray, mask: int) -> np.ndarray:
    return moved(state, np.arange(len(state)) ^ mask)


def do(operations: Iterable[Operation], angles: Sequence[float], state: np.ndarray) -> np.ndarray:
    outcomes = np.arange(len(state))
    for operation in operations:
        match operation:
            case Turn():
                state = turn(state, operation.qubit, operation.sign * angles[operation.angle])
            case Word():
                state = word(state, operation.mask, operation.sign * angles[operation.angle])
            case Flip():
                state = moved(state, outcomes ^ ((outcomes >> operation.control & 1) << operation.target))
    return state


def do_stages(stages: Sequence[Stage], angles: Sequence[float], state: np.ndarray) -> np.ndarray:
    """Turns; or words, then z -> A z + b."""
    n = len(state).bit_length() - 1
    for stage in stages:
        items = stage.gates if isinstance(stage, Turns) else stage.words
        for place, terms in items.items():
            angle = sum(sign * angles[index] for index, sign in terms)
            state = (turn if isinstance(stage, Turns) else word)(state, place, angle)
        if not isinstance(stage, Turns):
            bits = [np.bitwise_count(np.arange(1 << n) & stage.rows.get(q, 1 << q)) % 2 for q in range(n)]
            state = moved(state, stage.offset ^ sum(bit.astype(int) << q for q, bit in enumerate(bits)))
    return state


@st.composite
def operation_lists(
    draw: st.DrawFn, n_qubits: int, most: int = 25
) -> tuple[list[Operation], np.ndarray, np.ndarray]:
    """Operations on some qubits, their angles, and a state to begin with."""
    qubit, sign, count = st.integers(0, n_qubits - 1), st.sampled_from([-1, 1]), draw(st.integers(0, most))
    kinds = ["turn", "word", *["flip"] * (n_qubits > 1)]
    operations: list[Operation] = []
    for index in range(count):
        match draw(st.sampled_from(kinds)):
            case "turn":
                operations.append(Turn(draw(qubit), index, draw(sign)))
            case "word":
                operations.append(Word(draw(st.integers(1, (1 << n_qubits) - 1)), index, draw(sign)))
            case "flip":
                control, target = draw(st.lists(qubit, min_size=2, max_size=2, unique=True))
                operations.append(Flip(control, target))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    state = rng.normal(size=1 << n_qubits) + 1j * rng.normal(size=1 << n_qubits)
    return operations, rng.normal(size=count), state
