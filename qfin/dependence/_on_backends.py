"""A trained circuit run on a backend: what is asked of it, what its draws become, training that goes on there."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from qfin.dependence._base import inside
from qfin.dependence._cells import CellCopula
from qfin.dependence._prior import by_bins
from qfin.dependence._recalibration import Recalibration
from qfin.errors import ConfigError
from qfin.quantum import Request

if TYPE_CHECKING:
    from pathlib import Path

    from qiskit import QuantumCircuit

    from qfin.dependence._circuit import Learner
    from qfin.quantum import Backend, Draws, TrainingResult


class OnBackends(CellCopula):
    """What a density model with a trained circuit does on backends; it has the attributes of `BornMachine`."""

    product_angles_: np.ndarray | None
    prior_probabilities_: np.ndarray | None
    probabilities_: np.ndarray
    result_: TrainingResult
    tuning_: TrainingResult

    @property
    def circuit_(self) -> QuantumCircuit:
        """The trained circuit, all angles bound; the prior, where it is loaded, is its first instruction."""
        self._check_trained()
        learner, theta = self._trained_learner, self.result_.theta
        return learner.bound(self.prior_probabilities_, self.product_angles_, theta)

    def request(self, shots: int, random_state: int | np.random.Generator | None = None) -> Request:
        """What `sample_on` asks of a backend: the trained circuit, a loaded prior as the state to begin with.

        After `tune` its angles are the tuned ones. An ensemble is a row a circuit, which share the shots.
        """
        self._check_trained()
        rng = np.random.default_rng(self.random_state if random_state is None else random_state)
        seed = int(rng.integers(2**31))
        learner, angles = self._trained_learner, self.product_angles_
        members = [getattr(self, "tuning_", self.result_), *getattr(self, "ensemble_", [])]
        theta = np.array([member.theta for member in members])
        shots = -(-shots // len(theta))
        if angles is not None:
            return Request(learner.free(angles), theta, shots, seed)
        assert self.prior_probabilities_ is not None
        prior = self.prior_probabilities_
        initial = learner.with_ancillas(np.sqrt(prior / prior.sum()))
        return Request(learner.circuit, theta, shots, seed, initial)

    def sample_on(
        self, backend: Backend, n: int, random_state: int | np.random.Generator | None = None
    ) -> tuple[np.ndarray, Draws]:
        """Draw n points whose cells come from a backend, a shot a point.

        Margins are made uniform as the backend drew them: a device's errors shift them, and a copula has none.

        Returns
        -------
        U : shape (n, d), strictly inside (0, 1)
        draws : the outcomes that they are made of, in the same order

        Raises
        ------
        ConfigError, BackendError
            of the backend.
        """
        self._check_fitted()
        rng = np.random.default_rng(self.random_state if random_state is None else random_state)
        draws = _pooled(backend.run(self.request(n, rng)), n, rng)
        outcomes = draws.outcomes()[0]
        points = self._drawn_margins(draws).forward(self._cells.fill(outcomes, rng))
        return inside(self._mixed(points, rng)), draws

    def tune(
        self,
        backend: Backend,
        *,
        steps: int,
        method: Literal["spsa", "parameter_shift"] = "spsa",
        shots: int = 1_000,
        shot_budget: int | None = None,
        random_state: int | None = None,
        checkpoint: str | Path | None = None,
    ) -> Self:
        """Go on training on a backend, from its samples: the circuit learns to make up for what the device does to it.

        The loss is the squared maximum mean discrepancy between what the backend draws and the exactly trained model.
        That model stays what it is, with its density and score: only the angles that backends run change, to those of
        `tuning_`.

        Parameters
        ----------
        steps, method, shots, shot_budget, checkpoint : as in `qfin.quantum.train_on_samples`
        random_state : seed of the draws; None: the model's own

        Raises
        ------
        ConfigError, BackendError
            of the backend, or the model is an ensemble, whose circuits cannot make up for one another's errors.
        """
        from qfin.quantum import MaximumMeanDiscrepancy, ShotSchedule, train_on_samples

        if getattr(self, "ensemble_", []):
            raise ConfigError("an ensemble of circuits cannot be tuned on a backend; set ensemble = 1")

        start = self.request(shots)
        seed = self.random_state if random_state is None else random_state
        self.tuning_ = train_on_samples(
            backend,
            start.circuit,
            MaximumMeanDiscrepancy(self.probabilities_),
            start.theta[0],
            method=method,
            schedule=ShotSchedule(shots, most=shots, budget=shot_budget),
            seed=0 if seed is None else seed,
            max_steps=steps,
            initial=start.initial,
            checkpoint=checkpoint,
        )
        return self

    @property
    @abstractmethod
    def _trained_learner(self) -> Learner:
        """The circuit and the rules of its training."""

    def _check_trained(self) -> None:
        self._check_fitted()

    def _drawn_margins(self, draws: Draws) -> Recalibration:
        """The map to uniform margins of what was drawn; a bin that drew nothing keeps some of its exact mass."""
        assert self.prior_probabilities_ is not None
        kept = 2**self._bits / draws.shots
        drawn = (draws.frequencies()[0] + kept * self.probabilities_) / (1.0 + kept)
        return by_bins(self._grid, drawn, self.prior_probabilities_)


def _pooled(draws: Draws, n: int, rng: np.random.Generator) -> Draws:
    """n draws of all rows in one, in random order; of one row, that row."""
    if draws.rows == 1:
        return draws
    from qfin.quantum import Draws

    outcomes = rng.permutation(draws.outcomes().ravel())[:n]
    return Draws.from_outcomes(outcomes[None], draws.num_bits, draws.lineage)
