"""Simultaneous perturbation (Spall, IEEE Transactions on Aerospace and Electronic Systems 34(3), 1998)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._adam import State


@dataclass(frozen=True)
class Spsa:
    """Descent along an estimate of the gradient from two measurements, whatever the number of angles.

    At step k = 0, 1, ... all angles are perturbed at once by c(k) times random signs, and moved by a(k) times the
    estimate: a(k) = learning_rate / (stability + k + 1)**alpha, c(k) = perturbation / (k + 1)**gamma
    (eqs. 2 to 4 of the paper, whose a, c and A these are).

    Parameters
    ----------
    learning_rate : a; the first steps are about a / stability**alpha times the gradient, which for an MMD and an angle
        is some .01. The default is for circuits that are nearly trained: more moves them about with the shots' noise
        (benchmarks/sampled_training.py), and from far away it is too slow
    perturbation : c, in radians; larger with noisier losses
    stability : A, in steps; None: 10 % of the most steps allowed, the paper's advice
    alpha, gamma : the paper's practical exponents; steps then shrink as slowly as convergence allows
    """

    learning_rate: float = 3.0
    perturbation: float = 0.1
    stability: float | None = None
    alpha: float = 0.602
    gamma: float = 0.101

    def __post_init__(self) -> None:
        for name in ("learning_rate", "perturbation"):
            if not 0.0 < getattr(self, name) < np.inf:
                raise ConfigError(f"Spsa: {name} = {getattr(self, name)}; wanted a number above 0")
        if self.stability is not None and not 0.0 <= self.stability < np.inf:
            raise ConfigError(f"Spsa: stability = {self.stability}; wanted a number of steps, or none")
        for name in ("alpha", "gamma"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"Spsa: {name} = {getattr(self, name)}; wanted a number from 0 to 1")

    def for_steps(self, max_steps: int) -> Spsa:
        """The same with a stability, that of the paper's advice if there is none."""
        return replace(self, stability=0.1 * max_steps) if self.stability is None else self

    def start(self, theta: np.ndarray) -> State:
        """The state before the first step: there is none."""
        return {}

    def step(
        self, theta: np.ndarray, gradient: np.ndarray, state: State, number: int
    ) -> tuple[np.ndarray, State]:
        """Angles and state after step `number`, counted from 1; its arguments are left as they are."""
        return theta - self.learning_rate / ((self.stability or 0.0) + number) ** self.alpha * gradient, state

    def perturbed(self, theta: np.ndarray, step: int, rng: np.random.Generator) -> np.ndarray:
        """Angles moved by c(step) times random signs, and by as much the other way, shape (2, parameters)."""
        signs = rng.choice([-1.0, 1.0], size=len(theta))
        move = self.perturbation / (step + 1) ** self.gamma * signs
        return np.array([theta + move, theta - move])

    def estimate(self, perturbed: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Estimate of the gradient, shape (parameters,), from the loss at both rows of `perturbed`, shape (2,).

        (Eq. 3 of the paper.) Its error is of second order in the perturbation.
        """
        return (values[0] - values[1]) / (perturbed[0] - perturbed[1])
