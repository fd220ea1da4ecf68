"""Draws: outcomes of any width, their bits, counts and frequencies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qfin.errors import ConfigError
from qfin.quantum import Draws

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 6))


@st.composite
def bits(draw, most=130):
    return draw(arrays(np.uint8, (*draw(SHAPES), draw(st.integers(1, most))), elements=st.integers(0, 1)))


@given(bits())
def test_bits_come_back(table):
    draws = Draws.from_bits(table)
    assert (draws.rows, draws.shots, draws.num_bits) == table.shape
    np.testing.assert_array_equal(draws.bits(), table)


@given(bits(62))
def test_bit_j_counts_two_to_the_j(table):
    by_hand = [[sum(int(bit) << j for j, bit in enumerate(shot)) for shot in row] for row in table]
    assert Draws.from_bits(table).outcomes().tolist() == by_hand


@given(st.integers(1, 62), SHAPES, st.data())
def test_outcomes_come_back_and_are_the_same_bytes(num_bits, shape, data):
    outcomes = data.draw(arrays(np.int64, shape, elements=st.integers(0, 2**num_bits - 1)))
    draws = Draws.from_outcomes(outcomes, num_bits)
    np.testing.assert_array_equal(draws.outcomes(), outcomes)
    assert draws.packed.tobytes() == Draws.from_bits(draws.bits()).packed.tobytes()


@given(bits(100))
def test_counts_are_of_bitstrings_with_the_highest_qubit_on_the_left(table):
    draws = Draws.from_bits(table)
    for row, shots in enumerate(table):
        words = ["".join(map(str, shot[::-1])) for shot in shots]
        assert draws.counts(row) == {word: words.count(word) for word in words}


@given(bits(10))
def test_frequencies_are_counts_over_shots(table):
    draws = Draws.from_bits(table)
    for row, frequencies in enumerate(draws.frequencies()):
        assert frequencies.sum() == pytest.approx(1.0)
        for word, count in draws.counts(row).items():
            assert frequencies[int(word, 2)] == pytest.approx(count / draws.shots)


def test_draws_are_read_only():
    draws = Draws.from_outcomes(np.array([[1, 2]]), 2)
    with pytest.raises(ValueError, match="read-only"):
        draws.packed[0, 0, 0] = 3


def test_wide_outcomes_are_no_integers():
    with pytest.raises(ConfigError, match=r"outcomes of 63 bits are no 64-bit integers; take bits\(\)"):
        Draws.from_bits(np.zeros((1, 1, 63), dtype=np.uint8)).outcomes()
    with pytest.raises(ConfigError, match=r"a table of 2\*\*27 outcomes does not fit"):
        Draws.from_bits(np.zeros((1, 1, 27), dtype=np.uint8)).frequencies()


def test_packed_bytes_of_another_width_are_refused():
    with pytest.raises(
        ConfigError, match=r"packed outcomes have shape \(1, 1, 1\); wanted \(rows, shots, 2\)"
    ):
        Draws(np.zeros((1, 1, 1), dtype=np.uint8), 9)
