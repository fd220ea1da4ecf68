"""Pauli gates carried to the end of a circuit change nothing, not even its phase."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfin.quantum._frame import Flip, PauliFrame, Turn, Word, half_turns
from tests.quantum._operations import do, flip_x, operation_lists, signs, turn, word


def through_a_frame(frame: PauliFrame, angles: np.ndarray, state: np.ndarray) -> np.ndarray:
    """The frame's operations, then Z, then X, then the phase."""
    after = do(frame.operations, angles, state) * signs(frame.z, len(state).bit_length() - 1)
    return np.exp(1j * frame.phase) * flip_x(after, frame.x)


@st.composite
def half_turn_gates(draw: st.DrawFn, n_qubits: int) -> list[tuple[str, int, int]]:
    """Where to put half turns between operations: the kind, the qubits and how many."""
    one = st.tuples(
        st.sampled_from("zy"), st.integers(1, (1 << n_qubits) - 1), st.integers(-5, 5), st.integers(0, 25)
    )
    return draw(st.lists(one, max_size=10))


@given(st.data(), st.integers(1, 4))
def test_half_turns_between_operations(data: st.DataObject, n: int) -> None:
    operations, angles, state = data.draw(operation_lists(n))
    halves_after = data.draw(half_turn_gates(n))
    frame, expected = PauliFrame(), state
    for index, operation in enumerate([*operations, None]):
        for kind, mask, halves, place in halves_after:
            if place % (len(operations) + 1) == index and kind == "z":
                frame.z_half_turns(mask, halves)
                expected = word(expected, mask, halves * np.pi)
            elif place % (len(operations) + 1) == index:
                qubit = mask.bit_length() - 1
                frame.y_half_turns(qubit, halves)
                expected = turn(expected, qubit, halves * np.pi)
        match operation:
            case Turn():
                frame.turn(operation.qubit, operation.angle)
            case Word():
                frame.word(operation.mask, operation.angle)
            case Flip():
                frame.flip(operation.control, operation.target)
        if operation is not None:
            one = operation if isinstance(operation, Flip) else type(operation)(*_unsigned(operation))
            expected = do([one], angles, expected)
    np.testing.assert_allclose(through_a_frame(frame, angles, state), expected, rtol=0, atol=1e-12)
    assert len(frame.operations) == len(operations)


def _unsigned(operation: Turn | Word) -> tuple[int, int]:
    return (operation.qubit if isinstance(operation, Turn) else operation.mask), operation.angle


def test_x_turns_a_rotation_about_z_or_y_round() -> None:
    frame = PauliFrame()
    frame.y_half_turns(0, 1)  # X Z
    frame.word(0b01, 0)
    frame.turn(0, 1)
    frame.z_half_turns(0b01, 1)  # now X alone
    frame.turn(0, 2)
    frame.word(0b10, 3)
    frame.word(0b11, 4)
    assert [operation.sign for operation in frame.operations] == [-1, 1, -1, 1, -1]


@pytest.mark.parametrize("halves", [*range(-9, 10), 1000, -12345])
def test_whole_multiples_of_pi_are_half_turns(halves: int) -> None:
    assert half_turns(halves * np.pi) == halves


@pytest.mark.parametrize("angle", [np.pi / 2, np.pi - 1e-9, np.pi + 1e-14, 2 * np.pi - 1e-14, 1e-15, -1e-9])
def test_nearly_a_half_turn_is_none(angle: float) -> None:
    assert half_turns(angle) is None
