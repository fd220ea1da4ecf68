"""Compiled kernels: a whole sweep over a circuit's stages in one call.

A state psi is two float64 arrays, its real and imaginary parts, indexed by outcome (bit q is qubit q). The tables that
describe a circuit are data (`_stages.Tables`), so a new circuit compiles nothing.

Forward, psi goes through the stages. Backward, with w = dL/dp held fixed and lambda = w psi, both psi and lambda go
back through the inverse of each stage, and each rotation exp(-i a/2 G) contributes (Jones and Gacon, arXiv 2009.02823)

    dL/da = 2 Re <lambda| -i/2 G |psi> = Im <lambda| G |psi>      (psi and lambda after the rotation)

- one-qubit gates: the rotations fused into one gate share Im <lambda| X, Y, Z |psi> on their qubit, after the gate;
  what follows a rotation inside the gate, U, turns its axis: G = U sigma U^+ = n . (X, Y, Z). A real gate needs Y
  only: Im <lambda|Y|psi> = sum over pairs of Re(conj(lambda_1) psi_0 - conj(lambda_0) psi_1);
- Z-words: all phases of the stage at once, phase(z) = sum over words of -a/2 (-1)^(m.z), a Walsh-Hadamard transform of
  the angles; and all their gradients at once, Im <lambda| Z_m |psi> = transform of Im(conj(lambda) psi) at m;
- CX networks: one gather through the map's images of low and high halves of the outcome.
"""

from __future__ import annotations

import numpy as np
from numba import types

from qfin.quantum._jit import kernel
from qfin.quantum._stages import DIAGONAL, ONE_QUBIT, Tables

Array = np.ndarray
_REAL, _MATRIX, _MAPS = types.float64[::1], types.complex128[:, ::1], types.int64[:, ::1]
_FIELDS = dict.fromkeys(Tables._fields, types.int64[::1])
_FIELDS |= {
    "constants": types.complex128[:, :, ::1],
    "low": _MAPS,
    "high": _MAPS,
    "low_back": _MAPS,
    "high_back": _MAPS,
}
_TABLES = types.NamedTuple(list(_FIELDS.values()), Tables)


