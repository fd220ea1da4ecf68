"""Shallow preparation of states: exact where bonds allow it, honest fidelities, few two-qubit gates."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import transpile
from qiskit.circuit.library import StatePreparation
from qiskit.quantum_info import Statevector
from scipy.stats import norm

from qfin.errors import ConfigError
from qfin.quantum import Grid
from qfin.quantum._mps import MatrixProductState
from qfin.quantum._preparation import Preparation, line_order, prepare_state
from qfin.quantum._staircase import improve, prepare_in_layers, prepared, staircase, sweep, undone


def random_state(n: int, seed: int, *, complex_: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    state = rng.standard_normal(2**n) + 1j * rng.standard_normal(2**n)
    state = state if complex_ else state.real.copy()
    return state / np.linalg.norm(state)


def bond_two(n: int, seed: int, *, complex_: bool = False) -> np.ndarray:
    """A random state whose bonds have dimension 2, site 0 the most significant bit."""
    return MatrixProductState.from_vector(random_state(n, seed, complex_=complex_), 2).to_vector()


def random_gates(layers: int, n_gates: int, *, complex_: bool) -> np.ndarray:
    """Random unitaries; if real, of determinant 1."""
    rng = np.random.default_rng(8)
    shape = (layers, n_gates, 4, 4)
    if complex_:
        return np.linalg.qr(rng.standard_normal(shape) + 1j * rng.standard_normal(shape))[0]
    gates = np.linalg.qr(rng.standard_normal(shape))[0]
    gates[..., 0] *= np.linalg.det(gates)[..., None]
    return gates


def ghz(n: int) -> np.ndarray:
    state = np.zeros(2**n)
    state[[0, -1]] = np.sqrt(0.5)
    return state


def w_state(n: int) -> np.ndarray:
    state = np.zeros(2**n)
    state[1 << np.arange(n)] = n**-0.5
    return state


def prior(bits: int, n_factors: int, rho: float = 0.7, nu: float = 4.0) -> np.ndarray:
    """Amplitudes of a Student t copula's cells, counted from draws made here."""
    rng = np.random.default_rng(3)
    spread = np.linalg.cholesky(np.full((n_factors,) * 2, rho) + (1 - rho) * np.eye(n_factors))
    normal = rng.standard_normal((200_000, n_factors)) @ spread.T
    t = normal / np.sqrt(rng.chisquare(nu, size=(len(normal), 1)) / nu)
    U = (np.argsort(np.argsort(t, axis=0), axis=0) + 0.5) / len(t)
    grid = Grid(bits, n_factors)
    counts = np.bincount(grid.encode(U), minlength=grid.n_cells) + 0.1
    return np.sqrt(counts / counts.sum())


def by_qiskit(found: Preparation, wanted: np.ndarray) -> float:
    return abs(np.vdot(wanted, Statevector(found.circuit).data)) ** 2


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_the_fidelity_is_the_circuits(n: int, complex_: bool) -> None:
    wanted = random_state(n, 11 + n, complex_=complex_)
    found = prepare_state(wanted, max_layers=2)
    assert found.fidelity == pytest.approx(by_qiskit(found, wanted), abs=1e-12)
    assert set(found.circuit.count_ops()) <= {"ry", "rz", "cx"}
    assert found.two_qubit_gates == found.circuit.count_ops().get("cx", 0)
    assert found.circuit.num_qubits == n
    assert found.circuit.num_nonlocal_gates() == found.two_qubit_gates


@pytest.mark.parametrize(("n", "most"), [(1, 0), (2, 1)])
@pytest.mark.parametrize("complex_", [False, True])
def test_one_and_two_qubits_are_exact(n: int, most: int, complex_: bool) -> None:
    found = prepare_state(random_state(n, 5, complex_=complex_), min_fidelity=1.0, max_layers=1)
    assert found.fidelity == pytest.approx(1.0, abs=1e-12)
    assert found.two_qubit_gates == most


def test_qubits_are_the_bits_of_the_index() -> None:
    """Two far qubits are tied, the others differ from each other: any other order of bits gives other amplitudes."""
    angles = [0.3, 0.7, 1.1, 1.4]
    wanted = reduce(lambda low, angle: np.kron([np.cos(angle), np.sin(angle)], low), angles, np.ones(1))
    bits = np.arange(16)
    wanted = wanted * np.where((bits & 1) == (bits >> 3 & 1), 1.0, 0.4)
    wanted /= np.linalg.norm(wanted)
    found = prepare_state(wanted, min_fidelity=1.0)
    seen = Statevector(found.circuit).probabilities()
    np.testing.assert_allclose(seen, wanted**2, atol=1e-10)


