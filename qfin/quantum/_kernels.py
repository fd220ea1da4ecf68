"""Compiled kernels: a whole sweep over a circuit's stages in one call, shared by any number of threads.

A state psi is two arrays, its real and imaginary parts, indexed by outcome (bit q is qubit q). The tables that
describe a circuit are data (`_stages.Tables`), so a new circuit compiles nothing. Two kinds of stage take turns.

Turns exp(-i a/2 Y) are real, so both parts of psi go through them alone. With t = tan(a/2) a turn maps a pair of
numbers that differ in bit q as (u, v) -> cos(a/2) (u - t v, v + t u): one fused multiply-add a number. The cosines are
gathered in one factor that the next monomial multiplies by. Three qubits are turned in one pass over the numbers;
qubits 0 to 2 lie inside a vector of eight; the lower qubits of each block of 2**16 numbers are done while the block is
in cache, and of these again the lower ones block by block of 2**12.

A monomial gives outcome z = (h, l) of high part h and low part l the phase high(h) low(class(h), l), two tables that
are Walsh-Hadamard transforms of the angles of Z-words, since phase(z) = sum over words m of -a_m/2 (-1)^(m.z); then it
moves z to A z + b. The transform is a turn by t = 1 on every bit: [[1, -1], [1, 1]] = [[1, 1], [1, -1]] diag(1, -1).

Backward, with w = dL/dp held fixed and lambda = w psi, both psi and lambda go back through the inverse of each stage,
and each rotation exp(-i a/2 G) contributes (Jones and Gacon, arXiv 2009.02823)

    dL/da = 2 Re <lambda| -i/2 G |psi> = Im <lambda| G |psi>      (at that stage; G commutes with all of the stage)

- G = Y_q: sum over pairs of y_1 x_0 - y_0 x_1, x and y the real parts of psi and lambda, and again the imaginary ones;
- G = Z_m: transform of Im(conj(lambda) psi) at m, for all words of the stage at once.

Started from |0...0>, the first turns leave the real product state x(h, l) = x_high(h) x_low(l): it is written down,
and the gradient comes from the two contractions of Re lambda with x_high and with x_low.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qfin.quantum._jit import inner, kernel
from qfin.quantum._simd import (
    exchange1,
    exchange2,
    exchange4,
    floor,
    fma,
    load,
    signed,
    splat,
    store,
    total,
    upper,
)
from qfin.quantum._stages import Tables
from qfin.quantum._threads import Team, wait

Array = np.ndarray
Pair = tuple[Array, Array]  # real and imaginary parts
Phases = tuple[Array, Array, Array]  # phases, cosines, sines
_BLOCK = 16  # 2**_BLOCK numbers stay in the second level of cache, 2**_CACHE in the first
_CACHE = 12
_CACHE_BACK = 11
_SLICES = 16  # shares of a pass over more than a block
_LEAST_SCALE = 1e-100  # below it, a stage of turns is done in two halves
_LEAST_SCALE_32 = 1e-12


@inner
def _share(team: Team, size: int) -> tuple[int, int]:
    """This thread's part of an array, in whole vectors of eight."""
    return size // 8 * team.thread // team.threads * 8, size // 8 * (team.thread + 1) // team.threads * 8


