"""The quantum generative adversarial network: a circuit trained against a classical discriminator."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from qfin.dependence._adversary import Adversary
from qfin.dependence._base import DEFAULT_FLOOR, Floor, Seed
from qfin.dependence._circuit import ANSATZ, LAYERS, Learner, Start
from qfin.dependence._density import HeldOutDays
from qfin.dependence._on_backends import OnBackends
from qfin.dependence._prior import PriorCells, UniformCells, as_prior
from qfin.dependence._selection import ranked
from qfin.dependence._smoothing import spread_days
from qfin.quantum import ANSAETZE, BINS, CODES, TrainingResult
from qfin.registry import kind_of

_WATCHED = 0.2  # share of the training days, the last ones, on which the number of steps is chosen
_FOLD_DRAWS = 2**15
_SMOOTHING_DRAWS = 64
_MISSED = 10.0  # a cell is missed that has less than a tenth of its share
_MOST_MISSED, _FEWEST_CELLS = 0.1, 0.5


class QuantumGAN(OnBackends):
    """The Born machine's circuit as the generator of a generative adversarial network.

    Generator and discriminator take turns (Lloyd and Weedbrook, arXiv 1804.09139; Zoufal, Lucchi and Woerner,
    arXiv 1904.00043), the generator by its non-saturating loss and the exact adjoint gradient through all outcome
    probabilities, the discriminator by exact expectations too. Density, prior and margins are as in `born`.

    Parameters
    ----------
    bits, bins, code, ansatz, layers, prior : as of `born`, the prior loaded as amplitudes
    steps : of the generator; None: chosen by likelihood on the last fifth of the training days, 0 included
    max_steps : most steps to choose from; None: 160 from a prior, 400 from scratch
    learning_rate : of the generator's Adam; None: .003 from a prior, .02 from scratch
    discriminator_hidden, discriminator_steps, discriminator_rate, discriminator_decay : units, steps for each step of
        the generator, learning rate and L2 penalty of the discriminator
    smoothing : standard deviation, in normal scores, of the Gaussian kernel that spreads each training day
    floor : weight of the independent component, the same for every density model
    random_state : seed of angles, discriminator and draws

    Attributes
    ----------
    probabilities_, prior_probabilities_, prior_, circuit_, result_ : as of `born`; `result_.history` has the
        generator's loss
    adversary_ : discriminator's loss and accuracy at each step, shape (steps + 1, 2)
    steps_ : as chosen
    effective_cells_ : exp(entropy), of the generator and of what it learnt from
    missed_ : share of what it learnt from that lies in cells to which it gives less than a tenth of their share
    """

    label: ClassVar[str] = "Quantum GAN"
    quantum: ClassVar[bool] = True
    random_fit: ClassVar[bool] = True

    result_: TrainingResult
    adversary_: np.ndarray
    steps_: int
    n_qubits_: int
    effective_cells_: tuple[float, float]
    missed_: float

    def __init__(
        self,
        bits: Annotated[int, Field(ge=1, le=16)] = 3,
        bins: Literal[BINS.kinds()] = "tail_refined",  # type: ignore[valid-type]
        code: Literal[CODES.kinds()] = "gray",  # type: ignore[valid-type]
        ansatz: Literal[ANSAETZE.kinds()] | None = None,  # type: ignore[valid-type]
        layers: Annotated[int, Field(ge=1, le=64)] | None = None,
        prior: Any = "student_t",
        steps: Annotated[int, Field(ge=0)] | None = None,
        max_steps: Annotated[int, Field(ge=1)] | None = None,
        learning_rate: Annotated[float, Field(gt=0)] | None = None,
        discriminator_hidden: Annotated[int, Field(ge=1)] = 32,
        discriminator_steps: Annotated[int, Field(ge=1)] = 8,
        discriminator_rate: Annotated[float, Field(gt=0)] = 0.02,
        discriminator_decay: Annotated[float, Field(ge=0)] = 1e-3,
        smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.2,
        floor: Floor = DEFAULT_FLOOR,
        random_state: Seed = None,
    ) -> None:
        self.bits = bits
        self.bins = bins
        self.code = code
        self.ansatz = ansatz
        self.layers = layers
        self.prior = prior
        self.steps = steps
        self.max_steps = max_steps
        self.learning_rate = learning_rate
        self.discriminator_hidden = discriminator_hidden
        self.discriminator_steps = discriminator_steps
        self.discriminator_rate = discriminator_rate
        self.discriminator_decay = discriminator_decay
        self.smoothing = smoothing
        self.floor = floor
        self.random_state = random_state

    def details(self) -> dict[str, Any]:
        """Sizes, the last state of the game, and whether modes were lost, as JSON values."""
        self._check_fitted()
        learner, (cells, wanted) = self._trained_learner, self.effective_cells_
        return {
            "qubits": self.n_qubits_,
            "parameters": len(self.result_.theta),
            "layers": learner.layers,
            "ansatz": learner.ansatz,
            "prior": "none" if self.prior_ is None else kind_of(self.prior_),
            "stop": str(self.result_.stop),
            "steps": self.steps_,
            "generator_loss": self.result_.history[-1][1],
            "discriminator_loss": float(self.adversary_[-1, 0]),
            "discriminator_accuracy": float(self.adversary_[-1, 1]),
            "effective_cells": cells,
            "effective_cells_of_target": wanted,
            "missed_share": self.missed_,
        }

    def warnings(self) -> list[str]:
        """As of every model, and whether the generator lost modes of what it learnt from."""
        found, (cells, wanted) = super().warnings(), self.effective_cells_
        if self.missed_ > _MOST_MISSED or cells < _FEWEST_CELLS * wanted:
            found.append(
                f"the quantum GAN lost modes: it hardly ever draws cells that hold {self.missed_:.0%} of its data, and "
                f"uses {cells:.0f} cells where they use {wanted:.0f}; take a prior, more discriminator_steps, or a "
                "smaller learning_rate"
            )
        return found

    def _fit(self, U: np.ndarray) -> None:
        self.__dict__.pop("tuning_", None)
        prior = self._begin(U)
        self.n_qubits_ = self.bits * U.shape[1]
        self.steps_ = self._chosen(U) if self.steps is None else int(self.steps)
        learner, target = self._trained_learner, self._target(U)
        adversary = self._adversary(target)
        prepared = learner.prepare(prior, target, self._rng("angles"))
        self.result_ = learner.learn(prepared, adversary, self.steps_)
        self.adversary_ = np.array(adversary.history)
        self.product_angles_ = prepared.product_angles
        probabilities = learner.program.probabilities(self.result_.theta, prepared.amplitudes)
        self.effective_cells_ = _effective_cells(probabilities), _effective_cells(target)
        self.missed_ = float(target[probabilities < target / _MISSED].sum())
        self._settle_on(probabilities)

    def _chosen(self, U: np.ndarray) -> int:
        """Steps after which the last days are likeliest, fitted to those before them."""
        cut = len(U) - max(1, int(_WATCHED * len(U)))
        past, following = ranked(U[:cut]), ranked(U[cut:])
        model = as_prior(self.prior, self.floor, self.random_state)
        cells = UniformCells(self._grid) if model is None else PriorCells(model.fit(past), self._grid)
        prior = cells.tabulate(_FOLD_DRAWS, self._rng("fold draws")).probabilities
        held_out = HeldOutDays(following, cells, prior, self.floor)
        learner, target = self._trained_learner, self._target(past)
        prepared = learner.prepare(prior, target, self._rng("angles"))
        return learner.learn(
            prepared, self._adversary(target), learner.schedule.max_steps, held_out
        ).best_step

    def _adversary(self, target: np.ndarray) -> Adversary:
        return Adversary(
            target,
            self._grid,
            self.discriminator_hidden,
            self.discriminator_steps,
            self.discriminator_rate,
            self.discriminator_decay,
            self._rng("discriminator"),
        )

    def _target(self, U: np.ndarray) -> np.ndarray:
        """Share of the days in each cell, each day spread by the kernel, shape (n_cells,)."""
        spread = spread_days(U, self.smoothing, _SMOOTHING_DRAWS, self._rng("smoothing"))
        return np.mean([self._counts(points) for points in spread], axis=0)

    @property
    def _trained_learner(self) -> Learner:
        start: Start = "scratch" if self.prior == "none" else "load"
        return Learner(
            self.ansatz or ANSATZ[start],
            self.n_qubits_,
            LAYERS[start] if self.layers is None else self.layers,
            self.bits,
            start,
            self.learning_rate,
            self.max_steps,
        )


def _effective_cells(probabilities: np.ndarray) -> float:
    """exp of the entropy."""
    seen = probabilities[probabilities > 0.0]
    return float(np.exp(-(seen @ np.log(seen))))
