"""The Born machine on plain bits: bars and stripes, a Gaussian mixture on ten qubits, a mixture on eight.

KL divergence of the exact outcome probabilities from the target after 100 and after 1000 steps, and the wall time of
training, compilation included. Mixtures as in the literature: 1000 draws of N(-2, 1) and 500 of N(3, 1), histogram of
2^n bins from -7 to 7; on eight qubits also the KL divergence of as many draws as data, on 32 bins with 1e-6 in each.

    python benchmarks/plain_bits.py [--seed 7]
"""

from __future__ import annotations

import argparse
import platform
import time
from datetime import date

import numpy as np

from qfin.dependence import BornMachine


def bars_and_stripes(side: int = 3) -> np.ndarray:
    """All images of whole rows or whole columns, shape (images, side**2) of 0 and 1."""
    patterns = ((np.arange(2**side)[:, None] >> np.arange(side)) & 1).astype(np.uint8)
    images = [np.repeat(p[:, None], side, axis=1).ravel() for p in patterns]
    images += [np.repeat(p[None], side, axis=0).ravel() for p in patterns]
    return np.unique(images, axis=0)


def mixture(rng: np.random.Generator) -> np.ndarray:
    """1000 draws of N(-2, 1) and 500 of N(3, 1)."""
    return np.concatenate([rng.normal(-2, 1, 1000), rng.normal(3, 1, 500)])


def as_bits(x: np.ndarray, n: int, code: str = "gray") -> np.ndarray:
    """Bins of [-7, 7] as bits, shape (len(x), n), least significant first."""
    bins = np.clip(((x + 7) / 14 * 2**n).astype(np.int64), 0, 2**n - 1)
    words = bins ^ (bins >> 1) if code == "gray" else bins
    return ((words[:, None] >> np.arange(n)) & 1).astype(np.uint8)


def values_of(bits: np.ndarray) -> np.ndarray:
    """Middles of the bins of Gray-coded bits, shape (n,)."""
    binary = np.cumsum(bits[:, ::-1], axis=1)[:, ::-1] % 2
    bins = binary @ (1 << np.arange(bits.shape[1]))
    return (bins + 0.5) / 2 ** bits.shape[1] * 14 - 7


def divergence(target: np.ndarray, found: np.ndarray) -> float:
    """KL divergence in nats, over the target's outcomes."""
    seen = target > 0
    return float(target[seen] @ np.log(target[seen] / found[seen]))


def main() -> None:
    """Train on each set and print a row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    draws = mixture(np.random.default_rng(options.seed))
    sets = {
        "bars and stripes, 3 x 3": bars_and_stripes(),
        "Gaussian mixture, 10 qubits": as_bits(draws, 10),
        "Gaussian mixture, 8 qubits": as_bits(draws, 8),
    }
    print("| data | qubits | parameters | KL, 100 steps | s | KL, 1000 steps | s |\n|" + "---|" * 7)
    for name, X in sets.items():
        m = X.shape[1]
        target = np.bincount(X.astype(np.int64) @ (1 << np.arange(m)), minlength=2**m) / len(X)
        cells = [name, str(m)]
        for steps in (100, 1000):
            began = time.perf_counter()
            model = BornMachine(steps=steps, random_state=options.seed).fit_bits(X)
            seconds = time.perf_counter() - began
            if steps == 100:
                cells.append(str(len(model.result_.theta)))
            cells += [f"{divergence(target, model.probabilities_):.5f}", f"{seconds:.1f}"]
        print("| " + " | ".join(cells) + " |", flush=True)
    found = values_of(model.sample_bits(100_000, options.seed))
    edges = np.linspace(-7, 7, 33)
    p, q = (np.histogram(x, edges)[0] / len(x) + 1e-6 for x in (draws, found))
    p, q = p / p.sum(), q / q.sum()
    print(f"\n8 qubits, 1000 steps, 100,000 draws on 32 bins: KL(data, model) {divergence(p, q):.5f}")
    print(f"{date.today()}, Python {platform.python_version()}, {platform.machine()}, seed {options.seed}")


if __name__ == "__main__":
    main()
