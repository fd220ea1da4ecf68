"""Compiled sums over Pauli-Z words and uniform bitstrings for an IQP circuit of one- and two-qubit gates.

A one-qubit gate is a pair too, of its qubit and of a last "qubit" that is always +1 and in no word: couplings are one
symmetric matrix, shape (n + 1, n + 1). Bitstrings are columns of signs, shape (n + 1, padded), all zero where there is
no bitstring: `padded` is a multiple of `BLOCK`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qfin.quantum._jit import inner, kernel
from qfin.quantum._simd import WIDTH, Lanes, floor, fma, fnma, load, splat, store, total
from qfin.quantum._threads import Team, wait

BLOCK = 4 * WIDTH
_TURN, _REST = 3.1415927410125732, -8.742278012618954e-08  # pi as a float32, and what it lacks


@kernel
def scatter(coupling: np.ndarray, first: np.ndarray, second: np.ndarray, theta: np.ndarray) -> None:
    """coupling[first, second] += theta, gate by gate, in place."""
    for gate in range(theta.size):
        coupling[first[gate], second[gate]] += theta[gate]


@kernel
def gather(
    gradient: np.ndarray, first: np.ndarray, second: np.ndarray, sums: np.ndarray, scale: float
) -> None:
    """gradient = scale * (sums[first, second] + sums[second, first]), gate by gate, in place."""
    for gate in range(gradient.size):
        gradient[gate] = scale * (sums[first[gate], second[gate]] + sums[second[gate], first[gate]])


@kernel
def members(words: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Qubits of all words one after another, and the same by qubit.

    Returns `qubits` and `start`, those of word a being qubits[start[a]:start[a + 1]]; and `word`, `place`, `begin`:
    qubit u is in words word[begin[u]:begin[u + 1]], each time at that place of `qubits`.
    """
    n_words, n = words.shape
    start, begin = np.zeros(n_words + 1, np.int64), np.zeros(n + 1, np.int64)
    for a in range(n_words):
        count = 0
        for u in range(n):
            count += words[a, u]
            begin[u + 1] += words[a, u]
        start[a + 1] = start[a] + count
    for u in range(n):
        begin[u + 1] += begin[u]
    size = start[n_words]
    qubits, word, place = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    free, at = begin.copy(), 0
    for a in range(n_words):
        for u in range(n):
            if words[a, u]:
                qubits[at] = u
                word[free[u]], place[free[u]] = a, at
                free[u] += 1
                at += 1
    return qubits, start, word, place, begin


