"""Instantaneous quantum polynomial circuits, trained without simulating their state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from qfin.errors import ConfigError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_MOST_TABLE_QUBITS = 24
_LEAST_CORRELATION = 0.1  # of bits that are worth a pair
_WORK_OF_A_THREAD = 200_000  # pairs of qubits in words, times bitstrings, that a second thread is worth


@dataclass(frozen=True, eq=False)
class IQP:
    """The circuit H on every qubit, exp(-i theta_j Z_{g_j}) for every generator g_j, H on every qubit.

    Expectations of Pauli-Z words are averages over uniform bitstrings z,

        <Z_a> = E_z[cos(2 sum over j with |a and g_j| odd of theta_j (-1)^{g_j . z})],

    so that loss and gradient need no state (Van den Nest, arXiv 0911.1624; Recio-Armengol, Ahmed, Bowles,
    arXiv 2503.02934, eq. 6). Drawing from the circuit does.

    Parameters
    ----------
    n_qubits : qubits
    generators : shape (gates, n_qubits) of 0 and 1, column u is qubit u; a row a gate, none empty
    """

    n_qubits: int
    generators: np.ndarray

    def __post_init__(self) -> None:
        generators = np.asarray(self.generators)
        if self.n_qubits < 1 or generators.ndim != 2 or generators.shape[1:] != (self.n_qubits,):
            raise ConfigError(f"generators have shape {generators.shape}; wanted (gates, {self.n_qubits})")
        if len(generators) == 0 or not np.isin(generators, (0, 1)).all() or not generators.any(axis=1).all():
            raise ConfigError("generators are rows of 0 and 1, at least one row, each with a 1 in it")
        generators = generators.astype(np.uint8)
        generators.flags.writeable = False
        object.__setattr__(self, "generators", generators)

    @classmethod
    def local(cls, n_qubits: int, reach: int | None = None) -> IQP:
        """All one-qubit gates, and the two-qubit gates of qubits at most `reach` apart; None: of all pairs."""
        reach = n_qubits if reach is None else reach
        pairs = [(u, v) for u, v in combinations(range(n_qubits), 2) if v - u <= reach]
        generators = np.zeros((n_qubits + len(pairs), n_qubits), dtype=np.uint8)
        generators[np.arange(n_qubits), np.arange(n_qubits)] = 1
        if pairs:
            rows = n_qubits + np.arange(len(pairs))
            generators[rows[:, None], np.array(pairs)] = 1
        return cls(n_qubits, generators)

    @property
    def n_gates(self) -> int:
        """Gates, and angles."""
        return len(self.generators)

    def expectations(
        self,
        theta: np.ndarray,
        words: np.ndarray,
        *,
        bits: np.ndarray | None = None,
        n_samples: int = 1000,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """Estimated <Z_a>, shape (words,).

        Parameters
        ----------
        theta : shape (gates,), radians
        words : shape (words, n_qubits) of 0 and 1, the a
        bits : shape (samples, n_qubits), the z; None: `n_samples` drawn with `rng`. All 2**n_qubits of them give the
            exact expectations
        """
        if bits is None:
            bits = draw_bits(n_samples, self.n_qubits, rng or np.random.default_rng())
        words = np.ascontiguousarray(words, dtype=np.uint8)
        wanted = np.zeros(len(words), np.float32)
        return self._means(np.asarray(theta), words, wanted, bits, slope=False)[0][:, 0]

    def mmd_and_gradient(
        self,
        theta: np.ndarray,
        target: Target,
        sigmas: Sequence[float],
        n_words: int,
        n_samples: int,
        rng: np.random.Generator,
    ) -> tuple[float, np.ndarray]:
        """Unbiased estimate of MMD^2 between circuit and data, and of its gradient, shape (gates,).

        MMD^2 = E_a (<Z_a>_circuit - <Z_a>_data)^2, the mean over the bandwidths, each bit of a Bernoulli with
        probability (1 - exp(-1/(2 sigma^2)))/2 (arXiv 2503.02934, eqs. 9 to 13). The data are the whole target, not a
        sample of it. It can be negative near the target.

        Parameters
        ----------
        theta : shape (gates,), radians
        target : the data, of at most n_qubits bits; qubits from there on are hidden
        sigmas : bandwidths, in units of the square root of a bit
        n_words, n_samples : words a and bitstrings z drawn, at least 2 of the latter
        """
        words = draw_words(target.n_bits, sigmas, n_words, rng, self.n_qubits)
        bits = draw_bits(n_samples, self.n_qubits, rng)
        return self.loss_and_gradient(theta, words, target.means(words), bits)

    def loss_and_gradient(
        self, theta: np.ndarray, words: np.ndarray, wanted: np.ndarray, bits: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """The estimate for given words, data expectations (words,) and bitstrings, shape (samples, n_qubits).

        With cos_az of a word and a sample, E_a their mean over n samples: the loss is the mean over a of
        (n E_a^2 - mean_z cos_az^2)/(n - 1) - 2 E_a d_a + d_a^2.
        """
        n = len(bits)
        if n < 2:
            raise ConfigError(f"n_samples = {n}; an unbiased estimate wants at least 2")
        wanted = np.asarray(wanted, dtype=float)
        words = np.ascontiguousarray(words, dtype=np.uint8)
        means, gradient = self._means(np.asarray(theta), words, wanted, bits, slope=True)
        mean, square = means.T
        loss = np.mean((n * mean**2 - square) / (n - 1) + wanted * (wanted - 2.0 * mean))
        return float(loss), gradient

    def probabilities(self, theta: np.ndarray) -> np.ndarray:
        """Probability of every outcome, shape (2**n_qubits,); bit u of the index is qubit u. At most 24 qubits."""
        from qfin.quantum._kernels import walsh_hadamard

        n = self.n_qubits
        if n > _MOST_TABLE_QUBITS:
            raise ConfigError(
                f"a table of 2**{n} probabilities is too large; {_MOST_TABLE_QUBITS} qubits at most"
            )
        angles = np.zeros(1 << n)
        np.add.at(angles, self.generators.astype(np.int64) @ (1 << np.arange(n)), theta)
        walsh_hadamard(angles)
        probabilities = np.zeros(1 << n)
        for part in (np.cos, np.sin):
            amplitudes = part(angles)
            walsh_hadamard(amplitudes)
            probabilities += (amplitudes / (1 << n)) ** 2
        return probabilities

    def circuit(self) -> QuantumCircuit:
        """The Qiskit circuit, parameter j the angle theta_j."""
        from qiskit import QuantumCircuit
        from qiskit.circuit import ParameterVector

        circuit, theta = QuantumCircuit(self.n_qubits), ParameterVector("theta", self.n_gates)
        circuit.h(range(self.n_qubits))
        for angle, generator in zip(theta, self.generators, strict=True):
            qubits = [int(u) for u in np.flatnonzero(generator)]
            if len(qubits) == 2:
                circuit.rzz(2 * angle, *qubits)
                continue
            for u in qubits[:-1]:
                circuit.cx(u, qubits[-1])
            circuit.rz(2 * angle, qubits[-1])
            for u in reversed(qubits[:-1]):
                circuit.cx(u, qubits[-1])
        circuit.h(range(self.n_qubits))
        return circuit

    def start(self, data: np.ndarray, rng: np.random.Generator, spread: float = 0.01) -> np.ndarray:
        """Angles to begin with, shape (gates,): the frequencies of the data's bits, and the most correlated pairs.

        A gate turns its qubits' bits together with probability sin^2 theta. Bits are matched in pairs, the most
        correlated first, where there is a gate for the pair: the first of a pair is turned by that gate as often as it
        is 1, and the second by its own gate, with angle arccos(correlation) / 2, which alone would give both bits'
        correlation. A bit without a partner is turned by its own gate as often as it is 1. All other angles are noise
        of standard deviation `spread`: far from the barren plateau of random angles (arXiv 2503.02934, section 5).
        """
        signs = _signs(data).astype(float)
        visible = signs.shape[1]
        frequency = (1.0 - signs.mean(axis=0)) / 2.0
        theta = spread * rng.standard_normal(self.n_gates)
        gate_of = {tuple(np.flatnonzero(g).tolist()): row for row, g in enumerate(self.generators)}
        deviation = np.maximum(signs.std(axis=0), 1e-12)
        centred = (signs - signs.mean(axis=0)) / deviation
        correlation = centred.T @ centred / len(signs)
        free = set(range(visible))
        first, second = np.triu_indices(visible, 1)
        order = np.argsort(-np.abs(correlation[first, second]), kind="stable")
        for u, v in zip(first[order].tolist(), second[order].tolist(), strict=True):
            if abs(correlation[u, v]) < _LEAST_CORRELATION:
                break
            if u in free and v in free and (u, v) in gate_of and (v,) in gate_of:
                free -= {u, v}
                theta[gate_of[u, v]] += np.arcsin(np.sqrt(frequency[u]))
                theta[gate_of[v,]] += 0.5 * np.arccos(np.clip(correlation[u, v], -1.0, 1.0))
        for u in free:
            if (u,) in gate_of:
                theta[gate_of[u,]] += np.arcsin(np.sqrt(frequency[u]))
        return theta

    def _means(
        self, theta: np.ndarray, words: np.ndarray, wanted: np.ndarray, bits: np.ndarray, *, slope: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Means of cos and cos^2 of each word's phase, shape (words, 2); the gradient, if `slope`, else nothing."""
        if self._pairs is None:
            return self._means_of_any(theta, words, wanted, bits, slope=slope)
        from qfin.quantum import _iqp_kernels as kernels
        from qfin.quantum._threads import run, thread_count

        first, second, linked = self._pairs
        n, samples = self.n_qubits, len(bits)
        signs = np.zeros((n + 1, -(-samples // kernels.BLOCK) * kernels.BLOCK), np.float32)
        signs[:n, :samples] = _signs(bits.T)
        signs[n, :samples] = 1.0
        coupling = np.zeros((n + 1, n + 1), np.float32)
        kernels.scatter(coupling, first, second, theta)
        coupling += coupling.T
        fields = coupling @ signs
        qubits, start, *places = kernels.members(words)
        weights, means = np.empty((len(words), signs.shape[1]), np.float32), np.empty((len(words), 2))
        work = len(qubits) ** 2 // len(words) * signs.shape[1]
        threads = thread_count() if work > _WORK_OF_A_THREAD else 1
        if not slope:
            of_words = (coupling, fields, signs, wanted, weights, means)
            run(kernels.expect, threads, samples, qubits, start, *of_words)
            return means, np.empty(0)
        slopes, pairs = np.zeros_like(signs), np.zeros_like(coupling)
        of_gates = (coupling, linked, fields, signs, wanted, weights, means, slopes, pairs)
        run(kernels.expect_and_slope, threads, samples, qubits, start, *places, *of_gates)
        pairs *= -2.0
        pairs += slopes @ signs.T
        gradient = np.empty(self.n_gates)
        kernels.gather(gradient, first, second, pairs, -4.0 / (len(words) * samples))
        return means, gradient

    def _means_of_any(
        self, theta: np.ndarray, words: np.ndarray, wanted: np.ndarray, bits: np.ndarray, *, slope: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `_means`, for generators of any size."""
        generators, n = self.generators.T.astype(np.float32), len(bits)
        turned = np.fmod(words.astype(np.float32) @ generators, 2.0)
        signs = 1.0 - 2.0 * np.fmod(bits.astype(np.float32) @ generators, 2.0)
        phases = (turned * (2.0 * theta).astype(np.float32)) @ signs.T
        cosines = np.cos(phases)
        means = np.stack([cosines.mean(axis=1), (cosines**2).mean(axis=1)], axis=1, dtype=float)
        if not slope:
            return means, np.empty(0)
        weights = (means[:, :1] * n - cosines) / (n - 1) - wanted[:, None]
        weights *= np.sin(phases)
        return means, np.einsum("aj,aj->j", weights @ signs, turned) * (-4.0 / (len(words) * n))

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """The two qubits of every gate, a one-qubit gate's second one n_qubits, and which pairs have gates, shape
        (n_qubits + 1, n_qubits + 1) of 0 and 1; None if some gate is larger.
        """
        weight, n = self.generators.sum(axis=1, dtype=np.int64), self.n_qubits
        if weight.max() > 2:
            return None
        last = n - 1 - self.generators[:, ::-1].argmax(axis=1)
        first, second = self.generators.argmax(axis=1), np.where(weight == 2, last, n)
        linked = np.zeros((n + 1, n + 1), np.uint8)
        linked[first, second] = 1
        return first, second, linked


@dataclass(frozen=True, eq=False)
class Target:
    """Bitstrings whose distribution a circuit is to have.

    Parameters
    ----------
    bits : shape (n, n_bits) of 0 and 1
    """

    bits: np.ndarray

    @property
    def n_bits(self) -> int:
        """Bits of each."""
        return self.bits.shape[1]

    def means(self, words: np.ndarray) -> np.ndarray:
        """Mean of (-1)^{a . x} over the bitstrings x, shape (words,); words may have further bits, which count as 0."""
        from qfin.quantum._iqp_kernels import odd_counts

        words = np.ascontiguousarray(words[:, : self.n_bits], dtype=np.uint8)
        return 1.0 - 2.0 / len(self.bits) * odd_counts(words, self._columns)

    @cached_property
    def _columns(self) -> np.ndarray:
        """A row for each bit, its values packed, shape (n_bits, ceil(n / 64)) uint64."""
        columns = np.zeros((self.n_bits, -(-len(self.bits) // 64)), dtype=np.uint64)
        packed = np.packbits(np.asarray(self.bits, dtype=np.uint8).T, axis=1)
        columns.view(np.uint8)[:, : packed.shape[1]] = packed
        return columns


def draw_words(
    n_bits: int, sigmas: Sequence[float], n: int, rng: np.random.Generator, width: int | None = None
) -> np.ndarray:
    """n words of the Gaussian kernels' spectral measure, as many of each bandwidth; shape (n, n_bits) uint8, filled up
    with zeros to `width`.
    """
    shares = (1.0 - np.exp(-0.5 / np.asarray(sigmas, dtype=float) ** 2)) / 2.0
    of_word = shares[(np.arange(n) + rng.integers(len(shares))) % len(shares)].astype(np.float32)
    words = np.zeros((n, width or n_bits), dtype=np.uint8)
    np.less(rng.random((n, n_bits), dtype=np.float32), of_word[:, None], out=words.view(bool)[:, :n_bits])
    return words


def draw_bits(n: int, n_qubits: int, rng: np.random.Generator) -> np.ndarray:
    """n uniform bitstrings, shape (n, n_qubits) uint8."""
    random = np.frombuffer(rng.bytes(n_qubits * -(-n // 8)), dtype=np.uint8).reshape(n_qubits, -1)
    return np.unpackbits(random, axis=1, count=n).T


def median_sigmas(data: np.ndarray, rng: np.random.Generator, most: int = 500) -> tuple[float, ...]:
    """Bandwidths .5 and 1 times the square root of half the median Hamming distance between rows, which counts as 2 at
    least.
    """
    rows = np.asarray(data)[rng.permutation(len(data))[:most]].astype(np.float32)
    ones = rows.sum(axis=1)
    distance = (ones[:, None] + ones - 2.0 * rows @ rows.T)[np.triu_indices(len(rows), 1)]
    middle = max(float(np.sqrt(np.median(distance) / 2.0)), 1.0)
    return 0.5 * middle, middle


def _signs(bits: np.ndarray) -> np.ndarray:
    return 1.0 - 2.0 * np.asarray(bits).astype(np.float32)
