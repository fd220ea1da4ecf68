"""The Born machine: a Qiskit circuit whose outcome probabilities are the copula's cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from math import inf, isfinite
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from qfin.dependence._base import DEFAULT_FLOOR, Floor, Seed
from qfin.dependence._cells import check_qubits, draw_outcomes
from qfin.dependence._circuit import ANSATZ, LAYERS, Learner, Start, TrainedCircuit, product_state
from qfin.dependence._density import HeldOutDays
from qfin.dependence._on_backends import OnBackends
from qfin.dependence._prior import PriorCells, UniformCells, as_prior
from qfin.dependence._search import LAYERS as SEARCHED_LAYERS
from qfin.dependence._search import Shape, shapes
from qfin.dependence._selection import FOLDS, Choice, choose
from qfin.dependence._smoothing import spread_days
from qfin.errors import ConfigError, DataError, NotFittedError
from qfin.quantum import (
    ANSAETZE,
    BINS,
    CODES,
    NegativeLogLikelihood,
    Stop,
    TailWeightedLikelihood,
    TrainingResult,
)
from qfin.registry import check_estimator, kind_of

if TYPE_CHECKING:
    from qfin.dependence._base import DensityCopula
    from qfin.quantum import LossFunction

_DATA_WEIGHTS = (1.0, 0.3)
_HALF_LIVES = (250.0, 125.0)  # days
_SMOOTHING = {"load": 0.0, "train": 0.0, "scratch": 0.3}
_SMOOTHING_DRAWS = 64
_FOLD_DRAWS = 2**15
_TAIL = 0.1


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
    ansatz : kind of `qfin.quantum`; None: `line_rzz` on a loaded prior, else `all_rzz`, or chosen by a search
    layers : of the ansatz; None: 2 on a loaded prior, else 5, or chosen by a search
    search_seconds : budget of a search, by forward chaining like the rest, for ansatz, layers and bits (one fewer, one
        more), those of them that are given held; seconds are counted from the circuits' sizes, not measured, so that
        the same is chosen on every machine. 0: no search
    ancillas : hidden qubits beside those of the grid
    ensemble : circuits trained from different angles; the model is their equal mixture
    tail_weight : weight of the censored likelihood of the cells with a factor in its outermost bins, see
        `qfin.quantum.TailWeightedLikelihood`
    half_life : days after which a day counts half in the training target, which lets the circuit follow a dependence
        that moves, and suits a model that is fitted anew every few weeks; "chosen": by forward chaining, from 125 and
        250 days and no end; None: all days count the same
    prior : "none", or a kind of this room that has a density, or a mapping with its parameters, or an instance
    start : "load" the prior as amplitudes, or "train" the circuit towards the prior first, from a product state
    data_weight : share of the data in the training target, the rest is the prior; None: chosen by forward chaining
    steps : training steps; None: chosen by forward chaining inside the training days, 0 (the prior itself) included
    max_steps : most steps to choose from; None: 160 from a prior, 400 from scratch
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
    ensemble_ : TrainingResult of each further circuit
    selection_ : settings tried by forward chaining, with their gain in nats a day
    left_out_ : shapes for which the search had no budget
    data_weight_, half_life_, steps_, ansatz_, layers_, bits_ : as chosen
    tuning_ : TrainingResult of `tune`
    """

    label: ClassVar[str] = "Born machine"
    quantum: ClassVar[bool] = True
    random_fit: ClassVar[bool] = True

    result_: TrainingResult
    ensemble_: list[TrainingResult]
    tuning_: TrainingResult
    n_qubits_: int
    ansatz_: str
    layers_: int
    bits_: int
    left_out_: list[Shape]
    data_weight_: float
    half_life_: float
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
        search_seconds: Annotated[float, Field(ge=0)] = 0.0,
        ancillas: Annotated[int, Field(ge=0, le=8)] = 0,
        ensemble: Annotated[int, Field(ge=1, le=100)] = 1,
        tail_weight: Annotated[float, Field(ge=0, le=1)] = 0.0,
        half_life: Annotated[float, Field(gt=0)] | Literal["chosen"] | None = None,
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
        self.search_seconds = search_seconds
        self.ancillas = ancillas
        self.ensemble = ensemble
        self.tail_weight = tail_weight
        self.half_life = half_life
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
        learner = self._learner(m, "scratch", self._usual("scratch", m))
        self.half_life_ = inf if self.half_life in (None, "chosen") else float(self.half_life)
        weights = _day_weights(len(outcomes), self.half_life_)
        histogram = np.bincount(outcomes, weights, minlength=2**m)
        steps = learner.schedule.max_steps if self.steps is None else self.steps
        self._settle(learner, histogram, histogram, histogram, steps)
        self.prior_, self.prior_probabilities_, self.data_weight_ = None, None, 1.0
        self.selection_, self.left_out_ = [], []
        return self

    def sample_bits(self, n: int, random_state: int | np.random.Generator | None = None) -> np.ndarray:
        """Draw n bitstrings from the circuit, shape (n, n_qubits) uint8, column j is qubit j."""
        self._check_trained()
        seed = self.random_state if random_state is None else random_state
        outcomes = draw_outcomes(self.probabilities_, n, np.random.default_rng(seed))
        return ((outcomes[:, None] >> np.arange(self.n_qubits_)) & 1).astype(np.uint8)

    def trained_circuit(self, U: np.ndarray) -> TrainedCircuit:
        """The circuit with what it was trained from and towards, for diagnosis.

        Parameters
        ----------
        U : the pseudo-observations it was fitted to, shape (n, d)
        """
        self._check_fitted()
        assert self.prior_probabilities_ is not None
        prior, angles = self.prior_probabilities_, self.product_angles_
        if self.ancillas:
            raise ConfigError("a circuit with hidden qubits cannot be diagnosed; set ancillas = 0")
        target = self.data_weight_ * self._histogram(U, self.half_life_) + (1.0 - self.data_weight_) * prior
        return TrainedCircuit(
            learner=self._trained_learner,
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
            "parameters": len(self.result_.theta) * self.ensemble,
            "layers": self.layers_,
            "ansatz": self.ansatz_,
            "bits": self.bits_,
            "ancillas": self.ancillas,
            "ensemble": self.ensemble,
            "prior": "none" if self.prior_ is None else kind_of(self.prior_),
            "start": self._start,
            "stop": self._why_it_stopped(),
            "steps": self.steps_,
            "data_weight": self.data_weight_,
            "half_life": self.half_life_ if isfinite(self.half_life_) else None,
            "selection": [asdict(choice) for choice in self.selection_],
            "left_out_of_search": [asdict(shape) for shape in self.left_out_],
        }

    def _fit(self, U: np.ndarray) -> None:
        shape = self._usual(self._start, self.bits)
        self.selection_, self.left_out_, self.bits_ = [], [], self.bits
        check_qubits(self.bits * U.shape[1] + self.ancillas, self._needs(U.shape[1]))
        self._check_ties(U)
        options = self._options()
        (data_weight, half_life), steps = options[0], self.steps
        if len(options) > 1 or steps is None or self.search_seconds:
            choice = self._choose(shape, options, U)
            data_weight, half_life = choice.data_weight, inf if choice.half_life is None else choice.half_life
            shape, steps = choice.shape or shape, choice.steps if steps is None else steps
        self.data_weight_, self.half_life_ = float(data_weight), float(half_life)
        self.bits_ = shape.bits
        learner = self._learner(shape.bits * U.shape[1], self._start, shape)
        prior, histogram = self._begin(U), self._histogram(U, half_life)
        self._settle(learner, prior, histogram, self._loss(data_weight, histogram, prior), steps)
        self._settle_on(self.probabilities_)

    def _settle(
        self,
        learner: Learner,
        prior: np.ndarray,
        histogram: np.ndarray,
        target: np.ndarray | LossFunction,
        steps: int,
    ) -> None:
        self.__dict__.pop("tuning_", None)
        results, total = [], np.zeros(1 << learner.n_qubits)
        for member in range(self.ensemble):
            prepared = learner.prepare(
                prior, histogram, self._rng(f"angles {member}" if member else "angles")
            )
            results.append(learner.learn(prepared, target, steps))
            total += learner.program.probabilities(results[-1].theta, prepared.amplitudes)
        self.result_, self.ensemble_ = results[0], results[1:]
        self.probabilities_ = total / self.ensemble
        self.product_angles_ = prepared.product_angles
        self.n_qubits_, self.layers_, self.steps_ = learner.n_qubits, learner.layers, int(steps)
        self.ansatz_, self.bits_ = learner.ansatz, learner.bits

    def _options(self) -> list[tuple[float, float]]:
        """Data weights and half-lives to choose from."""
        weights = _DATA_WEIGHTS if self._start != "scratch" else (1.0,)
        if self.data_weight is not None:
            weights = (self.data_weight,)
        if self.half_life != "chosen":
            return [(weight, self.half_life or inf) for weight in weights]
        lives = [(min(weights), half_life) for half_life in _HALF_LIVES]
        return [*((weight, inf) for weight in weights), *lives]

    def _choose(self, usual: Shape, options: list[tuple[float, float]], U: np.ndarray) -> Choice:
        priors: dict[int, DensityCopula | None] = {}

        def prior_of(fitted: np.ndarray) -> DensityCopula | None:
            if len(fitted) not in priors:
                prior = as_prior(self.prior, self.floor, self.random_state)
                priors[len(fitted)] = None if prior is None else prior.fit(fitted)
            return priors[len(fitted)]

        best = None
        for shape in self._shapes(usual, U.shape[1], len(options)):
            choice, tried = self._choose_steps(shape, options, U, prior_of)
            self.selection_ += tried
            if best is None or choice.gain > best.gain:
                best = choice
        assert best is not None
        return best

    def _shapes(self, usual: Shape, d: int, options: int) -> list[Shape]:
        """The shapes to choose from; what the budget leaves out is noted."""
        if not self.search_seconds:
            return [usual]
        kinds = [self.ansatz] if self.ansatz else [k for k in ANSAETZE.kinds() if self._may_start(k)]
        layers = [self.layers] if self.layers else sorted({*SEARCHED_LAYERS, usual.layers})
        longest = (
            self._learner(1, self._start, usual).schedule.max_steps if self.steps is None else self.steps
        )
        steps = FOLDS * options * longest
        tried, self.left_out_ = shapes(usual, kinds, layers, d, self.ancillas, steps, self.search_seconds)
        return tried

    def _may_start(self, ansatz: str) -> bool:
        return self._start != "load" or ANSAETZE.load(ansatz).identity_at_zero

    def _choose_steps(
        self,
        shape: Shape,
        options: list[tuple[float, float]],
        U: np.ndarray,
        prior_of: Callable[[np.ndarray], DensityCopula | None],
    ) -> tuple[Choice, list[Choice]]:
        self.bits_ = shape.bits
        learner = self._learner(shape.bits * U.shape[1], self._start, shape)
        longest = learner.schedule.max_steps if self.steps is None else self.steps

        def gains(fitted: np.ndarray, following: np.ndarray) -> list[np.ndarray]:
            fold_prior = prior_of(fitted)
            cells = UniformCells(self._grid) if fold_prior is None else PriorCells(fold_prior, self._grid)
            prior = cells.tabulate(_FOLD_DRAWS, self._rng("fold draws")).probabilities
            histogram = self._histogram(fitted, inf)
            held_out = HeldOutDays(following, cells, prior, self.floor)
            prepared = learner.prepare(prior, histogram, self._rng("angles"))
            untrained = held_out(prior)[0] if self._start == "scratch" else None
            curves = []
            for weight, half_life in options:
                loss = self._loss(weight, self._histogram(fitted, half_life), prior)
                result = learner.learn(prepared, loss, longest, held_out)
                steps, losses = zip(
                    *((s, loss) for s, _, loss in result.history if loss is not None), strict=True
                )
                start = losses[0] if untrained is None else untrained
                curves.append(start - np.interp(np.arange(steps[-1] + 1), steps, losses))
            return curves

        weights = [weight for weight, _ in options]
        choice, tried = choose(U, weights, gains, self.steps, cautious=self._start != "scratch")
        shaped = [
            replace(one, shape=shape, half_life=half_life if isfinite(half_life) else None)
            for one, (_, half_life) in zip(tried, options, strict=True)
        ]
        return shaped[tried.index(choice)], shaped

    def _loss(self, weight: float, histogram: np.ndarray, prior: np.ndarray) -> LossFunction:
        """What training lowers: the likelihood of the days mixed with the prior, its tail weighted."""
        target = weight * histogram + (1.0 - weight) * prior
        if not self.tail_weight:
            return NegativeLogLikelihood(target)
        return TailWeightedLikelihood(target, self._tail(), self.tail_weight)

    def _tail(self) -> np.ndarray:
        """Whether a cell has a factor in its first or last bins, those below 10 % or above 90 %: shape (n_cells,)."""
        bins, edges = self._grid.bins_of(np.arange(self._grid.n_cells)), self._grid.edges
        outer = (edges[1:] <= _TAIL) | (edges[:-1] >= 1.0 - _TAIL)
        outer[[0, -1]] = True
        return outer[bins].any(axis=1)

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
    def _bits(self) -> int:
        return getattr(self, "bits_", self.bits)

    @property
    def _trained_learner(self) -> Learner:
        return self._learner(self.n_qubits_, self._start, Shape(self.ansatz_, self.layers_, self.bits_))

    def _usual(self, start: Start, bits: int) -> Shape:
        return Shape(
            self.ansatz or ANSATZ[start], LAYERS[start] if self.layers is None else self.layers, bits
        )

    def _learner(self, n_qubits: int, start: Start, shape: Shape) -> Learner:
        return Learner(
            shape.ansatz,
            n_qubits,
            shape.layers,
            shape.bits,
            start,
            self.learning_rate,
            self.max_steps,
            self.ancillas,
        )

    def _needs(self, d: int) -> str:
        hidden = f" and {self.ancillas} hidden ones" if self.ancillas else ""
        return f"{self.bits} bits for each of {d} factors{hidden}"

    def _histogram(self, U: np.ndarray, half_life: float) -> np.ndarray:
        """Share of the days in each cell, shape (n_cells,), each day spread by the smoothing kernel."""
        width = _SMOOTHING[self._start] if self.smoothing is None else self.smoothing
        weights = _day_weights(len(U), half_life)
        if width == 0.0:
            return np.bincount(self._grid.encode(U), weights, minlength=self._grid.n_cells)
        total = np.zeros(self._grid.n_cells)
        for spread in spread_days(U, width, _SMOOTHING_DRAWS, self._rng("smoothing")):
            total += np.bincount(self._grid.encode(spread), weights, minlength=self._grid.n_cells)
        return total / total.sum()


def _day_weights(n: int, half_life: float) -> np.ndarray:
    """Weight of each day in the training target, shape (n,), in time order; they sum to 1."""
    weights = 0.5 ** (np.arange(n)[::-1] / half_life)
    return weights / weights.sum()


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
