"""Matrix product states of vectors: qubits on a line, tied to their neighbours by bonds of limited dimension."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    def bonds(self) -> tuple[int, ...]:
        """Dimension of each bond between neighbours, n - 1 of them."""
        return tuple(tensor.shape[2] for tensor in self.tensors[:-1])

    def to_vector(self) -> np.ndarray:
        """All amplitudes, shape (2**n,); site 0 is the most significant bit of the index."""
        vector = np.ones((1, 1))
        for tensor in self.tensors:
            vector = np.tensordot(vector, tensor, axes=1).reshape(-1, tensor.shape[2])
        return vector[:, 0]
