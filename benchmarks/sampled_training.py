"""Training from samples beside exact training: the same circuit, target and start, on simulators and a noisy device.

    python benchmarks/sampled_training.py [--bits 2] [--layers 2] [--device fake_manila] [--steps 60]

Prints Markdown.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
from _page import conditions, progress, table

from qfin.quantum import (
    ANSAETZE,
    BACKENDS,
    Adam,
    Backend,
    MaximumMeanDiscrepancy,
    Program,
    Request,
    ShotSchedule,
    Spsa,
    TrainingResult,
    train,
    train_on_samples,
)
from qfin.quantum._shift import ShiftRule

HEADS = ["", "steps", "shots", "seconds", "KL, circuit", "KL, drawn"]
SHOTS, LOOK = 1_000, 50_000
SEED = 11
ADAM, FAR, NEAR = Adam(0.05), Spsa(20.0, 0.3), Spsa()  # gains of SPSA from the prior, and from trained angles
PACKAGES = ("qfin-scenarios", "numpy", "qiskit", "qiskit-aer", "qiskit-ibm-runtime", "mthree")
INTRODUCTION = """\
# Training from samples

Two factors with {bits} bits each, `line_rzz` with {layers} layers ({parameters} parameters, {circuits} circuits for a
shift gradient), loaded with the cells of a Gaussian copula of correlation .3 and trained with the MMD towards those of
a Student t copula of correlation .7 and 4 degrees of freedom. {shots:,} shots a circuit. `KL, circuit` is the KL
divergence, in nats, of the circuit's exact probabilities at the trained angles from the target; `KL, drawn` is that of
{look:,} draws of the backend there, whose own sampling adds about {floor:.5f}. Adam's learning rate is .05; SPSA's
gains are a = 20, c = .3 from the prior and the defaults from trained angles.

    python benchmarks/sampled_training.py
"""


class Task:
    """One circuit, where it starts and where it should arrive."""

    def __init__(self, bits: int, layers: int) -> None:
        self.circuit = ANSAETZE.build("line_rzz").build(2 * bits, layers, bits)
        self.program = Program.from_circuit(self.circuit)
        self.target = cells(bits, 0.7, 4.0)
        self.loss = MaximumMeanDiscrepancy(self.target)
        self.initial = np.sqrt(cells(bits, 0.3, np.inf))
        self.start = 0.1 * np.random.default_rng(SEED).normal(size=self.circuit.num_parameters)

    def divergence(self, probabilities: np.ndarray) -> float:
        """KL of a distribution from the target, in nats."""
        seen = probabilities > 0.0
        return float(np.sum(probabilities[seen] * np.log(probabilities[seen] / self.target[seen])))

    def exact(self, steps: int) -> TrainingResult:
        """Adam on exact gradients."""
        return train(
            self.program, self.loss, self.start, optimiser=ADAM, max_steps=steps, initial=self.initial
        )

    def sampled(
        self, backend: Backend, method: str, steps: int, start: np.ndarray | None = None
    ) -> TrainingResult:
        """On a backend's samples."""
        return train_on_samples(
            backend,
            self.circuit,
            self.loss,
            self.start if start is None else start,
            method="spsa" if method == "spsa" else "parameter_shift",
            optimiser=ADAM if method != "spsa" else FAR if start is None else NEAR,
            schedule=ShotSchedule(SHOTS),
            seed=SEED,
            max_steps=steps,
            initial=self.initial,
        )

    def row(self, name: str, backend: Backend, result: TrainingResult, seconds: float) -> list[str]:
        """What one way of training came to."""
        exact = self.divergence(self.program.probabilities(result.theta, self.initial))
        drawn = self.divergence(self.look(backend, result.theta))
        return [
            name,
            str(result.steps),
            f"{result.shots:,}",
            f"{seconds:.1f}",
            f"{exact:.4f}",
            f"{drawn:.4f}",
        ]

    def look(self, backend: Backend, theta: np.ndarray) -> np.ndarray:
        """Frequencies of many draws at some angles."""
        return backend.run(Request(self.circuit, theta, LOOK, SEED, self.initial)).frequencies()[0]


def cells(bits: int, correlation: float, degrees_of_freedom: float) -> np.ndarray:
    """Cell probabilities of a Student t copula (infinite degrees of freedom: Gaussian), shape (4**bits,), by draws."""
    rng = np.random.default_rng(SEED)
    x = rng.multivariate_normal(np.zeros(2), [[1.0, correlation], [correlation, 1.0]], size=400_000)
    if np.isfinite(degrees_of_freedom):
        x /= np.sqrt(rng.chisquare(degrees_of_freedom, size=len(x)) / degrees_of_freedom)[:, None]
    bins = (x.argsort(axis=0).argsort(axis=0) << bits) // len(x)
    return np.bincount(bins[:, 0] + (bins[:, 1] << bits), minlength=4**bits) / len(x)


def measure(task: Task, device: str, steps: int) -> list[list[str]]:
    """Every way of training, a row each."""
    aer = BACKENDS.build("aer")
    fakes = {m: BACKENDS.build({"kind": "ibm", "device": device, "mitigation": m}) for m in ("none", "m3")}
    task.look(aer, task.start)  # imports and compilation are not training
    untrained, _ = timed("start", partial(task.exact, 0))
    exact, seconds = timed("exact gradients", partial(task.exact, steps))
    rows = [
        task.row("the prior, untrained", aer, untrained, 0.0),
        task.row("exact gradients, drawn on Aer", aer, exact, seconds),
    ]
    for name, method, count in (
        ("parameter shift on Aer", "parameter_shift", steps),
        ("SPSA on Aer", "spsa", 5 * steps),
    ):
        result, seconds = timed(name, partial(task.sampled, aer, method, count))
        rows.append(task.row(name, aer, result, seconds))
    for mitigation, fake in fakes.items():
        where = f"on {device}, mitigation {mitigation}"
        rows.append(task.row(f"exact gradients, drawn {where}", fake, exact, 0.0))
        for name, method, count, start in (
            (f"the same, then SPSA {where}", "spsa", steps // 3, exact.theta),
            (f"parameter shift {where}", "parameter_shift", steps // 4, None),
        ):
            result, seconds = timed(name, partial(task.sampled, fake, method, count, start))
            rows.append(task.row(name, fake, result, seconds))
    return rows


def timed(name: str, run: Callable[[], TrainingResult]) -> tuple[TrainingResult, float]:
    """A training run and its seconds."""
    progress(name)
    began = time.perf_counter()
    return run(), time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bits", type=int, default=2, help="of each of the two factors")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--device", default="fake_manila", help="a fake device with enough qubits")
    parser.add_argument("--steps", type=int, default=60, help="of exact and of shift training on Aer")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    task = Task(options.bits, options.layers)
    rows = measure(task, options.device, options.steps)
    words = INTRODUCTION.format(
        bits=options.bits,
        layers=options.layers,
        parameters=task.circuit.num_parameters,
        circuits=1 + 2 * len(ShiftRule.of(task.circuit).shifted),
        shots=SHOTS,
        look=LOOK,
        floor=(len(task.target) - 1) / (2 * LOOK),
    )
    print("\n".join([words, table(HEADS, rows), "", conditions(PACKAGES)]))


if __name__ == "__main__":
    main()
