"""One exact gradient of a negative log-likelihood: qfin beside its peers, and beside what the machine allows.

    python benchmarks/gradient.py [--qubits 8 12 16 20] [--circuits ring_cx line_rzz iqp] [--quick]
                                  [--output docs/performance.md]

Peers run in an environment of their own, `.venv-peers`, which `make bench` builds. Prints Markdown, or writes the page.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from _page import number, processor, progress, table
from engines import probes
from engines.circuits import CIRCUITS
from engines.compare import AGREEMENT, Comparison, compare
from engines.process import Engine, measure_in_turn

ROOT = Path(__file__).resolve().parents[1]
QFIN, AER = "**qfin**", "Aer, parameter shift"
COMPILED_BY_JAX = ("default_qubit", "tensorcircuit", "tensorcircuit_scan")
# Qubits; beyond, it takes minutes to compile, or for a gradient.
LARGEST = {"aer": 12, "default_qubit": 12, "tensorcircuit": 12, "tensorcircuit_scan": 16}
LARGE = (22, 24)
AMPLITUDE = 16  # bytes
INTRODUCTION = f"""\
# How fast a gradient is

Milliseconds for one exact gradient of a negative log-likelihood over all 2^n outcome probabilities, by qfin and by its
peers: the same circuit, angles and data on the same machine, in one run, engine after engine in turns, medians. In
brackets, how many times qfin's time that is. Everything is float64 unless it says otherwise, and no ratio is printed
unless the gradients of all engines agree to {AGREEMENT:g} of the largest derivative. A dash stands where an engine is
left out because it takes minutes to compile or for a gradient. PennyLane's compiled adjoint is not part of its public
interface; it is measured because it is the fastest there is. To measure again:

    make bench      # all benchmarks; it also builds the peers' environment, .venv-peers
    python benchmarks/gradient.py --output docs/performance.md
"""


def all_engines(peers: Path) -> list[Engine]:
    """qfin and its peers; both numbers of threads where more can be slower."""
    own = Path(sys.executable)
    return [
        Engine(QFIN, own, "program"),
        Engine("qfin, one thread", own, "program", QFIN_THREADS="1"),
        Engine("PennyLane lightning.qubit, adjoint", peers, "lightning"),
        Engine("lightning.qubit's compiled adjoint, called directly", peers, "lightning_kernels"),
        Engine("PennyLane default.qubit, JAX jit", peers, "default_qubit"),
        Engine("tensorcircuit-ng, JAX jit", peers, "tensorcircuit"),
        Engine("tensorcircuit-ng, JAX jit, layers scanned", peers, "tensorcircuit_scan"),
        Engine("qulacs, backpropagation", peers, "qulacs"),
        Engine("qulacs, backpropagation, one thread", peers, "qulacs", OMP_NUM_THREADS="1"),
        Engine(AER, peers, "aer"),
    ]


def against_peers(circuit: str, qubits: Sequence[int], engines: Sequence[Engine], floor: Engine) -> str:
    """One circuit: times, ratios, what the fastest peer and Aer take, passes' worth, and times to compile."""
    results = []
    for n in qubits:
        progress(f"{circuit}, n = {n}")
        there = [engine for engine in engines if n <= LARGEST.get(engine.module, n)]
        results.append(compare(circuit, n, there, floor))
    own = [engine.label for engine in engines if engine.module == "program"]
    peers = [engine.label for engine in engines if engine.label not in own]
    rows = [[label, *(_time(r, label) for r in results)] for label in (*own, *peers)]
    to_qfin = [{p: r.ratio(p, QFIN) for p in peers if p in r.rounds} for r in results]
    rows += [
        ["fastest peer / qfin", *(number(min(ratios.values(), default=None)) for ratios in to_qfin)],
        ["Aer / qfin", *(number(ratios.get(AER)) for ratios in to_qfin)],
        ["one streaming pass over the state, ms", *(number(r.milliseconds(floor.label)) for r in results)],
        ["a gradient of qfin, in passes", *(number(r.ratio(QFIN, floor.label)) for r in results)],
        ["gradients differ at most by", *(f"{r.difference:.0e}" for r in results)],
    ]
    heads = [f"n = {r.n}, P = {r.parameters}" for r in results]
    compiled = [
        e.label for e in engines if e.module in COMPILED_BY_JAX and any(e.label in r.first for r in results)
    ]
    text = [f"## `{circuit}`\n\n{_first_line(CIRCUITS[circuit])}", table(["", *heads], rows)]
    if compiled:
        rows = [[label, *(number(r.first.get(label)) for r in results)] for label in (QFIN, *compiled)]
        text += ["Seconds to build, compile and take the first gradient:", table(["", *heads], rows)]
    return "\n\n".join(text)


