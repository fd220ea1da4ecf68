"""Stresses of a portfolio under a model: named moves, what the model says of the rest, the most probable large loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.errors import ConfigError, DataError, QfinError
from qfin.risk import PnL, Portfolio, expected_shortfall, value_at_risk
from qfin.scenarios import ScenarioSet

if TYPE_CHECKING:
    from qfin.model import ScenarioModel
    from qfin.quantum import Grid, GroundState

_MOST_QUBITS = 18
_SHORTFALL_PENALTY = 4.0


@dataclass(frozen=True)
class Candidate:
    """A scenario of a reverse stress.

    Attributes
    ----------
    moves : each factor's one-day return, in its own unit
    loss : of the portfolio, base currency
    probability : of its cell under the model; None where the model has no cells
    outcome : bitstring of its cell, or number of the drawn scenario
    """

    moves: dict[str, float]
    loss: float
    probability: float | None
    outcome: int


@dataclass(frozen=True)
class Reverse:
    """The most probable scenario with a loss past a bound.

    Attributes
    ----------
    bound : least loss, base currency
    method : how the exact one was found
    cells : how many scenarios there were to choose from, and how many of them lose as much
    losing : their number
    probability : of a loss past the bound under the model
    exact, eigensolver : the two answers; the second is None where there is no grid of qubits
    same : whether they are the same cell
    evaluations, shots : circuits run for gradients and measurements of the eigensolver
    found_probability : of the eigensolver's answer in the state that it trained. In the model's own state, where it
        started, that is `eigensolver.probability`: where this one is above 1 / shots, so many shots of the model alone
        would have shown the answer too, and training was not needed
    """

    bound: float
    method: str
    cells: int
    losing: int
    probability: float
    exact: Candidate
    eigensolver: Candidate | None
    same: bool | None
    evaluations: int
    shots: int
    found_probability: float | None


@dataclass(frozen=True, eq=False)
class Stress:
    """One portfolio under one model.

    model : fitted; portfolio : what is stressed; drawn : one-day scenarios of the model
    var_level, es_level : of the measures; seed : of conditional draws and of the eigensolver
    """

    model: ScenarioModel
    portfolio: Portfolio
    drawn: ScenarioSet
    var_level: float
    es_level: float
    seed: int

    def of_move(self, name: str, move: Mapping[str, float], draws: int) -> dict[str, Any]:
        """What one named move does alone, and with the rest of the market as the model has it then."""
        unknown = [factor for factor in move if factor not in self.drawn.names]
        if unknown:
            raise DataError(
                f"stress {name!r}: there is no risk factor {unknown[0]!r}; choose from: {', '.join(self.drawn.names)}"
            )
        returns = np.array([[move.get(factor, 0.0) for factor in self.drawn.names]])
        pnl = self._pnl(returns)
        return {
            "name": name,
            "move": dict(move),
            "pnl": float(pnl.total[0]),
            "trades": dict(zip(pnl.trades, pnl.values[0].tolist(), strict=True)),
            "conditional": self._conditional(move, draws),
        }

    def unconditional(self) -> dict[str, Any]:
        """Portfolio and factors in the scenarios as they are."""
        return self._described(self.drawn.returns[:, 0, :], ())

    def reverse(self, bound: float | None) -> Reverse:
        """The most probable scenario with a loss of `bound` or more; None: of the value at risk or more.

        Where the middle of no cell of the model's grid loses as much, it is one of the drawn scenarios.

        Raises
        ------
        ConfigError
            if no scenario loses as much.
        """
        least = (
            value_at_risk(-self._pnl(self.drawn.returns[:, 0, :]).total, self.var_level)
            if bound is None
            else bound
        )
        among_cells = None if self._grid is None else self._among_cells(least, self._grid)
        return among_cells or self._among_draws(least)

    def _conditional(self, move: Mapping[str, float], draws: int) -> dict[str, Any]:
        try:
            given = self.model.sample(draws, 1, self.seed, given=move)
        except QfinError as error:
            return {"why_none": str(error)}
        return self._described(given.returns[:, 0, :], tuple(move))

    def _described(self, returns: np.ndarray, held: tuple[str, ...]) -> dict[str, Any]:
        losses = -self._pnl(returns).total
        ends = np.quantile(returns, [0.05, 0.95], axis=0)
        rest = [(k, name) for k, name in enumerate(self.drawn.names) if name not in held]
        return {
            "draws": len(returns),
            "mean_pnl": float(-losses.mean()),
            "value_at_risk": value_at_risk(losses, self.var_level),
            "expected_shortfall": expected_shortfall(losses, self.es_level),
            "var_level": self.var_level,
            "es_level": self.es_level,
            "factors": {
                name: {
                    "mean": float(returns[:, k].mean()),
                    "lower": float(ends[0, k]),
                    "upper": float(ends[1, k]),
                }
                for k, name in rest
            },
        }

    def _pnl(self, returns: np.ndarray) -> PnL:
        """Gains from one-day returns, shape (n, d), that happen at once."""
        scenarios = replace(self.drawn, returns=returns[:, None, :])
        return self.portfolio.revalue(scenarios, "proxy" if len(returns) > 1 else "full", ageing=False)

    @cached_property
    def _grid(self) -> Grid | None:
        """The model's grid, if it has cells in a number that can be enumerated."""
        from qfin.quantum import Grid

        copula: Any = self.model.dependence
        probabilities = getattr(copula, "probabilities_", None)
        if probabilities is None or not all(hasattr(copula, name) for name in ("bits", "bins", "code")):
            return None
        bits = (len(probabilities).bit_length() - 1) // len(self.drawn.names)
        grid = Grid(bits, len(self.drawn.names), copula.bins, copula.code)
        return grid if grid.n_cells == len(probabilities) and grid.n_qubits <= _MOST_QUBITS else None

    def _among_draws(self, bound: float) -> Reverse:
        """Of drawn scenarios that lose enough, the one nearest to no move at all (Mahalanobis)."""
        returns = self.drawn.returns[:, 0, :]
        losses = -self._pnl(returns).total
        losing = np.flatnonzero(losses >= bound)
        if not len(losing):
            raise ConfigError(_too_far(bound, losses.max(), self.portfolio.base_currency))
        inverse = np.linalg.pinv(np.atleast_2d(np.cov(returns, rowvar=False)), hermitian=True)
        away = np.einsum("nd,de,ne->n", returns[losing], inverse, returns[losing])
        chosen = int(losing[np.argmin(away)])
        best = self._candidate(returns[chosen], float(losses[chosen]), None, chosen)
        method = "the drawn scenario that is nearest to no move (Mahalanobis distance)"
        share = len(losing) / len(losses)
        return Reverse(bound, method, len(losses), len(losing), share, best, None, None, 0, 0, None)

    def _among_cells(self, bound: float, grid: Grid) -> Reverse | None:
        """Of all cells of the grid the most probable one whose scenario loses enough, twice; None if none does."""
        copula: Any = self.model.dependence
        probabilities = np.asarray(copula.probabilities_)
        returns = self._cell_returns(grid)
        losses = -self._pnl(returns).total
        losing = np.flatnonzero((losses >= bound) & (probabilities > 0))
        if not len(losing):
            return None
        best = int(losing[np.argmax(probabilities[losing])])
        found = self._eigensolved(grid, probabilities, losses, bound)
        guess = found.outcome
        return Reverse(
            bound=bound,
            method="enumeration of all cells",
            cells=grid.n_cells,
            losing=len(losing),
            probability=float(probabilities[losing].sum()),
            exact=self._candidate(returns[best], float(losses[best]), float(probabilities[best]), best),
            eigensolver=self._candidate(
                returns[guess], float(losses[guess]), float(probabilities[guess]), guess
            ),
            same=guess == best,
            evaluations=found.evaluations,
            shots=found.shots,
            found_probability=found.probability,
        )

    def _eigensolved(
        self, grid: Grid, probabilities: np.ndarray, losses: np.ndarray, bound: float
    ) -> GroundState:
        """The ground state of E(x) = -log P(x) + [loss(x) < bound] R (1 + 4 (bound - loss(x)) / range of losses).

        R is the range of -log P, so that the ground state loses enough if any cell does. The circuit starts from the
        amplitudes sqrt(P).
        """
        from qfin.quantum import ANSAETZE, Program, find_ground_state

        surprise = -np.log(np.maximum(probabilities, np.finfo(float).tiny))
        short = np.maximum(bound - losses, 0.0) / max(float(np.ptp(losses)), 1e-300)
        energies = (
            surprise
            + np.where(losses < bound, np.ptp(surprise), 0.0)
            + _SHORTFALL_PENALTY * np.ptp(surprise) * short
        )
        circuit = ANSAETZE.build("line_rzz").build(grid.n_qubits, 2, grid.bits)
        program = Program.from_circuit(circuit)
        return find_ground_state(
            program, energies, initial=np.sqrt(probabilities / probabilities.sum()), seed=self.seed
        )

    def _cell_returns(self, grid: Grid) -> np.ndarray:
        """One-day returns at the middle of each cell, shape (n_cells, d)."""
        lower, upper = grid.cell_bounds(np.arange(grid.n_cells))
        middle = (lower + upper) / 2
        recalibration = getattr(self.model.dependence, "recalibration_", None)
        uniforms = middle if recalibration is None else recalibration.forward(middle)
        return self.model.volatility.simulate(self.model.marginals.ppf(uniforms)[:, None, :])[:, 0, :]

    def _candidate(
        self, returns: np.ndarray, loss: float, probability: float | None, outcome: int
    ) -> Candidate:
        moves = dict(zip(self.drawn.names, returns.tolist(), strict=True))
        return Candidate(moves, loss, probability, int(outcome))


def _too_far(bound: float, largest: float, currency: str) -> str:
    return (
        f"stress.loss_bound = {bound:,.0f} {currency} is more than any scenario of the model loses; the largest loss "
        f"is {largest:,.0f}"
    )
