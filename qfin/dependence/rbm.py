"""The restricted Boltzmann machine: the classical rival that learns bitstrings as a Born machine does."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy.special import expit

from qfin.dependence._base import DEFAULT_FLOOR, Floor, Seed
from qfin.dependence._cells import CellCopula
from qfin.dependence._selection import ranked
from qfin.dependence._smoothing import spread_days
from qfin.quantum import BINS, CODES, Adam

_WATCHED = 0.2  # share of the training days, the last ones, on which the number of steps is chosen
_WATCH_EVERY = 50  # steps between two looks
_WATCHED_CELLS = 2**16  # of so many cells; of more in proportion
_COPIES = 16  # of the days, spread anew, which the steps take in turn
_MIXING_STEPS = 200  # Gibbs steps from fresh starts, of which R-hat takes the second half
_MIXED = 1.1
_CHUNK = 2**16  # outcomes whose energy is taken at once


class BoltzmannMachine(CellCopula):
    """Energy model of the cells' bits with one layer of hidden units.

    P(x) = exp(a.x + sum_j ln(1 + exp(b_j + W_j.x))) / Z (Smolensky 1986), trained by persistent contrastive divergence
    (Tieleman 2008) with centred units (Montavon and Müller 2012), from the bits' own frequencies. The table of all
    outcomes gives Z, so density and draws are exact; Gibbs chains serve the gradient only, and whether they mix is
    checked by split R-hat (Vehtari, Gelman, Simpson, Carpenter and Bürkner 2021) of fresh chains.

    Parameters
    ----------
    bits, bins, code : of the grid, as of a Born machine
    hidden : hidden units; None: twice the visible ones
    prior : "none", or a kind with a density, whose density is kept inside the cells
    steps : of Adam; None: chosen by exact likelihood on the last fifth of the training days
    max_steps : most steps to choose from
    learning_rate : at the first step; it falls linearly to 0 at `max_steps`
    smoothing : standard deviation, in normal scores, of the Gaussian kernel that spreads each training day
    weight_decay : of W
    chains : persistent Gibbs chains
    floor : weight of the independent component, the same for every density model
    random_state : seed of weights, chains and draws

    Attributes
    ----------
    weights_ : W, shape (visible, hidden)
    visible_bias_, hidden_bias_ : a and b
    steps_ : as chosen
    r_hat_ : of the energy of fresh chains; near 1 where they mix
    probabilities_, prior_probabilities_, prior_ : as in every model of cells
    """

    label: ClassVar[str] = "Boltzmann machine"
    random_fit: ClassVar[bool] = True

    weights_: np.ndarray
    visible_bias_: np.ndarray
    hidden_bias_: np.ndarray
    steps_: int
    r_hat_: float

    def __init__(
        self,
        bits: Annotated[int, Field(ge=1, le=16)] = 3,
        bins: Literal[BINS.kinds()] = "tail_refined",  # type: ignore[valid-type]
        code: Literal[CODES.kinds()] = "gray",  # type: ignore[valid-type]
        hidden: Annotated[int, Field(ge=1, le=4096)] | None = None,
        prior: Any = "none",
        steps: Annotated[int, Field(ge=1)] | None = None,
        max_steps: Annotated[int, Field(ge=1)] = 3000,
        learning_rate: Annotated[float, Field(gt=0)] = 0.02,
        smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.2,
        weight_decay: Annotated[float, Field(ge=0)] = 1e-4,
        chains: Annotated[int, Field(ge=2)] = 500,
        floor: Floor = DEFAULT_FLOOR,
        random_state: Seed = None,
    ) -> None:
        self.bits = bits
        self.bins = bins
        self.code = code
        self.hidden = hidden
        self.prior = prior
        self.steps = steps
        self.max_steps = max_steps
        self.learning_rate = learning_rate
        self.smoothing = smoothing
        self.weight_decay = weight_decay
        self.chains = chains
        self.floor = floor
        self.random_state = random_state

    def details(self) -> dict[str, Any]:
        """Size, steps and how well the chains mixed, as JSON values."""
        self._check_fitted()
        visible, hidden = self.weights_.shape
        return {
            "visible": visible,
            "hidden": hidden,
            "parameters": visible * hidden + visible + hidden,
            "steps": self.steps_,
            "chains": self.chains,
            "r_hat": self.r_hat_,
        }

    def warnings(self) -> list[str]:
        """As of every model, and whether the Gibbs chains of its training did not mix."""
        found = super().warnings()
        if self.r_hat_ > _MIXED:
            found.append(
                f"the Gibbs chains of the Boltzmann machine mix badly (R-hat {self.r_hat_:.2f}, wanted {_MIXED} at "
                "most); its gradient was biased: lower learning_rate or raise weight_decay"
            )
        return found

    def _fit(self, U: np.ndarray) -> None:
        self._begin(U)
        copies = self._copies(U)
        self.steps_ = self._chosen(U) if self.steps is None else int(self.steps)
        machine = _Machine(copies[0], self.hidden, self._rng("weights"))
        rng = self._rng("chains")
        chains = machine.start_chains(self.chains, rng)
        for step in range(self.steps_):
            data = copies[step % len(copies)]
            chains = machine.learn(data, chains, self._rate(step), self.weight_decay, rng)
        self.weights_, self.visible_bias_, self.hidden_bias_ = machine.parameters()
        fresh = machine.start_chains(self.chains, rng)
        self.r_hat_ = _split_r_hat(
            machine.energies_of_chains(fresh, _MIXING_STEPS, rng)[_MIXING_STEPS // 2 :]
        )
        self._settle_on(machine.probabilities(self._table_bits()))

    def _chosen(self, U: np.ndarray) -> int:
        """Steps after which the last days are likeliest, fitted to those before them."""
        cut = len(U) - max(1, int(_WATCHED * len(U)))
        copies = self._copies(ranked(U[:cut]))
        following = self._grid.encode(ranked(U[cut:]))
        machine, rng = _Machine(copies[0], self.hidden, self._rng("weights")), self._rng("chains")
        chains, table = machine.start_chains(self.chains, rng), self._table_bits()
        best, steps = -np.inf, self.max_steps
        every = _WATCH_EVERY * max(1, self._grid.n_cells // _WATCHED_CELLS)
        every = max(1, min(every, self.max_steps // 4))
        for step in range(self.max_steps):
            data = copies[step % len(copies)]
            chains = machine.learn(data, chains, self._rate(step), self.weight_decay, rng)
            if (step + 1) % every == 0:
                score = float(np.mean(np.log(machine.probabilities(table)[following])))
                if score > best:
                    best, steps = score, step + 1
        return steps

    def _rate(self, step: int) -> float:
        return self.learning_rate * max(1.0 - step / self.max_steps, 0.0)

    def _copies(self, U: np.ndarray) -> list[np.ndarray]:
        """Bits of the days, spread again and again, each shape (n, visible)."""
        spread = spread_days(U, self.smoothing, _COPIES, self._rng("smoothing"))
        return [self._grid.bits_of(self._grid.encode(points)).astype(float) for points in spread]

    def _table_bits(self) -> np.ndarray:
        return self._grid.bits_of(np.arange(self._grid.n_cells))


class _Machine:
    """The weights while they are trained, with units centred at `mean` and 1/2."""

    def __init__(self, data: np.ndarray, hidden: int | None, rng: np.random.Generator) -> None:
        n, visible = data.shape
        hidden = 2 * visible if hidden is None else hidden
        self._mean = (data.sum(axis=0) + 0.5) / (n + 1.0)
        start = np.log(self._mean / (1.0 - self._mean))
        self._all = np.concatenate([0.1 * rng.standard_normal(visible * hidden), start, np.zeros(hidden)])
        self._state, self._steps = Adam(1.0).start(self._all), 0

    def start_chains(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Visible units of n chains, independent bits of the data's frequencies."""
        return (rng.random((n, len(self._mean))) < self._mean).astype(float)

    def learn(
        self, data: np.ndarray, chains: np.ndarray, rate: float, decay: float, rng: np.random.Generator
    ) -> np.ndarray:
        """One step of Adam down the gradient, estimated by one Gibbs step of the chains; their new state."""
        chains = self._gibbs(chains, rng)
        seen, drawn = self._moments(data), self._moments(chains)
        gradient = np.concatenate(
            [(drawn[0] - seen[0] + decay * self._weights).ravel(), drawn[1] - seen[1], drawn[2] - seen[2]]
        )
        self._steps += 1
        self._all, self._state = Adam(rate).step(self._all, gradient, self._state, self._steps)
        return chains

    def _moments(self, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Means of centred visible times hidden units, of visible and of hidden units."""
        up = self._up(visible)
        pairs = (visible - self._mean).T @ (up - 0.5) / len(visible)
        return pairs, visible.mean(axis=0), up.mean(axis=0)

    @property
    def _weights(self) -> np.ndarray:
        visible = len(self._mean)
        hidden = (len(self._all) - visible) // (visible + 1)
        return self._all[: visible * hidden].reshape(visible, hidden)

    @property
    def _visible(self) -> np.ndarray:
        return self._all[self._weights.size :][: len(self._mean)]

    @property
    def _hidden(self) -> np.ndarray:
        return self._all[self._weights.size + len(self._mean) :]

    def energies_of_chains(self, chains: np.ndarray, steps: int, rng: np.random.Generator) -> np.ndarray:
        """Free energy along Gibbs chains, shape (steps, chains)."""
        energies = np.empty((steps, len(chains)))
        for step in range(steps):
            chains = self._gibbs(chains, rng)
            energies[step] = -self._log_weight(chains)
        return energies

    def probabilities(self, bits: np.ndarray) -> np.ndarray:
        """Of all outcomes, whose bits have shape (2**visible, visible)."""
        parts = [self._log_weight(bits[k : k + _CHUNK].astype(float)) for k in range(0, len(bits), _CHUNK)]
        log_weight = np.concatenate(parts)
        weight = np.exp(log_weight - log_weight.max())
        return weight / weight.sum()

    def parameters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """W, a and b of units that are not centred."""
        a = self._visible - 0.5 * self._weights.sum(axis=1)
        return self._weights.copy(), a, self._hidden - self._mean @ self._weights

    def _log_weight(self, bits: np.ndarray) -> np.ndarray:
        weights, a, b = self.parameters()
        return bits @ a + np.logaddexp(0.0, bits @ weights + b).sum(axis=1)

    def _up(self, visible: np.ndarray) -> np.ndarray:
        return expit((visible - self._mean) @ self._weights + self._hidden)

    def _gibbs(self, visible: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        up = self._up(visible)
        hidden = rng.random(up.shape) < up
        down = expit((hidden - 0.5) @ self._weights.T + self._visible)
        return (rng.random(down.shape) < down).astype(float)


def _split_r_hat(draws: np.ndarray) -> float:
    """Split R-hat of chains, shape (steps, chains): each chain's halves count as two (Vehtari et al. 2021, eq. 3)."""
    half = len(draws) // 2
    chains = np.hstack([draws[:half], draws[half : 2 * half]])
    within = chains.var(axis=0, ddof=1).mean()
    between = half * chains.mean(axis=0).var(ddof=1)
    if within == 0.0:
        return 1.0 if between == 0.0 else float("inf")
    return float(np.sqrt(((half - 1) / half * within + between / half) / within))