def large_states(circuits: Iterable[str]) -> str:
    """qfin alone at 22 and 24 qubits, in turn."""
    rows = []
    for circuit in circuits:
        progress(f"{circuit}, n = {LARGE}")
        engines = [Engine(str(n), Path(sys.executable), "program") for n in LARGE]
        memory = []
        for n, engine in zip(LARGE, engines, strict=True):
            engine.ask("prepare", circuit, 18)  # the kernels are loaded, the threads started
            memory.append(engine.ask("prepare", circuit, n, limit=600.0)["memory"] / (AMPLITUDE << n))
        seconds = measure_in_turn(engines, rounds=3)
        result = Comparison(0, 0, rounds=seconds)
        for engine in engines:
            engine.stop()
        times = [number(result.milliseconds(engine.label) / 1e3) for engine in engines]
        growth = result.ratio(str(LARGE[1]), str(LARGE[0])) ** (1 / (LARGE[1] - LARGE[0]))
        rows.append([f"`{circuit}`", *times, number(growth), *(f"{states:.2f}" for states in memory)])
    heads = (
        [f"n = {n}, s" for n in LARGE] + ["time for one qubit more"] + [f"memory at n = {n}" for n in LARGE]
    )
    note = (
        "qfin alone. Memory is the peak above what the process held before, the data among it, in complex128 states of "
        "2^n amplitudes; the probabilities and slopes of the loss are in it."
    )
    return "\n\n".join(["## Large states", note, table(["", *heads], rows)])


def alone(quick: bool) -> str:
    """qfin in fresh processes: first gradients, float32, sampling."""
    progress("first gradients, float32, sampling")
    first = [
        [how, *(number(part[key]) for key in ("wall", "cpu", "imports", "gradient"))]
        for how, part in probes.first_gradients(12).items()
    ]
    precision = [
        [f"{n}", number(part["ratio"]), f"{part['probabilities']:.0e}", f"{part['gradient']:.0e}"]
        for n, part in ((n, probes.run("float32", n)) for n in ((8, 12) if quick else (8, 12, 16, 20)))
    ]
    drawn = probes.run("sampling", 16)
    return "\n\n".join(
        [
            "## First gradient in a fresh process",
            "`ring_cx`, n = 12, seconds; compiled kernels are kept in a cache on disk.",
            table(
                ["cache", "wall", "CPU", "of which imports and Qiskit's circuit", "compilation and gradient"],
                first,
            ),
            "## float32",
            "`ring_cx`, float32 against float64; errors are the largest, as shares of the largest probability and of "
            "the largest derivative. Probabilities near 0 lose their digits first, and a likelihood's slope, q/p, "
            "with them.",
            table(["n", "time, ratio", "error of probabilities", "error of the gradient"], precision),
            "## Sampling",
            f"{probes.SHOTS:,} draws of 16 bits, `ring_cx`: {1e3 * drawn['sample']:.0f} ms, of which "
            f"{1e3 * drawn['probabilities']:.0f} ms for the probabilities.",
        ]
    )


GPU = """\
## GPU

Gradients run on the CPU; an adjoint on a GPU was not tried, for want of one. Backend `aer_gpu`: not run on a GPU yet.
`make test-gpu` runs its tests and times it where there is an NVIDIA GPU; the other backends' times are in
[backends.md](backends.md)."""


def conditions(engines: Iterable[Engine]) -> str:
    """The machine, the date and the versions."""
    versions: dict[str, str] = {}
    for engine in engines:
        versions |= engine.ask("versions", limit=120.0)
    machine = f"{date.today()}, {processor()}, {os.cpu_count()} cores, {platform.system()}."
    return "\n\n".join(
        [GPU, "## Machine and versions", machine, ", ".join(f"{k} {v}" for k, v in versions.items()) + "."]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--qubits", type=int, nargs="+", default=[8, 12, 16, 20])
    parser.add_argument("--circuits", nargs="+", choices=CIRCUITS, default=list(CIRCUITS))
    parser.add_argument("--quick", action="store_true", help="8 and 12 qubits, and nothing that JAX compiles")
    parser.add_argument("--output", type=Path, help="write the page there instead of printing it")
    parser.add_argument(
        "--peers", type=Path, default=ROOT / ".venv-peers/bin/python", help="the peers' Python"
    )
    options = parser.parse_args()
    if not options.peers.exists():
        parser.error(f"there is no {options.peers}; `make bench` builds the peers' environment")
    began = time.perf_counter()
    engines = all_engines(options.peers)
    if options.quick:
        engines = [engine for engine in engines if engine.module not in COMPILED_BY_JAX]
    floor = Engine("floor", Path(sys.executable), "floor")
    qubits = [n for n in options.qubits if n <= 12 or not options.quick]
    page = [INTRODUCTION.rstrip()]
    page += [against_peers(circuit, qubits, engines, floor) for circuit in options.circuits]
    page.append(conditions(engines))
    for engine in (*engines, floor):
        engine.stop()
    page.insert(-1, alone(options.quick))
    if not options.quick:
        page.insert(-2, large_states(options.circuits))
    text = "\n\n".join(page) + "\n"
    if options.output:
        options.output.write_text(text)
    else:
        print(text)
    progress(f"{time.perf_counter() - began:.0f} s")


def _time(result: Comparison, label: str) -> str:
    if label not in result.rounds:
        return result.missing.get(label, "–")
    ratio = "" if label == QFIN else f" ({number(result.ratio(label, QFIN))})"
    return number(result.milliseconds(label)) + ratio


def _first_line(function: Any) -> str:
    return function.__doc__.splitlines()[0]


if __name__ == "__main__":
    main()
