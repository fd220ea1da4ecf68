"""The matrix-product-state Born machine: exact likelihood, exact draws and exact conditions at any number of qubits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from qfin.dependence._base import DEFAULT_FLOOR, DensityCopula, Floor, Seed
from qfin.dependence._prior import as_prior
from qfin.dependence._recalibration import Recalibration
from qfin.dependence._selection import ranked
from qfin.dependence._smoothing import spread_days
from qfin.dependence._wide import WideOnBackends
from qfin.errors import DataError
from qfin.quantum import BINS, CODES, Request
from qfin.quantum._mps import MatrixProductState
from qfin.quantum._mps_training import sweeps
from qfin.registry import kind_of

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


_DATA_WEIGHTS = (0.5, 0.25)
_SMOOTHING_DRAWS = 8
_WATCHED = 0.2  # share of the training days, the last ones, on which weight and sweeps are chosen
_PATIENCE = 4  # sweeps without a better score before the choice ends


class MPSBornMachine(WideOnBackends):
    """Born machine whose state is a matrix product state, so that nothing about it needs a simulation.

    A site is a qubit, a factor `bits` neighbouring sites, correlated factors neighbours (optimal leaf ordering). Cells
    have the probabilities psi(x)^2, points are uniform inside them, margins uniform exactly:

        c(u) = P(cell of v) / prod_k P(bin of v_k),    v = G^{-1}(u).

    Trained by exact likelihood in two-site sweeps, bonds growing from 2 (Han, Wang, Fan, Wang and Zhang, PRX 8, 031012,
    2018), on the days and on draws of a classical teacher fitted to the same days, which keep it from learning the
    days by heart. `circuit_` is the same state as a Qiskit circuit; as the prior of a `born` machine it is where that
    one's training begins.

    Parameters
    ----------
    bits, bins, code : of the grid, at any number of qubits
    teacher : a kind with a density, or a mapping with its parameters, or an instance; "none": the days alone
    teacher_draws : draws of the teacher
    data_weight : share of the days in what is learnt; None: chosen, with the sweeps, on the last fifth of the training
        days, from .5 and .25
    smoothing : standard deviation, in normal scores, of the Gaussian kernel that spreads each training day
    max_bond : widest bond
    max_sweeps : most sweeps, there and back, to choose from
    sweeps : sweeps taken; None: chosen
    floor : weight of the independent component, the same for every density model
    random_state : seed of smoothing, teacher and draws

    Attributes
    ----------
    tensors_ : the state, for each site an array of shape (left bond, 2, right bond)
    order_ : shape (d,), the factors along the line
    masses_ : shape (d, 2**bits), of the bins
    teacher_ : the fitted teacher, None without
    data_weight_, sweeps_ : as chosen
    losses_ : negative log-likelihood after each sweep, nats
    """

    label: ClassVar[str] = "MPS Born machine"
    quantum: ClassVar[bool] = True
    random_fit: ClassVar[bool] = True

    tensors_: list[np.ndarray]
    order_: np.ndarray
    masses_: np.ndarray
    teacher_: DensityCopula | None
    data_weight_: float
    sweeps_: int
    losses_: list[float]

    def __init__(
        self,
        bits: Annotated[int, Field(ge=1, le=16)] = 5,
        bins: Literal[BINS.kinds()] = "tail_refined",  # type: ignore[valid-type]
        code: Literal[CODES.kinds()] = "gray",  # type: ignore[valid-type]
        teacher: Any = "student_t",
        teacher_draws: Annotated[int, Field(ge=1)] = 2**14,
        data_weight: Annotated[float, Field(gt=0, le=1)] | None = None,
        smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.2,
        max_bond: Annotated[int, Field(ge=1, le=1024)] = 16,
        max_sweeps: Annotated[int, Field(ge=1)] = 12,
        sweeps: Annotated[int, Field(ge=1)] | None = None,
        floor: Floor = DEFAULT_FLOOR,
        random_state: Seed = None,
    ) -> None:
        self.bits = bits
        self.bins = bins
        self.code = code
        self.teacher = teacher
        self.teacher_draws = teacher_draws
        self.data_weight = data_weight
        self.smoothing = smoothing
        self.max_bond = max_bond
        self.max_sweeps = max_sweeps
        self.sweeps = sweeps
        self.floor = floor
        self.random_state = random_state

    @property
    def state_(self) -> MatrixProductState:
        """The trained state."""
        self._check_fitted()
        return MatrixProductState(tuple(self.tensors_))

    @property
    def circuit_(self) -> QuantumCircuit:
        """A Qiskit circuit that prepares the state exactly: a staircase of unitaries; qubit j is bit j of the grid."""
        from qfin.quantum._mps_circuit import mps_circuit

        return mps_circuit(self.state_, self._qubits.tolist())

    def request(self, shots: int, random_state: int | np.random.Generator | None = None) -> Request:
        """What `sample_on` asks of a backend: the circuit, which has no free angles."""
        rng = np.random.default_rng(self.random_state if random_state is None else random_state)
        return Request(self.circuit_, np.empty(0), shots, int(rng.integers(2**31)))

    def correlators(self, words: Sequence[tuple[int, ...]]) -> np.ndarray:
        """Exact E[(-1)^(sum of the bits of these qubits)] of each word, shape (words,)."""
        site = np.argsort(self._qubits)
        return np.array([self.state_.correlator([int(site[q]) for q in word]) for word in words])

    def details(self) -> dict[str, Any]:
        """The state's size and how it was chosen, as JSON values."""
        self._check_fitted()
        return {
            "qubits": len(self.tensors_),
            "parameters": int(sum(tensor.size for tensor in self.tensors_)),
            "bond_dimension": max(tensor.shape[2] for tensor in self.tensors_),
            "order": self.order_.tolist(),
            "teacher": "none" if self.teacher_ is None else kind_of(self.teacher_),
            "data_weight": self.data_weight_,
            "sweeps": self.sweeps_,
            "losses": self.losses_,
        }

    def _fit(self, U: np.ndarray) -> None:
        self.order_ = _along_a_line(U)
        if self.data_weight is not None and self.sweeps is not None:
            self.data_weight_, self.sweeps_ = float(self.data_weight), int(self.sweeps)
        else:
            self.data_weight_, self.sweeps_ = self._chosen(U)
        self.teacher_ = self._taught_by(U)
        *_, (state, _) = learnt = list(self._sweeps(U, self.teacher_, self.data_weight_, self.sweeps_))
        self.tensors_, self.losses_ = list(state.tensors), [loss for _, loss in learnt]
        self.masses_ = self._bin_masses(state)

    def _chosen(self, U: np.ndarray) -> tuple[float, int]:
        """Data weight and sweeps that score best on the last days, fitted to those before them."""
        cut = len(U) - max(1, int(_WATCHED * len(U)))
        past, following = ranked(U[:cut]), ranked(U[cut:])
        teacher = self._taught_by(past)
        weights = (1.0,) if teacher is None else _DATA_WEIGHTS
        best = (-np.inf, weights[0], 1)
        for weight in weights if self.data_weight is None else (self.data_weight,):
            highest, since = -np.inf, 0
            longest = self.max_sweeps if self.sweeps is None else self.sweeps
            for number, (state, _) in enumerate(self._sweeps(past, teacher, weight, longest), start=1):
                score = self._held_out(state, following)
                if self.sweeps is None or number == self.sweeps:
                    best = max(best, (score, float(weight), number))
                highest, since = (score, 0) if score > highest else (highest, since + 1)
                if since == _PATIENCE and self.sweeps is None:
                    break
        return best[1:]

    def _held_out(self, state: MatrixProductState, following: np.ndarray) -> float:
        log_density = self._log_ratio(state, self._bin_masses(state), following)
        return float(np.mean(np.logaddexp(np.log1p(-self.floor) + log_density, np.log(self.floor or 1e-300))))

    def _sweeps(
        self, U: np.ndarray, teacher: DensityCopula | None, weight: float, number: int
    ) -> Iterator[tuple[MatrixProductState, float]]:
        points = spread_days(U, self.smoothing, _SMOOTHING_DRAWS, self._rng("smoothing"))
        days = len(points) * len(U)
        weights = [np.full(days, weight / days)]
        if teacher is not None and weight < 1.0:
            drawn = teacher.sample(self.teacher_draws, self._rng("teacher"))
            points.append(drawn)
            weights.append(np.full(len(drawn), (1.0 - weight) / len(drawn)))
        bits = self._wide.bits_of(np.concatenate(points))[:, self._qubits]
        yield from sweeps(bits, np.concatenate(weights), _bonds(number, self.max_bond))

    def _taught_by(self, U: np.ndarray) -> DensityCopula | None:
        teacher = as_prior(self.teacher, self.floor, self.random_state)
        return None if teacher is None else teacher.fit(U)

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._points(self.state_.sample(n, rng), rng)

    def _draw_given(
        self, n: int, columns: np.ndarray, values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        points = self._points(self.state_.sample(n, rng, self._held(columns, values)), rng)
        return points[:, np.setdiff1d(np.arange(self.n_features_in_), columns)]

    def _log_margin(self, columns: np.ndarray, values: np.ndarray) -> float:
        if len(columns) == 1:
            return 0.0
        log_mass = self.state_.log_mass(self._held(columns, values))
        if not np.isfinite(log_mass):
            raise DataError("the condition has probability zero under the model; move it")
        bins = self._bins_at(columns, values)
        return log_mass - float(np.log(self.masses_[columns, bins]).sum())

    def _log_density(self, U: np.ndarray) -> np.ndarray:
        return self._log_ratio(self.state_, self.masses_, U)

    def _log_ratio(self, state: MatrixProductState, masses: np.ndarray, U: np.ndarray) -> np.ndarray:
        """ln P(cell) - sum_k ln P(bin_k) at each point, whose coordinates are before recalibration G^{-1}(u)."""
        V, _ = self._wide.margins(masses).inverse(U)
        bins = self._wide.bins_of_points(V)
        log_cell = state.log_probabilities(self._wide.bits_of(V)[:, self._qubits])
        return log_cell - np.log(masses[np.arange(len(masses)), bins]).sum(axis=1)

    def _points(self, bits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Points of bits along the line, margins uniform, shape (n, sites) to (n, d)."""
        by_qubit = np.empty_like(bits)
        by_qubit[:, self._qubits] = bits
        return self._recalibration.forward(self._wide.spread(self._wide.bins_of(by_qubit), rng))

    def _held(self, columns: np.ndarray, values: np.ndarray) -> dict[int, int]:
        """Value of each site that the columns' values fix."""
        bits = self._wide.bits_of_bins[self._bins_at(columns, values)]
        place = np.argsort(self.order_)
        return {
            int(place[column]) * self.bits + j: int(bits[row, j])
            for row, column in enumerate(columns)
            for j in range(self.bits)
        }

    def _bins_at(self, columns: np.ndarray, values: np.ndarray) -> np.ndarray:
        corner = np.full((1, self.n_features_in_), 0.5)
        corner[0, columns] = values
        return self._wide.bins_of_points(self._recalibration.inverse(corner)[0])[0, columns]

    def _bin_masses(self, state: MatrixProductState) -> np.ndarray:
        """Mass of each bin of each factor, shape (d, 2**bits)."""
        words = self._wide.bits_of_bins @ (1 << np.arange(self.bits)[::-1])
        masses = state.block_margins(self.bits)[np.argsort(self.order_)][:, words]
        masses = np.maximum(masses, 1e-15)
        return masses / masses.sum(axis=1, keepdims=True)

    @property
    def _recalibration(self) -> Recalibration:
        return self._wide.margins(self.masses_)

    @property
    def _qubits(self) -> np.ndarray:
        """Qubit of each site, shape (sites,)."""
        return (self.order_[:, None] * self.bits + np.arange(self.bits)).ravel()

    def _rng(self, purpose: str) -> np.random.Generator:
        if self.random_state is None:
            return np.random.default_rng()
        return np.random.default_rng([self.random_state, *purpose.encode()])


def _along_a_line(U: np.ndarray) -> np.ndarray:
    """An order of the factors that brings correlated ones together (Bar-Joseph, Gifford and Jaakkola 2001)."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform
    from scipy.stats import rankdata

    d = U.shape[1]
    if d < 3:
        return np.arange(d)
    correlation = np.corrcoef(rankdata(U, axis=0), rowvar=False)
    distance = np.sqrt(np.maximum(0.0, 1.0 - correlation**2))
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    return leaves_list(tree).astype(np.int64)


def _bonds(number: int, most: int) -> list[int]:
    """Widest bond of each sweep: 2, then 4 twice, 8 three times, and so on."""
    bonds = [min(2**k, most) for k in range(1, 12) for _ in range(min(k, 3))]
    return (bonds + [most] * number)[:number]
