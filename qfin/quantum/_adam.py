"""Adam (Kingma and Ba, arXiv 1412.6980)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfin.errors import ConfigError

State = dict[str, np.ndarray]


@dataclass(frozen=True)
class Adam:
    """Gradient descent with momentum and a step size of each angle's own, algorithm 1 of the paper.

    Parameters
    ----------
    learning_rate : largest typical step of an angle, in radians
    beta1, beta2 : decay of the means of the gradient and of its square, in [0, 1)
    epsilon : keeps the division finite
    """

    learning_rate: float = 0.003
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        if not self.learning_rate > 0.0 or not self.epsilon > 0.0:
            raise ConfigError(
                f"Adam wants learning_rate and epsilon above 0, not {self.learning_rate}, {self.epsilon}"
            )
        if not (0.0 <= self.beta1 < 1.0 and 0.0 <= self.beta2 < 1.0):
            raise ConfigError(f"Adam wants beta1 and beta2 in [0, 1), not {self.beta1}, {self.beta2}")

    def start(self, theta: np.ndarray) -> State:
        """The state before the first step."""
        return {"mean": np.zeros_like(theta), "square": np.zeros_like(theta)}

    def step(
        self, theta: np.ndarray, gradient: np.ndarray, state: State, number: int
    ) -> tuple[np.ndarray, State]:
        """Angles and state after step `number`, counted from 1; its arguments are left as they are."""
        mean = self.beta1 * state["mean"] + (1.0 - self.beta1) * gradient
        square = self.beta2 * state["square"] + (1.0 - self.beta2) * gradient**2
        scale = self.learning_rate / (1.0 - self.beta1**number)
        spread = np.sqrt(square / (1.0 - self.beta2**number)) + self.epsilon
        return theta - scale * mean / spread, {"mean": mean, "square": square}
