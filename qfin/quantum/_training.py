"""The one training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._adam import Adam, State
from qfin.quantum._checkpoint import Checkpoint, Optimiser, read_checkpoint, write_checkpoint
from qfin.quantum._program import LossFunction, Program

HistoryRow = tuple[int, float, float | None]
Callback = Callable[[int, float, float | None], None]


class Stop(StrEnum):
    """Why training ended, in words."""

    CONVERGED = "the held-out loss stopped improving"
    MAX_STEPS = "max_steps reached"
    BUDGET = "the shot budget is spent"
    NOT_FINITE = (
        "the loss became inf or nan; lower the learning rate or give every observed outcome some probability"
    )


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What training came to.

    `theta` are the angles after `best_step` updates: with a held-out loss the step where it was lowest, else the last.
    `steps` is the number of updates made. `history` has a row (step, loss, held-out loss or None) for each set of
    angles tried, step 0 being the start; None where the held-out loss was not looked at. `shots` are those that the
    history took, 0 if probabilities were exact.
    """

    theta: np.ndarray
    steps: int
    history: tuple[HistoryRow, ...]
    stop: Stop
    best_step: int
    shots: int = 0


class Measurement(NamedTuple):
    """What is seen at some angles: the loss, the held-out loss if it was looked at, and the gradient if asked for."""

    value: float
    held_out: float | None
    gradient: np.ndarray | None


class Look(NamedTuple):
    """What a step looks at besides the loss: the held-out loss, the gradient."""

    held_out: bool
    gradient: bool


class Objective(ABC):
    """What training lowers.

    Attributes
    ----------
    watches : there is a held-out loss
    fingerprint : of all that determines what is measured; "" if only measuring tells
    """

    watches: bool
    fingerprint: str = ""

    @abstractmethod
    def measure(self, theta: np.ndarray, step: int, look: Look) -> Measurement:
        """Look at angles, shape (parameters,), after `step` updates; the same arguments give the same bits."""

    def began(self, row: HistoryRow, theta: np.ndarray) -> bool:
        """Whether a history that starts with this row, at these angles, is one of this objective."""
        return True

    def shots(self, step: int, look: Look) -> int:
        """Shots that `measure` takes."""
        return 0

    @property
    def budget(self) -> int | None:
        """Shots that all steps may take together, None: any number."""
        return None


@dataclass(frozen=True)
class Rules:
    """When training looks, stops and saves; the words of `train` say what each is."""

    max_steps: int
    watch_every: int
    patience: int | None
    checkpoint_every: int

    def __post_init__(self) -> None:
        if self.max_steps < 0:
            raise ConfigError(f"max_steps = {self.max_steps}; wanted at least 0")
        for name in ("watch_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}; wanted at least 1")
        if self.patience is not None and self.patience < 1:
            raise ConfigError(f"patience = {self.patience}; wanted at least 1, or none")

    def look(self, step: int) -> Look:
        """What there is to see at a step: no gradient at the last."""
        last = step == self.max_steps
        return Look(held_out=step % self.watch_every == 0 or last, gradient=not last)


def train(
    program: Program,
    loss: LossFunction,
    theta: np.ndarray,
    *,
    optimiser: Adam | None = None,
    max_steps: int = 300,
    held_out: LossFunction | None = None,
    watch_every: int = 1,
    patience: int | None = None,
    initial: np.ndarray | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 50,
    callback: Callback | None = None,
) -> TrainingResult:
    """Lower a loss of a program's outcome probabilities; the same arguments give the same bits.

    Parameters
    ----------
    program, loss, initial : as in `Program.value_and_gradient`
    theta : angles to start from, shape (len(program.parameters),)
    optimiser : `Adam()` if None
    max_steps : most updates
    held_out : a loss of the same probabilities that is watched, not trained
    watch_every : updates between two looks at it; 1 looks at all, and `max_steps` is always looked at
    patience : stop after this many updates without a lower held-out loss; None: go on to `max_steps`
    checkpoint : folder; training goes on from what an interrupted run left there, to the same bits as without the
        interruption
    checkpoint_every : updates between checkpoints
    callback : called with every row of the history as it is made

    Raises
    ------
    ConfigError
        if `patience` is given without `held_out`, a number is below its bound, or the checkpoint is of another run.
    """
    rules = Rules(max_steps, watch_every, patience, checkpoint_every)
    objective = Exact(program, loss, held_out, initial)
    return lower(objective, np.array(theta, dtype=float), optimiser or Adam(), rules, checkpoint, callback)


