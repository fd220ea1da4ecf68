"""The circuit's picture."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
from qiskit import QuantumCircuit

from qfin.quantum import ANSAETZE, draw_svg


def loaded(n: int, layers: int) -> QuantumCircuit:
    rng = np.random.default_rng(0)
    circuit = QuantumCircuit(n)
    circuit.prepare_state(np.sqrt(rng.dirichlet(np.ones(2**n))), range(n))
    ansatz = ANSAETZE.build("line_rzz").build(n, layers, 2)
    circuit.compose(ansatz.assign_parameters(rng.normal(size=ansatz.num_parameters)), inplace=True)
    circuit.measure_all()
    return circuit


def test_the_same_circuit_gives_the_same_svg_and_another_another() -> None:
    first = draw_svg(loaded(4, 1))
    assert first == draw_svg(loaded(4, 1))
    assert first != draw_svg(loaded(4, 2))
    assert ElementTree.fromstring(first).tag.endswith("svg")
    assert "<dc:date>" not in first
    assert "prior" in first  # text is kept as a comment beside its outlines


def test_a_deep_circuit_is_cut_short_and_says_so() -> None:
    circuit = loaded(8, 12)
    gates = sum(count for name, count in circuit.count_ops().items() if name not in ("barrier", "measure"))
    svg = draw_svg(circuit)
    assert f"{gates - 120} more" in svg
