"""One sweep of parameters on each simulator, and draws of 100 qubits.

    python benchmarks/backends.py [--qubits 8 12 16] [--gpu-qubits 16 20 24 26 28] [--output docs/backend-times.md]

Prints Markdown, or writes the page. Before a time is printed, its backend's probabilities are compared with the exact
ones.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _page import conditions, number, progress, table

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, BACKENDS, Request

PACKAGES = ("qiskit", "qiskit-aer", "qiskit-aer-gpu", "numpy")
ROWS, SHOTS, LAYERS, BITS = 64, 1_000, 2, 4
MANY_SHOTS = 1_000_000
ROUNDS = 3
MOST_COMPARED = 20  # qubits, of one row against the exact engine
NO_GPU = "not run on a GPU yet"
INTRODUCTION = f"""\
# How fast backends are

Milliseconds, medians of {ROUNDS} after one that warms up, backends in turns. A sweep is {ROWS} rows of parameters of
the ansatz `ring_cx` with {LAYERS} layers; its draws are {SHOTS:,} shots a row, its probabilities all 2^n of each row.
To measure again: `python benchmarks/backends.py`."""


def ring(n: int, rows: int, shots: int = SHOTS) -> Request:
    """A sweep of the ansatz `ring_cx`, angles uniform on the circle."""
    circuit = ANSAETZE.build("ring_cx").build(n, LAYERS, BITS)
    theta = np.random.default_rng(0).uniform(-np.pi, np.pi, (rows, circuit.num_parameters))
    return Request(circuit, theta, shots)


def sweeps(qubits: Sequence[int]) -> str:
    """Exact engine and Aer: draws and probabilities of a sweep, and many draws of one row."""
    backends = {"exact": BACKENDS.build("exact"), "aer": BACKENDS.build("aer")}
    rows: dict[str, list[str]] = {}
    for n in qubits:
        progress(f"exact and aer, n = {n}")
        sweep, one = ring(n, ROWS), ring(n, 1, MANY_SHOTS)
        _compare(backends["aer"], sweep, 1e-12)
        tasks: dict[str, Callable[[], Any]] = {}
        for name, backend in backends.items():
            tasks[f"`{name}`, draws"] = partial(backend.run, sweep)
            tasks[f"`{name}`, probabilities"] = partial(backend.probabilities, sweep)
            tasks[f"`{name}`, {MANY_SHOTS:,} draws of one row"] = partial(backend.run, one)
        for label, seconds in _in_turn(tasks).items():
            rows.setdefault(label, []).append(number(1e3 * seconds))
    return table(["", *(f"n = {n}" for n in qubits)], [[label, *cells] for label, cells in rows.items()])


def gpu(qubits: Sequence[int]) -> str:
    """Aer on a GPU in both precisions: a sweep up to 16 qubits, one row beyond."""
    backends = {p: BACKENDS.build({"kind": "aer_gpu", "precision": p}) for p in ("double", "single")}
    try:
        most = {name: backend.capabilities().max_qubits or 0 for name, backend in backends.items()}
    except ConfigError as error:
        progress(str(error))
        return NO_GPU
    lines = []
    for n in qubits:
        progress(f"aer_gpu, n = {n}")
        request = ring(n, ROWS if n <= 16 else 1)
        tasks: dict[str, Callable[[], Any]] = {}
        for name, backend in backends.items():
            if n > most[name]:
                continue
            if n <= MOST_COMPARED:
                _compare(backend, ring(n, 1), 1e-6)
            tasks[name] = partial(backend.run, request)
        seconds = _in_turn(tasks)
        cells = [number(1e3 * seconds[name]) if name in seconds else "–" for name in backends]
        lines.append([f"{n}", f"{request.rows}", *cells])
    return table(["n", "rows", *backends], lines)


def wide() -> str:
    """100 qubits as matrix product states."""
    rows = []
    for n, kind, bond in ((100, "ring_cx", None), (100, "line_rzz", 16)):
        progress(f"{kind}, n = {n}")
        circuit = ANSAETZE.build(kind).build(n, 1, BITS)
        theta = np.random.default_rng(0).normal(scale=0.3, size=(1, circuit.num_parameters))
        backend = BACKENDS.build({"kind": "aer", "method": "matrix_product_state", "bond_dimension": bond})
        request = Request(circuit, theta, SHOTS)
        seconds = _in_turn({kind: partial(backend.run, request)})[kind]
        rows.append([f"`{kind}`, 1 layer", "none" if bond is None else f"{bond}", number(1e3 * seconds)])
    return table([f"100 qubits, {SHOTS:,} draws", "bond dimension at most", "ms"], rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--qubits", type=int, nargs="+", default=[8, 12, 16])
    parser.add_argument("--gpu-qubits", type=int, nargs="+", default=[16, 20, 24, 26, 28])
    parser.add_argument("--output", type=Path, help="write the page there instead of printing it")
    options = parser.parse_args()
    parts = [INTRODUCTION, "## CPU", sweeps(options.qubits), "## GPU", gpu(options.gpu_qubits)]
    parts += ["## Matrix product states", wide(), "## Machine and versions", conditions(PACKAGES)]
    text = "\n\n".join(parts) + "\n"
    if options.output:
        options.output.write_text(text)
    else:
        print(text)


def _compare(backend: Any, request: Request, within: float) -> None:
    wanted = BACKENDS.build("exact").probabilities(request)
    np.testing.assert_allclose(backend.probabilities(request), wanted, atol=within)


def _in_turn(tasks: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Median seconds of each task, all of them once in every round."""
    seconds: dict[str, list[float]] = {label: [] for label in tasks}
    for round_ in range(ROUNDS + 1):
        for label, task in tasks.items():
            began = time.perf_counter()
            task()
            if round_:
                seconds[label].append(time.perf_counter() - began)
    return {label: statistics.median(times) for label, times in seconds.items()}


if __name__ == "__main__":
    main()