@given(n=st.integers(2, 8), seed=st.integers(0, 2**32 - 1), complex_=st.booleans())
@settings(max_examples=30)
def test_bond_two_is_exact_in_one_layer(n: int, seed: int, complex_: bool) -> None:
    wanted = bond_two(n, seed, complex_=complex_)
    layer = staircase(MatrixProductState.from_vector(wanted))
    assert abs(np.vdot(wanted, prepared(layer[None]))) ** 2 == pytest.approx(1.0, abs=1e-11)
    unitary = layer @ layer.conj().transpose(0, 2, 1)
    np.testing.assert_allclose(unitary, np.broadcast_to(np.eye(4), unitary.shape), atol=1e-12)


@pytest.mark.parametrize("n", [3, 6, 9])
def test_ghz_takes_one_cx_a_bond(n: int) -> None:
    found = prepare_state(ghz(n), min_fidelity=1.0)
    assert found.fidelity == pytest.approx(1.0, abs=1e-12)
    assert (found.layers, found.two_qubit_gates) == (1, n - 1)


@pytest.mark.parametrize("n", [3, 6, 9])
def test_w_takes_two_cx_a_bond_less_one(n: int) -> None:
    found = prepare_state(w_state(n), min_fidelity=1.0)
    assert found.fidelity == pytest.approx(1.0, abs=1e-12)
    assert (found.layers, found.two_qubit_gates) == (1, 2 * (n - 1) - 1)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 8), complex_=st.booleans())
@settings(max_examples=25)
def test_products_take_no_two_qubit_gate(seed: int, n: int, complex_: bool) -> None:
    factors = (random_state(1, (seed + k) % 2**32, complex_=complex_) for k in range(n))
    wanted = reduce(np.kron, factors, np.ones(1))
    found = prepare_state(wanted, min_fidelity=1.0)
    assert found.fidelity == pytest.approx(1.0, abs=1e-11)
    assert found.two_qubit_gates == 0


@pytest.mark.parametrize("index", [0, 1, 6, 31])
def test_basis_states_take_no_two_qubit_gate(index: int) -> None:
    found = prepare_state(np.eye(32)[index], min_fidelity=1.0)
    assert found.two_qubit_gates == 0
    assert Statevector(found.circuit).probabilities()[index] == pytest.approx(1.0, abs=1e-12)


def test_pairs_of_pairs_are_two_cx() -> None:
    """Two Bell pairs on qubits (0, 2) and (1, 3): the line puts partners together, and nothing joins the pairs."""
    bits = np.arange(16)
    together = ((bits & 1) == (bits >> 2 & 1)) & ((bits >> 1 & 1) == (bits >> 3 & 1))
    found = prepare_state(together / 2.0, min_fidelity=1.0)
    assert found.fidelity == pytest.approx(1.0, abs=1e-12)
    assert found.two_qubit_gates == 2


@pytest.mark.parametrize("complex_", [False, True])
def test_sweeps_and_layers_never_lose_fidelity(complex_: bool) -> None:
    wanted = random_state(6, 4, complex_=complex_)
    by_layers = list(prepare_in_layers(wanted, 0.999999, 4))
    reached = [fidelity for _, fidelity in by_layers]
    assert np.all(np.diff(reached) > 0.0)
    for gates, fidelity in by_layers:
        assert abs(np.vdot(wanted, prepared(gates))) ** 2 == pytest.approx(fidelity, abs=1e-12)
    gates = random_gates(3, 5, complex_=complex_)
    first = abs(np.vdot(wanted, prepared(gates))) ** 2
    swept = [first, *(sweep(gates, wanted) for _ in range(20))]
    assert np.all(np.diff(swept) > -1e-12)
    assert swept[-1] > 0.8 > 0.1 > first


def test_improving_beats_disentangling_alone() -> None:
    """The same number of staircases without sweeps: what Ran's method alone reaches."""
    wanted = prior(2, 4)
    alone = np.empty((0, 7, 4, 4))
    for _ in range(3):
        layer = staircase(MatrixProductState.from_vector(undone(alone, wanted), 2))
        alone = np.concatenate([layer[None], alone])
    disentangled = abs(np.vdot(wanted, prepared(alone))) ** 2
    _, improved = improve(alone, wanted, 1.0)
    assert 1.0 - improved < 0.7 * (1.0 - disentangled)


def test_real_states_take_rotations() -> None:
    """Real gates of determinant 1, two CX each, one for the first pair of qubits."""
    wanted = prior(2, 4)
    *_, (gates, _) = prepare_in_layers(wanted, 1.0, 2)
    assert np.isrealobj(gates)
    np.testing.assert_allclose(np.linalg.det(gates), 1.0, atol=1e-10)
    found = prepare_state(wanted, min_fidelity=1.0, max_layers=2)
    assert found.two_qubit_gates <= 2 * 2 * 7 - 1


