"""Training where only samples exist: on devices, on their noisy simulation, on states too wide to write down."""

from __future__ import annotations

import hashlib
import json
import math
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._adam import Adam
from qfin.quantum._spsa import Spsa
from qfin.quantum._training import Callback, Look, Measurement, Objective, Rules, TrainingResult, lower
from qfin.quantum.backends._base import Backend, Request
from qfin.quantum.losses.mmd import MaximumMeanDiscrepancy

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qfin.quantum._checkpoint import Optimiser
    from qfin.quantum._draws import Draws

Method = Literal["parameter_shift", "spsa"]


@dataclass(frozen=True)
class ShotSchedule:
    """Shots of each step, for each circuit that it runs.

    Parameters
    ----------
    first : at step 0, at least 2
    growth : factor from each step to the next, at least 1: rough steps first, finer ones near the end
    most : where growth ends
    budget : shots of all circuits of all steps together; training stops before the step that would pass it. None: no
        bound
    """

    first: int = 1_000
    growth: float = 1.0
    most: int = 100_000
    budget: int | None = None

    def __post_init__(self) -> None:
        if self.first < 2:
            raise ConfigError(f"ShotSchedule: first = {self.first}; wanted at least 2 shots")
        if not 1.0 <= self.growth < math.inf:
            raise ConfigError(f"ShotSchedule: growth = {self.growth}; wanted a factor of at least 1")
        if self.most < self.first:
            raise ConfigError(f"ShotSchedule: most = {self.most}; wanted at least first = {self.first}")
        if self.budget is not None and self.budget < 1:
            raise ConfigError(f"ShotSchedule: budget = {self.budget}; wanted at least 1, or none")

    def shots(self, step: int) -> int:
        """Shots for each circuit at a step, counted from 0."""
        if step * math.log(self.growth) >= math.log(self.most / self.first):
            return self.most if self.growth > 1.0 else self.first
        return int(self.first * self.growth**step)


def train_on_samples(
    backend: Backend,
    circuit: QuantumCircuit,
    loss: MaximumMeanDiscrepancy,
    theta: np.ndarray,
    *,
    method: Method = "parameter_shift",
    optimiser: Adam | Spsa | None = None,
    schedule: ShotSchedule | None = None,
    seed: int = 0,
    max_steps: int = 100,
    held_out: MaximumMeanDiscrepancy | None = None,
    watch_every: int = 1,
    patience: int | None = None,
    initial: np.ndarray | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 1,
    callback: Callback | None = None,
) -> TrainingResult:
    """Lower the MMD between a circuit's samples on a backend and a target; on simulators, the same bits every time.

    Losses in the history are unbiased estimates, which can be negative near the target; of a backend that mitigates
    readout errors they are a little too high, because its draws are drawn again from what it estimated. All circuits of
    a step are one request, whose seed comes from `seed` and the step: a step that is repeated after a crash is the same
    job.

    Parameters
    ----------
    backend : where the circuit runs, all steps in one session
    circuit : its free parameters are trained, in `circuit.parameters` order
    loss : squared maximum mean discrepancy; its slope is linear in the probabilities, so that shots estimate it without
        bias
    theta : angles to start from, shape (circuit.num_parameters,)
    method : "parameter_shift" runs 1 + 2 A circuits a step, A rotations that depend on parameters, and its gradient is
        unbiased (Liu and Wang, arXiv 1804.04168, eq. 4; `qfin.quantum._shift`). "spsa" runs 2 whatever A is, on both
        sides of the angles; its loss in the history is the mean of both, and a look at the held-out loss runs a third
    optimiser : `Adam` for the parameter shift, `Spsa` for SPSA; those with their defaults if None
    schedule : shots of each step; `ShotSchedule()` if None
    seed : of the draws and of the perturbations, at least 0
    held_out : another MMD of the same samples that is watched, not trained
    max_steps, watch_every, patience, checkpoint, checkpoint_every, callback : as in `train`; the last step only looks
        at the loss. A checkpoint of other settings or of a backend of another name is refused before anything runs;
        `max_steps` and the budget can be raised (with SPSA, `max_steps` only if its `stability` is given)
    initial : state to begin with, as in `Request`

    Raises
    ------
    ConfigError
        before anything runs, if the loss is none that shots estimate without bias, shapes or settings do not fit
        together, the budget does not pay for one step, a gate cannot be shifted, or the checkpoint is of another run.
    BackendError
        of the backend; with a checkpoint, the same call goes on from the last step saved.
    """
    rules = Rules(max_steps, watch_every, patience, checkpoint_every)
    schedule, theta = schedule or ShotSchedule(), np.array(theta, dtype=float)
    _check_losses(loss, held_out, circuit)
    if theta.shape != (circuit.num_parameters,):
        raise ConfigError(f"theta has shape {theta.shape}; the circuit wants ({circuit.num_parameters},)")
    if seed < 0:
        raise ConfigError(f"seed = {seed}; wanted at least 0")
    samples = _Samples(backend, circuit, loss, held_out, schedule, seed, initial)
    objective, rule = _objective(method, samples, optimiser, max_steps)
    objective.check_shots(rules)
    if checkpoint is not None:
        objective.fingerprint = samples.fingerprint(method)
    with backend.session():
        return lower(objective, theta, rule, rules, checkpoint, callback)


