"""Matrix product states of vectors: qubits on a line, tied to their neighbours by bonds of limited dimension."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from qfin.errors import DataError

_ROUNDING = 1e-12  # of the largest singular value


@dataclass(frozen=True, eq=False)
class MatrixProductState:
    """A state of qubits on a line, right-canonical.

    Attributes
    ----------
    tensors : for each site an array of shape (bond to the left, 2, bond to the right), real or complex; as a map from
        the left bond to site and right bond each is an isometry, B B* = 1 (Schollwöck, arXiv 1008.3477, eq. 47)
    """

    tensors: tuple[np.ndarray, ...]

    @classmethod
    def from_vector(cls, vector: np.ndarray, max_bond: int | None = None) -> MatrixProductState:
        """Split a vector site by site, from the last to the first, keeping the largest `max_bond` singular values.

        The squared distance of the truncated vector is at most the sum of the squares of what all cuts discard
        (Oseledets, SIAM J. Sci. Comput. 33, 2295, 2011, th. 2.2); the state has norm 1 whatever was discarded.

        Parameters
        ----------
        vector : shape (2**n,), of norm 1; site 0 is the most significant bit of the index
        max_bond : None keeps all but rounding errors
        """
        tensors: list[np.ndarray] = []
        rest = np.asarray(vector)[:, None]
        while len(rest) > 2:
            right = rest.shape[1]
            u, s, vh = np.linalg.svd(rest.reshape(-1, 2 * right), full_matrices=False)
            kept = min(max_bond or len(s), int((s > s[0] * _ROUNDING).sum()))
            tensors.append(vh[:kept].reshape(kept, 2, right))
            rest = u[:, :kept] * s[:kept]
        first = rest / np.linalg.norm(rest)
        return cls((first.reshape(1, 2, -1), *reversed(tensors)))

    @property
    def n_sites(self) -> int:
        """Sites, so qubits."""
        return len(self.tensors)

    @property
    def bonds(self) -> tuple[int, ...]:
        """Dimension of each bond between neighbours, n - 1 of them."""
        return tuple(tensor.shape[2] for tensor in self.tensors[:-1])

    def to_vector(self) -> np.ndarray:
        """All amplitudes, shape (2**n,); site 0 is the most significant bit of the index."""
        vector = np.ones((1, 1))
        for tensor in self.tensors:
            vector = np.tensordot(vector, tensor, axes=1).reshape(-1, tensor.shape[2])
        return vector[:, 0]

    def log_probabilities(self, bits: np.ndarray) -> np.ndarray:
        """ln |<x|psi>|^2 of each row, shape (n, sites) of 0 and 1 to (n,); -inf where it is 0."""
        bits = np.asarray(bits).astype(np.int64)
        vector, log_scale = np.ones((len(bits), 1)), np.zeros(len(bits))
        for site, tensor in enumerate(self.tensors):
            passed = np.empty((len(bits), tensor.shape[2]), dtype=tensor.dtype)
            for value in (0, 1):
                rows = bits[:, site] == value
                passed[rows] = vector[rows] @ tensor[:, value]
            size = np.linalg.norm(passed, axis=1)
            with np.errstate(divide="ignore"):
                log_scale += np.log(size)
            vector = passed / np.where(size > 0.0, size, 1.0)[:, None]
        return 2.0 * log_scale

    def sample(self, n: int, rng: np.random.Generator, held: Mapping[int, int] | None = None) -> np.ndarray:
        """n bitstrings with their exact probabilities, conditional on the sites in `held`: shape (n, sites) uint8.

        Site by site, each conditional on those before it and on what is held (Ferris and Vidal, arXiv 1201.3974).

        Raises
        ------
        DataError
            if what is held has probability zero.
        """
        held = held or {}
        rights = self._environments(held)
        if not rights[0][0, 0].real > 0.0:
            raise DataError("the condition has probability zero under the model; move it")
        bits = np.empty((n, self.n_sites), dtype=np.uint8)
        vector = np.ones((n, 1))
        for site, tensor in enumerate(self.tensors):
            both = [vector @ tensor[:, value] for value in (0, 1)]
            if site in held:
                bits[:, site] = held[site]
            else:
                zero, one = (np.einsum("nr,nr->n", v @ rights[site + 1], v.conj()).real for v in both)
                bits[:, site] = rng.random(n) * (zero + one) >= zero
            vector = np.where(bits[:, site, None] == 1, both[1], both[0])
            vector /= np.linalg.norm(vector, axis=1, keepdims=True)
        return bits

    def log_mass(self, held: Mapping[int, int]) -> float:
        """ln of the probability that the sites in `held` have these values; -inf if it is 0."""
        with np.errstate(divide="ignore"):
            return float(np.log(self._environments(held)[0][0, 0].real))

    def correlator(self, sites: Collection[int]) -> float:
        """E of the product of (-1)^bit over the sites."""
        left = np.ones((1, 1))
        for site, tensor in enumerate(self.tensors):
            signed = tensor * np.array([1.0, -1.0])[:, None] if site in sites else tensor
            left = np.einsum("ab,asc,bsd->cd", left, signed, tensor.conj(), optimize=True)
        return float(left[0, 0].real)

    def block_margins(self, size: int) -> np.ndarray:
        """Probabilities of every `size` sites in a row, shape (sites / size, 2**size), the first most significant."""
        left, margins = np.ones((1, 1)), []
        for first in range(0, self.n_sites, size):
            block = np.eye(len(left))[:, None, :]
            for tensor in self.tensors[first : first + size]:
                block = np.einsum("axc,csd->axsd", block, tensor).reshape(len(left), -1, tensor.shape[2])
            passed = np.einsum("ab,bxd->axd", left, block.conj())
            margins.append(np.einsum("axd,axd->x", block, passed).real)
            left = np.einsum("axc,axd->cd", block, passed)
        return np.array(margins)

    def _environments(self, held: Mapping[int, int]) -> list[np.ndarray]:
        """For each cut, what lies right of it traced out, shape (bond, bond); sites in `held` projected."""
        right = np.ones((1, 1))
        found = [right]
        for site in range(self.n_sites - 1, -1, -1):
            tensor = self.tensors[site]
            if site in held:
                tensor = tensor[:, held[site] : held[site] + 1]
            right = np.einsum("asc,cd,bsd->ab", tensor, right, tensor.conj(), optimize=True)
            found.append(right)
        return found[::-1]