def test_a_prior_takes_far_fewer_gates_than_synthesis() -> None:
    wanted = prior(3, 3)
    found = prepare_state(wanted, min_fidelity=0.99)
    assert found.fidelity >= 0.99
    exact = StatePreparation(wanted).definition
    synthesis = transpile(exact, basis_gates=["cx", "u"], optimization_level=0).count_ops()["cx"]
    assert synthesis > 0.9 * 2**9
    assert found.two_qubit_gates < synthesis / 6
    distance = 0.5 * np.abs(Statevector(found.circuit).probabilities() - wanted**2).sum()
    assert distance <= np.sqrt(1.0 - found.fidelity)  # Fuchs and van de Graaf


def test_more_is_asked_more_is_paid() -> None:
    wanted = prior(2, 4)
    found = [prepare_state(wanted, min_fidelity=f) for f in (0.95, 0.99, 0.999)]
    for asked, preparation in zip((0.95, 0.99, 0.999), found, strict=True):
        assert preparation.fidelity >= asked
    assert found[0].two_qubit_gates < found[1].two_qubit_gates < found[2].two_qubit_gates


def test_too_few_layers_give_the_best_and_its_fidelity() -> None:
    wanted = random_state(7, 2)
    found = prepare_state(wanted, min_fidelity=0.999, max_layers=1)
    assert found.layers == 1
    assert found.fidelity == pytest.approx(by_qiskit(found, wanted), abs=1e-12)
    assert 0.1 < found.fidelity < 0.9


def test_same_amplitudes_same_circuit() -> None:
    first, second = (prepare_state(prior(2, 4)) for _ in range(2))
    assert first.circuit == second.circuit
    assert first.fidelity == second.fidelity


def test_a_complex_array_of_real_amplitudes_is_real() -> None:
    wanted = prior(2, 3)
    assert prepare_state(wanted.astype(complex)).circuit == prepare_state(wanted).circuit


def test_the_line_follows_the_information() -> None:
    """A chain of ties in scrambled order is found again, and is the best of all orders."""
    chain = [3, 0, 4, 1, 2]
    information = np.zeros((5, 5))
    for tie, (i, j) in enumerate(pairwise(chain)):
        information[i, j] = information[j, i] = 0.5 + 0.1 * tie
    assert line_order(information) in (chain, chain[::-1])
    other = np.random.default_rng(6).random((6, 6))
    other += other.T
    np.fill_diagonal(other, 0.0)

    def across(order: tuple[int, ...]) -> float:
        return sum(other[order[a], order[b]] * (b - a) for a in range(6) for b in range(a, 6))

    best = min(across(order) for order in permutations(range(6)))
    assert across(tuple(line_order(other))) <= 1.03 * best


def test_the_natural_order_stays_where_nothing_is_gained() -> None:
    assert line_order(np.zeros((4, 4))) == [0, 1, 2, 3]
    assert line_order(np.zeros((1, 1))) == [0]


def test_the_line_pays_for_factors_that_are_far_apart() -> None:
    """Three factors of 2 bits, the first tied to the last: in natural order one layer cannot hold both ties."""
    edges = np.r_[-np.inf, norm.ppf([0.25, 0.5, 0.75]), np.inf]
    centre = np.clip(0.5 * (edges[:-1] + edges[1:]), -1.5, 1.5)
    tied = np.exp(-1.5 * (centre[:, None] - centre) ** 2)
    wanted = np.einsum("ac,b->cba", tied, np.array([0.4, 0.3, 0.2, 0.1])).ravel()
    wanted = np.sqrt(wanted / wanted.sum())
    natural = staircase(MatrixProductState.from_vector(wanted, 2))
    before = improve(natural[None], wanted, 1.0)[1]
    assert 1.0 - prepare_state(wanted, max_layers=1).fidelity < 0.6 * (1.0 - before)


@pytest.mark.parametrize(
    ("amplitudes", "message"),
    [
        (np.ones(6) / np.sqrt(6), r"amplitudes have shape \(6,\); wanted \(2\*\*n,\)"),
        (np.ones(1), r"amplitudes have shape \(1,\)"),
        (np.eye(2), r"amplitudes have shape \(2, 2\)"),
        (np.array([1.0, 1.0]), "amplitudes have norm 1.41421; wanted 1"),
        (np.array([1.0, np.nan]), "amplitude 1 is nan; wanted finite numbers"),
        (np.array([1.0, np.inf, 0.0, 0.0]), "amplitude 1 is inf"),
        (np.array(["a", "b"]), "amplitudes are <U1; wanted real or complex numbers"),
    ],
)
def test_amplitudes_that_are_no_state_are_refused(amplitudes: np.ndarray, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        prepare_state(amplitudes)


@pytest.mark.parametrize("fidelity", [0.0, 1.5, np.nan])
def test_a_fidelity_out_of_range_is_refused(fidelity: float) -> None:
    with pytest.raises(ConfigError, match=f"min_fidelity = {fidelity} is not allowed; wanted more than 0"):
        prepare_state(ghz(2), min_fidelity=fidelity)


def test_no_layers_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_layers = 0 is not allowed; wanted at least 1"):
        prepare_state(ghz(2), max_layers=0)