@inner
def _rows(team: Team, n_rows: int) -> range:
    """This thread's part of the rows of a state, one row for each high part."""
    return range(n_rows * team.thread // team.threads, n_rows * (team.thread + 1) // team.threads)


@inner
def _fill(x: Array, first: int, stop: int, value: float) -> None:
    for i in range(first, stop):
        x[i] = value


@inner
def _add_groups(sums: Array, groups: int) -> None:
    """Add rows 1 to `groups` to row 0."""
    for group in range(1, groups):
        for i in range(sums.shape[1]):
            sums[0, i] += sums[group, i]


# Turns


@inner
def _turn_one(x: Array, first: int, stop: int, shift: int, width: int, p: int, t: Array) -> None:
    """Turn qubit p of x[first:stop]; of each run of 2**p numbers only `width` from `shift` on."""
    s = 1 << p
    up, down = splat(x, t[p]), splat(x, -t[p])
    for start in range(first, stop, 2 * s):
        for i in range(start + shift, start + shift + width, 8):
            x0, x1 = load(x, i), load(x, i + s)
            store(x, i, fma(down, x1, x0))
            store(x, i + s, fma(up, x0, x1))


@inner
def _turn_two(x: Array, first: int, stop: int, shift: int, width: int, p: int, q: int, t: Array) -> None:
    """The same for qubits p < q."""
    s, r = 1 << p, 1 << q
    up_p, down_p, up_q, down_q = splat(x, t[p]), splat(x, -t[p]), splat(x, t[q]), splat(x, -t[q])
    for half in range(first, stop, 2 * r):
        for start in range(half, half + r, 2 * s):
            for i in range(start + shift, start + shift + width, 8):
                x0, x1, x2, x3 = load(x, i), load(x, i + s), load(x, i + r), load(x, i + r + s)
                y0, y1 = fma(down_p, x1, x0), fma(up_p, x0, x1)
                y2, y3 = fma(down_p, x3, x2), fma(up_p, x2, x3)
                store(x, i, fma(down_q, y2, y0))
                store(x, i + s, fma(down_q, y3, y1))
                store(x, i + r, fma(up_q, y0, y2))
                store(x, i + r + s, fma(up_q, y1, y3))


@inner
def _turn_three(
    x: Array, first: int, stop: int, shift: int, width: int, p: int, q: int, top: int, t: Array
) -> None:
    """The same for qubits p < q < top."""
    s, r, h = 1 << p, 1 << q, 1 << top
    up_p, down_p, up_q, down_q = splat(x, t[p]), splat(x, -t[p]), splat(x, t[q]), splat(x, -t[q])
    up_h, down_h = splat(x, t[top]), splat(x, -t[top])
    for quarter in range(first, stop, 2 * h):
        for half in range(quarter, quarter + h, 2 * r):
            for start in range(half, half + r, 2 * s):
                for i in range(start + shift, start + shift + width, 8):
                    x0, x1, x2, x3 = load(x, i), load(x, i + s), load(x, i + r), load(x, i + r + s)
                    y0, y1 = fma(down_p, x1, x0), fma(up_p, x0, x1)
                    y2, y3 = fma(down_p, x3, x2), fma(up_p, x2, x3)
                    a0, a1 = fma(down_q, y2, y0), fma(down_q, y3, y1)
                    a2, a3 = fma(up_q, y0, y2), fma(up_q, y1, y3)
                    j = i + h
                    x0, x1, x2, x3 = load(x, j), load(x, j + s), load(x, j + r), load(x, j + r + s)
                    y0, y1 = fma(down_p, x1, x0), fma(up_p, x0, x1)
                    y2, y3 = fma(down_p, x3, x2), fma(up_p, x2, x3)
                    b0, b1 = fma(down_q, y2, y0), fma(down_q, y3, y1)
                    b2, b3 = fma(up_q, y0, y2), fma(up_q, y1, y3)
                    store(x, i, fma(down_h, b0, a0))
                    store(x, i + s, fma(down_h, b1, a1))
                    store(x, i + r, fma(down_h, b2, a2))
                    store(x, i + r + s, fma(down_h, b3, a3))
                    store(x, j, fma(up_h, a0, b0))
                    store(x, j + s, fma(up_h, a1, b1))
                    store(x, j + r, fma(up_h, a2, b2))
                    store(x, j + r + s, fma(up_h, a3, b3))


@inner
def _turn_lanes(x: Array, first: int, stop: int, t: Array) -> None:
    """Turn qubits 0 to 2 of x[first:stop]."""
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
def _turn_range(
    x: Array, first: int, stop: int, share: int, shares: int, qubits: Array, low: int, high: int, t: Array
) -> None:
    """Turn qubits[low:high] of x[first:stop], or a share of that, three qubits a pass."""
    k = high
    while k > low:
        count = 2 if k - low in (2, 4) else min(3, k - low)
        k -= count
        p = qubits[k]
        width = (1 << p) // shares
        if count == 3:
            _turn_three(x, first, stop, share * width, width, p, qubits[k + 1], qubits[k + 2], t)
        elif count == 2:
            _turn_two(x, first, stop, share * width, width, p, qubits[k + 1], t)
        else:
            _turn_one(x, first, stop, share * width, width, p, t)


@inner
def _turn_block(x: Array, first: int, bits: int, qubits: Array, t: Array) -> None:
    """Turn all qubits below `bits` of 2**bits numbers from `first` on."""
    cached = min(bits, _CACHE)
    in_lanes, in_cache, in_block = (
        _count_below(qubits, 3),
        _count_below(qubits, cached),
        _count_below(qubits, bits),
    )
    _turn_range(x, first, first + (1 << bits), 0, 1, qubits, in_cache, in_block, t)
    for start in range(first, first + (1 << bits), 1 << cached):
        _turn_range(x, start, start + (1 << cached), 0, 1, qubits, in_lanes, in_cache, t)
        if in_lanes:
            _turn_lanes(x, start, start + (1 << cached), t)


@inner
def _turn(team: Team, parts: Any, bits: int, qubits: Array, t: Array) -> None:
    """Turn qubits, in ascending order, of the first 2**bits numbers of each part, up to the cosines."""
    n_parts, block = len(parts), min(bits, _BLOCK)
    k, in_block = qubits.size, _count_below(qubits, block)
    while k > in_block:
        few = max(in_block, k - 3)
        for unit in range(team.thread, n_parts * _SLICES, team.threads):
            x = parts[unit % n_parts]
            _turn_range(x, 0, 1 << bits, unit // n_parts, _SLICES, qubits, few, k, t)
        wait(team)
        k = few
    for unit in range(team.thread, n_parts << (bits - block), team.threads):
        _turn_block(parts[unit % n_parts], (unit // n_parts) << block, block, qubits, t)
    wait(team)


# Turns back, with the gradient


@inner
def _back_one(
    x: Array, y: Array, first: int, stop: int, shift: int, width: int, p: int, t: Array, overlap: Array
) -> None:
    """Add the overlap of qubit p, and turn x and y back."""
    s = 1 << p
    up, down = splat(x, -t[p]), splat(x, t[p])
    plus, minus = splat(x, 0.0), splat(x, 0.0)
    for start in range(first, stop, 2 * s):
        for i in range(start + shift, start + shift + width, 8):
            x0, x1, y0, y1 = load(x, i), load(x, i + s), load(y, i), load(y, i + s)
            plus, minus = fma(y1, x0, plus), fma(y0, x1, minus)
            store(x, i, fma(down, x1, x0))
            store(x, i + s, fma(up, x0, x1))
            store(y, i, fma(down, y1, y0))
            store(y, i + s, fma(up, y0, y1))
    overlap[p] += total(plus - minus)


@inner
def _back_two(
    x: Array,
    y: Array,
    first: int,
    stop: int,
    shift: int,
    width: int,
    p: int,
    q: int,
    t: Array,
    overlap: Array,
) -> None:
    """The same for qubits p < q; both overlaps are of x and y as they come."""
    s, r = 1 << p, 1 << q
    up_p, down_p, up_q, down_q = splat(x, -t[p]), splat(x, t[p]), splat(x, -t[q]), splat(x, t[q])
    plus_p, plus_q = splat(x, 0.0), splat(x, 0.0)
    minus_p, minus_q = splat(x, 0.0), splat(x, 0.0)
    for half in range(first, stop, 2 * r):
        for start in range(half, half + r, 2 * s):
            for i in range(start + shift, start + shift + width, 8):
                x0, x1, x2, x3 = load(x, i), load(x, i + s), load(x, i + r), load(x, i + r + s)
                y0, y1, y2, y3 = load(y, i), load(y, i + s), load(y, i + r), load(y, i + r + s)
                plus_p, minus_p = fma(y1, x0, fma(y3, x2, plus_p)), fma(y0, x1, fma(y2, x3, minus_p))
                plus_q, minus_q = fma(y2, x0, fma(y3, x1, plus_q)), fma(y0, x2, fma(y1, x3, minus_q))
                u0, u1 = fma(down_p, x1, x0), fma(up_p, x0, x1)
                u2, u3 = fma(down_p, x3, x2), fma(up_p, x2, x3)
                store(x, i, fma(down_q, u2, u0))
                store(x, i + s, fma(down_q, u3, u1))
                store(x, i + r, fma(up_q, u0, u2))
                store(x, i + r + s, fma(up_q, u1, u3))
                u0, u1 = fma(down_p, y1, y0), fma(up_p, y0, y1)
                u2, u3 = fma(down_p, y3, y2), fma(up_p, y2, y3)
                store(y, i, fma(down_q, u2, u0))
                store(y, i + s, fma(down_q, u3, u1))
                store(y, i + r, fma(up_q, u0, u2))
                store(y, i + r + s, fma(up_q, u1, u3))
    overlap[p] += total(plus_p - minus_p)
    overlap[q] += total(plus_q - minus_q)


@inner
def _back_lanes(x: Array, y: Array, first: int, stop: int, t: Array, overlap: Array) -> None:
    """The same for qubits 0 to 2, one after the other."""
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
    """Turn qubits[low:high] of x[first:stop] and y[first:stop] back, or a share of that, two qubits a pass."""
    k = high
    while k > low:
        count = min(2, k - low)
        k -= count
        p = qubits[k]
        width = (1 << p) // shares
        if count == 2:
            _back_two(x, y, first, stop, share * width, width, p, qubits[k + 1], t, overlap)
        else:
            _back_one(x, y, first, stop, share * width, width, p, t, overlap)


@inner
def _back_block(
    x: Array,
    y: Array,
    first: int,
    bits: int,
    qubits: Array,
    t: Array,
    overlap: Array,
) -> None:
    """Turn all qubits below `bits` of 2**bits numbers from `first` on back."""
    cached = min(bits, _CACHE_BACK)
    in_lanes, in_cache = _count_below(qubits, 3), _count_below(qubits, cached)
    in_block, stop = _count_below(qubits, bits), first + (1 << bits)
    _back_range(x, y, first, stop, 0, 1, qubits, in_cache, in_block, t, overlap)
    for start in range(first, stop, 1 << cached):
        _back_range(x, y, start, start + (1 << cached), 0, 1, qubits, in_lanes, in_cache, t, overlap)
        if in_lanes:
            _back_lanes(x, y, start, start + (1 << cached), t, overlap)


@inner
def _turn_back(team: Team, psi: Pair, lam: Pair, bits: int, qubits: Array, t: Array, overlaps: Array) -> None:
    """Turn psi and lambda back, up to the cosines; row u of `overlaps` gets the overlaps of share u, by qubit."""
    block = min(bits, _BLOCK)
    k, in_block = qubits.size, _count_below(qubits, block)
    for unit in range(team.thread, overlaps.shape[0], team.threads):
        _fill(overlaps[unit], 0, bits, 0.0)
    while k > in_block:
        few = max(in_block, k - 2)
        for unit in range(team.thread, 2 * _SLICES, team.threads):
            x, y = psi[unit % 2], lam[unit % 2]
            _back_range(x, y, 0, 1 << bits, unit // 2, _SLICES, qubits, few, k, t, overlaps[unit])
        wait(team)
        k = few
    for unit in range(team.thread, 2 << (bits - block), team.threads):
        x, y = psi[unit % 2], lam[unit % 2]
        _back_block(x, y, (unit // 2) << block, block, qubits, t, overlaps[unit])
    wait(team)


@inner
def _scales_back(bits: int, qubits: Array, t: Array) -> Array:
    """Product of cos^2 of the turns that `_turn_back` has undone before it takes the overlap of each qubit."""
    block = min(bits, _BLOCK)
    bounds = (
        0,
        _count_below(qubits, 3),
        _count_below(qubits, min(block, _CACHE_BACK)),
        _count_below(qubits, block),
    )
    before, so_far = np.empty(bits), 1.0
    k = qubits.size
    for band in range(3, 0, -1):
        while k > bounds[band]:
            few = max(bounds[band], k - 2)
            for i in range(few, k):
                before[qubits[i]] = so_far
            for i in range(few, k):
                so_far /= 1.0 + t[qubits[i]] ** 2
            k = few
    for i in range(bounds[1]):
        before[qubits[i]] = so_far
        so_far /= 1.0 + t[qubits[i]] ** 2
    return before


# Angles


@inner
def _angle(item: int, angles: Array, tables: Tables) -> float:
    value = 0.0
    for k in range(tables.first_term[item], tables.first_term[item + 1]):
        term = tables.terms[k]
        value += angles[term - 1] if term > 0 else -angles[-term - 1]
    return value


@inner
def _add_slope(gradient: Array, item: int, slope: float, tables: Tables) -> None:
    for k in range(tables.first_term[item], tables.first_term[item + 1]):
        term = tables.terms[k]
        if term > 0:
            gradient[term - 1] += slope
        else:
            gradient[-term - 1] -= slope


@inner
def _tangents(stage: int, angles: Array, tables: Tables, least: float, t: Array) -> tuple[float, int]:
    """Tangents of a stage's turns by qubit, into `t`; the product of cosines, and how often to do the stage.

    A turn by nearly pi has a tangent that would overflow with others: then all turns are done in two halves.
    """
    repeats = 1
    while True:
        scale = 1.0
        _fill(t, 0, t.size, 0.0)
        for item in range(tables.stages[stage].start, tables.stages[stage].stop):
            half = 0.5 * _angle(item, angles, tables)
            turns = np.round(half / np.pi)
            half -= turns * np.pi
            if turns % 2.0 != 0.0:
                scale = -scale
            cosine = np.cos(half / repeats)
            t[tables.place[item]] = np.sin(half / repeats) / cosine
            scale *= cosine**repeats
        if repeats == 2 or abs(scale) > least:
            return scale, repeats
        repeats = 2


@inner
def _least_scale(x: Array) -> float:
    return _LEAST_SCALE if x.itemsize == 8 else _LEAST_SCALE_32


# Phases


@inner
def _horner(array: Array, x: Any, z: Any, coefficient: float) -> Any:
    return fma(x, z, splat(array, coefficient))


@inner
def _cosine_sine(
    phase: Array, cosine: Array, sine: Array, first: int, stop: int, by: float, sine_by: float
) -> None:
    """Cosine and sine, times two factors, of doubles phase[first:stop], to 2 units in the last place for |phase| < 1e5.

    Cody and Waite's reduction to |r| <= pi/4 and the Cephes polynomials. The quadrant chooses and signs arithmetically.
    """
    one, half, minus_two = splat(phase, 1.0), splat(phase, 0.5), splat(phase, -2.0)
    for i in range(first, stop, 8):
        x = load(phase, i)
        k = floor(fma(x, splat(phase, 0.6366197723675814), half))
        r = fma(k, splat(phase, -1.57079625129699707031), x)
        r = fma(k, splat(phase, -7.54978941586159635335e-8), r)
        r = fma(k, splat(phase, -5.39030252995776476554e-15), r)
        z = r * r
        s = _horner(phase, splat(phase, 1.58962301576546568060e-10), z, -2.50507477628578072866e-8)
        s = _horner(phase, s, z, 2.75573136213857245213e-6)
        s = _horner(phase, s, z, -1.98412698295895385996e-4)
        s = _horner(phase, s, z, 8.33333333332211858878e-3)
        s = _horner(phase, s, z, -1.66666666666666307295e-1)
        s = fma(r * z, s, r)
        c = _horner(phase, splat(phase, -1.13585365213876817300e-11), z, 2.08757008419747316778e-9)
        c = _horner(phase, c, z, -2.75573141792967388112e-7)
        c = _horner(phase, c, z, 2.48015872888517045348e-5)
        c = _horner(phase, c, z, -1.38888888888730564116e-3)
        c = _horner(phase, c, z, 4.16666666666665929218e-2)
        c = fma(z * z, c, fma(z, splat(phase, -0.5), one))
        halves = floor(k * half)  # k = 2 halves + odd
        odd = fma(minus_two, halves, k)
        sine_sign = fma(minus_two, fma(minus_two, floor(halves * half), halves), one)
        cosine_sign = sine_sign * fma(minus_two, odd, one)
        store(cosine, i, splat(phase, by) * cosine_sign * fma(odd, s - c, c))
        store(sine, i, splat(phase, sine_by) * sine_sign * fma(odd, c - s, s))


@inner
def _transform_small(x: Array, first: int, stop: int) -> None:
    """Walsh-Hadamard transform of x[first:stop], a power of 2 of any size."""
    s = 1
    while s < stop - first:
        for start in range(first, stop, 2 * s):
            for i in range(start, start + s):
                u, v = x[i], x[i + s]
                x[i], x[i + s] = u + v, u - v
        s *= 2


@inner
def _is_odd(mask: int) -> bool:
    odd = False
    while mask:
        odd = not odd
        mask &= mask - 1
    return odd


@inner
def _transform(team: Team, x: Array, bits: int, tables: Tables) -> None:
    """Turn all bits of the first 2**bits numbers by 1: their Walsh-Hadamard transform, but for signs or places.

    It is the transform of x with entries of odd weight negative, and the transform of x in reverse order.
    """
    _turn(team, (x,), bits, tables.qubits[:bits], tables.ones)


@inner
def _n_high(tables: Tables) -> int:
    """Entries that the table of high parts takes at the end of the phases: whole vectors."""
    return max(8, tables.class_of.shape[1])


@inner
def _phase_tables(
    team: Team, stage: int, angles: Array, tables: Tables, phases: Phases, sign: float, scale: float
) -> None:
    """Cosine and sign times sine of a stage's phases: the low table first, the high one, times scale, at the end."""
    phase, cosine, sine = phases
    high, bits = phase.size - _n_high(tables), tables.stages[stage].rank + tables.low_bits
    if team.thread == 0:
        _fill(phase, 0, 1 << bits, 0.0)
        _fill(phase, high, phase.size, 0.0)
        for item in range(tables.stages[stage].start, tables.stages[stage].stop):
            half, place = 0.5 * _angle(item, angles, tables), tables.place[item]
            if place >= tables.size:
                phase[high + place - tables.size] -= half
            elif _is_odd(place):
                phase[place] += half
            else:
                phase[place] -= half
        _transform_small(phase, high, high + tables.class_of.shape[1])
        _cosine_sine(phase, cosine, sine, high, phase.size, scale, sign * scale)
    wait(team)
    _transform(team, phase, bits, tables)
    first, stop = _share(team, 1 << bits)
    _cosine_sine(phase, cosine, sine, first, stop, 1.0, sign)
    wait(team)


@inner
def _multiply(team: Team, psi: Pair, stage: int, phases: Phases, tables: Tables) -> None:
    """Multiply psi by the phases of the tables, which hold the scale."""
    re, im = psi
    _, cosine, sine = phases
    width, n_high = 1 << tables.low_bits, tables.class_of.shape[1]
    high = cosine.size - _n_high(tables)
    for row in _rows(team, n_high):
        c, s = splat(re, cosine[high + row]), splat(re, sine[high + row])
        minus_s = splat(re, -sine[high + row])
        low = (np.int64(tables.class_of[stage, row]) << tables.low_bits) - row * width
        for i in range(row * width, (row + 1) * width, 8):
            u, v = load(cosine, low + i), load(sine, low + i)
            phase_re, phase_im = fma(c, u, minus_s * v), fma(c, v, s * u)
            x, y = load(re, i), load(im, i)
            store(re, i, x * phase_re - y * phase_im)
            store(im, i, fma(x, phase_im, y * phase_re))


@inner
def _scale(team: Team, psi: Pair, scale: float) -> None:
    first, stop = _share(team, psi[0].size)
    factor = splat(psi[0], scale)
    for x in psi:
        for i in range(first, stop, 8):
            store(x, i, load(x, i) * factor)


@inner
def _scatter(team: Team, source: Pair, out: Pair, low: Array, high: Array) -> None:
    """out(image of z) = source(z)."""
    for part in range(2):
        x, y = source[part], out[part]
        for row in _rows(team, high.size):
            first, base = row * low.size, high[row]
            for i in range(low.size):
                y[base ^ low[i]] = x[first + i]
    wait(team)


@inner
def _gather(team: Team, source: Pair, out: Pair, low: Array, high: Array) -> None:
    """out(z) = source(image of z)."""
    for part in range(2):
        x, y = source[part], out[part]
        for row in _rows(team, high.size):
            first, base = row * low.size, high[row]
            for i in range(low.size):
                y[first + i] = x[base ^ low[i]]
    wait(team)


@inner
def _column_groups(width: int) -> int:
    """Into how many groups of columns sums over the state are split."""
    return max(1, min(_SLICES, width // 64))


@inner
def _fold(
    team: Team, psi: Pair, lam: Pair, stage: int, tables: Tables, by_low: Array, by_high: Array
) -> None:
    """Sums of Im(conj(lambda) psi) over outcomes of the same class and low part, and of the same high part.

    Row g of `by_high` has the sums over group g of columns.
    """
    re, im = psi
    lam_re, lam_im = lam
    width, n_high = 1 << tables.low_bits, tables.class_of.shape[1]
    groups = _column_groups(width)
    columns = width // groups
    for group in range(team.thread, groups, team.threads):
        first = group * columns
        for row in range(1 << tables.stages[stage].rank):
            for i in range(row * width + first, row * width + first + columns, 8):
                store(by_low, i, splat(re, 0.0))
        for row in range(n_high):
            low = (np.int64(tables.class_of[stage, row]) << tables.low_bits) - row * width
            sums = splat(re, 0.0)
            for i in range(row * width + first, row * width + first + columns, 8):
                c = load(lam_re, i) * load(im, i) - load(lam_im, i) * load(re, i)
                sums = sums + c
                store(by_low, low + i, load(by_low, low + i) + c)
            by_high[group, row] = total(sums)
    wait(team)
    if team.thread == 0:
        _add_groups(by_high, groups)


@inner
def _add_word_slopes(
    team: Team,
    stage: int,
    factor: float,
    tables: Tables,
    by_low: Array,
    by_high: Array,
    gradient: Array,
) -> None:
    """Add the gradients of a stage's words, factor times the transforms of the folded sums."""
    bits = tables.stages[stage].rank + tables.low_bits
    _transform(team, by_low, bits, tables)
    if team.thread == 0:
        _transform_small(by_high[0], 0, tables.class_of.shape[1])
        for item in range(tables.stages[stage].start, tables.stages[stage].stop):
            place = tables.place[item]
            if place >= tables.size:
                slope = by_high[0, place - tables.size]
            else:
                slope = np.float64(by_low[(1 << bits) - 1 - place])
            _add_slope(gradient, item, factor * slope, tables)
    wait(team)


# Product states


@inner
def _product(like: Array, t: Array, first: int, bits: int) -> Array:
    """The product state of `bits` qubits from `first` on, |0> + t |1> each."""
    x = np.empty(1 << bits, dtype=like.dtype)
    x[0] = 1.0
    for q in range(bits):
        for i in range(1 << q):
            x[i + (1 << q)] = t[first + q] * x[i]
    return x


@inner
def _write_product(team: Team, psi: Pair, t: Array, low_bits: int) -> None:
    re, im = psi
    x_low, x_high = _product(re, t, 0, low_bits), _product(re, t, low_bits, t.size - low_bits)
    zero = splat(re, 0.0)
    for row in _rows(team, x_high.size):
        factor = splat(re, x_high[row])
        for i in range(0, x_low.size, 8):
            store(re, row * x_low.size + i, factor * load(x_low, i))
            store(im, row * x_low.size + i, zero)
    wait(team)


@inner
def _contract(team: Team, y: Array, x_low: Array, x_high: Array, by_low: Array, by_high: Array) -> None:
    """Sums over h of x_high(h) y(h, l), and, by group of columns, over l of x_low(l) y(h, l)."""
    width = x_low.size
    groups = _column_groups(width)
    columns = width // groups
    for group in range(team.thread, groups, team.threads):
        first = group * columns
        for i in range(first, first + columns, 8):
            store(by_low, i, splat(y, 0.0))
        for row in range(x_high.size):
            factor, sums = splat(y, x_high[row]), splat(y, 0.0)
            for i in range(first, first + columns, 8):
                u = load(y, row * width + i)
                store(by_low, i, fma(factor, u, load(by_low, i)))
                sums = fma(load(x_low, i), u, sums)
            by_high[group, row] = total(sums)
    wait(team)
    if team.thread == 0:
        _add_groups(by_high, groups)


@inner
def _pair_overlap(x: Array, y: Array, q: int) -> float:
    """Sum over pairs that differ in bit q of y_1 x_0 - y_0 x_1."""
    s, overlap = 1 << q, 0.0
    for start in range(0, x.size, 2 * s):
        for i in range(start, start + s):
            overlap += np.float64(y[i + s]) * x[i] - np.float64(y[i]) * x[i + s]
    return overlap


@inner
def _add_product_slopes(
    team: Team,
    lam: Pair,
    stage: int,
    t: Array,
    factor: float,
    tables: Tables,
    by_low: Array,
    by_high: Array,
    gradient: Array,
) -> None:
    """Add the gradients of turns that begin at |0...0>; psi behind them is factor times the product state of t."""
    low_bits = tables.low_bits
    x_low, x_high = _product(lam[0], t, 0, low_bits), _product(lam[0], t, low_bits, t.size - low_bits)
    _contract(team, lam[0], x_low, x_high, by_low, by_high)
    if team.thread == 0:
        for item in range(tables.stages[stage].start, tables.stages[stage].stop):
            q = tables.place[item]
            if q < low_bits:
                _add_slope(gradient, item, factor * _pair_overlap(x_low, by_low, q), tables)
            else:
                _add_slope(gradient, item, factor * _pair_overlap(x_high, by_high[0], q - low_bits), tables)


# Sweeps


@inner
def _start_at_zero(team: Team, psi: Pair) -> None:
    first, stop = _share(team, psi[0].size)
    for x in psi:
        _fill(x, first, stop, 0.0)
    if first == 0:
        psi[0][0] = 1.0
    wait(team)


@inner
def _qubits_of(stage: int, tables: Tables) -> Array:
    return tables.place[tables.stages[stage].start : tables.stages[stage].stop]


@inner
def _has_words(stage: int, tables: Tables) -> bool:
    return tables.stages[stage].stop > tables.stages[stage].start


@kernel
def forward(
    thread: int,
    threads: int,
    barrier: Array,
    psi: Pair,
    spare: Pair,
    phases: Phases,
    from_zero: bool,
    last_phases: bool,
    angles: Array,
    fields: Any,
    probabilities: Array,
) -> None:
    """The state after all stages, in `psi` or, after an odd number of moves, in `spare`.

    From |0...0> nothing need be in `psi`, and a monomial in front of all turns is left out. Without `last_phases` the
    last stage's phases, which no probability depends on, are left out. `probabilities`, shape (2**n,), gets |psi|^2.
    `fields` are those of `Tables`, as a plain tuple: Numba takes that up in half the time.
    """
    team, tables = Team(thread, threads, barrier), Tables(*fields)
    last, started = tables.stages.size - 1, not from_zero
    t, scale = np.empty(tables.bits), 1.0
    for stage in range(last + 1):
        if tables.stages[stage].has_turns:
            now, repeats = _tangents(stage, angles, tables, _least_scale(psi[0]), t)
            if not started and repeats == 1:
                _write_product(team, psi, t, tables.low_bits)
            else:
                if not started:
                    _start_at_zero(team, psi)
                for _ in range(repeats):
                    _turn(team, psi, tables.bits, _qubits_of(stage, tables), t)
            started = True
            scale *= now
        elif started or stage == last:
            if not started:
                _start_at_zero(team, psi)
            if _has_words(stage, tables) and (last_phases or stage < last):
                _phase_tables(team, stage, angles, tables, phases, 1.0, scale)
                _multiply(team, psi, stage, phases, tables)
            else:
                _scale(team, psi, scale)
            wait(team)
            scale = 1.0
            if tables.stages[stage].moves:
                _scatter(team, psi, spare, tables.low[stage], tables.high[stage])
                psi, spare = spare, psi
    re, im = psi
    first, stop = _share(team, re.size)
    for i in range(first, stop, 8):
        x, y = load(re, i), load(im, i)
        store(probabilities, i, fma(x, x, y * y))


@kernel
def backward(
    thread: int,
    threads: int,
    barrier: Array,
    psi: Pair,
    lam: Pair,
    spare: Pair,
    phases: Phases,
    overlaps: Array,
    by_high: Array,
    from_zero: bool,
    angles: Array,
    fields: Any,
    gradient: Array,
) -> None:
    """Add dL/dangle, shape (angles,), to `gradient`, from psi after all stages and lambda = w psi.

    psi is that of `forward` without the last phases. All arrays but `angles` are overwritten.
    """
    team, tables = Team(thread, threads, barrier), Tables(*fields)
    last, by_low = tables.stages.size - 1, phases[2]
    t, scale = np.empty(tables.bits), 1.0
    first_turns = 0
    while first_turns < last and not tables.stages[first_turns].has_turns:
        first_turns += 1
    for stage in range(last, first_turns - 1 if from_zero else -1, -1):
        if tables.stages[stage].has_turns:
            now, repeats = _tangents(stage, angles, tables, _least_scale(psi[0]), t)
            if from_zero and stage == first_turns and repeats == 1:
                factor = now * scale
                _add_product_slopes(team, lam, stage, t, factor, tables, by_low, by_high, gradient)
                break
            qubits = _qubits_of(stage, tables)
            factors = _scales_back(tables.bits, qubits, t)
            for repeat in range(repeats):
                _turn_back(team, psi, lam, tables.bits, qubits, t, overlaps)
                if repeat == 0 and team.thread == 0:
                    for item in range(tables.stages[stage].start, tables.stages[stage].stop):
                        q, overlap = tables.place[item], 0.0
                        for unit in range(overlaps.shape[0]):
                            overlap += overlaps[unit, q]
                        _add_slope(gradient, item, scale * scale * factors[q] * overlap, tables)
                wait(team)
            scale *= now
            continue
        if tables.stages[stage].moves:
            _gather(team, psi, spare, tables.low[stage], tables.high[stage])
            psi, spare = spare, psi
            _gather(team, lam, spare, tables.low[stage], tables.high[stage])
            lam, spare = spare, lam
        if _has_words(stage, tables) and stage < last:
            if tables.stages[stage].learns:
                _fold(team, psi, lam, stage, tables, by_low, by_high)
                _add_word_slopes(team, stage, scale * scale, tables, by_low, by_high, gradient)
            _phase_tables(team, stage, angles, tables, phases, -1.0, scale)
            _multiply(team, psi, stage, phases, tables)
            _multiply(team, lam, stage, phases, tables)
        else:
            _scale(team, psi, scale)
            _scale(team, lam, scale)
        wait(team)
        scale = 1.0


# Outcomes


@kernel
def marginal(by_state: Array, low: Array, high: Array, by_outcome: Array) -> None:
    """Add the probabilities of states to those of their outcomes, outcome(z) = low(low part) ^ high(high part)."""
    for row in range(high.size):
        for i in range(low.size):
            by_outcome[high[row] ^ low[i]] += by_state[row * low.size + i]


@kernel
def spread(by_outcome: Array, low: Array, high: Array, by_state: Array) -> None:
    """Give each state the value of its outcome."""
    for row in range(high.size):
        for i in range(low.size):
            by_state[row * low.size + i] = by_outcome[high[row] ^ low[i]]


@kernel
def walsh_hadamard(x: Array) -> None:
    """Walsh-Hadamard transform in place, unnormalised: x(m) = sum over z of (-1)^(m.z) x(z); 2**n numbers."""
    bits = 0
    while 1 << bits < x.size:
        bits += 1
    if bits < 3:
        _transform_small(x, 0, x.size)
        return
    for i in range(x.size):
        if _is_odd(i):
            x[i] = -x[i]
    qubits, ones = np.empty(bits, dtype=np.int64), np.empty(bits)
    for q in range(bits):
        qubits[q] = q
        ones[q] = 1.0
    _turn(Team(0, 1, np.zeros(16, dtype=np.int64)), (x,), bits, qubits, ones)


@kernel
def draw(probabilities: Array, uniforms: Array, outcomes: Array) -> None:
    """Outcomes of the inverse distribution function at numbers in [0, 1), found from a guide table.

    (Chen and Asau, On generating random variates from an empirical distribution, 1974.)
    """
    size = probabilities.size
    cumulative, guide = np.empty(size), np.empty(size + 1, dtype=np.int64)
    total_so_far = 0.0
    for k in range(size):
        total_so_far += probabilities[k]
        cumulative[k] = total_so_far
    outcome, last = 0, size - 1
    while last > 0 and not probabilities[last] > 0.0:
        last -= 1
    for cell in range(size + 1):
        while outcome < last and not cumulative[outcome] > total_so_far * (cell / size):
            outcome += 1
        guide[cell] = outcome
    for i in range(uniforms.size):
        outcome = guide[int(uniforms[i] * size)]
        wanted = uniforms[i] * total_so_far
        while outcome < last and not cumulative[outcome] > wanted:
            outcome += 1
        outcomes[i] = outcome
