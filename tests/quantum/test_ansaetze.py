"""Every ansatz in the room."""

from __future__ import annotations

import numpy as np
import pytest

from qfin.quantum import ANSAETZE, Program


@pytest.mark.parametrize("kind", ANSAETZE.kinds())
@pytest.mark.parametrize(("n", "layers", "bits"), [(1, 1, 1), (2, 3, 1), (6, 2, 3), (8, 1, 4)])
def test_an_ansatz_is_a_circuit_of_its_own_parameters(kind: str, n: int, layers: int, bits: int) -> None:
    ansatz = ANSAETZE.build(kind)
    circuit = ansatz.build(n, layers, bits)
    assert circuit.num_qubits == n
    assert [p.name for p in circuit.parameters] == [f"theta[{k}]" for k in range(circuit.num_parameters)]
    in_gate_order = [p for instruction in circuit.data for p in instruction.operation.params]
    assert in_gate_order == list(circuit.parameters)


@pytest.mark.parametrize("kind", ANSAETZE.kinds())
def test_at_zero_it_is_the_identity_or_a_permutation(kind: str) -> None:
    ansatz = ANSAETZE.build(kind)
    circuit = ansatz.build(6, 2, 3)
    state = np.sqrt(np.random.default_rng(0).dirichlet(np.ones(64)))
    moved = Program.from_circuit(circuit).statevector(np.zeros(circuit.num_parameters), state)
    if ansatz.identity_at_zero:
        np.testing.assert_allclose(moved, state, atol=1e-14)
    else:
        np.testing.assert_allclose(np.sort(moved.real), np.sort(state), atol=1e-14)


def test_line_rzz_ties_the_top_bits_of_each_two_factors_once() -> None:
    circuit = ANSAETZE.build("line_rzz").build(12, 1, 3)
    pairs = [
        tuple(circuit.find_bit(q).index for q in i.qubits) for i in circuit.data if i.operation.name == "rzz"
    ]
    top = {(2, 5), (2, 8), (2, 11), (5, 8), (5, 11), (8, 11)}
    assert sorted(pairs) == sorted({(q, q + 1) for q in range(11)} | top)
    one_bit = ANSAETZE.build("line_rzz").build(3, 1, 1)
    assert one_bit.count_ops()["rzz"] == 3
