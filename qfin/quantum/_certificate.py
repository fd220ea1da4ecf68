"""How far draws are from the exact circuit: the device certificate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from scipy.stats import norm

from qfin.errors import ConfigError
from qfin.quantum._draws import Draws

Words = Sequence[tuple[int, ...]]
Correlators = Callable[[Words], np.ndarray]
"""Exact <Z_a> of words, each given by its qubits: shape (words,)."""


@dataclass(frozen=True)
class Certificate:
    """Distance between the Z-correlators of a circuit's draws and its exact ones.

    Compared are <Z_a> = E[(-1)^(a.x)] of every qubit and every pair of qubits; of circuits too wide for a table of
    outcomes, every pair of neighbours. The distance is the root mean square of
    their differences, with the part that a finite number of shots explains taken out: 0 for a perfect device, whatever
    its shots.

    Attributes
    ----------
    words : number of correlators compared
    shots : draws they were estimated from
    distance, lower, upper : the distance and its two-sided confidence interval, from shot noise alone
    confidence : of the interval
    shot_noise : root mean square difference that an exact device would show with these shots
    largest : the largest difference, device less exact
    largest_word : the qubits it is of
    kl_divergence : of the draws from the exact probabilities, in nats, less the (seen outcomes - 1) / (2 shots) that
        sampling alone adds (Miller 1955); rough where outcomes outnumber shots; None without a table of outcomes
    bound : what `upper` may be at most
    """

    words: int
    shots: int
    distance: float
    lower: float
    upper: float
    confidence: float
    shot_noise: float
    largest: float
    largest_word: tuple[int, ...]
    kl_divergence: float | None
    bound: float

    @property
    def passes(self) -> bool:
        """The whole interval is within the bound."""
        return self.upper <= self.bound

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, `passes` among them."""
        return {**asdict(self), "largest_word": list(self.largest_word), "passes": self.passes}


def certify(
    draws: Draws,
    exact: np.ndarray | Correlators,
    bound: float = 0.05,
    confidence: float = 0.95,
    overhead: float = 1.0,
) -> Certificate:
    """Compare one row of draws with what their circuit says exactly.

    With d the differences of m correlators and S the covariance of the words of one shot, d ~ N(delta, S / N) for N
    shots. So |d|^2 - tr(S) / N is an unbiased estimate of |delta|^2, and its variance is
    4 delta' S delta / N + 2 tr(S^2) / N^2 (a quadratic form of a normal vector: Mathai and Provost, Quadratic Forms in
    Random Variables, 1992, th. 3.2b.2); the interval is normal, of |delta|^2 / m, and then the square root.

    Parameters
    ----------
    draws : one row
    exact : outcome probabilities, shape (2**n,), or of a wide circuit a function that gives its correlators
    bound : distance that still passes
    confidence : of the interval
    overhead : factor by which readout mitigation has raised the variance of a mean; N / overhead shots count

    Raises
    ------
    ConfigError
        if the draws have several rows, other bits than the probabilities, or fewer than two shots.
    """
    n = draws.num_bits
    table = None if callable(exact) else exact
    if draws.rows != 1 or draws.shots < 2 or (table is not None and table.shape != (1 << n,)):
        raise ConfigError(
            f"a certificate is of one row of at least two draws, and of 2**{n} probabilities; there are {draws.rows} "
            f"rows of {draws.shots} draws" + ("" if table is None else f" and {len(table)} probabilities")
        )
    pairs = pairwise(range(n)) if table is None else combinations(range(n), 2)
    words = [*((q,) for q in range(n)), *pairs]
    packed, count = np.unique(draws.packed[0], axis=0, return_counts=True)
    bits = np.unpackbits(packed, axis=1, count=n, bitorder="little")
    signs = _signs(bits, words)
    weights = count / draws.shots
    seen = weights @ signs
    difference = seen - (_transformed(table, words) if table is not None else exact(words))  # type: ignore[operator]
    covariance = (signs * weights[:, None]).T @ signs - np.outer(seen, seen)
    covariance *= draws.shots / (draws.shots - 1)
    effective, m = draws.shots / overhead, len(words)
    noise = np.trace(covariance) / effective
    square = (difference @ difference - noise) / m
    variance = (
        4.0 * max(0.0, difference @ covariance @ difference) / effective
        + 2.0 * (covariance * covariance).sum() / effective**2
    )
    reach = float(norm.ppf(0.5 + confidence / 2.0) * np.sqrt(variance) / m)
    worst = int(np.argmax(np.abs(difference)))
    return Certificate(
        words=m,
        shots=draws.shots,
        distance=_root(square),
        lower=_root(square - reach),
        upper=_root(square + reach),
        confidence=confidence,
        shot_noise=_root(noise / m),
        largest=float(difference[worst]),
        largest_word=words[worst],
        kl_divergence=None if table is None else _divergence(weights, table[_integers(bits)], draws.shots),
        bound=bound,
    )


def _divergence(seen: np.ndarray, exact: np.ndarray, shots: int) -> float:
    """KL divergence of the shares of the seen outcomes from their exact probabilities, taken as 1e-12 at least."""
    plain = float(seen @ np.log(seen / np.maximum(exact, 1e-12)))
    return plain - (len(seen) - 1) / (2.0 * shots)


def _root(square: float) -> float:
    return float(np.sqrt(max(0.0, square)))


def _integers(bits: np.ndarray) -> np.ndarray:
    """Outcomes as integers, bit j of one being column j."""
    return bits.astype(np.int64) @ (1 << np.arange(bits.shape[1], dtype=np.int64))


def _signs(bits: np.ndarray, words: Words) -> np.ndarray:
    """(-1)^(a.x) of each outcome and word, shape (outcomes, words)."""
    spins = 1.0 - 2.0 * bits
    return np.column_stack([spins[:, list(word)].prod(axis=1) for word in words])


def _transformed(probabilities: np.ndarray, words: Words) -> np.ndarray:
    """<Z_a> of each word, all at once by a Walsh-Hadamard transform."""
    from qfin.quantum._kernels import walsh_hadamard

    transform = np.array(probabilities, dtype=float)
    walsh_hadamard(transform)
    return transform[[sum(1 << q for q in word) for word in words]]
