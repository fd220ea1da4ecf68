"""Passes of turns about Y over a state, forward and back.

A turn by a = 2 arctan t maps two numbers that differ in bit q as (u, v) -> cos(a/2) (u - t v, v + t u): one fused
multiply-add a number, once the cosines are left to whoever comes next. Being real, it does the same to the real and to
the imaginary part of a state, so a pass works on one array of numbers.

Three qubits are turned in one pass, eight vectors at a time; qubits 0 to 2 lie inside a vector of eight. The lower 16
qubits are done block by block, while a block is in cache, and of these the lower ones again in smaller blocks.

On the way back a pass takes two qubits of both psi and lambda: more arrays side by side would share too few lines of
the first cache. It also takes the overlaps of x, a part of psi, with y, the same part of lambda: for each qubit the
sum over pairs of y_1 x_0 - y_0 x_1, which is that part's share of Im <lambda| Y |psi>.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qfin.quantum._jit import inner
from qfin.quantum._simd import (
    exchange1,
    exchange2,
    exchange4,
    fma,
    fnma,
    load,
    signed,
    splat,
    store,
    total,
    upper,
)
from qfin.quantum._threads import Team, wait

Array = np.ndarray
Pair = tuple[Array, Array]  # real and imaginary parts
Run = tuple[
    int, int, int, int
]  # first number, number behind the last, and of each run: numbers to skip, numbers to do
BLOCK = 16  # 2**BLOCK numbers stay in the second level of cache
_CACHE, _CACHE_BACK = 12, 11  # 2**_CACHE numbers stay in the first level
SLICES = 16  # shares of a pass over more than a block


@inner
def _pair(u: Any, v: Any, t: Any) -> Any:
    return fnma(t, v, u), fma(t, u, v)


@inner
def _overlap(so_far: Any, x0: Any, x1: Any, y0: Any, y1: Any) -> Any:
    return fma(y1, x0, fnma(y0, x1, so_far))


@inner
def _load_four(x: Array, i: int, s: int, r: int) -> Any:
    return load(x, i), load(x, i + s), load(x, i + r), load(x, i + r + s)


@inner
def _store_four(x: Array, i: int, s: int, r: int, v: Any) -> None:
    store(x, i, v[0])
    store(x, i + s, v[1])
    store(x, i + r, v[2])
    store(x, i + r + s, v[3])


@inner
def _turn_four(v: Any, tp: Any, tq: Any) -> Any:
    """Turn two qubits of vectors that differ in them, the second qubit in the second two."""
    a0, a1 = _pair(v[0], v[1], tp)
    a2, a3 = _pair(v[2], v[3], tp)
    b0, b2 = _pair(a0, a2, tq)
    b1, b3 = _pair(a1, a3, tq)
    return b0, b1, b2, b3


@inner
def _turn_eight(a: Any, b: Any, tp: Any, tq: Any, th: Any) -> Any:
    """Turn three qubits, the third of which is 0 in the four vectors a and 1 in b."""
    a, b = _turn_four(a, tp, tq), _turn_four(b, tp, tq)
    c0, d0 = _pair(a[0], b[0], th)
    c1, d1 = _pair(a[1], b[1], th)
    c2, d2 = _pair(a[2], b[2], th)
    c3, d3 = _pair(a[3], b[3], th)
    return (c0, c1, c2, c3), (d0, d1, d2, d3)


@inner
def _turn_one(x: Array, run: Run, p: int, t: Array) -> None:
    first, stop, skip, width = run
    s, tp = 1 << p, splat(x, t[p])
    for start in range(first, stop, 2 * s):
        for i in range(start + skip, start + skip + width, 8):
            u, v = _pair(load(x, i), load(x, i + s), tp)
            store(x, i, u)
            store(x, i + s, v)


@inner
def _turn_two(x: Array, run: Run, p: int, q: int, t: Array) -> None:
    first, stop, skip, width = run
    s, r, tp, tq = 1 << p, 1 << q, splat(x, t[p]), splat(x, t[q])
    for half in range(first, stop, 2 * r):
        for start in range(half, half + r, 2 * s):
            for i in range(start + skip, start + skip + width, 8):
                _store_four(x, i, s, r, _turn_four(_load_four(x, i, s, r), tp, tq))


@inner
def _turn_three(x: Array, run: Run, p: int, q: int, top: int, t: Array) -> None:
    first, stop, skip, width = run
    s, r, h, tp, tq, th = 1 << p, 1 << q, 1 << top, splat(x, t[p]), splat(x, t[q]), splat(x, t[top])
    for quarter in range(first, stop, 2 * h):
        for half in range(quarter, quarter + h, 2 * r):
            for start in range(half, half + r, 2 * s):
                for i in range(start + skip, start + skip + width, 8):
                    a, b = _turn_eight(_load_four(x, i, s, r), _load_four(x, i + h, s, r), tp, tq, th)
                    _store_four(x, i, s, r, a)
                    _store_four(x, i + h, s, r, b)


@inner
def _turn_lanes(x: Array, first: int, stop: int, t: Array) -> None:
    """Turn qubits 0 to 2."""
    t0, t1, t2 = signed(x, t[0], 0), signed(x, t[1], 1), signed(x, t[2], 2)
    for i in range(first, stop, 8):
        u = load(x, i)
        u = fma(t0, exchange1(u), u)
        u = fma(t1, exchange2(u), u)
        store(x, i, fma(t2, exchange4(u), u))


@inner
def _count_below(qubits: Array, bound: int) -> int:
    count = 0
    while count < qubits.size and qubits[count] < bound:
        count += 1
    return count


@inner
def _pass_size(left: int) -> int:
    """Qubits of the next pass: three, but rather twice two than three and one."""
    return 2 if left == 4 else min(3, left)


@inner
def _turn_range(
    x: Array, first: int, stop: int, share: int, shares: int, qubits: Array, low: int, high: int, t: Array
) -> None:
    """Turn qubits[low:high] of x[first:stop], or a share of every run of numbers that lie side by side."""
    k = high
    while k > low:
        count = _pass_size(k - low)
        k -= count
        width = (1 << qubits[k]) // shares
        run = (first, stop, share * width, width)
        if count == 3:
            _turn_three(x, run, qubits[k], qubits[k + 1], qubits[k + 2], t)
        elif count == 2:
            _turn_two(x, run, qubits[k], qubits[k + 1], t)
        else:
            _turn_one(x, run, qubits[k], t)


@inner
def _turn_block(x: Array, first: int, bits: int, qubits: Array, t: Array) -> None:
    """Turn all qubits below `bits` of 2**bits numbers from `first` on."""
    cached, stop = min(bits, _CACHE), first + (1 << bits)
    in_lanes, in_cache = _count_below(qubits, 3), _count_below(qubits, cached)
    _turn_range(x, first, stop, 0, 1, qubits, in_cache, _count_below(qubits, bits), t)
    for start in range(first, stop, 1 << cached):
        _turn_range(x, start, start + (1 << cached), 0, 1, qubits, in_lanes, in_cache, t)
        if in_lanes:
            _turn_lanes(x, start, start + (1 << cached), t)


@inner
def turn(team: Team, parts: Any, bits: int, qubits: Array, t: Array) -> None:
    """Turn qubits, in ascending order, of the first 2**bits numbers of each part, up to the cosines."""
    n_parts, block = len(parts), min(bits, BLOCK)
    k, in_block = qubits.size, _count_below(qubits, block)
    while k > in_block:
        few = k - _pass_size(k - in_block)
        for unit in range(team.thread, n_parts * SLICES, team.threads):
            x = parts[unit % n_parts]
            _turn_range(x, 0, 1 << bits, unit // n_parts, SLICES, qubits, few, k, t)
        wait(team)
        k = few
    for unit in range(team.thread, n_parts << (bits - block), team.threads):
        _turn_block(parts[unit % n_parts], (unit // n_parts) << block, block, qubits, t)
    wait(team)


@inner
def _back_one(x: Array, y: Array, run: Run, p: int, t: Array, overlap: Array) -> None:
    first, stop, skip, width = run
    s, tp, op = 1 << p, splat(x, -t[p]), splat(x, 0.0)
    for start in range(first, stop, 2 * s):
        for i in range(start + skip, start + skip + width, 8):
            x0, x1, y0, y1 = load(x, i), load(x, i + s), load(y, i), load(y, i + s)
            op = _overlap(op, x0, x1, y0, y1)
            x0, x1 = _pair(x0, x1, tp)
            y0, y1 = _pair(y0, y1, tp)
            store(x, i, x0)
            store(x, i + s, x1)
            store(y, i, y0)
            store(y, i + s, y1)
    overlap[p] += total(op)


@inner
def _back_two(x: Array, y: Array, run: Run, p: int, q: int, t: Array, overlap: Array) -> None:
    first, stop, skip, width = run
    s, r, tp, tq = 1 << p, 1 << q, splat(x, -t[p]), splat(x, -t[q])
    op, oq = splat(x, 0.0), splat(x, 0.0)
    for half in range(first, stop, 2 * r):
        for start in range(half, half + r, 2 * s):
            for i in range(start + skip, start + skip + width, 8):
                u, v = _load_four(x, i, s, r), _load_four(y, i, s, r)
                op = _overlap(_overlap(op, u[0], u[1], v[0], v[1]), u[2], u[3], v[2], v[3])
                oq = _overlap(_overlap(oq, u[0], u[2], v[0], v[2]), u[1], u[3], v[1], v[3])
                _store_four(x, i, s, r, _turn_four(u, tp, tq))
                _store_four(y, i, s, r, _turn_four(v, tp, tq))
    overlap[p] += total(op)
    overlap[q] += total(oq)


@inner
def _back_lanes(x: Array, y: Array, first: int, stop: int, t: Array, overlap: Array) -> None:
    """Turn qubits 0 to 2 back, one after the other, each behind its overlap."""
    t0, t1, t2 = signed(x, -t[0], 0), signed(x, -t[1], 1), signed(x, -t[2], 2)
    sum0, sum1, sum2 = splat(x, 0.0), splat(x, 0.0), splat(x, 0.0)
    for i in range(first, stop, 8):
        u, v = load(x, i), load(y, i)
        w = exchange1(u)
        sum0 = fma(v, w, sum0)
        u, v = fma(t0, w, u), fma(t0, exchange1(v), v)
        w = exchange2(u)
        sum1 = fma(v, w, sum1)
        u, v = fma(t1, w, u), fma(t1, exchange2(v), v)
        w = exchange4(u)
        sum2 = fma(v, w, sum2)
        store(x, i, fma(t2, w, u))
        store(y, i, fma(t2, exchange4(v), v))
    overlap[0] += upper(sum0, 0)
    overlap[1] += upper(sum1, 1)
    overlap[2] += upper(sum2, 2)


@inner
def _back_range(
    x: Array,
    y: Array,
    first: int,
    stop: int,
    share: int,
    shares: int,
    qubits: Array,
    low: int,
    high: int,
    t: Array,
    overlap: Array,
) -> None:
    """Turn qubits[low:high] of x[first:stop] and y[first:stop] back; the overlaps of a pass are of what it finds."""
    k = high
    while k > low:
        count = min(2, k - low)
        k -= count
        width = (1 << qubits[k]) // shares
        run = (first, stop, share * width, width)
        if count == 2:
            _back_two(x, y, run, qubits[k], qubits[k + 1], t, overlap)
        else:
            _back_one(x, y, run, qubits[k], t, overlap)


@inner
def _back_block(x: Array, y: Array, first: int, bits: int, qubits: Array, t: Array, overlap: Array) -> None:
    """Turn all qubits below `bits` of 2**bits numbers from `first` on back."""
    cached, stop = min(bits, _CACHE_BACK), first + (1 << bits)
    in_lanes, in_cache = _count_below(qubits, 3), _count_below(qubits, cached)
    _back_range(x, y, first, stop, 0, 1, qubits, in_cache, _count_below(qubits, bits), t, overlap)
    for start in range(first, stop, 1 << cached):
        _back_range(x, y, start, start + (1 << cached), 0, 1, qubits, in_lanes, in_cache, t, overlap)
        if in_lanes:
            _back_lanes(x, y, start, start + (1 << cached), t, overlap)


@inner
def turn_back(team: Team, psi: Pair, lam: Pair, bits: int, qubits: Array, t: Array, overlaps: Array) -> None:
    """Turn psi and lambda back, up to the cosines; row u of `overlaps` gets the overlaps of share u, by qubit."""
    block = min(bits, BLOCK)
    k, in_block = qubits.size, _count_below(qubits, block)
    for unit in range(team.thread, overlaps.shape[0], team.threads):
        for q in range(bits):
            overlaps[unit, q] = 0.0
    while k > in_block:
        few = max(in_block, k - 2)
        for unit in range(team.thread, 2 * SLICES, team.threads):
            x, y = psi[unit % 2], lam[unit % 2]
            _back_range(x, y, 0, 1 << bits, unit // 2, SLICES, qubits, few, k, t, overlaps[unit])
        wait(team)
        k = few
    for unit in range(team.thread, 2 << (bits - block), team.threads):
        x, y = psi[unit % 2], lam[unit % 2]
        _back_block(x, y, (unit // 2) << block, block, qubits, t, overlaps[unit])
    wait(team)


@inner
def undone_before(bits: int, qubits: Array, t: Array) -> Array:
    """Product of cos^2 of the turns that `turn_back` has undone before it takes the overlap of each qubit."""
    block = min(bits, BLOCK)
    in_lanes, in_block = _count_below(qubits, 3), _count_below(qubits, block)
    in_cache = _count_below(qubits, min(block, _CACHE_BACK))
    before, so_far = np.empty(bits), 1.0
    for low, high in ((in_block, qubits.size), (in_cache, in_block), (in_lanes, in_cache)):
        k = high
        while k > low:
            few = max(low, k - 2)
            for i in range(few, k):
                before[qubits[i]] = so_far
            for i in range(few, k):
                so_far /= 1.0 + t[qubits[i]] ** 2
            k = few
    for i in range(in_lanes):
        before[qubits[i]] = so_far
        so_far /= 1.0 + t[qubits[i]] ** 2
    return before
