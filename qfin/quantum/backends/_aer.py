"""Running a request on an `AerSimulator`: what both Aer backends share."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.errors import BackendError, ConfigError
from qfin.quantum._draws import Draws
from qfin.quantum.backends._base import Request
from qfin.quantum.backends._measured import Parts, measuring, split

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

MOST_TABLE_QUBITS = 26  # of a table of outcome probabilities
_MOST_DRAWN_BITS = 20  # of outcomes drawn from a table of all of them, not by Aer shot by shot
_TABLES_AT_ONCE = 1 << 24  # probabilities
_WIDE_STATE = 17  # qubits from which on a state is worth more than one thread


def simulator(kind: str, extra: str, **options: Any) -> Any:
    """An `AerSimulator`, or a ConfigError that names what to install."""
    try:
        from qiskit_aer import AerSimulator
    except ImportError:
        raise ConfigError(f"backend {kind!r} needs: pip install 'qfin-scenarios[{extra}]'") from None
    return AerSimulator(**options)


def threads(n_qubits: int, rows: int, most: int | None = None) -> dict[str, int]:
    """How Aer is to share the processors, or `most` threads.

    Rows side by side are faster than rows one by one with all threads in each, as long as a state fits the cache; wide
    states, and a single row, get all threads.
    """
    if rows > 1 and n_qubits < _WIDE_STATE:
        return {"max_parallel_experiments": 0, "max_parallel_threads": most or 0}
    return {"max_parallel_experiments": 1, "max_parallel_threads": most or 0}


def half_of_memory() -> int:
    """Bytes of this machine's memory that a state may take; Aer needs as much again to sample it."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def most_statevector_qubits() -> int:
    """Qubits of the widest state, of 16 bytes an amplitude, that fits into half of this machine's memory."""
    return (half_of_memory() // 16).bit_length() - 1


def with_initial(circuit: QuantumCircuit, initial: np.ndarray | None, where: list[int]) -> QuantumCircuit:
    """The circuit after a loaded state, bit j of whose index lies on qubit `where[j]`; nothing is synthesised."""
    if initial is None:
        return circuit
    from qiskit.circuit.library import Initialize

    whole = circuit.copy_empty_like()
    whole.append(Initialize(np.asarray(initial, dtype=complex)), where)
    return whole.compose(circuit)


def run_rows(runner: Any, circuit: QuantumCircuit, request: Request, shots: int, **options: Any) -> Any:
    """Aer's result with one experiment a row of parameters, all of them in one `run`.

    `circuit` has the parameters of the request's circuit.

    Raises
    ------
    BackendError
        with Aer's own words, if an experiment fails.
    """
    names = {p.name: p for p in circuit.parameters}
    columns = {
        names[p.name]: request.theta[:, k].tolist()
        for k, p in enumerate(request.circuit.parameters)
        if p.name in names
    }
    circuits = [circuit] if columns else [circuit] * request.rows
    binds = [columns] if columns else None
    # Aer gives row k the seed + 2113 k: hashed, so that requests whose seeds differ by that share no draws.
    seed = int(np.random.SeedSequence(request.seed).generate_state(1)[0])
    result = runner.run(circuits, parameter_binds=binds, shots=shots, seed_simulator=seed, **options).result()
    if not result.success:
        failed = next((r.status for r in result.results if not r.success), result.status)
        raise BackendError(f"Aer failed: {failed}")
    return result


def drawn(result: Any, circuit: QuantumCircuit, rows: int, lineage: dict[str, Any]) -> Draws:
    """The memory of every experiment as draws."""
    bits = circuit.num_clbits
    packed = np.array([_packed(result.data(row)["memory"], bits) for row in range(rows)])
    return Draws(packed, bits, lineage)


def _packed(memory: list[str], bits: int) -> np.ndarray:
    """Hexadecimal outcomes as little-endian bytes, shape (shots, ceil(bits / 8))."""
    size = -(-bits // 8)
    text = "".join(word[2:].zfill(2 * size) for word in memory)
    return np.frombuffer(bytes.fromhex(text), dtype=np.uint8).reshape(-1, size)[:, ::-1].copy()


def table_of(runner: Any, request: Request) -> np.ndarray:
    """Exact probabilities by `save_probabilities`, shape (rows, 2**bits of an outcome)."""
    parts = split(request)
    return _tables(runner, request, _loaded(runner, parts), parts)


def draws_of(runner: Any, request: Request, lineage: dict[str, Any], *, tables: bool) -> Draws:
    """Outcomes of a request's circuit as it is, without noise.

    `tables` says that they may be drawn from Aer's exact probabilities where these fit, which is faster: Aer hands
    outcomes over as text.
    """
    parts = split(request)
    circuit, bits = _loaded(runner, parts), len(parts.measured)
    if tables and bits <= _MOST_DRAWN_BITS:
        return Draws.from_outcomes(_from_tables(runner, request, circuit, parts), bits, lineage)
    circuit = measuring(circuit, list(parts.measured))
    result = run_rows(runner, circuit, request, request.shots, memory=True)
    return drawn(result, circuit, request.rows, lineage)


def _tables(runner: Any, request: Request, circuit: QuantumCircuit, parts: Parts) -> np.ndarray:
    circuit = circuit.copy()
    circuit.save_probabilities(list(parts.measured))
    result = run_rows(runner, circuit, request, 1)
    return np.array([result.data(row)["probabilities"] for row in range(request.rows)], dtype=float)


def _from_tables(runner: Any, request: Request, circuit: QuantumCircuit, parts: Parts) -> np.ndarray:
    """Outcomes, shape (rows, shots) int64; as many rows in one `run` as have tables that fit."""
    from qfin.quantum._sweeps import engine

    rng = np.random.default_rng([request.seed, *b"aer"])
    at_once = max(1, _TABLES_AT_ONCE >> len(parts.measured))
    outcomes = np.empty((request.rows, request.shots), dtype=np.int64)
    for first in range(0, request.rows, at_once):
        some = replace(request, theta=request.theta[first : first + at_once])
        for row, table in enumerate(_tables(runner, some, circuit, parts), first):
            engine().kernels.draw(table, rng.random(request.shots), outcomes[row])
    return outcomes


def _loaded(runner: Any, parts: Parts) -> QuantumCircuit:
    """The initial state, then the gates in those that Aer runs.

    Aer's own target is left out: it bounds the width by what a statevector would take, whatever the method.
    """
    from qiskit import transpile
    from qiskit.circuit.library import get_standard_gate_name_mapping

    gates = sorted(set(runner.target.operation_names) & set(get_standard_gate_name_mapping()))
    bare = transpile(parts.bare, basis_gates=gates, optimization_level=0)
    return with_initial(bare, parts.initial, list(range(bare.num_qubits)))


def versions(package: str) -> dict[str, str]:
    """Versions of Qiskit and of Aer's package; of one that is not installed, none."""
    found = {}
    for name in ("qiskit", package):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
