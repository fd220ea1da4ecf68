"""Kernels are compiled once, whatever the circuit; their machine code is kept where it can be."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit
from qiskit import ClassicalRegister, QuantumCircuit

from qfin.quantum import ANSAETZE, Program, _kernels
from qfin.quantum._jit import kernel
from tests.quantum._circuits import quadratic, random_circuit, random_state

KERNELS = {name: value for name, value in vars(_kernels).items() if hasattr(value, "signatures")}


def compiled() -> dict[str, int]:
    return {name: len(function.signatures) for name, function in KERNELS.items()}


def use(circuit: QuantumCircuit, initial: np.ndarray | None = None) -> None:
    program = Program.from_circuit(circuit)
    theta = np.ones(circuit.num_parameters)
    program.statevector(theta, initial)
    program.value_and_gradient(theta, quadratic(np.ones(2**program.num_bits)), initial)
    program.sample(theta, 2, np.random.default_rng(0), initial)


def with_hidden_qubits(n: int) -> QuantumCircuit:
    circuit = ANSAETZE.build("line_rzz").build(n, 1, 2)
    circuit.add_register(ClassicalRegister(2))
    circuit.measure([n - 1, 0], [0, 1])
    return circuit


def test_after_the_first_circuit_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    use(with_hidden_qubits(4))
    once = compiled()
    assert once["forward"] >= 1
    assert once["backward"] >= 1
    for n in (1, 2, 3, 5, 8):
        for start in ("zero", "real", "complex"):
            use(random_circuit(rng, n, 30), random_state(rng, n, start))
    for kind in ANSAETZE.kinds():
        use(ANSAETZE.build(kind).build(7, 3, 2))
    use(QuantumCircuit(2))
    use(with_hidden_qubits(9))
    monkeypatch.setenv("QFIN_THREADS", "2")
    use(ANSAETZE.build("ring_cx").build(17, 1, 2))
    assert compiled() == once


def test_no_kind_of_slope_that_a_loss_returns_compiles_a_sweep_again() -> None:
    program = Program.from_circuit(ANSAETZE.build("ring_cx").build(4, 1, 2))
    theta, slope = np.ones(len(program.parameters)), np.arange(16.0)
    frozen = slope.copy()
    frozen.flags.writeable = False
    expected = program.value_and_gradient(theta, lambda p: (0.0, slope))[1]
    once = compiled()
    for kind in (
        frozen,
        slope.astype(int),
        slope.astype(np.float32),
        slope.tolist(),
        np.repeat(slope, 2)[::2],
    ):
        gradient = program.value_and_gradient(theta, lambda p, kind=kind: (0.0, kind))[1]
        np.testing.assert_array_equal(gradient, expected)
    assert compiled() == once


def test_the_kinds_of_number_have_one_kernel_each() -> None:
    for dtype in (np.float64, np.float32):
        circuit = ANSAETZE.build("ring_cx").build(4, 1, 2)
        program = Program.from_circuit(circuit, dtype=dtype)
        program.value_and_gradient(np.ones(circuit.num_parameters), quadratic(np.ones(16)))
    assert len(_kernels.forward.signatures) == 2
    assert len(_kernels.backward.signatures) == 2


def test_without_a_folder_for_the_cache_kernels_still_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import caching

    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    with pytest.raises(RuntimeError, match="no locator available"):
        njit(cache=True)(lambda x: x)  # what kernel() must not pass on

    @kernel
    def double(x):  # type: ignore[no-untyped-def]
        return 2.0 * x

    assert double(1.5) == 3.0


WITHOUT_A_CACHE = """
from numba.core import caching
caching.CacheImpl._locator_classes = []  # as when neither this folder nor a home can be written
import numpy as np
from qiskit import QuantumCircuit
from qfin.quantum import Program, _kernels
outcomes = np.empty(3, dtype=np.int64)
_kernels.draw(np.array([0.0, 0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.9]), outcomes)
x = np.array([1.0, 2.0, 3.0, 4.0])
print(outcomes, _kernels.draw.stats.cache_path)
"""


def test_where_no_cache_can_be_written_a_new_process_says_nothing_of_it() -> None:
    """Every kernel is defined, the smallest is compiled."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment["HOME"] = "/nonexistent"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_A_CACHE],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == "[1 2 2] None"


def test_where_a_cache_can_be_written_machine_code_is_kept() -> None:
    for name in ("forward", "backward", "draw", "walsh_hadamard", "marginal", "spread"):
        assert KERNELS[name].stats.cache_path is not None, name
