"""What is gathered into which stage, and that it does what the operations do."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector

from qfin.quantum import ANSAETZE
from qfin.quantum._frame import Flip, Word
from qfin.quantum._reading import read_circuit
from qfin.quantum._stages import Monomial, Stage, Tables, Turns, schedule, tabulate
from tests.quantum._circuits import stages_of
from tests.quantum._operations import do, do_stages, flip_x, operation_lists


def tables_of(circuit: QuantumCircuit) -> Tables:
    return tabulate(stages_of(circuit), circuit.num_qubits, read_circuit(circuit).angles.is_free)


def kinds(circuit: QuantumCircuit) -> list[type[Stage]]:
    return [type(stage) for stage in stages_of(circuit)]


@given(st.data(), st.integers(1, 5))
def test_stages_do_what_the_operations_do(data: st.DataObject, n: int) -> None:
    operations, angles, state = data.draw(operation_lists(n))
    mask = st.integers(1, (1 << n) - 1)
    last_words = [Word(m, len(angles)) for m in data.draw(st.lists(mask, max_size=2))]
    last_x = data.draw(st.integers(0, (1 << n) - 1))
    angles = np.append(angles, 0.4)
    stages = schedule(operations, last_words, last_x)
    expected = flip_x(do([*operations, *last_words], angles, state), last_x)
    np.testing.assert_allclose(do_stages(stages, angles, state), expected, rtol=0, atol=1e-12)


@given(st.data(), st.integers(1, 6))
def test_stages_take_turns_and_end_with_a_monomial(data: st.DataObject, n: int) -> None:
    operations, _, _ = data.draw(operation_lists(n))
    stages = schedule(operations)
    assert isinstance(stages[-1], Monomial)
    for one, next_one in pairwise(stages):
        assert type(one) is not type(next_one)
    for stage in stages[:-1]:
        assert stage.gates if isinstance(stage, Turns) else not stage.is_identity()
        assert isinstance(stage, Turns) or stage.offset == 0


@given(st.data(), st.sampled_from([1, 2, 3, 4, 5, 6, 7, 9]))
def test_a_network_of_cx_is_one_permutation(data: st.DataObject, n: int) -> None:
    qubit = st.integers(0, n - 1)
    pair = st.lists(qubit, min_size=2, max_size=2, unique=True)
    flips = [Flip(*pair) for pair in data.draw(st.lists(pair, max_size=30))] if n > 1 else []
    offset = data.draw(st.integers(0, (1 << n) - 1))
    tables = tabulate(schedule(flips, last_x=offset), n, np.zeros(0, dtype=bool))
    assert len(tables.stages) == 1
    expected = np.arange(2**n)
    for flip in flips:
        expected ^= ((expected >> flip.control) & 1) << flip.target
    seen = (tables.high[0][:, None] ^ tables.low[0][None, :]).ravel()
    np.testing.assert_array_equal(seen[: 2**n], expected ^ offset)
    np.testing.assert_array_equal(np.sort(seen), np.arange(max(8, 2**n)))
    assert bool(tables.stages[0]["moves"]) == bool((seen != np.arange(len(seen))).any())


@given(st.data(), st.integers(1, 9))
def test_every_word_has_a_place_in_the_tables_that_gives_its_sign(data: st.DataObject, n: int) -> None:
    masks = data.draw(st.lists(st.integers(1, (1 << n) - 1), max_size=12, unique=True))
    free = np.array([data.draw(st.booleans()) for _ in masks])
    stages = schedule([], [Word(mask, k) for k, mask in enumerate(masks)])
    tables, words = tabulate(stages, n, free), stages[0].words
    rank, learns = tables.stages[0]["rank"], tables.stages[0]["learns"]
    assert bool(learns) == bool(free.any())
    outcomes = np.arange(tables.size)
    low, high = outcomes & (1 << tables.low_bits) - 1, outcomes >> tables.low_bits
    for mask, place in zip(words, tables.place, strict=True):
        entry = tables.class_of[0, high].astype(int) << tables.low_bits | low
        seen = high & place - tables.size if place >= tables.size else entry & place
        assert place >= tables.size or place < 1 << tables.low_bits + rank
        np.testing.assert_array_equal(np.bitwise_count(seen) % 2, np.bitwise_count(outcomes & mask) % 2)


@pytest.mark.parametrize("kind", ["line_rzz", "ring_cx", "all_rzz"])
@pytest.mark.parametrize("layers", [1, 3])
def test_a_layer_of_an_ansatz_is_one_stage_of_turns_and_one_monomial(kind: str, layers: int) -> None:
    circuit = ANSAETZE.build(kind).build(6, layers, 3)
    assert kinds(circuit) == [Turns, Monomial] * layers
    assert all(len(stage.gates) == 6 for stage in stages_of(circuit)[::2])


@pytest.mark.parametrize(("n", "high"), [(6, 3), (8, 4), (11, 5)])
def test_ranks_of_words(n: int, high: int) -> None:
    """Words on a line meet the high qubits in one class; those on all pairs know each high qubit."""
    for pairs, rank in [([(q, q + 1) for q in range(n - 1)], 1), (list(combinations(range(n), 2)), high)]:
        circuit = QuantumCircuit(n)
        circuit.h(range(n))
        for angle, pair in zip(ParameterVector("t", len(pairs)), pairs, strict=True):
            circuit.rzz(angle, *pair)
        circuit.h(range(n))
        tables = tables_of(circuit)
        assert tables.low_bits == n - high
        assert kinds(circuit) == [Turns, Monomial, Turns, Monomial]
        assert tables.stages["rank"].tolist() == [0, rank, 0, 0]
        assert tables.stages["learns"].tolist() == [0, 1, 0, 0]


def test_an_iqp_circuit_is_one_monomial_between_two_stages_of_turns() -> None:
    circuit = QuantumCircuit(5)
    circuit.h(range(5))
    for k, pair in enumerate(combinations(range(5), 2)):
        circuit.cp(Parameter(f"t{k}"), *pair)
    circuit.h(range(5))
    stages = stages_of(circuit)
    assert [type(stage) for stage in stages] == [Turns, Monomial, Turns, Monomial]
    assert len(stages[1].words) == 15  # a word for each qubit and one for each pair


def test_cx_rz_cx_is_a_word_and_the_flips_cancel() -> None:
    circuit = QuantumCircuit(2)
    circuit.h([0, 1])
    circuit.cx(0, 1)
    circuit.rz(Parameter("a"), 1)
    circuit.cx(0, 1)
    turns, monomial = stages_of(circuit)
    assert isinstance(turns, Turns)
    assert next(iter(monomial.words)) == 0b11
    assert not monomial.moved()


def test_pauli_gates_cost_no_stage_and_relabel_at_the_end() -> None:
    circuit = QuantumCircuit(3)
    for layer in range(3):
        circuit.ry(Parameter(f"a{layer}"), range(3))
        circuit.x(0)
        circuit.rzz(Parameter(f"b{layer}"), 0, 1)
        circuit.y(1)
        circuit.z(2)
        circuit.cx(0, 2)
    assert kinds(circuit) == [Turns, Monomial] * 3
    signs = [sign for stage in stages_of(circuit)[::2] for terms in stage.gates.values() for _, sign in terms]
    assert -1 in signs
    assert (
        stages_of(circuit)[-1].offset == 0b011
    )  # X on qubit 0 reached qubit 2 three times, less what met it there
    only_x = QuantumCircuit(3)
    only_x.x([0, 2])
    assert stages_of(only_x)[0].offset == 0b101


@pytest.mark.parametrize("name", ["h", "x", "y", "z", "cx", "cz", "swap"])
def test_gates_that_are_their_own_inverse_cancel(name: str) -> None:
    circuit = QuantumCircuit(2)
    for _ in range(2):
        getattr(circuit, name)(*range(2 if name in ("cx", "cz", "swap") else 1))
    stages = stages_of(circuit)
    reading = read_circuit(circuit)
    state = np.array([0.1, 0.2, -0.3, 0.4], dtype=complex)
    angles = reading.angles.angles(np.zeros(0))
    out = np.exp(1j * angles[reading.global_phase]) * do_stages(stages, angles, state)
    np.testing.assert_allclose(out, state, rtol=0, atol=1e-15)
    assert len(stages) <= (2 if name == "h" else 1)


def test_turns_move_past_stages_on_other_qubits() -> None:
    circuit = QuantumCircuit(4)
    a = ParameterVector("a", 7)
    circuit.ry(a[0], 0)
    circuit.cx(0, 1)
    circuit.rz(a[1], 0)
    circuit.ry(a[2], 2)
    circuit.ry(a[3], 2)
    circuit.rzz(a[4], 2, 3)
    circuit.ry(a[5], 0)
    circuit.ry(a[6], 2)
    stages = stages_of(circuit)
    assert [type(stage) for stage in stages] == [Turns, Monomial, Turns, Monomial]
    assert [sorted(stage.gates) for stage in stages[::2]] == [[0, 2], [0, 2]]
    assert len(stages[0].gates[2]) == 2


def test_words_that_no_turn_precedes_stand_alone_in_front() -> None:
    """From |0...0> they are a phase, so this stage is no work."""
    circuit = QuantumCircuit(3)
    circuit.ry(Parameter("a"), 0)
    circuit.cz(0, 2)
    front, turns, last = stages_of(circuit)
    assert (list(front.words), list(turns.gates)) == ([0b100], [0])
    assert sorted(last.words) == [0b001, 0b101]
