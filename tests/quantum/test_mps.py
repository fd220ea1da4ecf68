"""Matrix product states: round trips, canonical form, truncation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfin.quantum._mps import MatrixProductState


def random_state(n: int, seed: int, *, complex_: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    state = rng.standard_normal(2**n) + 1j * complex_ * rng.standard_normal(2**n)
    state = state if complex_ else state.real
    return state / np.linalg.norm(state)


def schmidt(state: np.ndarray, cut: int) -> np.ndarray:
    """Singular values between the first `cut` sites and the others."""
    return np.linalg.svd(state.reshape(1 << cut, -1), compute_uv=False)


@given(n=st.integers(1, 9), seed=st.integers(0, 2**32 - 1), complex_=st.booleans())
def test_nothing_is_lost_at_full_bonds(n: int, seed: int, complex_: bool) -> None:
    state = random_state(n, seed, complex_=complex_)
    found = MatrixProductState.from_vector(state)
    assert len(found.tensors) == n
    assert found.bonds == tuple(min(2**k, 2 ** (n - k)) for k in range(1, n))
    np.testing.assert_allclose(found.to_vector(), state, atol=1e-12)


@given(n=st.integers(2, 8), bond=st.integers(1, 5), seed=st.integers(0, 2**32 - 1), complex_=st.booleans())
def test_truncation_keeps_the_form_and_its_bound(n: int, bond: int, seed: int, complex_: bool) -> None:
    """Isometries, norm 1, and Oseledets' bound on the distance to the vector, from Schmidt values of every cut."""
    state = random_state(n, seed, complex_=complex_)
    found = MatrixProductState.from_vector(state, bond)
    assert max(found.bonds) <= bond
    for tensor in found.tensors:
        matrix = tensor.reshape(len(tensor), -1)
        np.testing.assert_allclose(matrix @ matrix.conj().T, np.eye(len(tensor)), atol=1e-12)
    discarded = sum(float(np.sum(schmidt(state, cut)[bond:] ** 2)) for cut in range(1, n))
    vector = found.to_vector()
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-12)
    assert abs(np.vdot(vector, state)) ** 2 >= 1.0 - discarded - 1e-12


def test_bonds_are_those_of_the_state() -> None:
    ghz = np.zeros(2**5)
    ghz[[0, -1]] = np.sqrt(0.5)
    assert MatrixProductState.from_vector(ghz).bonds == (2, 2, 2, 2)
    product = np.kron([0.6, 0.8], np.kron([1.0, 0.0], [0.8, -0.6]))
    assert MatrixProductState.from_vector(product).bonds == (1, 1)


def test_site_zero_is_the_most_significant_bit() -> None:
    state = np.kron([0.6, 0.8], np.kron([1.0, 0.0], [0.28, 0.96]))
    found = MatrixProductState.from_vector(state)
    ratios = [tensor[0, 1, 0] / tensor[0, 0, 0] for tensor in found.tensors]
    np.testing.assert_allclose(ratios, [0.8 / 0.6, 0.0, 0.96 / 0.28], atol=1e-12)
