"""A variational circuit on top of a prepared state, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, Adam, NegativeLogLikelihood, Program, TrainingResult, train

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qfin.quantum import Grid, LossFunction

Start = Literal["load", "train", "scratch"]


@dataclass(frozen=True)
class Schedule:
    """How training goes: Adam's learning rate, the most steps, the standard deviation of the first angles."""

    learning_rate: float
    max_steps: int
    spread: float


FROM_PRIOR = Schedule(learning_rate=0.003, max_steps=160, spread=0.0001)
FROM_SCRATCH = Schedule(learning_rate=0.02, max_steps=400, spread=0.05)
ANSATZ = {"load": "line_rzz", "train": "all_rzz", "scratch": "all_rzz"}
WATCH_EVERY = 4  # steps between two looks at the validation days
LAYERS = {"load": 2, "train": 5, "scratch": 5}


@dataclass(frozen=True)
class Prepared:
    """The state the ansatz acts on, and the ansatz's first angles.

    Attributes
    ----------
    amplitudes : shape (2**n,), real
    product_angles : shape (n,), RY angles that prepare it from |0>, or None where it is a loaded prior
    theta : shape (parameters,)
    """

    amplitudes: np.ndarray
    product_angles: np.ndarray | None
    theta: np.ndarray


@dataclass(frozen=True)
class Learner:
    """One circuit, compiled once, and the rules of its training.

    Parameters
    ----------
    ansatz, n_qubits, layers, bits : the circuit, see `qfin.quantum.ANSAETZE`
    start : "load" begins with the prior's amplitudes and layers at the identity; "train" with a product state and
        learns the prior first; "scratch" with a product state
    learning_rate, max_steps : override the schedule's
    ancillas : hidden qubits beside the n_qubits; they start in |0> and are not measured
    """

    ansatz: str
    n_qubits: int
    layers: int
    bits: int
    start: Start
    learning_rate: float | None = None
    max_steps: int | None = None
    ancillas: int = 0

    @property
    def schedule(self) -> Schedule:
        """Of the training towards data."""
        usual = FROM_SCRATCH if self.start == "scratch" else FROM_PRIOR
        return Schedule(
            usual.learning_rate if self.learning_rate is None else self.learning_rate,
            usual.max_steps if self.max_steps is None else self.max_steps,
            usual.spread,
        )

    @property
    def first_spread(self) -> float:
        """Standard deviation of the very first angles."""
        return (FROM_PRIOR if self.start == "load" else FROM_SCRATCH).spread

    @cached_property
    def circuit(self) -> QuantumCircuit:
        """The ansatz with free angles; hidden qubits are the last ones, and then the others are measured."""
        ansatz = self.build(self.n_qubits + self.ancillas, self.layers)
        return self._measured(ansatz)

    def build(self, n_qubits: int, layers: int) -> QuantumCircuit:
        """The same ansatz in another size."""
        return ANSAETZE.build(self.ansatz).build(n_qubits, layers, self.bits)

    @cached_property
    def program(self) -> Program:
        """The ansatz compiled."""
        return Program.from_circuit(self.circuit)

    def prepare(self, prior: np.ndarray, histogram: np.ndarray, rng: np.random.Generator) -> Prepared:
        """Where training towards data begins.

        Parameters
        ----------
        prior, histogram : shape (2**n,), probabilities of the prior and of the data
        """
        if self.start == "load":
            if not ANSAETZE.load(self.ansatz).identity_at_zero:
                kinds = [kind for kind in ANSAETZE.kinds() if ANSAETZE.load(kind).identity_at_zero]
                raise ConfigError(
                    f"ansatz {self.ansatz!r} is not the identity at angles 0 and would scramble a loaded prior; "
                    f"give start = 'train', or choose one of: {', '.join(kinds)}"
                )
            return Prepared(self.with_ancillas(np.sqrt(prior)), None, self._angles(rng))
        angles = product_angles(histogram if self.start == "scratch" else prior)
        amplitudes = self.with_ancillas(product_state(angles))
        prepared = Prepared(amplitudes, angles, self._angles(rng))
        if self.start == "scratch":
            return prepared
        learnt = self._train(prepared, prior, FROM_SCRATCH.learning_rate, FROM_SCRATCH.max_steps)
        return Prepared(prepared.amplitudes, angles, learnt.theta)

    def learn(
        self,
        prepared: Prepared,
        target: np.ndarray | LossFunction,
        steps: int,
        held_out: LossFunction | None = None,
    ) -> TrainingResult:
        """Lower a loss for `steps` steps, watching `held_out`; a target, shape (2**n,), means its exact likelihood."""
        return self._train(prepared, target, self.schedule.learning_rate, steps, held_out)

    def with_ancillas(self, amplitudes: np.ndarray) -> np.ndarray:
        """The state of all qubits, hidden ones in |0>: shape (2**n,) to (2**(n + ancillas),)."""
        return np.pad(amplitudes, (0, ((1 << self.ancillas) - 1) * len(amplitudes)))

    def bound(self, prior: np.ndarray | None, angles: np.ndarray | None, theta: np.ndarray) -> QuantumCircuit:
        """The whole circuit, all angles bound: a product state's RY or else the loaded prior, then the ansatz."""
        from qiskit.circuit.library import StatePreparation

        if angles is not None:
            return self.free(angles).assign_parameters(theta)
        whole = self._empty()
        if prior is not None:
            visible = range(self.n_qubits)
            whole.append(StatePreparation(np.sqrt(prior / prior.sum()), label="prior"), visible)
        return whole.compose(self.circuit.assign_parameters(theta))

    def free(self, angles: np.ndarray) -> QuantumCircuit:
        """A product state's RY by `angles`, shape (n,), then the ansatz with free angles."""
        whole = self._empty()
        for qubit, angle in enumerate(angles):
            whole.ry(float(angle), qubit)
        return whole.compose(self.circuit)

    def _empty(self) -> QuantumCircuit:
        from qiskit import QuantumCircuit

        return QuantumCircuit(self.n_qubits + self.ancillas, self.n_qubits if self.ancillas else 0)

    def _measured(self, ansatz: QuantumCircuit) -> QuantumCircuit:
        """The circuit, with all but hidden qubits measured; without hidden ones nothing need be said."""
        if not self.ancillas:
            return ansatz
        whole = self._empty().compose(ansatz)
        whole.measure(range(self.n_qubits), range(self.n_qubits))
        return whole

    def _angles(self, rng: np.random.Generator) -> np.ndarray:
        return self.first_spread * rng.standard_normal(len(self.program.parameters))

    def _train(
        self,
        prepared: Prepared,
        target: np.ndarray | LossFunction,
        learning_rate: float,
        steps: int,
        held_out: LossFunction | None = None,
    ) -> TrainingResult:
        return train(
            self.program,
            NegativeLogLikelihood(target) if isinstance(target, np.ndarray) else target,
            prepared.theta,
            optimiser=Adam(learning_rate),
            max_steps=steps,
            held_out=held_out,
            watch_every=WATCH_EVERY,
            initial=prepared.amplitudes,
        )


