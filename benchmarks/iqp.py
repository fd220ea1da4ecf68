"""A training step of an IQP circuit, qfin against iqpopt, and the discrepancy after the same number of steps.

Both sides have all one- and two-qubit gates (beyond 500 qubits those of qubits at most 10 apart), the same data, angles
to begin with, bandwidth, words, samples and Adam; they take turns in one run, five steps each, medians. The discrepancy
of both is measured by qfin's unbiased estimator with the same fresh words and samples. JAX's compilation and qfin's
first step are left out of the times.

    python benchmarks/iqp.py [--iqpopt FOLDER --python OTHER_PYTHON] [--qubits 16 256 1000]

FOLDER is a checkout of github.com/XanaduAI/iqpopt, OTHER_PYTHON has its dependencies; without, only qfin is measured.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np

from qfin.quantum import Adam
from qfin.quantum._iqp import IQP, Target, draw_words, median_sigmas

RATE = 0.01
MOST_FOR_ALL, REACH = 500, 10  # beyond, iqpopt's matrix of all pairs' gates takes more than 20 GB
TURN = 5  # steps that each side takes in a row
OTHER = """
import sys, time
import numpy as np, jax, jax.numpy as jnp, optax
import iqpopt
from iqpopt.gen_qml.iqp_methods import loss_estimate_iqp
folder, n_ops, n_samples, sigma = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
X, theta = np.load(folder + "/X.npy").astype(float), np.load(folder + "/theta.npy")
gates = [[np.flatnonzero(g).tolist()] for g in np.load(folder + "/gates.npy")]
circuit = iqpopt.IqpSimulator(X.shape[1], gates)
p, adam = (1 - np.exp(-0.5 / sigma**2)) / 2, optax.adam(RATE)
@jax.jit
def step(theta, state, key):
    a, b = jax.random.split(key)
    words = jax.random.binomial(a, 1, p, shape=(n_ops, X.shape[1])).astype("float64")
    loss = lambda t: loss_estimate_iqp(t, circuit, X, words, words, n_samples, b)
    value, gradient = jax.value_and_grad(loss)(theta)
    change, state = adam.update(gradient, state)
    return optax.apply_updates(theta, change), state
theta = jnp.array(theta); state = adam.init(theta); key = jax.random.PRNGKey(int(sys.argv[5]))
jax.block_until_ready(step(theta, state, key))
print("ready", flush=True)
for line in sys.stdin:
    key, sub = jax.random.split(key)
    start = time.perf_counter()
    theta, state = jax.block_until_ready(step(theta, state, sub))
    seconds = time.perf_counter() - start
    np.save(folder + "/other.npy", np.array(theta))
    print(seconds, flush=True)
""".replace("RATE", str(RATE))


def main() -> None:
    """Run both sides and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iqpopt", type=Path)
    parser.add_argument("--python")
    parser.add_argument("--qubits", type=int, nargs="+", default=[16, 256, 1000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--words", type=int, default=200)
    parser.add_argument("--samples", type=int, default=200)
    options = parser.parse_args()
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores; {options.words} words, ", end="")
    print(f"{options.samples} samples, {options.steps} steps; seconds a step are medians")
    if not options.iqpopt:
        print("iqpopt is not measured: give --iqpopt and --python")
    print(
        "| qubits | gates | qfin s | iqpopt s | ratio | MMD2 start | qfin | iqpopt | (+-) |\n|" + "---|" * 9
    )
    for n in options.qubits:
        for seed in options.seeds:
            print(row(n, seed, options), flush=True)


def row(n: int, seed: int, options: argparse.Namespace) -> str:
    """One line of the table."""
    rng, circuit = np.random.default_rng([n, seed]), IQP.local(n, REACH if n > MOST_FOR_ALL else None)
    X = (np.cumsum(rng.random((1000, n)) < 0.1, axis=1) % 2).astype(np.uint8)  # neighbours mostly equal
    sigma = median_sigmas(X, rng)[0]
    begin = circuit.start(X, rng)
    other = None
    with tempfile.TemporaryDirectory() as folder:
        if options.iqpopt:
            np.save(f"{folder}/X.npy", X)
            np.save(f"{folder}/theta.npy", begin)
            np.save(f"{folder}/gates.npy", circuit.generators)
            words = [str(options.words), str(options.samples), str(sigma), str(seed)]
            other = subprocess.Popen(
                [options.python, "-c", OTHER, folder, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": str(options.iqpopt / "src")},
            )
            if other.stdout.readline().strip() != "ready":
                raise SystemExit("iqpopt did not start; see its message above")
        adam, theta, ours, theirs, target = Adam(RATE), begin, [], [], Target(X)
        state = adam.start(theta)
        circuit.mmd_and_gradient(
            theta, target, [sigma], options.words, options.samples, np.random.default_rng(0)
        )
        for number in range(1, options.steps + 1):
            start = time.perf_counter()
            _, gradient = circuit.mmd_and_gradient(
                theta, target, [sigma], options.words, options.samples, rng
            )
            theta, state = adam.step(theta, gradient, state, number)
            ours.append(time.perf_counter() - start)
            if other and number % TURN == 0:
                for _ in range(TURN):
                    other.stdin.write("go\n")
                    other.stdin.flush()
                    theirs.append(float(other.stdout.readline()))
        angles = [begin, theta] + ([np.load(f"{folder}/other.npy")] if other else [])
        if other:
            other.stdin.close()
            other.wait()
    losses = np.array([measured(circuit, a, X, sigma) for a in angles])
    fast = float(np.median(ours))
    slow = f"{np.median(theirs):.4f} | {np.median(theirs) / fast:.1f}" if other else "- | -"
    last = f"{losses[2].mean():.2e}" if other else "-"
    error = losses[1].std() / len(losses[1]) ** 0.5
    return (
        f"| {n} | {circuit.n_gates} | {fast:.4f} | {slow} | {losses[0].mean():.2e} | {losses[1].mean():.2e} | "
        f"{last} | {error:.0e} |"
    )


def measured(circuit: IQP, theta: np.ndarray, X: np.ndarray, sigma: float) -> np.ndarray:
    """Independent estimates of MMD^2 with words and samples that training did not see, the same for all angles."""
    rng, estimates = np.random.default_rng(99), []
    for _ in range(10):
        words = draw_words(circuit.n_qubits, [sigma], 500, rng)
        bits = rng.integers(0, 2, (500, circuit.n_qubits))
        estimates.append(circuit.loss_and_gradient(theta, words, Target(X).means(words), bits)[0])
    return np.array(estimates)


if __name__ == "__main__":
    main()