@kernel
def odd_counts(words: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Bitstrings in which a word's bits add up to an odd number, shape (words,).

    `columns` has a row for each bit, the bitstrings' values packed.
    """
    odd, scratch = np.zeros(words.shape[0], np.int64), np.empty(columns.shape[1], np.uint64)
    for a in range(words.shape[0]):
        scratch[:] = 0
        for u in range(words.shape[1]):
            if words[a, u]:
                for k in range(scratch.size):
                    scratch[k] ^= columns[u, k]
        for k in range(scratch.size):
            odd[a] += _ones(scratch[k])
    return odd


@inner
def _ones(x: Any) -> Any:
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@inner
def _reduced(like: np.ndarray, half: Lanes) -> tuple[Lanes, Lanes]:
    """r in [-pi/2, pi/2] and a sign with cos(2 half) = sign cos r, sin(2 half) = sign sin r."""
    one = splat(like, 1.0)
    turns = floor(fma(half, splat(like, 0.6366197723675814), splat(like, 0.5)))
    rest = fnma(turns, splat(like, _TURN), half + half)
    rest = fnma(turns, splat(like, _REST), rest)
    odd = fnma(floor(turns * splat(like, 0.5)), splat(like, 2.0), turns)
    return rest, fnma(odd, splat(like, 2.0), one)


@inner
def _cosine(like: np.ndarray, square: Lanes) -> Lanes:
    """Minimax polynomial of cos, error 5e-8 on [-pi/2, pi/2]."""
    value = fma(square, splat(like, 2.315393053e-05), splat(like, -0.001385370425))
    value = fma(square, value, splat(like, 0.04166358468))
    value = fma(square, value, splat(like, -0.4999990535))
    return fma(square, value, splat(like, 0.9999999535))


@inner
def _sine(like: np.ndarray, r: Lanes, square: Lanes) -> Lanes:
    """Minimax polynomial of sin, error 3e-9 on [-pi/2, pi/2]."""
    value = fma(square, splat(like, 2.590488414e-06), splat(like, -0.0001980089771))
    value = fma(square, value, splat(like, 0.008332899822))
    value = fma(square, value, splat(like, -0.1666664763))
    return r * fma(square, value, splat(like, 0.9999999766))


@inner
def _couple(local: np.ndarray, coupling: np.ndarray, qubits: np.ndarray, begin: int, end: int) -> None:
    """local = twice the couplings of the pairs i < j of a word."""
    k = 0
    for i in range(begin, end):
        for j in range(i + 1, end):
            local[k] = np.float32(2.0) * coupling[qubits[i], qubits[j]]
            k += 1


@inner
def _turn(cosines: np.ndarray, sines: np.ndarray, at: int, half: Lanes) -> Lanes:
    """Store cos and sin of twice `half`, and return the cos."""
    r, sign = _reduced(cosines, half)
    square = r * r
    cosine = sign * _cosine(cosines, square)
    store(cosines, at, cosine)
    store(sines, at, sign * _sine(cosines, r, square))
    return cosine


@inner
def _of_words(
    team: Team,
    n: int,
    qubits: np.ndarray,
    start: np.ndarray,
    coupling: np.ndarray,
    fields: np.ndarray,
    signs: np.ndarray,
    wanted: np.ndarray,
    weights: np.ndarray,
    means: np.ndarray,
) -> None:
    most, padded = 0, signs.shape[1]
    for a in range(start.size - 1):
        most = max(most, start[a + 1] - start[a])
    local = np.empty(most * (most - 1) // 2 + 1, np.float32)
    cosines, sines = np.empty(padded, np.float32), np.empty(padded, np.float32)
    share = 1.0 / max(n - 1, 1)
    for a in range(team.thread, start.size - 1, team.threads):
        begin, end = start[a], start[a + 1]
        _couple(local, coupling, qubits, begin, end)
        c, cc = splat(signs, 0.0), splat(signs, 0.0)
        for z in range(0, padded, BLOCK):
            p0 = p1 = p2 = p3 = splat(signs, 0.0)
            k = 0
            for i in range(begin, end):
                at = qubits[i] * padded + z
                f0, f1 = load(fields, at), load(fields, at + 8)
                f2, f3 = load(fields, at + 16), load(fields, at + 24)
                for j in range(i + 1, end):
                    value = local[k]
                    k += 1
                    if value != 0.0:
                        weight, other = splat(signs, value), qubits[j] * padded + z
                        f0 = fnma(weight, load(signs, other), f0)
                        f1 = fnma(weight, load(signs, other + 8), f1)
                        f2 = fnma(weight, load(signs, other + 16), f2)
                        f3 = fnma(weight, load(signs, other + 24), f3)
                p0 = fma(load(signs, at), f0, p0)
                p1 = fma(load(signs, at + 8), f1, p1)
                p2 = fma(load(signs, at + 16), f2, p2)
                p3 = fma(load(signs, at + 24), f3, p3)
            c0, c1 = _turn(cosines, sines, z, p0), _turn(cosines, sines, z + 8, p1)
            c2, c3 = _turn(cosines, sines, z + 16, p2), _turn(cosines, sines, z + 24, p3)
            c = c + ((c0 + c1) + (c2 + c3))
            cc = fma(c0, c0, fma(c1, c1, fma(c2, c2, fma(c3, c3, cc))))
        mean, square = (total(c) - (padded - n)) / n, (total(cc) - (padded - n)) / n
        means[a, 0], means[a, 1] = mean, square
        slope, step = splat(signs, mean * n * share - wanted[a]), splat(signs, share)
        for z in range(0, padded, WIDTH):
            store(weights, a * padded + z, load(sines, z) * fnma(step, load(cosines, z), slope))


@inner
def _of_qubits(
    team: Team,
    qubits: np.ndarray,
    start: np.ndarray,
    word: np.ndarray,
    place: np.ndarray,
    begin: np.ndarray,
    linked: np.ndarray,
    signs: np.ndarray,
    weights: np.ndarray,
    slopes: np.ndarray,
    pairs: np.ndarray,
) -> None:
    padded = signs.shape[1]
    row, others = np.empty(padded, np.float32), np.empty(signs.shape[0] + 4, np.int64)
    for u in range(team.thread, begin.size - 1, team.threads):
        mine = u * padded
        for k in range(begin[u], begin[u + 1]):
            weight, count = word[k] * padded, 0
            for z in range(0, padded, WIDTH):
                here = load(weights, weight + z)
                store(slopes, mine + z, load(slopes, mine + z) + here)
                store(row, z, load(signs, mine + z) * here)
            for j in range(place[k] + 1, start[word[k] + 1]):
                others[count] = qubits[j]
                count += linked[u, qubits[j]]
            for i in range(0, count, 4):
                for more in range(count, i + 4):
                    others[more] = u
                o0, o1 = others[i] * padded, others[i + 1] * padded
                o2, o3 = others[i + 2] * padded, others[i + 3] * padded
                t0 = t1 = t2 = t3 = splat(row, 0.0)
                for z in range(0, padded, WIDTH):
                    left = load(row, z)
                    t0, t1 = fma(left, load(signs, o0 + z), t0), fma(left, load(signs, o1 + z), t1)
                    t2, t3 = fma(left, load(signs, o2 + z), t2), fma(left, load(signs, o3 + z), t3)
                pairs[u, others[i]] += total(t0)
                pairs[u, others[i + 1]] += total(t1)
                pairs[u, others[i + 2]] += total(t2)
                pairs[u, others[i + 3]] += total(t3)
        for z in range(0, padded, WIDTH):
            store(slopes, mine + z, load(slopes, mine + z) * load(signs, mine + z))


@kernel
def expect(
    thread: int,
    threads: int,
    barrier: np.ndarray,
    n_samples: int,
    qubits: np.ndarray,
    start: np.ndarray,
    coupling: np.ndarray,
    fields: np.ndarray,
    signs: np.ndarray,
    wanted: np.ndarray,
    weights: np.ndarray,
    means: np.ndarray,
) -> None:
    """Means over bitstrings of cos and cos^2 of a word's phase into `means`, shape (words, 2).

    The phase of word a at z is 2 sum over u in a of z_u (fields[u, z] - 2 sum over v > u in a of coupling[u, v] z_v);
    `fields` is coupling @ signs. weights[a, z] = sin (n mean/(n - 1) - wanted[a] - cos/(n - 1)), shape (words, padded).
    """
    team = Team(thread, threads, barrier)
    _of_words(team, n_samples, qubits, start, coupling, fields, signs, wanted, weights, means)


@kernel
def expect_and_slope(
    thread: int,
    threads: int,
    barrier: np.ndarray,
    n_samples: int,
    qubits: np.ndarray,
    start: np.ndarray,
    word: np.ndarray,
    place: np.ndarray,
    begin: np.ndarray,
    coupling: np.ndarray,
    linked: np.ndarray,
    fields: np.ndarray,
    signs: np.ndarray,
    wanted: np.ndarray,
    weights: np.ndarray,
    means: np.ndarray,
    slopes: np.ndarray,
    pairs: np.ndarray,
) -> None:
    """As `expect`, and sums of the weights: slopes[u] over the words of u, times z_u, shape (n + 1, padded);
    pairs[u, v > u] over words of both and bitstrings, times z_u z_v, where `linked`; both begin as zeros.
    """
    team = Team(thread, threads, barrier)
    _of_words(team, n_samples, qubits, start, coupling, fields, signs, wanted, weights, means)
    wait(team)
    _of_qubits(team, qubits, start, word, place, begin, linked, signs, weights, slopes, pairs)
