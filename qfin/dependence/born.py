"""The Born machine: a Qiskit circuit whose outcome probabilities are the copula's cells."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field
from scipy.special import ndtr, ndtri

from qfin.dependence._base import DEFAULT_FLOOR, Floor, Seed
from qfin.dependence._cells import check_qubits, draw_outcomes
from qfin.dependence._circuit import ANSATZ, LAYERS, Learner, Start, TrainedCircuit, product_state
from qfin.dependence._density import HeldOutDays
from qfin.dependence._on_backends import OnBackends
from qfin.dependence._selection import Choice, choose
from qfin.errors import DataError, NotFittedError
from qfin.quantum import ANSAETZE, BINS, CODES, Stop, TrainingResult
from qfin.registry import check_estimator, kind_of

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_DATA_WEIGHTS = (1.0, 0.3)
_SMOOTHING = {"load": 0.0, "train": 0.0, "scratch": 0.3}
_SMOOTHING_DRAWS = 64
_FOLD_DRAWS = 2**16


class BornMachine(OnBackends):
    """Quantum circuit Born machine on a grid, with a classical copula as its prior.

    Each factor's unit interval is cut into 2**bits bins, a cell of the cube is a bitstring, and the circuit's Born
    probabilities |<x|psi>|^2 are the cells' (Liu and Wang, arXiv 1804.04168; Benedetti et al., arXiv 1801.07686).
    The density is

        c(u) = c_prior(u) P_circuit(cell of u) / P_prior(cell of u),

    so inside a cell it is the prior's and nothing is lost to the grid. With `start="load"` the circuit begins with the
    state sum_x sqrt(P_prior(x)) |x> and layers at the identity: **untrained, the model is its prior; training adds the
    departure from it**, by exact likelihood and the exact gradient. What the circuit adds, and not the sum, is the
    quantum model's contribution: `details()` and the report state it in nats a day, held out.

    With `prior="none"` it is a plain Born machine, trained from a product state with the data's bit frequencies, and
    the density inside a cell is uniform.

    Margins are made exactly uniform by mapping each factor through the model's own marginal distribution function.

    Parameters
    ----------
    bits : bits, so qubits, of a factor; bits * factors is at most 24
    bins, code : kinds of `qfin.quantum`; reflected Gray code is sign and magnitude, which is what tail dependence needs
    ansatz : kind of `qfin.quantum`; None: `line_rzz` on a loaded prior, else `all_rzz`
    layers : of the ansatz; None: 2 on a loaded prior, else 5
    prior : "none", or a kind of this room that has a density, or a mapping with its parameters, or an instance
    start : "load" the prior as amplitudes, or "train" the circuit towards the prior first, from a product state
    data_weight : share of the data in the training target, the rest is the prior; None: chosen by forward chaining
    steps : training steps; None: chosen by forward chaining inside the training days, 0 (the prior itself) included
    max_steps : most steps to choose from; None: 120 from a prior, 400 from scratch
    learning_rate : of Adam; None: .003 from a prior, .02 from scratch
    smoothing : standard deviation, in normal scores, of the Gaussian kernel that spreads each training day over the
        cells around it, margins kept; None: 0 with a prior, .3 from scratch, where the cells outnumber the days
    floor : weight of the independent component, the same for every density model
    random_state : seed of angles and draws

    Attributes
    ----------
    probabilities_ : shape (2**n_qubits,), the circuit's exact outcome probabilities; bit j of the index is qubit j
    prior_probabilities_ : the same of the prior; None after `fit_bits`
    circuit_ : the whole bound `QuantumCircuit`
    result_ : TrainingResult of the final training
    prior_ : the fitted prior, None without
    selection_ : settings tried by forward chaining, with their gain in nats a day
    data_weight_, steps_ : as chosen
    tuning_ : TrainingResult of `tune`
    """

    label: ClassVar[str] = "Born machine"

    result_: TrainingResult
    tuning_: TrainingResult
    n_qubits_: int
    layers_: int
    data_weight_: float
    steps_: int
    selection_: list[Choice]
    product_angles_: np.ndarray | None

    def __init__(
        self,
        bits: Annotated[int, Field(ge=1, le=16)] = 3,
        bins: Literal[BINS.kinds()] = "tail_refined",  # type: ignore[valid-type]
        code: Literal[CODES.kinds()] = "gray",  # type: ignore[valid-type]
        ansatz: Literal[ANSAETZE.kinds()] | None = None,  # type: ignore[valid-type]
        layers: Annotated[int, Field(ge=1, le=64)] | None = None,
        prior: Any = "student_t",
        start: Literal["load", "train"] = "load",
        data_weight: Annotated[float, Field(gt=0, le=1)] | None = None,
        steps: Annotated[int, Field(ge=0)] | None = None,
        max_steps: Annotated[int, Field(ge=1)] | None = None,
        learning_rate: Annotated[float, Field(gt=0)] | None = None,
        smoothing: Annotated[float, Field(ge=0, lt=1)] | None = None,
        floor: Floor = DEFAULT_FLOOR,
        random_state: Seed = None,
    ) -> None:
        self.bits = bits
        self.bins = bins
        self.code = code
        self.ansatz = ansatz
        self.layers = layers
        self.prior = prior
        self.start = start
        self.data_weight = data_weight
        self.steps = steps
        self.max_steps = max_steps
        self.learning_rate = learning_rate
        self.smoothing = smoothing
        self.floor = floor
        self.random_state = random_state

    def fit_bits(self, X: np.ndarray) -> Self:
        """Train a plain Born machine on bitstrings, from a product state with their bit frequencies.

        Parameters
        ----------
        X : shape (n, m) of 0 and 1, column j is qubit j; at most 24 columns

        All of `steps` (where that is None, of `max_steps`) are taken. There is no unit cube, so of the verbs only
        `sample_bits` works afterwards.

        Raises
        ------
        DataError
            naming row and column of an entry that is neither 0 nor 1.
        """
        check_estimator(self)
        outcomes, m = _outcomes_of_bits(X)
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)
        learner = self._learner(check_qubits(m, f"{m} columns"), "scratch", bits=m)
        histogram = np.bincount(outcomes, minlength=2**m) / len(outcomes)
        steps = learner.schedule.max_steps if self.steps is None else self.steps
        self._settle(learner, histogram, histogram, histogram, steps)
        self.prior_, self.prior_probabilities_, self.selection_, self.data_weight_ = None, None, [], 1.0
        return self

    def sample_bits(self, n: int, random_state: int | np.random.Generator | None = None) -> np.ndarray:
        """Draw n bitstrings from the circuit, shape (n, n_qubits) uint8, column j is qubit j."""
        self._check_trained()
        seed = self.random_state if random_state is None else random_state
        outcomes = draw_outcomes(self.probabilities_, n, np.random.default_rng(seed))
        return ((outcomes[:, None] >> np.arange(self.n_qubits_)) & 1).astype(np.uint8)

    @property
    def circuit_(self) -> QuantumCircuit:
        """The trained circuit, all angles bound; the prior, where it is loaded, is its first instruction."""
        self._check_trained()
        return self._trained_learner.bound(
            self.prior_probabilities_, self.product_angles_, self.result_.theta
        )

    def trained_circuit(self, U: np.ndarray) -> TrainedCircuit:
        """The circuit with what it was trained from and towards, for diagnosis.

        Parameters
        ----------
        U : the pseudo-observations it was fitted to, shape (n, d)
        """
        self._check_fitted()
        assert self.prior_probabilities_ is not None
        prior, angles = self.prior_probabilities_, self.product_angles_
        target = self.data_weight_ * self._histogram(U) + (1.0 - self.data_weight_) * prior
        return TrainedCircuit(
            learner=self._learner(self.n_qubits_, self._start, self.bits),
            grid=self._grid,
            initial=np.sqrt(prior) if angles is None else product_state(angles),
            first_target=prior if self._start == "train" else target,
            target=target,
            theta=self.result_.theta,
        )

    def details(self) -> dict[str, Any]:
        """What was trained and how it was chosen, as JSON values."""
        self._check_trained()
        return {
            "qubits": self.n_qubits_,
            "parameters": len(self.result_.theta),
            "layers": self.layers_,
            "ansatz": self.ansatz or ANSATZ[self._start],
            "prior": "none" if self.prior_ is None else kind_of(self.prior_),
            "start": self._start,
            "stop": self._why_it_stopped(),
            "steps": self.steps_,
            "data_weight": self.data_weight_,
            "selection": [asdict(choice) for choice in self.selection_],
        }

    def _fit(self, U: np.ndarray) -> None:
        d = U.shape[1]
        n_qubits = check_qubits(self.bits * d, f"{self.bits} bits for each of {d} factors")
        learner = self._learner(n_qubits, self._start, self.bits)
        data_weight, steps = self.data_weight, self.steps
        self.selection_ = []
        if data_weight is None or steps is None:
            choice, self.selection_ = self._choose(learner, U)
            data_weight, steps = choice.data_weight, choice.steps if steps is None else steps
        prior, histogram = self._begin(U), self._histogram(U)
        target = data_weight * histogram + (1.0 - data_weight) * prior
        self._settle(learner, prior, histogram, target, steps)
        self.data_weight_ = float(data_weight)
        self._settle_on(self.probabilities_)

    def _settle(
        self, learner: Learner, prior: np.ndarray, histogram: np.ndarray, target: np.ndarray, steps: int
    ) -> None:
        prepared = learner.prepare(prior, histogram, self._rng("angles"))
        self.__dict__.pop("tuning_", None)
        self.result_ = learner.learn(prepared, target, steps)
        self.probabilities_ = learner.program.probabilities(self.result_.theta, prepared.amplitudes)
        self.product_angles_ = prepared.product_angles
        self.n_qubits_, self.layers_, self.steps_ = learner.n_qubits, learner.layers, int(steps)

    def _choose(self, learner: Learner, U: np.ndarray) -> tuple[Choice, list[Choice]]:
        weights = (1.0,) if self._start == "scratch" else _DATA_WEIGHTS
        if self.data_weight is not None:
            weights = (self.data_weight,)
        longest = learner.schedule.max_steps if self.steps is None else self.steps

        def gains(fitted: np.ndarray, following: np.ndarray) -> list[np.ndarray]:
            _, cells = self._prior_cells(fitted)
            prior = cells.tabulate(_FOLD_DRAWS, self._rng("fold draws")).probabilities
            histogram = self._histogram(fitted)
            held_out = HeldOutDays(following, cells, prior, self.floor)
            prepared = learner.prepare(prior, histogram, self._rng("angles"))
            curves = []
            for weight in weights:
                target = weight * histogram + (1.0 - weight) * prior
                result = learner.learn(prepared, target, longest, held_out)
                steps, losses = zip(
                    *((s, loss) for s, _, loss in result.history if loss is not None), strict=True
                )
                curves.append(losses[0] - np.interp(np.arange(steps[-1] + 1), steps, losses))
            return curves

        return choose(U, weights, gains, self.steps, cautious=self._start != "scratch")

    def _why_it_stopped(self) -> str:
        if self.steps is None and self.selection_ and self.result_.stop is Stop.MAX_STEPS:
            return "it took the steps chosen by forward chaining"
        return str(self.result_.stop)

    def _check_trained(self) -> None:
        if not hasattr(self, "probabilities_"):
            raise NotFittedError(
                f"this {type(self).__name__} is not fitted yet; call fit(U) or fit_bits(X) first"
            )

    @property
    def _start(self) -> Start:
        scratch = self.prior == "none" or not hasattr(self, "n_features_in_")
        return "scratch" if scratch else self.start

    @property
    def _trained_learner(self) -> Learner:
        bits = self.bits if hasattr(self, "n_features_in_") else self.n_qubits_
        return self._learner(self.n_qubits_, self._start, bits)

    def _learner(self, n_qubits: int, start: Start, bits: int) -> Learner:
        layers = LAYERS[start] if self.layers is None else self.layers
        return Learner(
            self.ansatz or ANSATZ[start], n_qubits, layers, bits, start, self.learning_rate, self.max_steps
        )

    def _histogram(self, U: np.ndarray) -> np.ndarray:
        """Share of the days in each cell, shape (n_cells,), each day spread by the smoothing kernel."""
        width = _SMOOTHING[self._start] if self.smoothing is None else self.smoothing
        if width == 0.0:
            return self._counts(U)
        scores, rng = ndtri(U), self._rng("smoothing")
        total = np.zeros(self._grid.n_cells)
        for _ in range(_SMOOTHING_DRAWS):
            spread = np.sqrt(1.0 - width**2) * scores + width * rng.standard_normal(scores.shape)
            total += np.bincount(self._grid.encode(ndtr(spread)), minlength=self._grid.n_cells)
        return total / total.sum()


def _outcomes_of_bits(X: np.ndarray) -> tuple[np.ndarray, int]:
    X = np.asarray(X)
    if X.ndim != 2 or 0 in X.shape:
        raise DataError(f"X has shape {X.shape}; wanted (rows, bits), at least one of each")
    wrong = (X != 0) & (X != 1)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DataError(f"X[{row}, {column}] = {X[row, column]} is neither 0 nor 1")
    check_qubits(X.shape[1], f"{X.shape[1]} columns")
    return X.astype(np.int64) @ (1 << np.arange(X.shape[1], dtype=np.int64)), X.shape[1]
