"""Ten thousand steps of training take no more memory than five hundred."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """
import gc
import numpy as np
from qiskit import ClassicalRegister
from qfin.quantum import ANSAETZE, Program
def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
circuit = ANSAETZE.build("ring_cx").build(8, 2, 2)
program, theta = Program.from_circuit(circuit), np.ones(circuit.num_parameters)
weights, rng = np.linspace(0, 1, 256), np.random.default_rng(0)
loss = lambda p: (float(weights @ p), weights)
"""
STEPS = """
def work(times):
    for _ in range(times):
        program.value_and_gradient(theta, loss)
work(500)
before = resident()
work(9500)
"""
OTHER_CALLS = """
circuit.add_register(ClassicalRegister(3))
circuit.measure([7, 0, 4], [0, 1, 2])
hidden, few = Program.from_circuit(circuit), np.ones(8)
state = np.full(256, 1 / 16)
def work(times):
    for _ in range(times):
        program.statevector(theta)
        program.probabilities(theta, state)
        hidden.sample(theta, 20, rng)
        hidden.value_and_gradient(theta, lambda p: (0.0, few))
        program.value_and_gradient(np.stack([theta, theta]), lambda p: (np.inf, weights))
        try: program.value_and_gradient(theta, lambda p: 1 / 0)
        except ZeroDivisionError: pass
work(300)
before = resident()
work(3000)
"""
PROGRAMS = """
def work(times):
    for _ in range(times):
        Program.from_circuit(circuit).value_and_gradient(theta, loss)
work(50)
before = resident()
work(250)
"""
LARGE = """
large = ANSAETZE.build("ring_cx").build(20, 1, 2)
program, angles = Program.from_circuit(large), np.ones(large.num_parameters)
slopes = np.ones(2**20)
def work(times):
    for _ in range(times):
        program.value_and_gradient(angles, lambda p: (0.0, slopes))
        program.probabilities(angles)
work(2)
before = resident()
work(6)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")
@pytest.mark.parametrize(
    "work", [STEPS, OTHER_CALLS, PROGRAMS, LARGE], ids=["steps", "other", "programs", "large"]
)
def test_memory_does_not_grow(work: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HEAD + work + "print(resident() - before)"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 3e6  # bytes; 300 a step are too many
