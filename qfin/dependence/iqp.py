"""The IQP Born machine: a circuit trained classically at any width, by the maximum mean discrepancy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from qfin.dependence._base import DEFAULT_FLOOR, Floor, Seed
from qfin.dependence._cells import MAX_QUBITS, CellCopula
from qfin.dependence._wide import WideOnBackends
from qfin.errors import ConfigError
from qfin.quantum import BINS, CODES, Adam, Request
from qfin.quantum._iqp import IQP, Target, median_sigmas
from qfin.registry import kind_of

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qfin.quantum import Draws

_MARGIN_SHOTS = 4096
_CORRELATOR_SAMPLES = 2**14


class IQPBornMachine(CellCopula, WideOnBackends):
    """Instantaneous quantum polynomial circuit whose outcomes are the copula's cells, trained without simulating it.

    The circuit is H on every qubit, exp(-i theta Z_u) and exp(-i theta Z_u Z_v) gates, H on every qubit. Training
    lowers an unbiased estimate of the squared maximum mean discrepancy between circuit and days, over Pauli-Z words
    drawn from Gaussian kernels of several bandwidths (Recio-Armengol, Ahmed, Bowles, arXiv 2503.02934), which
    needs matrix products only and goes to 1000 qubits.

    To 24 qubits (hidden ones included) all cells are tabulated, by two Walsh-Hadamard transforms, and there are
    density, conditional draws and exact samples. Beyond, there are samples only: by Aer's matrix product state, which
    short-ranged gates (`gates="line"`) suit, or another backend (`sample_on`).

    Parameters
    ----------
    bits : bits, so qubits, of a factor
    bins, code : kinds of `qfin.quantum`
    gates : two-qubit gates of "all" pairs of qubits, or of those at most `reach` apart on a "line"
    reach : of `gates="line"`
    ancillas : hidden qubits
    prior : "none", or a kind with a density, whose density is kept inside the cells; beyond 24 qubits "none" always
    steps : of Adam
    learning_rate : at the first step; it falls linearly to 0
    n_words, n_samples : Pauli-Z words and uniform bitstrings drawn afresh at each step
    bandwidths : sigmas of the kernels, in square roots of a bit; None: .5 and 1 times the square root of half the
        median Hamming distance between days, which is taken as 2 at least
    bond_dimension : most singular values a bond keeps when more than 24 qubits are drawn on Aer
    floor : weight of the independent component, the same for every density model
    random_state : seed of training and draws

    Attributes
    ----------
    theta_ : shape (gates,), radians
    losses_ : estimated MMD^2 at each step, shape (steps,)
    truncation_error_ : beyond 24 qubits, root mean square difference of Z-correlators between draws by bonds of limited
        dimension and those that need no state, shot noise taken out; else None
    sigmas_ : bandwidths used
    n_qubits_ : qubits, hidden ones included
    probabilities_, prior_probabilities_, prior_ : as in every model of cells; not there beyond 24 qubits
    """

    label: ClassVar[str] = "IQP circuit"
    quantum: ClassVar[bool] = True
    random_fit: ClassVar[bool] = True

    theta_: np.ndarray
    losses_: np.ndarray
    sigmas_: list[float]
    n_qubits_: int
    truncation_error_: float | None

    def __init__(
        self,
        bits: Annotated[int, Field(ge=1, le=16)] = 3,
        bins: Literal[BINS.kinds()] = "tail_refined",  # type: ignore[valid-type]
        code: Literal[CODES.kinds()] = "gray",  # type: ignore[valid-type]
        gates: Literal["all", "line"] = "all",
        reach: Annotated[int, Field(ge=1)] = 2,
        ancillas: Annotated[int, Field(ge=0, le=64)] = 0,
        prior: Any = "none",
        steps: Annotated[int, Field(ge=1)] = 500,
        learning_rate: Annotated[float, Field(gt=0)] = 0.03,
        n_words: Annotated[int, Field(ge=1)] = 500,
        n_samples: Annotated[int, Field(ge=2)] = 500,
        bandwidths: list[Annotated[float, Field(gt=0)]] | None = None,
        bond_dimension: Annotated[int, Field(ge=1)] = 64,
        floor: Floor = DEFAULT_FLOOR,
        random_state: Seed = None,
    ) -> None:
        self.bits = bits
        self.bins = bins
        self.code = code
        self.gates = gates
        self.reach = reach
        self.ancillas = ancillas
        self.prior = prior
        self.steps = steps
        self.learning_rate = learning_rate
        self.n_words = n_words
        self.n_samples = n_samples
        self.bandwidths = bandwidths
        self.bond_dimension = bond_dimension
        self.floor = floor
        self.random_state = random_state

    @property
    def circuit_(self) -> QuantumCircuit:
        """The trained circuit, all angles bound, without measurements."""
        self._check_fitted()
        return self._iqp.circuit().assign_parameters(self.theta_)

    def request(self, shots: int, random_state: int | np.random.Generator | None = None) -> Request:
        """What `sample_on` asks of a backend: the trained circuit, hidden qubits not measured."""
        self._check_fitted()
        rng = np.random.default_rng(self.random_state if random_state is None else random_state)
        circuit = self._iqp.circuit()
        if self.ancillas:
            from qiskit import QuantumCircuit

            visible = range(self._wide.n_qubits)
            circuit = QuantumCircuit(self.n_qubits_, len(visible)).compose(circuit)
            circuit.measure(visible, visible)
        return Request(circuit, self.theta_, shots, int(rng.integers(2**31)))

    def correlators(self, words: Sequence[tuple[int, ...]]) -> np.ndarray:
        """E[(-1)^(sum of the bits of these qubits)] of each word, shape (words,), to about .005 at any width."""
        self._check_fitted()
        table = np.zeros((len(words), self.n_qubits_), dtype=np.uint8)
        for row, word in enumerate(words):
            table[row, list(word)] = 1
        return self._iqp.expectations(
            self.theta_, table, n_samples=_CORRELATOR_SAMPLES, rng=self._rng("correlators")
        )

    def details(self) -> dict[str, Any]:
        """What was trained, as JSON values."""
        self._check_fitted()
        return {
            "qubits": self.n_qubits_,
            "parameters": len(self.theta_),
            "gates": self.gates if self.gates == "all" else f"line, reach {self.reach}",
            "ancillas": self.ancillas,
            "prior": kind_of(self.prior_) if getattr(self, "prior_", None) is not None else "none",
            "bandwidths": list(self.sigmas_),
            "mmd2_first": float(self.losses_[0]),
            "mmd2_last": float(self.losses_[-10:].mean()),
            "sampled": "exactly"
            if self._tabulated
            else f"matrix product state, bonds of {self.bond_dimension} at most",
            "truncation_error": self.truncation_error_,
        }

    def _fit(self, U: np.ndarray) -> None:
        self.n_qubits_ = self.bits * U.shape[1] + self.ancillas
        for name in ("probabilities_", "prior_probabilities_", "prior_", "recalibration_"):
            self.__dict__.pop(name, None)
        if not self._tabulated:
            self._check_wide()
            self._check_ties(U)
            self._train(U)
            self.truncation_error_ = self._truncation_error() if self.gates == "line" else None
            return
        self.truncation_error_ = None
        self._begin(U)
        self._train(U)
        joint = self._iqp.probabilities(self.theta_)
        visible = joint.reshape(1 << self.ancillas, -1).sum(axis=0)
        self._settle_on(visible / visible.sum())

    def _train(self, U: np.ndarray) -> None:
        data, rng, circuit = self._wide.bits_of(U), self._rng("training"), self._iqp
        self.sigmas_ = [float(s) for s in self.bandwidths or median_sigmas(data, rng)]
        theta, target = circuit.start(data, rng), Target(data)
        state, losses = Adam(self.learning_rate).start(theta), np.empty(self.steps)
        for step in range(self.steps):
            losses[step], gradient = circuit.mmd_and_gradient(
                theta, target, self.sigmas_, self.n_words, self.n_samples, rng
            )
            adam = Adam(self.learning_rate * (1.0 - step / self.steps))
            theta, state = adam.step(theta, gradient, state, step + 1)
        self.theta_, self.losses_ = theta, losses

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        if self._tabulated:
            return super()._draw(n, rng)
        bins = self._wide.bins_of(self._drawn_by_mps(max(n, _MARGIN_SHOTS), rng).bits()[0])
        return self._wide.drawn_margins(bins).forward(self._wide.spread(bins[:n], rng))

    def _drawn_by_mps(self, shots: int, rng: np.random.Generator) -> Draws:
        """Outcomes by Aer's matrix product state."""
        from qfin.quantum import BACKENDS

        if self.gates == "all":
            raise ConfigError(
                f"{self.n_qubits_} qubits with gates between all of them are too entangled to be drawn here; set "
                "gates = 'line', or draw on a device"
            )
        aer = BACKENDS.build(
            {"kind": "aer", "method": "matrix_product_state", "bond_dimension": self.bond_dimension}
        )
        return aer.run(self.request(shots, rng))

    def _truncation_error(self) -> float:
        """Distance of the Z-correlators of draws by limited bonds from those that need no state."""
        from qfin.quantum import certify

        draws = self._drawn_by_mps(_MARGIN_SHOTS, self._rng("truncation"))
        return certify(draws, self.correlators).distance

    def _draw_given(
        self, n: int, columns: np.ndarray, values: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        self._needs_table("conditional draws")
        return super()._draw_given(n, columns, values, rng)

    def _log_density(self, U: np.ndarray) -> np.ndarray:
        self._needs_table("density")
        return super()._log_density(U)

    def _needs_table(self, what: str) -> None:
        if not self._tabulated:
            raise ConfigError(
                f"an IQP circuit of {self.n_qubits_} qubits has no {what}, which ends at {MAX_QUBITS}; take fewer bits "
                "or factors, or the dependence model 'mps', or 'factor' around this one"
            )

    def _check_wide(self) -> None:
        if self.prior != "none":
            raise ConfigError(
                f"an IQP circuit of {self.n_qubits_} qubits takes no prior, which ends at {MAX_QUBITS}; set "
                "prior = 'none', or take fewer bits or factors"
            )

    def _spread(self, bins: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Points of cells given by bins, shape (n, d)."""
        if not self._tabulated or self.prior_ is None:
            return super()._spread(bins, rng)
        bits = self._wide.bits_of_bins[bins].reshape(len(bins), -1)
        return self._cells.fill(bits.astype(np.int64) @ (1 << np.arange(bits.shape[1])), rng)

    @property
    def _iqp(self) -> IQP:
        return IQP.local(self.n_qubits_, None if self.gates == "all" else self.reach)

    @property
    def _tabulated(self) -> bool:
        return self.n_qubits_ <= MAX_QUBITS
