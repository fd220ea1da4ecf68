"""Kernels that stand alone, against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfin.quantum import _kernels


@pytest.mark.parametrize("n", [*range(13), 16, 17])
def test_walsh_hadamard_is_the_signed_sum(n: int) -> None:
    x = np.random.default_rng(n).normal(size=2**n)
    expected = x.reshape([2] * n)
    for axis in range(n):
        zero, one = np.split(expected, 2, axis)
        expected = np.concatenate([zero + one, zero - one], axis)
    transform = x.copy()
    _kernels.walsh_hadamard(transform)
    np.testing.assert_allclose(transform, expected.ravel(), rtol=0, atol=1e-14 * 2**n)


@pytest.mark.parametrize("n", range(8))
def test_walsh_hadamard_twice_is_the_identity_times_the_size(n: int) -> None:
    x = np.random.default_rng(n).integers(-99, 99, size=2**n).astype(float)
    transform = x.copy()
    _kernels.walsh_hadamard(transform)
    assert transform[0] == x.sum()
    _kernels.walsh_hadamard(transform)
    np.testing.assert_array_equal(transform, 2**n * x)


@given(st.data(), st.integers(0, 3), st.integers(0, 4), st.integers(1, 4))
def test_marginal_and_spread_are_adjoint(
    data: st.DataObject, low_bits: int, high_bits: int, bits: int
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    low = rng.integers(2**bits, size=2**low_bits)
    high = rng.integers(2**bits, size=2**high_bits)
    outcome = (high[:, None] ^ low).ravel()
    by_state = rng.random(outcome.size)
    by_outcome = np.zeros(2**bits)
    _kernels.marginal(by_state, low, high, by_outcome)
    np.testing.assert_allclose(by_outcome, np.bincount(outcome, by_state, 2**bits), rtol=1e-14)
    values, spread = rng.normal(size=2**bits), np.empty(outcome.size)
    _kernels.spread(values, low, high, spread)
    np.testing.assert_array_equal(spread, values[outcome])