@dataclass(frozen=True, eq=False)
class _Samples:
    """What is sampled, where, and what it is compared with."""

    backend: Backend
    circuit: QuantumCircuit
    loss: MaximumMeanDiscrepancy
    held_out: MaximumMeanDiscrepancy | None
    schedule: ShotSchedule
    seed: int
    initial: np.ndarray | None

    def rng(self, step: int, purpose: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, step, *purpose.encode()])

    def draw(self, circuit: QuantumCircuit, rows: np.ndarray, step: int) -> Draws:
        seed = int(self.rng(step, "draws").integers(2**31))
        return self.backend.run(Request(circuit, rows, self.schedule.shots(step), seed, self.initial))

    def fingerprint(self, method: Method) -> str:
        """SHA-256 of all that determines what is measured, the budget and the optimiser apart."""
        from qfin.quantum.backends._runtime.identity import circuit_text

        losses = [
            None if loss is None else [_digest(loss.target), loss.bandwidths]
            for loss in (self.loss, self.held_out)
        ]
        schedule = [self.schedule.first, self.schedule.growth, self.schedule.most]
        initial = None if self.initial is None else _digest(np.asarray(self.initial, dtype=complex))
        whole = [
            method,
            self.backend.parameters,
            circuit_text(self.circuit),
            *losses,
            schedule,
            self.seed,
            initial,
        ]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


class _Sampled(Objective):
    """MMD of samples; subclasses say which circuits a step runs, and what they make of the draws."""

    def __init__(self, samples: _Samples) -> None:
        self._samples = samples
        self.watches = samples.held_out is not None

    @property
    def budget(self) -> int | None:
        return self._samples.schedule.budget

    def shots(self, step: int, look: Look) -> int:
        return self._circuits(look) * self._samples.schedule.shots(step)

    def check_shots(self, rules: Rules) -> None:
        """Refuse a budget that does not pay for the first step, and a schedule that the backend does not allow."""
        first = self.shots(0, rules.look(0))
        if self.budget is not None and first > self.budget:
            raise ConfigError(
                f"the budget of {self.budget:,} shots does not pay for a step, which takes {first:,} "
                f"({self._circuits(rules.look(0))} circuits); raise it, or take fewer shots a circuit"
            )
        backend, most = self._samples.backend, self._samples.schedule.shots(rules.max_steps)
        allowed = backend.capabilities().max_shots
        if allowed is not None and most > allowed:
            raise ConfigError(
                f"the schedule grows to {most:,} shots and {backend.name} allows {allowed:,}; set most = {allowed}"
            )

    @abstractmethod
    def _circuits(self, look: Look) -> int:
        """Circuits that a step runs."""

    def _looked_at(self, frequencies: np.ndarray, shots: int, look: Look) -> tuple[float, float | None]:
        """Unbiased loss and held-out loss of one row of frequencies."""
        held_out = self._samples.held_out if look.held_out else None
        value = self._samples.loss.unbiased(frequencies, shots)
        return value, None if held_out is None else held_out.unbiased(frequencies, shots)


