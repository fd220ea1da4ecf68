"""Compiled kernels: a whole sweep over a circuit's stages in one call, shared by any number of threads.

A state psi is two arrays, its real and imaginary parts, indexed by outcome (bit q is qubit q). The tables that
describe a circuit are data (`_stages.Tables`), so a new circuit compiles nothing. Two kinds of stage take turns.

Turns about Y are real, and done up to their cosines (`_turns`); these are gathered in one factor that the next monomial
multiplies by.

A monomial gives outcome z = (h, l) of high part h and low part l the phase high(h) low(class(h), l), two tables that
are Walsh-Hadamard transforms of the angles of Z-words, since phase(z) = sum over words m of -a_m/2 (-1)^(m.z); then it
moves z to A z + b. The transform is a turn with t = 1 on every bit: [[1, -1], [1, 1]] = [[1, 1], [1, -1]] diag(1, -1).

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
from qfin.quantum._simd import floor, fma, fnma, load, splat, store, total
from qfin.quantum._stages import Tables
from qfin.quantum._threads import Team, wait
from qfin.quantum._turns import SLICES, Array, Pair, turn, turn_back, undone_before

Phases = tuple[
    Array, Array, Array
]  # phases, cosines, sines: a row for each stage and one to spare, or only that
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
            for part in (
                3.14159250259399414062,
                1.509957883172319e-7,
                1.0780605079855296e-14,
            ):  # pi, exact products
                half -= turns * part
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
def _cosine_sine(phase: Array, cosine: Array, sine: Array, first: int, stop: int) -> None:
    """Cosine and sine of doubles phase[first:stop], to 2 units in the last place for |phase| < 1e5.

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
        store(cosine, i, cosine_sign * fma(odd, s - c, c))
        store(sine, i, sine_sign * fma(odd, c - s, s))


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
    turn(team, (x,), bits, tables.qubits[:bits], tables.ones)


@inner
def _n_high(tables: Tables) -> int:
    """Entries that the table of high parts takes at the end of the phases: whole vectors."""
    return max(8, tables.class_of.shape[1])


@inner
def _tables_of(stage: int, phases: Phases) -> Phases:
    """A stage's own rows of the phases, or the only one."""
    row = stage if phases[0].shape[0] > 1 else 0
    return phases[0][row], phases[1][row], phases[2][row]


@inner
def _phase_tables(team: Team, stage: int, angles: Array, tables: Tables, phases: Phases) -> None:
    """Cosine and sine of a stage's phases: the low table first, the high one at the end."""
    phase, cosine, sine = _tables_of(stage, phases)
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
        _cosine_sine(phase, cosine, sine, high, phase.size)
    wait(team)
    _transform(team, phase, bits, tables)
    first, stop = _share(team, 1 << bits)
    _cosine_sine(phase, cosine, sine, first, stop)
    wait(team)


@inner
def _multiply(
    team: Team, psi: Pair, stage: int, phases: Phases, sign: float, scale: float, tables: Tables
) -> None:
    """Multiply psi by scale and the phases of a stage, or their inverses if the sign is -1."""
    re, im = psi
    _, cosine, sine = _tables_of(stage, phases)
    width, n_high = 1 << tables.low_bits, tables.class_of.shape[1]
    high, direction = cosine.size - _n_high(tables), splat(re, sign)
    for row in _rows(team, n_high):
        c, s = splat(re, scale * cosine[high + row]), splat(re, scale * sine[high + row])
        low = (np.int64(tables.class_of[stage, row]) << tables.low_bits) - row * width
        for i in range(row * width, (row + 1) * width, 8):
            u, v = load(cosine, low + i), load(sine, low + i)
            phase_re, phase_im = fnma(s, v, c * u), direction * fma(c, v, s * u)
            x, y = load(re, i), load(im, i)
            store(re, i, fnma(y, phase_im, x * phase_re))
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
    return max(1, min(SLICES, width // 64))


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


@inner
def _repeats(stage: int, psi: Pair, angles: Array, tables: Tables) -> int:
    return _tangents(stage, angles, tables, _least_scale(psi[0]), np.empty(tables.bits))[1]


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
                    turn(team, psi, tables.bits, _qubits_of(stage, tables), t)
            started = True
            scale *= now
        elif started or stage == last:
            if not started:
                _start_at_zero(team, psi)
            if _has_words(stage, tables) and (last_phases or stage < last):
                _phase_tables(team, stage, angles, tables, phases)
                _multiply(team, psi, stage, phases, 1.0, scale, tables)
            elif scale != 1.0:
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

    psi and the phases are those of `forward` without the last phases; if there is but one row of these, they are made
    anew. All arrays but `angles` are overwritten.
    """
    team, tables = Team(thread, threads, barrier), Tables(*fields)
    last, by_low = tables.stages.size - 1, phases[2][-1]
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
            factors = undone_before(tables.bits, qubits, t)
            for repeat in range(repeats):
                turn_back(team, psi, lam, tables.bits, qubits, t, overlaps)
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
            if phases[0].shape[0] == 1:
                _phase_tables(team, stage, angles, tables, phases)
            _multiply(team, lam, stage, phases, -1.0, scale, tables)
            if not (
                from_zero and stage == first_turns + 1 and _repeats(first_turns, psi, angles, tables) == 1
            ):
                _multiply(team, psi, stage, phases, -1.0, scale, tables)  # else nothing needs psi any more
        elif scale != 1.0:
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
    turn(Team(0, 1, np.zeros(16, dtype=np.int64)), (x,), bits, qubits, ones)


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
