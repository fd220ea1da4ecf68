"""How far draws are from the exact circuit: the device certificate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import norm

from qfin.errors import ConfigError
from qfin.quantum._draws import Draws


@dataclass(frozen=True)
class Certificate:
    """Distance between the Z-correlators of a circuit's draws and its exact ones.

    Compared are <Z_a> = E[(-1)^(a.x)] of every qubit and every pair of qubits. The distance is the root mean square of
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
        sampling alone adds (Miller 1955); rough where outcomes outnumber shots
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
    kl_divergence: float
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
    probabilities: np.ndarray,
    bound: float = 0.05,
    confidence: float = 0.95,
    overhead: float = 1.0,
) -> Certificate:
    """Compare one row of draws with the exact outcome probabilities of their circuit.

    With d the differences of m correlators and S the covariance of the words of one shot, d ~ N(delta, S / N) for N
    shots. So |d|^2 - tr(S) / N is an unbiased estimate of |delta|^2, and its variance is
    4 delta' S delta / N + 2 tr(S^2) / N^2 (a quadratic form of a normal vector: Mathai and Provost, Quadratic Forms in
    Random Variables, 1992, th. 3.2b.2); the interval is normal, of |delta|^2 / m, and then the square root.

    Parameters
    ----------
    draws : one row
    probabilities : shape (2**n,)
    bound : distance that still passes
    confidence : of the interval
    overhead : factor by which readout mitigation has raised the variance of a mean; N / overhead shots count

    Raises
    ------
    ConfigError
        if the draws have several rows, other bits than the probabilities, or fewer than two shots.
    """
    n = draws.num_bits
    if draws.rows != 1 or probabilities.shape != (1 << n,) or draws.shots < 2:
        raise ConfigError(
            f"a certificate is of one row of at least two draws, and of 2**{n} probabilities; there are {draws.rows} "
            f"rows of {draws.shots} draws and {len(probabilities)} probabilities"
        )
    words = [*((q,) for q in range(n)), *combinations(range(n), 2)]
    outcomes, count = np.unique(draws.outcomes()[0], return_counts=True)
    signs = _signs(outcomes, words)
    weights = count / draws.shots
    seen = weights @ signs
    difference = seen - _exact(probabilities, words)
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
        kl_divergence=_divergence(weights, probabilities[outcomes], draws.shots),
        bound=bound,
    )


def _divergence(seen: np.ndarray, exact: np.ndarray, shots: int) -> float:
    """KL divergence of the shares of the seen outcomes from their exact probabilities, taken as 1e-12 at least."""
    plain = float(seen @ np.log(seen / np.maximum(exact, 1e-12)))
    return plain - (len(seen) - 1) / (2.0 * shots)


def _root(square: float) -> float:
    return float(np.sqrt(max(0.0, square)))


def _signs(outcomes: np.ndarray, words: list[tuple[int, ...]]) -> np.ndarray:
    """(-1)^(a.x) of each outcome and word, shape (outcomes, words)."""
    spins = 1.0 - 2.0 * ((outcomes[:, None] >> np.arange(max(max(word) for word in words) + 1)) & 1)
    return np.column_stack([spins[:, list(word)].prod(axis=1) for word in words])


def _exact(probabilities: np.ndarray, words: list[tuple[int, ...]]) -> np.ndarray:
    """<Z_a> of each word, all at once by a Walsh-Hadamard transform."""
    from qfin.quantum._kernels import walsh_hadamard

    transform = np.array(probabilities, dtype=float)
    walsh_hadamard(transform)
    return transform[[sum(1 << q for q in word) for word in words]]
