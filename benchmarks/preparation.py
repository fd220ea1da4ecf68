"""A loaded prior as a shallow circuit: layers, two-qubit gates, fidelity and time beside exact synthesis.

    python benchmarks/preparation.py [--bits 2 3 4] [--fidelities 0.95 0.99] [--output FILE]

The states are the Student t copula's cell probabilities, fitted to the four FX pairs that come with qfin. Prints
Markdown, or writes the page.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from _page import conditions, progress, table
from qiskit import transpile
from qiskit.circuit.library import StatePreparation
from qiskit.quantum_info import Statevector
from scipy.stats import rankdata

from qfin.dependence import StudentTCopula
from qfin.dependence._prior import PriorCells
from qfin.market import ReturnsFrame, read_prices
from qfin.quantum import Grid
from qfin.quantum._preparation import prepare_state

DRAWS = 2**22
MAX_LAYERS = 8
LARGEST_SYNTHESIS = 12  # qubits; beyond, its leading term 2^n stands for it
INTRODUCTION = f"""\
# What preparing a prior costs

A Student t copula, fitted to the four FX pairs that come with qfin, on grids of 2, 3 and 4 bits a factor, its cell
probabilities counted from {DRAWS:,} draws. Prepared by layers of two-qubit staircases from a matrix product state,
improved by sweeps, at most {MAX_LAYERS} layers. CX are counted before routing; all join neighbours on one line. The
total variation distance is between the wanted and the prepared probabilities. Synthesis is Qiskit's exact
`StatePreparation`, counted up to {LARGEST_SYNTHESIS} qubits, and 2^n beyond. Times are without compiling. To measure
again:

    python benchmarks/preparation.py
"""
HEADS = [
    "qubits", "fidelity wanted", "layers", "CX", "CX depth", "fidelity", "total variation", "seconds", "CX by synthesis"
]  # fmt: skip


def amplitudes(bits: int) -> np.ndarray:
    """Square roots of the cell probabilities, shape (2**(4 bits),)."""
    returns = ReturnsFrame.from_prices(read_prices("fx")).to_frame().to_numpy()
    model = StudentTCopula().fit(rankdata(returns, axis=0) / (len(returns) + 1))
    grid = Grid(bits, returns.shape[1])
    table = PriorCells(model, grid).tabulate(DRAWS, np.random.default_rng(0))
    return np.sqrt(table.probabilities)


def row(wanted: np.ndarray, fidelity: float, synthesis: str) -> list[str]:
    """One preparation, measured."""
    n = len(wanted).bit_length() - 1
    began = time.perf_counter()
    found = prepare_state(wanted, min_fidelity=fidelity, max_layers=MAX_LAYERS)
    seconds = time.perf_counter() - began
    seen = Statevector(found.circuit).probabilities()
    distance = 0.5 * float(np.abs(seen - wanted**2).sum())
    depth = found.circuit.depth(lambda instruction: len(instruction.qubits) == 2)
    return [
        f"{n}", f"{fidelity:g}", f"{found.layers}", f"{found.two_qubit_gates}", f"{depth}", f"{found.fidelity:.4f}",
        f"{distance:.4f}", f"{seconds:.2f}", synthesis,
    ]  # fmt: skip


def synthesis_cx(wanted: np.ndarray) -> str:
    """CX of Qiskit's exact synthesis."""
    n = len(wanted).bit_length() - 1
    if n > LARGEST_SYNTHESIS:
        return f"about {2**n:,}"
    exact = StatePreparation(wanted).definition
    return f"{transpile(exact, basis_gates=['cx', 'u'], optimization_level=0).count_ops()['cx']:,}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bits", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--fidelities", type=float, nargs="+", default=[0.95, 0.99])
    parser.add_argument("--output", type=Path, help="write the page there instead of printing it")
    options = parser.parse_args()
    prepare_state(np.full(8, 8**-0.5), min_fidelity=1.0)  # the kernels are compiled
    rows = []
    for bits in options.bits:
        wanted = amplitudes(bits)
        synthesis = synthesis_cx(wanted)
        for fidelity in options.fidelities:
            rows.append(row(wanted, fidelity, synthesis))
            progress(" ".join(rows[-1]))
    text = (
        "\n\n".join([INTRODUCTION.rstrip(), table(HEADS, rows), conditions(["numpy", "numba", "qiskit"])])
        + "\n"
    )
    if options.output:
        options.output.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
