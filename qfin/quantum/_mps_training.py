"""Training a matrix product state on bitstrings: exact likelihood, two sites at a time, bonds as wide as they pay."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qfin.quantum._mps import MatrixProductState

_FIRST_STEP, _SHRINK, _GROW, _LEAST_STEP = 0.5, 0.4, 2.0, 1e-4
_CUTOFF = 1e-10  # squared singular values below this share of their sum are dropped


class MPSTraining:
    """Two-site sweeps that lower the mean negative log-likelihood of weighted bitstrings.

    P(x) = psi(x)^2 with psi a real state of norm 1. Two neighbouring tensors are merged, A moves along the exact
    gradient sum_i w_i L_i R_i' / psi(x_i) - A on the unit sphere with a line search, and a singular value decomposition
    parts it again, keeping at most `max_bond` values (Han, Wang, Fan, Wang and Zhang, PRX 8, 031012, 2018, eqs. 5 to
    9). All other tensors are isometries meanwhile, so that the norm is that of A.

    Parameters
    ----------
    bits : shape (n, sites) of 0 and 1, column s is site s, at least two sites
    weights : shape (n,), positive; they are made to sum to 1
    inner : gradient steps for each pair of sites
    state : to begin with; None: a product state with the bits' frequencies
    """

    def __init__(
        self, bits: np.ndarray, weights: np.ndarray, inner: int = 3, state: MatrixProductState | None = None
    ) -> None:
        self._bits = np.ascontiguousarray(bits.T.astype(bool))
        self._weights = weights / weights.sum()
        self._inner = inner
        self._tensors = list((product_mps(bits, weights) if state is None else state).tensors)
        self._step = _FIRST_STEP
        self._left: list[np.ndarray] = [np.ones((len(bits), 1))]
        self._right: list[np.ndarray] = [np.ones((len(bits), 1))]
        for site in range(len(self._tensors) - 1, 1, -1):
            self._right.append(_passed_left(self._tensors[site], self._bits[site], self._right[-1]))

    def sweep(self, max_bond: int) -> tuple[MatrixProductState, float]:
        """Once to the last site and back; the state, and the mean negative log-likelihood on the way."""
        sites = len(self._tensors)
        loss = 0.0
        for site in range(sites - 1):
            loss = self._improve(site, max_bond, to_the_right=True)
            if site < sites - 2:
                left = _passed_right(self._tensors[site], self._bits[site], self._left[-1])
                self._left.append(left)
                self._right.pop()
        for site in range(sites - 2, -1, -1):
            loss = self._improve(site, max_bond, to_the_right=False)
            if site > 0:
                right = _passed_left(self._tensors[site + 1], self._bits[site + 1], self._right[-1])
                self._right.append(right)
                self._left.pop()
        return MatrixProductState(tuple(self._tensors)), loss

    def _improve(self, site: int, max_bond: int, to_the_right: bool) -> float:
        """Move the two tensors at `site` and the next, and part them; the loss before they are parted."""
        left, right = self._left[-1], self._right[-1]
        merged = np.tensordot(self._tensors[site], self._tensors[site + 1], axes=1)
        merged /= np.linalg.norm(merged)
        which = self._bits[site] * 2 + self._bits[site + 1]
        rows = [np.flatnonzero(which == value) for value in range(4)]
        lefts, rights = [left[r] for r in rows], [right[r] for r in rows]
        weights = [self._weights[r] for r in rows]
        psi = _amplitudes(merged, lefts, rights)
        loss = _loss(psi, weights)
        for _ in range(self._inner):
            gradient = np.empty_like(merged)
            for value, (L, R, w, p) in enumerate(zip(lefts, rights, weights, psi, strict=True)):
                gradient[:, value >> 1, value & 1] = (L * (w / _away_from_zero(p))[:, None]).T @ R
            change = gradient - merged
            change -= merged * np.vdot(merged, change)
            moved = _amplitudes(change, lefts, rights)
            found = self._line_search(psi, moved, float(np.vdot(change, change)), weights, loss)
            if found is None:
                break
            step, loss = found
            merged += step * change
            norm = np.linalg.norm(merged)
            merged /= norm
            psi = [(p + step * m) / norm for p, m in zip(psi, moved, strict=True)]
        self._tensors[site : site + 2] = _parted(merged, max_bond, to_the_right)
        return loss

    def _line_search(
        self,
        psi: list[np.ndarray],
        moved: list[np.ndarray],
        squared: float,
        weights: list[np.ndarray],
        loss: float,
    ) -> tuple[float, float] | None:
        """A step that lowers the loss, and that loss; None if none does."""
        step = min(self._step * _GROW, 1.0)
        while step > _LEAST_STEP:
            there = [p + step * m for p, m in zip(psi, moved, strict=True)]
            value = _loss(there, weights) + float(np.log1p(step * step * squared))
            if value < loss:
                self._step = step
                return step, value
            step *= _SHRINK
        self._step = _FIRST_STEP
        return None


def sweeps(
    bits: np.ndarray,
    weights: np.ndarray,
    bonds: list[int],
    inner: int = 3,
    state: MatrixProductState | None = None,
) -> Iterator[tuple[MatrixProductState, float]]:
    """State and loss after each sweep, whose largest bonds are `bonds`."""
    training = MPSTraining(bits, weights, inner, state)
    for bond in bonds:
        yield training.sweep(bond)


def product_mps(bits: np.ndarray, weights: np.ndarray) -> MatrixProductState:
    """The product state whose bits are 1 as often as those given, half a row of each value added."""
    share = (weights @ bits + 0.5 * weights.mean()) / (weights.sum() + weights.mean())
    return MatrixProductState(tuple(np.sqrt([1.0 - p, p]).reshape(1, 2, 1) for p in share))


def _passed_right(tensor: np.ndarray, bit: np.ndarray, left: np.ndarray) -> np.ndarray:
    passed = np.empty((len(bit), tensor.shape[2]))
    for value in (False, True):
        passed[bit == value] = left[bit == value] @ tensor[:, int(value)]
    return passed


def _passed_left(tensor: np.ndarray, bit: np.ndarray, right: np.ndarray) -> np.ndarray:
    passed = np.empty((len(bit), tensor.shape[0]))
    for value in (False, True):
        passed[bit == value] = right[bit == value] @ tensor[:, int(value)].T
    return passed


def _amplitudes(merged: np.ndarray, lefts: list[np.ndarray], rights: list[np.ndarray]) -> list[np.ndarray]:
    return [
        np.einsum("nr,nr->n", L @ merged[:, value >> 1, value & 1], R)
        for value, (L, R) in enumerate(zip(lefts, rights, strict=True))
    ]


def _loss(psi: list[np.ndarray], weights: list[np.ndarray]) -> float:
    total = sum(float(w @ np.log(np.abs(_away_from_zero(p)))) for p, w in zip(psi, weights, strict=True))
    return -2.0 * total


def _away_from_zero(psi: np.ndarray) -> np.ndarray:
    return np.where(np.abs(psi) < 1e-280, 1e-280, psi)


def _parted(merged: np.ndarray, max_bond: int, to_the_right: bool) -> tuple[np.ndarray, np.ndarray]:
    """Two tensors of a merged one, the one left behind an isometry, the other of norm 1."""
    first, _, _, last = merged.shape
    u, s, vh = np.linalg.svd(merged.reshape(2 * first, 2 * last), full_matrices=False)
    lost = np.cumsum((s * s)[::-1])[::-1]  # what is lost if this value and all after it go
    kept = max(1, min(max_bond, int((lost > _CUTOFF).sum())))
    s = s[:kept] / np.linalg.norm(s[:kept])
    left, right = u[:, :kept], vh[:kept]
    if to_the_right:
        right = s[:, None] * right
    else:
        left = left * s
    return left.reshape(first, 2, kept), right.reshape(kept, 2, last)
