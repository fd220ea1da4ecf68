"""What is measured of qfin alone, each in a fresh process: `python -m engines.probes PROBE QUBITS` prints JSON."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engines.circuits import angles, negative_log_likelihood, observed, ring_cx

ROUNDS = 7
SHOTS = 1_000_000


def first_gradient(n: int) -> dict[str, float]:
    """Wall seconds of the parts of a first gradient."""
    marks = [time.perf_counter()]
    from qfin.quantum import Program

    marks.append(time.perf_counter())
    from engines.program import qiskit_circuit

    circuit = ring_cx(n)
    written = qiskit_circuit(circuit)
    marks.append(time.perf_counter())
    program = Program.from_circuit(written)
    program.value_and_gradient(angles(circuit), partial(negative_log_likelihood, observed(circuit)))
    marks.append(time.perf_counter())
    imports, building, gradient = np.diff(marks).tolist()
    return {"imports": imports + building, "gradient": gradient}


def float32(n: int) -> dict[str, float]:
    """Seconds in both precisions, and the largest errors as a share of the largest probability and derivative."""
    from engines.program import qiskit_circuit
    from qfin.quantum import Program

    circuit = ring_cx(n)
    theta, loss = angles(circuit), partial(negative_log_likelihood, observed(circuit))
    written = qiskit_circuit(circuit)
    double, single = (Program.from_circuit(written, dtype=dtype) for dtype in (np.float64, np.float32))
    p, rough_p = double.probabilities(theta), single.probabilities(theta)
    slope, rough_slope = (program.value_and_gradient(theta, loss)[1] for program in (double, single))
    seconds = [
        [_seconds(program.value_and_gradient, theta, loss) for program in (double, single)]
        for _ in range(ROUNDS)
    ]
    return {
        "ratio": statistics.median(single / double for double, single in seconds),
        "probabilities": float(np.abs(rough_p - p).max() / p.max()),
        "gradient": float(np.abs(rough_slope - slope).max() / np.abs(slope).max()),
    }


def sampling(n: int) -> dict[str, float]:
    """Seconds of a million draws, and of the probabilities that they begin with."""
    from engines.program import qiskit_circuit
    from qfin.quantum import Program

    circuit, rng = ring_cx(n), np.random.default_rng(0)
    theta, program = angles(circuit), Program.from_circuit(qiskit_circuit(circuit))
    program.sample(theta, 1, rng)
    seconds = [
        (_seconds(program.sample, theta, SHOTS, rng), _seconds(program.probabilities, theta))
        for _ in range(ROUNDS)
    ]
    sample, probabilities = (statistics.median(column) for column in zip(*seconds, strict=True))
    return {"sample": sample, "probabilities": probabilities}


def run(probe: str, n: int, **environment: str) -> dict[str, float]:
    """What a probe finds in a fresh process, its wall and CPU seconds beside it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "engines.probes", probe, str(n)],
        cwd=Path(__file__).resolve().parents[1],
        env=os.environ | environment,
        check=True,
        capture_output=True,
        text=True,
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return json.loads(done.stdout) | {"wall": wall, "cpu": cpu}


def first_gradients(n: int) -> dict[str, dict[str, float]]:
    """The probe of the first gradient with an empty cache and with the cache that this left."""
    with tempfile.TemporaryDirectory() as folder:
        empty = run("first_gradient", n, NUMBA_CACHE_DIR=folder)
        warm = [run("first_gradient", n, NUMBA_CACHE_DIR=folder) for _ in range(3)]
    return {"empty": empty, "warm": min(warm, key=lambda result: result["wall"])}


def _seconds(function: Callable[..., Any], *arguments: Any) -> float:
    """Median seconds of a call, of as many as fit into a tenth of a second."""
    seconds: list[float] = []
    while not seconds or sum(seconds) < 0.1:
        began = time.perf_counter()
        function(*arguments)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


PROBES = {"first_gradient": first_gradient, "float32": float32, "sampling": sampling}

if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]](int(sys.argv[2]))))
