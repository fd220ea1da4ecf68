"""A classical discriminator that a circuit is trained against."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, ndtri

from qfin.quantum import Adam, Grid


class Adversary:
    """The generator's loss against a discriminator that learns between its steps: a loss for `qfin.quantum.train`.

    The discriminator D is a network of one hidden layer on the cell's bits and on the normal scores of its middle. Both
    sides see exact expectations over all cells, no samples. Each call takes `steps` Adam steps of the discriminator on
    -sum_x q(x) ln D(x) - sum_x P(x) ln(1 - D(x)), and returns the non-saturating loss of the generator,
    -sum_x P(x) ln D(x) (Goodfellow et al., arXiv 1406.2661, section 3), with its derivative by P, -ln D(x).

    Parameters
    ----------
    target : q, shape (n_cells,)
    grid : what the cells are
    hidden, steps, learning_rate, decay : of the discriminator; `decay` is the L2 penalty's weight

    Attributes
    ----------
    history : a row a call: loss of the discriminator, and its accuracy, the mean of its shares of right answers on
        both sides
    """

    def __init__(
        self,
        target: np.ndarray,
        grid: Grid,
        hidden: int,
        steps: int,
        learning_rate: float,
        decay: float,
        rng: np.random.Generator,
    ) -> None:
        self._target, self._steps, self._decay = target, steps, decay
        self._inputs = _features(grid)
        self._shapes = [(self._inputs.shape[1], hidden), (hidden,), (hidden,), (1,)]
        wide = [rng.standard_normal(shape) / np.sqrt(shape[0]) for shape in self._shapes]
        wide[1][:] = wide[3][:] = 0.0
        self._weights = np.concatenate([part.ravel() for part in wide])
        self._adam, self._taken = Adam(learning_rate), 0
        self._state = self._adam.start(self._weights)
        self.history: list[tuple[float, float]] = []

    def __call__(self, probabilities: np.ndarray) -> tuple[float, np.ndarray]:
        """Let the discriminator learn, then the generator's loss and its derivative, shape (n_cells,)."""
        for _ in range(self._steps):
            _, gradient = self.discriminator_loss(probabilities)
            self._taken += 1
            self._weights, self._state = self._adam.step(self._weights, gradient, self._state, self._taken)
        logits = self.logits()
        told = expit(logits)
        right = 0.5 * (self._target @ (told > 0.5) + probabilities @ (told <= 0.5))
        loss = self._target @ np.logaddexp(0.0, -logits) + probabilities @ np.logaddexp(0.0, logits)
        self.history.append((float(loss), float(right)))
        return self.frozen(probabilities)

    def frozen(self, probabilities: np.ndarray) -> tuple[float, np.ndarray]:
        """The generator's loss against the discriminator as it is."""
        surprise = np.logaddexp(0.0, -self.logits())
        return float(probabilities @ surprise), surprise

    def logits(self) -> np.ndarray:
        """ln D / (1 - D) of every cell, shape (n_cells,)."""
        return self._forward()[1]

    def discriminator_loss(self, probabilities: np.ndarray) -> tuple[float, np.ndarray]:
        """The discriminator's loss with its penalty, and the gradient by its weights, by back-propagation."""
        hidden, logits = self._forward()
        loss = self._target @ np.logaddexp(0.0, -logits) + probabilities @ np.logaddexp(0.0, logits)
        slope = probabilities * expit(logits) - self._target * expit(-logits)
        _, _, out, _ = self._parts()
        back = slope[:, None] * out * (1.0 - hidden**2)
        gradient = np.concatenate(
            [(self._inputs.T @ back).ravel(), back.sum(axis=0), hidden.T @ slope, [slope.sum()]]
        )
        penalty = 0.5 * self._decay * float(self._weights @ self._weights)
        return float(loss) + penalty, gradient + self._decay * self._weights

    def _forward(self) -> tuple[np.ndarray, np.ndarray]:
        into, bias, out, last = self._parts()
        hidden = np.tanh(self._inputs @ into + bias)
        return hidden, hidden @ out + last[0]

    def _parts(self) -> list[np.ndarray]:
        ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes])[:-1]
        return [
            part.reshape(shape)
            for part, shape in zip(np.split(self._weights, ends), self._shapes, strict=True)
        ]


def _features(grid: Grid) -> np.ndarray:
    """Bits as -1 and 1, and normal scores of the middle of each cell, shape (n_cells, n_qubits + d)."""
    outcomes = np.arange(grid.n_cells)
    lower, upper = grid.cell_bounds(outcomes)
    return np.hstack([2.0 * grid.bits_of(outcomes) - 1.0, ndtri(0.5 * (lower + upper))])