class ParameterShift(_Sampled):
    """Unbiased gradients.

    With s = dMMD^2/dp at the frequencies of the angles themselves, the derivative by an angle is
    (E[s(x)] over its raised circuit - E[s(x)] over its lowered one) / 2. s is linear in the frequencies and the three
    circuits are sampled apart, so that the mean of the product is the product of the means.
    """

    def __init__(self, samples: _Samples) -> None:
        from qfin.quantum._shift import ShiftRule

        super().__init__(samples)
        self._rule = ShiftRule.of(samples.circuit)

    def _circuits(self, look: Look) -> int:
        return 1 + 2 * len(self._rule.shifted) * look.gradient

    def measure(self, theta: np.ndarray, step: int, look: Look) -> Measurement:
        rows = self._rule.rows(theta) if look.gradient else self._rule.centre(theta)
        outcomes = self._samples.draw(self._rule.circuit, rows, step).outcomes()
        shots = outcomes.shape[1]
        frequencies = np.bincount(outcomes[0], minlength=len(self._samples.loss.target)) / shots
        value, watched = self._looked_at(frequencies, shots, look)
        if not look.gradient:
            return Measurement(value, watched, None)
        slope = self._samples.loss(frequencies)[1]
        means = np.array([slope[row].mean() for row in outcomes[1:]])
        return Measurement(value, watched, self._rule.gradient(theta, means))


class SimultaneousPerturbation(_Sampled):
    """SPSA's estimate of the gradient, from both sides of the angles."""

    def __init__(self, samples: _Samples, gains: Spsa) -> None:
        super().__init__(samples)
        self._gains = gains

    def _circuits(self, look: Look) -> int:
        return 2 * look.gradient + self._at_the_centre(look)

    def _at_the_centre(self, look: Look) -> bool:
        return not look.gradient or (self.watches and look.held_out)

    def measure(self, theta: np.ndarray, step: int, look: Look) -> Measurement:
        around = self._gains.perturbed(theta, step, self._samples.rng(step, "perturbation"))
        rows = [*(around if look.gradient else ()), *([theta] if self._at_the_centre(look) else ())]
        draws = self._samples.draw(self._samples.circuit, np.array(rows), step)
        table = draws.frequencies()
        values = np.array([self._samples.loss.unbiased(row, draws.shots) for row in table[:2]])
        gradient = self._gains.estimate(around, values) if look.gradient else None
        if self._at_the_centre(look):
            return Measurement(*self._looked_at(table[-1], draws.shots, look), gradient)
        return Measurement(float(values.mean()), None, gradient)


def _objective(
    method: Method, samples: _Samples, optimiser: Adam | Spsa | None, max_steps: int
) -> tuple[_Sampled, Optimiser]:
    wanted: dict[str, type[Adam] | type[Spsa]] = {"parameter_shift": Adam, "spsa": Spsa}
    if method not in wanted:
        raise ConfigError(f"there is no method {method!r}; choose one of: {', '.join(wanted)}")
    rule = wanted[method]() if optimiser is None else optimiser
    if not isinstance(rule, wanted[method]):
        raise ConfigError(
            f"method {method!r} wants the optimiser {wanted[method].__name__}, not {type(rule).__name__}"
        )
    if isinstance(rule, Spsa):
        rule = rule.for_steps(max_steps)
        return SimultaneousPerturbation(samples, rule), rule
    return ParameterShift(samples), rule


def _check_losses(loss: Any, held_out: Any, circuit: QuantumCircuit) -> None:
    measured = {clbit for one in circuit.data if one.operation.name == "measure" for clbit in one.clbits}
    bits = len(measured) or circuit.num_qubits
    for name, given in {"loss": loss, "held_out": held_out}.items():
        if given is None and name == "held_out":
            continue
        if not isinstance(given, MaximumMeanDiscrepancy):
            kind = type(given).__name__
            raise ConfigError(
                f"{name} = {kind} cannot be estimated from shots without bias: only the slope of 'mmd' is linear "
                "in the probabilities; take MaximumMeanDiscrepancy"
            )
        if len(given.target) != 1 << bits:
            raise ConfigError(
                f"the target of {name} has {len(given.target)} outcomes; {bits} measured bits give {1 << bits}"
            )


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
