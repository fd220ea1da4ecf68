"""All engines on one circuit: prepared together, their gradients compared, then measured in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engines.circuits import CIRCUITS
from engines.process import Engine, Failure, measure_in_turn

AGREEMENT = 1e-6  # of gradients, as a share of the largest derivative
PATIENCE = 300.0  # seconds to wait for the engines' first gradients
MANY, FEW, LONG = 7, 3, 16  # rounds to so many qubits, and beyond


@dataclass
class Comparison:
    """Seconds of a gradient of each engine, by label; the first engine is the one that the others are compared with."""

    n: int
    parameters: int
    first: dict[str, float] = field(default_factory=dict)  # compilation and the first gradient
    rounds: dict[str, list[float]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)  # and why
    difference: float = 0.0  # the largest of two engines' gradients, as a share of the largest derivative

    def milliseconds(self, label: str) -> float:
        """Median over the rounds."""
        return 1e3 * statistics.median(self.rounds[label])

    def ratio(self, label: str, to: str) -> float:
        """Median over the rounds of one engine's time over another's in the same round."""
        return statistics.median(a / b for a, b in zip(self.rounds[label], self.rounds[to], strict=True))


def compare(circuit: str, n: int, engines: Sequence[Engine], floor: Engine) -> Comparison:
    """Measure the engines, the first of which sets the gradient, and the floor, which has none."""
    result = Comparison(n, CIRCUITS[circuit](n).num_parameters)
    for engine in (*engines, floor):
        engine.send("prepare", circuit, n)
    deadline = time.perf_counter() + PATIENCE
    gradients: dict[str, np.ndarray] = {}
    ready = []
    for engine in (*engines, floor):
        try:
            prepared = engine.answer(max(1.0, deadline - time.perf_counter()))
        except Failure as failure:
            result.missing[engine.label] = str(failure)
        else:
            ready.append(engine)
            result.first[engine.label] = prepared["seconds"]
            gradients[engine.label] = np.array(prepared["gradient"])
    if engines[0].label in result.missing:
        raise SystemExit(f"{circuit}, n = {n}: {engines[0].label}: {result.missing[engines[0].label]}")
    del gradients[floor.label]
    result.difference = _difference(circuit, gradients, gradients[engines[0].label])
    result.rounds = measure_in_turn(ready, MANY if n <= LONG else FEW)
    return result


def _difference(circuit: str, gradients: dict[str, np.ndarray], reference: np.ndarray) -> float:
    largest = 0.0
    for label, gradient in gradients.items():
        apart = float(np.abs(gradient - reference).max() / np.abs(reference).max())
        if not apart <= AGREEMENT:
            raise SystemExit(
                f"{circuit}, {len(reference)} angles: the gradient of {label} is {apart:.1e} off; wanted {AGREEMENT:g}"
            )
        largest = max(largest, apart)
    return largest
