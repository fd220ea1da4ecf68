"""One engine in a process of its own, which takes orders and answers on its standard streams, a line of JSON each.

    python -m engines.worker MODULE

Orders: ["versions"], ["prepare", circuit, qubits] and ["measure", seconds].
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from engines.circuits import CIRCUITS, angles, observed

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Worker:
    """The engine of one module; a method an order."""

    def __init__(self, module: str) -> None:
        self.module = import_module(f"engines.{module}")

    def versions(self) -> dict[str, str]:
        """Versions of Python and of the packages that the engine uses."""
        return {"Python": platform.python_version()} | {name: version(name) for name in self.module.PACKAGES}

    def prepare(self, name: str, n: int) -> dict[str, Any]:
        """Compile what there is to compile and take one gradient: seconds, value, gradient, peak memory in bytes above
        what the process held before."""
        circuit = CIRCUITS[name](n)
        self.theta = angles(circuit)
        shares = observed(circuit)
        before = _peak_memory()
        began = time.perf_counter()
        self.gradient: Callable[[np.ndarray], tuple[float, np.ndarray]] = self.module.gradient(
            circuit, shares
        )
        value, slope = self.gradient(self.theta)
        seconds = time.perf_counter() - began
        return {
            "seconds": seconds,
            "value": value,
            "gradient": slope.tolist(),
            "memory": _peak_memory() - before,
        }

    def measure(self, limit: float) -> float:
        """Median seconds of a gradient, of as many as fit into the limit, of one if none does; angles are new each
        time."""
        seconds: list[float] = []
        last = time.perf_counter()
        end = last + limit
        while not seconds or last + seconds[-1] < end:
            theta = self.theta + 1e-3 * (len(seconds) + 1)
            began = time.perf_counter()
            self.gradient(theta)
            last = time.perf_counter()
            seconds.append(last - began)
        return statistics.median(seconds)


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def main() -> None:
    """Answer until the orders end."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what packages print is no answer
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        order, *arguments = json.loads(line)
        try:
            print(json.dumps({"answer": getattr(worker, order)(*arguments)}), file=answers)
        except Exception as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers)


if __name__ == "__main__":
    main()
