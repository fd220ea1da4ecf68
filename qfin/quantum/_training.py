"""The one training loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._adam import Adam, State
from qfin.quantum._checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from qfin.quantum._program import LossFunction, Program

HistoryRow = tuple[int, float, float | None]


class Stop(StrEnum):
    """Why training ended, in words."""

    CONVERGED = "the held-out loss stopped improving"
    MAX_STEPS = "max_steps reached"
    NOT_FINITE = (
        "the loss became inf or nan; lower the learning rate or give every observed outcome some probability"
    )


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What training came to.

    `theta` are the angles after `best_step` updates: with a held-out loss the step where it was lowest, else the last.
    `steps` is the number of updates made. `history` has a row (step, loss, held-out loss or None) for each set of
    angles tried, step 0 being the start; None where the held-out loss was not looked at.
    """

    theta: np.ndarray
    steps: int
    history: tuple[HistoryRow, ...]
    stop: Stop
    best_step: int


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
    callback: Callable[[int, float, float | None], None] | None = None,
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
    _check(max_steps, patience, held_out, watch_every, checkpoint_every)
    run = _Run(program, loss, held_out, initial, np.array(theta, dtype=float), optimiser or Adam())
    folder = None if checkpoint is None else Path(checkpoint)
    if folder is not None:
        run.resume(folder, max_steps)
    while True:
        gradient = run.evaluate(run.step % watch_every == 0 or run.step == max_steps)
        if callback is not None:
            callback(*run.history[-1])
        stop = run.verdict(gradient, max_steps, patience)
        if stop is not None:
            return run.result(stop)
        run.update(gradient)
        if folder is not None and run.step % checkpoint_every == 0:
            run.save(folder)


class _Run:
    """A run between two updates: `step` updates are made, and the rows of all earlier angles are in `history`."""

    def __init__(
        self,
        program: Program,
        loss: LossFunction,
        held_out: LossFunction | None,
        initial: np.ndarray | None,
        theta: np.ndarray,
        optimiser: Adam,
    ) -> None:
        self._program, self._loss, self._held_out, self._initial = program, loss, held_out, initial
        self._optimiser = optimiser
        self._start = theta
        self.step = 0
        self.theta = theta
        self.state: State = optimiser.start(theta)
        self.history: list[HistoryRow] = []
        self.best: tuple[int, float, np.ndarray] = (0, np.inf, theta)

    def evaluate(self, watch: bool) -> np.ndarray:
        """Gradient at the present angles; adds their row to the history and keeps them if they are the best."""
        value, watched, gradient = self._measure(self.theta, watch)
        self.history.append((self.step, value, watched))
        if self._held_out is None:
            if np.isfinite(value) and np.isfinite(gradient).all():
                self.best = (self.step, value, self.theta)
        elif watched is not None and watched < self.best[1]:
            self.best = (self.step, watched, self.theta)
        return gradient

    def verdict(self, gradient: np.ndarray, max_steps: int, patience: int | None) -> Stop | None:
        if not (np.isfinite(self.history[-1][1]) and np.isfinite(gradient).all()):
            return Stop.NOT_FINITE
        if patience is not None and self.step - self.best[0] >= patience:
            return Stop.CONVERGED
        return Stop.MAX_STEPS if self.step >= max_steps else None

    def update(self, gradient: np.ndarray) -> None:
        self.step += 1
        self.theta, self.state = self._optimiser.step(self.theta, gradient, self.state, self.step)

    def result(self, stop: Stop) -> TrainingResult:
        theta = self.best[2].copy()
        theta.flags.writeable = False
        return TrainingResult(theta, self.step, tuple(self.history), stop, self.best[0])

    def save(self, folder: Path) -> None:
        state = Checkpoint(
            self._optimiser, self._start, self.step, self.theta, self.state, tuple(self.history), *self.best
        )
        write_checkpoint(state, folder)

    def resume(self, folder: Path, max_steps: int) -> None:
        saved = read_checkpoint(folder)
        if saved is None:
            return
        same = saved.optimiser == self._optimiser and np.array_equal(saved.start, self._start)
        if not same or saved.history[0][1:] != self._measure(self._start)[:2]:
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

    def _measure(self, theta: np.ndarray, watch: bool = True) -> tuple[float, float | None, np.ndarray]:
        watched: float | None = None

        def both(probabilities: np.ndarray) -> tuple[float, np.ndarray]:
            nonlocal watched
            if watch and self._held_out is not None:
                watched = float(self._held_out(probabilities)[0])
            return self._loss(probabilities)

        value, gradient = self._program.value_and_gradient(theta, both, self._initial)
        return value, watched, gradient


def _check(
    max_steps: int,
    patience: int | None,
    held_out: LossFunction | None,
    watch_every: int,
    checkpoint_every: int,
) -> None:
    if max_steps < 0:
        raise ConfigError(f"max_steps = {max_steps}; wanted at least 0")
    for name, number in {"watch_every": watch_every, "checkpoint_every": checkpoint_every}.items():
        if number < 1:
            raise ConfigError(f"{name} = {number}; wanted at least 1")
    if patience is not None and patience < 1:
        raise ConfigError(f"patience = {patience}; wanted at least 1, or none")
    if patience is not None and held_out is None:
        raise ConfigError("patience needs a held-out loss to watch; give held_out too")