@dataclass(frozen=True)
class TrainedCircuit:
    """A circuit with what it was trained from and towards; shapes (2**n_qubits,) where not said otherwise.

    Attributes
    ----------
    learner : circuit and rules of training
    grid : what its outcomes stand for
    initial : amplitudes the ansatz acts on, real
    first_target : distribution that the first gradients are of; where the prior is learnt first, the prior
    target : distribution that the loss was taken of
    theta : trained angles, shape (parameters,)
    """

    learner: Learner
    grid: Grid
    initial: np.ndarray
    first_target: np.ndarray
    target: np.ndarray
    theta: np.ndarray

    def first_angles(self, n: int, parameters: int, rng: np.random.Generator) -> np.ndarray:
        """Angles as training begins with them, n draws, shape (n, parameters)."""
        return self.learner.first_spread * rng.standard_normal((n, parameters))


def product_angles(target: np.ndarray) -> np.ndarray:
    """RY angles of the product state whose bits are 1 as often as under `target`: shape (2**n,) to (n,)."""
    n = len(target).bit_length() - 1
    ones = np.array([target.reshape(-1, 2, 1 << j)[:, 1].sum() for j in range(n)])
    return 2.0 * np.arcsin(np.sqrt(np.clip(ones, 0.0, 1.0)))


def product_state(angles: np.ndarray) -> np.ndarray:
    """Amplitudes of RY(angle_j)|0> on each qubit j: shape (n,) to (2**n,), bit j of the index is qubit j."""
    state = np.ones(1)
    for angle in angles:
        state = np.multiply.outer(np.array([np.cos(angle / 2.0), np.sin(angle / 2.0)]), state).ravel()
    return state
