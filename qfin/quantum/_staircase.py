"""Layers of two-qubit gates on a line that prepare a state: a staircase each, improved together by sweeps.

Gates of m layers on n sites have shape (m, n - 1, 4, 4): layer 0 first, and in a layer gate k, on sites k and k + 1,
before gate k + 1. Site k is the more significant bit of a gate's index, and site 0 of a state's. Real gates have
determinant 1, so that two CX are enough for each (Vatan and Williams, arXiv quant-ph/0308006, th. 2).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qfin.quantum._mps import MatrixProductState
from qfin.quantum._staircase_kernels import environment, turn

_MOST_SWEEPS = 120  # after each new layer
_LEAST_GAIN = 1e-3  # share of the missing fidelity that a sweep has to win for another to follow
_ROUNDING = 1e-12  # fidelity
_PRODUCT = 1e-12  # Schmidt coefficient that counts as none


def prepare_in_layers(
    wanted: np.ndarray, min_fidelity: float, max_layers: int
) -> Iterator[tuple[np.ndarray, float]]:
    """Gates and fidelity with one layer, two layers, and so on, until one is good enough.

    Every new layer is the staircase of what the others leave to do (Ran, arXiv 1908.07958), and then all layers are
    improved (Rudolph et al., arXiv 2209.00595, "Iter[D, O]"). Fidelity never falls.

    Parameters
    ----------
    wanted : shape (2**n,) of norm 1, real or complex, n >= 2
    """
    n = len(wanted).bit_length() - 1
    gates, reached = np.empty((0, n - 1, 4, 4), dtype=wanted.dtype), abs(wanted[0]) ** 2
    while len(gates) < max_layers:
        gates, reached = _with_new_layer(gates, wanted, reached)
        gates, reached = improve(gates, wanted, min_fidelity)
        yield gates, reached
        if reached >= min_fidelity - _ROUNDING:
            return


def staircase(state: MatrixProductState) -> np.ndarray:
    """The gates that prepare a state of bond dimension at most 2 from |0...0>, shape (n - 1, 4, 4).

    What comes in on site k is the bond to its left; what leaves on site k + 1 is the bond to its right (Ran, fig. 1).
    """
    *tensors, last = state.tensors
    tensors[-1] = np.tensordot(tensors[-1], last, axes=1)[..., 0]
    return np.array([_complete(tensor) for tensor in tensors])


def prepared(gates: np.ndarray) -> np.ndarray:
    """The state that the gates make of |0...0>, shape (2**n,)."""
    state = np.zeros(2 << gates.shape[1], dtype=gates.dtype)
    state[0] = 1.0
    for site, gate in _in_order(gates):
        turn(_pairs(state, site), gate)
    return state


def undone(gates: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """What has to be prepared before the gates for `wanted` to come out, both shape (2**n,)."""
    state = wanted.copy()
    for site, gate in reversed(list(_in_order(gates))):
        turn(_pairs(state, site), _adjoint(gate))
    return state


def improve(gates: np.ndarray, wanted: np.ndarray, min_fidelity: float) -> tuple[np.ndarray, float]:
    """Sweep until the fidelity is reached or settles; the gates and their fidelity."""
    gates = gates.copy()
    reached = abs(np.vdot(wanted, prepared(gates))) ** 2
    for _ in range(_MOST_SWEEPS):
        missing = 1.0 - reached
        if reached >= min_fidelity - _ROUNDING:
            break
        reached = sweep(gates, wanted)
        if missing - (1.0 - reached) < _LEAST_GAIN * missing:
            break
    return gates, reached


def sweep(gates: np.ndarray, wanted: np.ndarray) -> float:
    """Give each gate its best value while the others stand, from the last to the first and back; the new fidelity.

    The overlap is linear in a gate, tr(G* E), with E what the other gates make of wanted and of prepared state, so the
    best gate is E's polar factor (Evenbly and Vidal, arXiv 0707.1454, section IV). Gates are changed in place.
    """
    order = list(_in_order(gates))
    state, target = prepared(gates), wanted.copy()
    for site, gate in reversed(order):
        before, after = _pairs(state, site), _pairs(target, site)
        turn(before, _adjoint(gate))
        gate[:] = nearest_rotation(environment(after, before))
        turn(after, _adjoint(gate))
    state[:] = 0.0
    state[0] = 1.0
    for site, gate in order:
        before, after = _pairs(state, site), _pairs(target, site)
        turn(after, gate)
        gate[:] = nearest_rotation(environment(after, before))
        turn(before, gate)
    return float(abs(np.vdot(wanted, state)) ** 2)


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """The unitary U with the largest Re tr(U* matrix), of determinant 1 if the matrix is real (Kabsch 1976)."""
    left, _, right = np.linalg.svd(matrix)
    if np.isrealobj(matrix) and np.linalg.det(left) * np.linalg.det(right) < 0.0:
        left[:, -1] *= -1.0
    return left @ right


def _with_new_layer(gates: np.ndarray, wanted: np.ndarray, reached: float) -> tuple[np.ndarray, float]:
    """A staircase before all gates, or gates that do nothing where cutting bonds would lose fidelity."""
    rest = undone(gates, wanted)
    layer = staircase(MatrixProductState.from_vector(rest, max_bond=2))
    fidelity = abs(np.vdot(rest, prepared(layer[None]))) ** 2
    if fidelity < reached:
        layer, fidelity = np.broadcast_to(np.eye(4, dtype=gates.dtype), layer.shape), reached
    return np.concatenate([layer[None], gates]), fidelity


def gate_for_pair(column: np.ndarray) -> np.ndarray:
    """A gate that makes a state of shape (4,) of |00>, by its Schmidt decomposition: one CX, or none for a product."""
    left, (c, s), right = np.linalg.svd(column.reshape(2, 2))
    local = np.kron(left, right.T)
    if s < _PRODUCT:
        return local
    controlled_not = np.eye(4)[[0, 1, 3, 2]]
    return local @ controlled_not @ np.kron([[c, -s], [s, c]], np.eye(2))


def _complete(tensor: np.ndarray) -> np.ndarray:
    """A gate whose columns 0 and 2 are an isometry of shape (left, 2, right), acting on as few qubits as it can."""
    left, _, right = tensor.shape
    fixed = np.zeros((2, 2, left), dtype=tensor.dtype)
    fixed[:, :right] = tensor.transpose(1, 2, 0)
    fixed = fixed.reshape(4, left)
    if left == 1:
        return gate_for_pair(fixed[:, 0])
    if right == 1:
        return np.kron(tensor[:, :, 0].T, np.eye(2))
    outside = np.linalg.svd(fixed)[0][:, 2:]
    gate = np.empty((4, 4), dtype=tensor.dtype)
    gate[:, ::2] = fixed
    gate[:, 1::2] = outside @ nearest_rotation(outside.conj().T[:, 1::2])
    if np.isrealobj(gate) and np.linalg.det(gate) < 0.0:
        gate[:, 3] *= -1.0
    return gate


def _in_order(gates: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Site and gate, in the order they act."""
    return ((site, gate) for layer in gates for site, gate in enumerate(layer))


def _pairs(state: np.ndarray, site: int) -> np.ndarray:
    """A view of a state whose axis 1 is sites `site` and `site` + 1."""
    return state.reshape(1 << site, 4, -1)


def _adjoint(gate: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(gate.conj().T)
