"""Kernels against plain NumPy twins."""

from __future__ import annotations

import numpy as np
import pytest

from qfin.quantum import _kernels
from qfin.quantum._jit import kernel
from qfin.quantum._reading import Flip
from qfin.quantum._stages import schedule, tabulate


@pytest.mark.parametrize("n", range(1, 9))
def test_walsh_hadamard_is_the_signed_sum(n: int) -> None:
    x = np.random.default_rng(n).normal(size=2**n)
    outcomes = np.arange(2**n)
    signs = 1.0 - 2.0 * (np.bitwise_count(outcomes[:, None] & outcomes) % 2)
    transform = x.copy()
    _kernels.walsh_hadamard(transform)
    np.testing.assert_allclose(transform, signs @ x, atol=1e-12)


def test_cosine_and_sine_are_libms() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [rng.uniform(-s, s, 20_000) for s in (1.0, 30.0, 1e4)] + [np.pi / 4 * np.arange(-64, 65)]
    )
    cosine, sine = x.copy(), np.empty_like(x)
    _kernels._cosine_sine(cosine, sine)
    np.testing.assert_allclose(cosine, np.cos(x), atol=4e-16)
    np.testing.assert_allclose(sine, np.sin(x), atol=4e-16)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 7])
def test_one_qubit_gates_act_on_their_qubit(n: int) -> None:
    rng = np.random.default_rng(n)
    for q in range(n):
        psi = rng.normal(size=2**n) + 1j * rng.normal(size=2**n)
        gate = np.linalg.qr(rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))[0]
        for g, real in ((gate, 0), (np.linalg.qr(gate.real)[0].astype(complex), 1)):
            re, im = psi.real.copy(), psi.imag.copy()
            _kernels._apply(re, im, q, real, np.ascontiguousarray(g))
            expected = np.einsum("ab,hbl->hal", g, psi.reshape(-1, 2, 1 << q)).ravel()
            np.testing.assert_allclose(re + 1j * im, expected, atol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6])
def test_a_cx_network_is_one_permutation(n: int) -> None:
    rng = np.random.default_rng(n)
    flips = [Flip(*map(int, rng.permutation(n)[:2])) for _ in range(10 if n > 1 else 0)]
    stages = schedule(flips)
    assert len(stages) <= 1
    expected = np.arange(2**n)
    for flip in flips:
        expected ^= ((expected >> flip.control) & 1) << flip.target
    tables = tabulate(stages, n)
    low_bits = (n + 1) // 2
    for low, high in zip(tables.low, tables.high, strict=True):
        seen = (high[:, None] ^ low[None, :]).ravel()
        assert len(seen) == 2**n
        assert low.size == 1 << low_bits
        assert (seen == expected).all()
    for low, high in zip(tables.low_back, tables.high_back, strict=True):
        back = (high[:, None] ^ low[None, :]).ravel()
        assert (back[expected] == np.arange(2**n)).all()


def test_without_a_folder_for_the_cache_kernels_still_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import caching

    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])

    @kernel("f8(f8)")
    def double(x: float) -> float:
        return 2.0 * x

    assert double(1.5) == 3.0