@kernel("void(f8[::1], i8, f8, f8, f8, f8)", inner=True)
def _turn_real(x: Array, q: int, a: float, b: float, c: float, d: float) -> None:
    """The real gate [[a, b], [c, d]] on qubit q of one part of a state."""
    if q == 0:
        for k in range(x.size // 2):
            u, v = x[2 * k], x[2 * k + 1]
            x[2 * k] = a * u + b * v
            x[2 * k + 1] = c * u + d * v
        return
    if q == 1:
        for k in range(x.size // 4):
            u0, u1, v0, v1 = x[4 * k], x[4 * k + 1], x[4 * k + 2], x[4 * k + 3]
            x[4 * k] = a * u0 + b * v0
            x[4 * k + 1] = a * u1 + b * v1
            x[4 * k + 2] = c * u0 + d * v0
            x[4 * k + 3] = c * u1 + d * v1
        return
    tiles = x.reshape(x.size >> (q + 1), 2, 1 << (q - 2), 4)
    for block in range(tiles.shape[0]):
        for tile in range(tiles.shape[2]):
            u, v = tiles[block, 0, tile], tiles[block, 1, tile]
            u0, u1, u2, u3 = u[0], u[1], u[2], u[3]
            v0, v1, v2, v3 = v[0], v[1], v[2], v[3]
            u[0], u[1], u[2], u[3] = a * u0 + b * v0, a * u1 + b * v1, a * u2 + b * v2, a * u3 + b * v3
            v[0], v[1], v[2], v[3] = c * u0 + d * v0, c * u1 + d * v1, c * u2 + d * v2, c * u3 + d * v3


@kernel("void(f8[::1], f8[::1], i8, c16[:, ::1])", inner=True)
def _turn(re: Array, im: Array, q: int, g: Array) -> None:
    """The gate g on qubit q of a state."""
    ar, ai, br, bi = g[0, 0].real, g[0, 0].imag, g[0, 1].real, g[0, 1].imag
    cr, ci, dr, di = g[1, 0].real, g[1, 0].imag, g[1, 1].real, g[1, 1].imag
    s = 1 << q
    pr, pi = re.reshape(re.size >> (q + 1), 2, s), im.reshape(re.size >> (q + 1), 2, s)
    for block in range(pr.shape[0]):
        for i in range(s):
            ur, ui, vr, vi = pr[block, 0, i], pi[block, 0, i], pr[block, 1, i], pi[block, 1, i]
            pr[block, 0, i] = ar * ur - ai * ui + br * vr - bi * vi
            pi[block, 0, i] = ar * ui + ai * ur + br * vi + bi * vr
            pr[block, 1, i] = cr * ur - ci * ui + dr * vr - di * vi
            pi[block, 1, i] = cr * ui + ci * ur + dr * vi + di * vr


@kernel("f8(f8[::1], f8[::1], i8)", inner=True)
def _overlap_y(x: Array, y: Array, q: int) -> float:
    """Sum over pairs of y1 x0 - y0 x1, one part's share of Im <y|Y|x>."""
    total = 0.0
    if q == 0:
        for k in range(x.size // 2):
            total += y[2 * k + 1] * x[2 * k] - y[2 * k] * x[2 * k + 1]
        return total
    s = 1 << q
    px, py = x.reshape(x.size >> (q + 1), 2, s), y.reshape(x.size >> (q + 1), 2, s)
    for block in range(px.shape[0]):
        for i in range(s):
            total += py[block, 1, i] * px[block, 0, i] - py[block, 0, i] * px[block, 1, i]
    return total


@kernel("UniTuple(f8, 2)(f8[::1], f8[::1], f8[::1], f8[::1], i8)", inner=True)
def _overlap_xz(xr: Array, xi: Array, yr: Array, yi: Array, q: int) -> tuple[float, float]:
    """Im <y|X|x> and Im <y|Z|x> on qubit q."""
    along_x, along_z = 0.0, 0.0
    s = 1 << q
    shape = (xr.size >> (q + 1), 2, s)
    ar, ai, br, bi = xr.reshape(shape), xi.reshape(shape), yr.reshape(shape), yi.reshape(shape)
    for block in range(shape[0]):
        for i in range(s):
            x0r, x0i, x1r, x1i = ar[block, 0, i], ai[block, 0, i], ar[block, 1, i], ai[block, 1, i]
            y0r, y0i, y1r, y1i = br[block, 0, i], bi[block, 0, i], br[block, 1, i], bi[block, 1, i]
            along_x += y0r * x1i - y0i * x1r + y1r * x0i - y1i * x0r
            along_z += y0r * x0i - y0i * x0r - y1r * x1i + y1i * x1r
    return along_x, along_z


@kernel("void(f8[::1])")
def walsh_hadamard(x: Array) -> None:
    """Walsh-Hadamard transform in place, unnormalised: x(m) = sum over z of (-1)^(m.z) x(z)."""
    q = 0
    while (1 << q) < x.size:
        _turn_real(x, q, 1.0, 1.0, 1.0, -1.0)
        q += 1


@kernel(types.void(_REAL, _REAL), reassociate=False)  # reassociation would undo the range reduction
def _cosine_sine(phase: Array, sine: Array) -> None:
    """Cosine (in place) and sine of an array, to 2 units in the last place for |phase| < 1e5.

    Cody and Waite's reduction to |r| <= pi/4 and the Cephes polynomials, written without branches for vector units.
    """
    for i in range(phase.size):
        x = phase[i]
        k = np.floor(x * 0.6366197723675814 + 0.5)
        r = (
            (x - k * 1.57079625129699707031) - k * 7.54978941586159635335e-8
        ) - k * 5.39030252995776476554e-15
        z = r * r
        s = 1.58962301576546568060e-10 * z - 2.50507477628578072866e-8
        s = (s * z + 2.75573136213857245213e-6) * z - 1.98412698295895385996e-4
        s = (s * z + 8.33333333332211858878e-3) * z - 1.66666666666666307295e-1
        s = r + r * z * s
        c = -1.13585365213876817300e-11 * z + 2.08757008419747316778e-9
        c = (c * z - 2.75573141792967388112e-7) * z + 2.48015872888517045348e-5
        c = (c * z - 1.38888888888730564116e-3) * z + 4.16666666666665929218e-2
        c = 1.0 - 0.5 * z + z * z * c
        quadrant = k - 4.0 * np.floor(0.25 * k)
        odd = quadrant - 2.0 * np.floor(0.5 * quadrant)
        sine_sign = 1.0 - 2.0 * np.floor(0.5 * quadrant)
        cosine_sign = sine_sign * (1.0 - 2.0 * odd)
        sine[i] = sine_sign * (s + odd * (c - s))
        phase[i] = cosine_sign * (c + odd * (s - c))


@kernel(types.void(_REAL, _REAL, _REAL, types.int64, _TABLES), inner=True)
def _phases(cosine: Array, sine: Array, angles: Array, stage: int, tables: Tables) -> None:
    """Cosine and sine of the phase that a diagonal stage gives each outcome."""
    cosine[:] = 0.0
    for w in range(tables.start[stage], tables.stop[stage]):
        cosine[tables.word_mask[w]] -= 0.5 * angles[tables.word_angle[w]]
    walsh_hadamard(cosine)
    _cosine_sine(cosine, sine)


@kernel("void(f8[::1], f8[::1], f8[::1], f8[::1], f8)", inner=True)
def _multiply(re: Array, im: Array, cosine: Array, sine: Array, sign: float) -> None:
    """psi times cosine + i sign sine."""
    for i in range(re.size):
        r, m, s = re[i], im[i], sign * sine[i]
        re[i] = r * cosine[i] - m * s
        im[i] = m * cosine[i] + r * s


@kernel("void(f8[::1], f8[::1], i8[::1], i8[::1])", inner=True)
def _gather(source: Array, out: Array, low: Array, high: Array) -> None:
    """out(z) = source(image of z)."""
    for block in range(high.size):
        offset, base = block * low.size, high[block]
        for i in range(low.size):
            out[offset + i] = source[base ^ low[i]]


@kernel("void(c16[:, ::1], i8, f8)", inner=True)
def _rotation(g: Array, axis: int, angle: float) -> None:
    """exp(-i angle/2 sigma_axis)."""
    c, s = np.cos(0.5 * angle), np.sin(0.5 * angle)
    g[0, 0] = g[1, 1] = c
    if axis == 1:
        g[0, 1] = g[1, 0] = -1j * s
    elif axis == 2:
        g[0, 1], g[1, 0] = -s, s
    else:
        g[0, 1] = g[1, 0] = 0.0
        g[0, 0], g[1, 1] = complex(c, -s), complex(c, s)


@kernel("void(c16[:, ::1], c16[:, ::1])", inner=True)
def _multiply_left(g: Array, by: Array) -> None:
    """g = by g, 2x2."""
    for column in range(2):
        u, v = g[0, column], g[1, column]
        g[0, column] = by[0, 0] * u + by[0, 1] * v
        g[1, column] = by[1, 0] * u + by[1, 1] * v


@kernel(types.void(_MATRIX, types.int64, _REAL, _TABLES), inner=True)
def _factor(g: Array, f: int, angles: Array, tables: Tables) -> None:
    """Factor f as a matrix."""
    if tables.factor_axis[f] == 0:
        g[:] = tables.constants[tables.factor_index[f]]
    else:
        _rotation(g, tables.factor_axis[f], angles[tables.factor_index[f]])


@kernel(types.complex128[:, :, ::1](_REAL, _TABLES), inner=True)
def _gate_matrices(angles: Array, tables: Tables) -> Array:
    """Product of each gate's factors, shape (gates, 2, 2)."""
    gates = np.zeros((tables.factor_start.size - 1, 2, 2), dtype=np.complex128)
    factor = np.empty((2, 2), dtype=np.complex128)
    for g in range(gates.shape[0]):
        gates[g, 0, 0] = gates[g, 1, 1] = 1.0
        for f in range(tables.factor_start[g], tables.factor_start[g + 1]):
            _factor(factor, f, angles, tables)
            _multiply_left(gates[g], factor)
    return gates


@kernel(
    types.void(_REAL, types.int64, types.float64, types.float64, types.float64, _REAL, _TABLES), inner=True
)
def _add_factor_gradients(
    out: Array, g: int, along_x: float, along_y: float, along_z: float, angles: Array, tables: Tables
) -> None:
    """Add Im <lambda| U sigma U^+ |psi> of each rotation in gate g to its angle's gradient; U follows it in the gate.

    U sigma U^+ = n . (X, Y, Z) has n_x - i n_y in its upper right corner and n_z in its upper left one.
    """
    u = np.zeros((2, 2), dtype=np.complex128)
    u[0, 0] = u[1, 1] = 1.0
    factor = np.empty((2, 2), dtype=np.complex128)
    for f in range(tables.factor_start[g + 1] - 1, tables.factor_start[g] - 1, -1):
        a, b, c, d = u[0, 0], u[0, 1], u[1, 0], u[1, 1]
        axis = tables.factor_axis[f]
        if axis == 1:
            right, left = a * np.conj(d) + b * np.conj(c), a * np.conj(b) + b * np.conj(a)
        elif axis == 2:
            right, left = 1j * (b * np.conj(c) - a * np.conj(d)), 1j * (b * np.conj(a) - a * np.conj(b))
        else:
            right, left = a * np.conj(c) - b * np.conj(d), a * np.conj(a) - b * np.conj(b)
        if axis != 0:
            out[tables.factor_index[f]] += along_x * right.real - along_y * right.imag + along_z * left.real
        _factor(factor, f, angles, tables)
        for row in range(2):  # U = U factor
            v, w = u[row, 0], u[row, 1]
            u[row, 0] = v * factor[0, 0] + w * factor[1, 0]
            u[row, 1] = v * factor[0, 1] + w * factor[1, 1]


@kernel(types.void(_REAL, _REAL, types.int64, types.int64, _MATRIX))
def _apply(re: Array, im: Array, q: int, real: int, g: Array) -> None:
    """The gate g on qubit q of a state; `real` says that its imaginary part is 0."""
    if real:
        a, b, c, d = g[0, 0].real, g[0, 1].real, g[1, 0].real, g[1, 1].real
        _turn_real(re, q, a, b, c, d)
        _turn_real(im, q, a, b, c, d)
    else:
        _turn(re, im, q, g)


@kernel(types.UniTuple(_REAL, 2)(_REAL, _REAL, _REAL, _TABLES))
def forward(re: Array, im: Array, angles: Array, tables: Tables) -> tuple[Array, Array]:
    """The state after all stages, real and imaginary part; `re` and `im` are overwritten."""
    spare_re, spare_im = np.empty_like(re), np.empty_like(re)
    gates = _gate_matrices(angles, tables)
    for stage in range(tables.kind.size):
        first = tables.start[stage]
        if tables.kind[stage] == ONE_QUBIT:
            for g in range(first, tables.stop[stage]):
                _apply(re, im, tables.gate_qubit[g], tables.gate_real[g], gates[g])
        elif tables.kind[stage] == DIAGONAL:
            _phases(spare_re, spare_im, angles, stage, tables)
            _multiply(re, im, spare_re, spare_im, 1.0)
        else:  # out(z) = in(the z' that goes to z)
            _gather(re, spare_re, tables.low_back[first], tables.high_back[first])
            _gather(im, spare_im, tables.low_back[first], tables.high_back[first])
            re, im, spare_re, spare_im = spare_re, spare_im, re, im
    return re, im


@kernel(_REAL(_REAL, _REAL, _REAL, _REAL, _REAL, _TABLES))
def backward(re: Array, im: Array, lam_re: Array, lam_im: Array, angles: Array, tables: Tables) -> Array:
    """dL/dangle, shape (angles,), from psi after all stages and lambda = w psi; all four parts are overwritten."""
    gradient = np.zeros_like(angles)
    spare_re, spare_im = np.empty_like(re), np.empty_like(re)
    inverse = np.empty((2, 2), dtype=np.complex128)
    gates = _gate_matrices(angles, tables)
    for stage in range(tables.kind.size - 1, -1, -1):
        first = tables.start[stage]
        if tables.kind[stage] == ONE_QUBIT:
            for g in range(first, tables.stop[stage]):
                q, real = tables.gate_qubit[g], tables.gate_real[g]
                along_x, along_z = 0.0, 0.0
                along_y = _overlap_y(re, lam_re, q) + _overlap_y(im, lam_im, q)
                if not real:
                    along_x, along_z = _overlap_xz(re, im, lam_re, lam_im, q)
                _add_factor_gradients(gradient, g, along_x, along_y, along_z, angles, tables)
                for row in range(2):
                    for column in range(2):
                        inverse[row, column] = np.conj(gates[g, column, row])
                _apply(re, im, q, real, inverse)
                _apply(lam_re, lam_im, q, real, inverse)
        elif tables.kind[stage] == DIAGONAL:
            for i in range(re.size):
                spare_re[i] = lam_re[i] * im[i] - lam_im[i] * re[i]
            walsh_hadamard(spare_re)
            for w in range(first, tables.stop[stage]):
                gradient[tables.word_angle[w]] += spare_re[tables.word_mask[w]]
            _phases(spare_re, spare_im, angles, stage, tables)
            _multiply(re, im, spare_re, spare_im, -1.0)
            _multiply(lam_re, lam_im, spare_re, spare_im, -1.0)
        else:
            _gather(re, spare_re, tables.low[first], tables.high[first])
            _gather(im, spare_im, tables.low[first], tables.high[first])
            re, im, spare_re, spare_im = spare_re, spare_im, re, im
            _gather(lam_re, spare_re, tables.low[first], tables.high[first])
            _gather(lam_im, spare_im, tables.low[first], tables.high[first])
            lam_re, lam_im, spare_re, spare_im = spare_re, spare_im, lam_re, lam_im
    return gradient