def lower(
    objective: Objective,
    theta: np.ndarray,
    optimiser: Optimiser,
    rules: Rules,
    checkpoint: str | Path | None,
    callback: Callback | None,
) -> TrainingResult:
    """Lower any objective: the loop itself, with the arguments of `train`."""
    if rules.patience is not None and not objective.watches:
        raise ConfigError("patience needs a held-out loss to watch; give held_out too")
    run = _Run(objective, theta, optimiser)
    folder = None if checkpoint is None else Path(checkpoint)
    if folder is not None:
        run.resume(folder, rules.max_steps)
    while True:
        look = rules.look(run.step)
        if not run.can_pay(look):
            return run.result(Stop.BUDGET)
        gradient = run.evaluate(look)
        if callback is not None:
            callback(*run.history[-1])
        stop = run.verdict(gradient, rules)
        if stop is not None:
            return run.result(stop)
        assert gradient is not None
        run.update(gradient)
        if folder is not None and run.step % rules.checkpoint_every == 0:
            run.save(folder)


class Exact(Objective):
    """A loss of a program's exact probabilities; its gradient comes with it at no cost to speak of."""

    def __init__(
        self,
        program: Program,
        loss: LossFunction,
        held_out: LossFunction | None,
        initial: np.ndarray | None,
    ) -> None:
        self._program, self._loss, self._held_out, self._initial = program, loss, held_out, initial
        self.watches = held_out is not None

    def measure(self, theta: np.ndarray, step: int, look: Look) -> Measurement:
        watched: float | None = None

        def both(probabilities: np.ndarray) -> tuple[float, np.ndarray]:
            nonlocal watched
            if look.held_out and self._held_out is not None:
                watched = float(self._held_out(probabilities)[0])
            return self._loss(probabilities)

        value, gradient = self._program.value_and_gradient(theta, both, self._initial)
        return Measurement(value, watched, gradient)

    def began(self, row: HistoryRow, theta: np.ndarray) -> bool:
        return row[1:] == self.measure(theta, 0, Look(held_out=True, gradient=False))[:2]


class _Run:
    """A run between two updates: `step` updates are made, and the rows of all earlier angles are in `history`."""

    def __init__(self, objective: Objective, theta: np.ndarray, optimiser: Optimiser) -> None:
        self._objective, self._optimiser, self._start = objective, optimiser, theta
        self.step = 0
        self.theta = theta
        self.state: State = optimiser.start(theta)
        self.history: list[HistoryRow] = []
        self.best: tuple[int, float, np.ndarray] = (0, np.inf, theta)
        self.shots = 0

    def can_pay(self, look: Look) -> bool:
        budget = self._objective.budget
        return budget is None or self.shots + self._objective.shots(self.step, look) <= budget

    def evaluate(self, look: Look) -> np.ndarray | None:
        """Gradient at the present angles; adds their row to the history and keeps them if they are the best."""
        value, watched, gradient = self._objective.measure(self.theta, self.step, look)
        self.history.append((self.step, value, watched))
        self.shots += self._objective.shots(self.step, look)
        if not self._objective.watches:
            if _all_finite(value, gradient):
                self.best = (self.step, value, self.theta)
        elif watched is not None and watched < self.best[1]:
            self.best = (self.step, watched, self.theta)
        return gradient

    def verdict(self, gradient: np.ndarray | None, rules: Rules) -> Stop | None:
        if not _all_finite(self.history[-1][1], gradient):
            return Stop.NOT_FINITE
        if rules.patience is not None and self.step - self.best[0] >= rules.patience:
            return Stop.CONVERGED
        return Stop.MAX_STEPS if self.step >= rules.max_steps else None

    def update(self, gradient: np.ndarray) -> None:
        self.step += 1
        self.theta, self.state = self._optimiser.step(self.theta, gradient, self.state, self.step)

    def result(self, stop: Stop) -> TrainingResult:
        if stop is Stop.BUDGET and not self._objective.watches:
            self.best = (
                self.step,
                self.best[1],
                self.theta,
            )  # paid for, though nothing is left to look at them
        theta = self.best[2].copy()
        theta.flags.writeable = False
        return TrainingResult(theta, self.step, tuple(self.history), stop, self.best[0], self.shots)

    def save(self, folder: Path) -> None:
        state = Checkpoint(
            self._optimiser,
            self._start,
            self.step,
            self.theta,
            self.state,
            tuple(self.history),
            *self.best,
            self._objective.fingerprint,
            self.shots,
        )
        write_checkpoint(state, folder)

    def resume(self, folder: Path, max_steps: int) -> None:
        saved = read_checkpoint(folder)
        if saved is None:
            return
        same = (
            saved.optimiser == self._optimiser
            and np.array_equal(saved.start, self._start)
            and saved.fingerprint == self._objective.fingerprint
        )
        if not same or not self._objective.began(saved.history[0], self._start):
            raise ConfigError(
                f"the checkpoint in {folder} is of another training run; delete it or name another folder"
            )
        if saved.step > max_steps:
            raise ConfigError(
                f"the checkpoint in {folder} is at step {saved.step}, past max_steps = {max_steps}"
            )
        self.step, self.theta, self.state = saved.step, saved.theta, saved.state
        self.history = list(saved.history)
        self.best = (saved.best_step, saved.best_loss, saved.best_theta)
        self.shots = saved.shots


def _all_finite(value: float, gradient: np.ndarray | None) -> bool:
    return bool(np.isfinite(value) and (gradient is None or np.isfinite(gradient).all()))
