"""A variational quantum eigensolver for Hamiltonians that are diagonal: which outcome has the lowest energy?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._adam import Adam
from qfin.quantum._cvar import ConditionalValueAtRisk
from qfin.quantum._training import train

if TYPE_CHECKING:
    from qfin.quantum._program import Program


@dataclass(frozen=True)
class GroundState:
    """What a variational eigensolver found.

    Attributes
    ----------
    outcome : the outcome of the lowest energy among all that were measured
    energy : its energy
    probability : of that outcome in the state it was measured in
    most_probable : the outcome of the largest probability there
    restart : which of the restarts found it
    evaluations : circuits that were run for gradients, of all restarts
    shots : measurements that it was looked for in, of all restarts
    history : CVaR after each step of that restart
    """

    outcome: int
    energy: float
    probability: float
    most_probable: int
    restart: int
    evaluations: int
    shots: int
    history: tuple[float, ...]


def find_ground_state(
    program: Program,
    energies: np.ndarray,
    *,
    share: float = 0.1,
    steps: int = 150,
    restarts: int = 3,
    shots: int = 1_000,
    learning_rate: float = 0.1,
    initial: np.ndarray | None = None,
    seed: int = 0,
) -> GroundState:
    """Lower the CVaR of the energies by exact gradients, then measure, and keep the best outcome seen.

    Parameters
    ----------
    program : an ansatz of n qubits
    energies : shape (2**n,), the diagonal of the Hamiltonian
    share : of the probability whose mean energy is lowered, see `ConditionalValueAtRisk`
    steps, restarts : updates of each start, and starts from different small angles
    shots : measurements after each start
    initial : state that the circuit starts from, shape (2**n,); None: |0...0>
    seed : of angles and measurements

    Raises
    ------
    ConfigError
        if energies are not finite or not one for each outcome, or a number is out of its range.
    """
    loss, rng = ConditionalValueAtRisk(energies, share), np.random.default_rng(seed)
    _check(program, energies, {"restarts": restarts, "shots": shots})
    best: GroundState | None = None
    for restart in range(restarts):
        theta = rng.uniform(-0.3, 0.3, len(program.parameters))
        result = train(program, loss, theta, optimiser=Adam(learning_rate), max_steps=steps, initial=initial)
        seen = program.sample(result.theta, shots, rng, initial)
        outcome = int(seen[np.argmin(energies[seen])])
        if best is None or energies[outcome] < best.energy:
            chances = program.probabilities(result.theta, initial)
            there = float(chances[outcome]), int(chances.argmax())
            history = tuple(value for _, value, _ in result.history)
            spent = (steps + 1) * restarts, shots * restarts
            best = GroundState(outcome, float(energies[outcome]), *there, restart, *spent, history)
    assert best is not None
    return best


def _check(program: Program, energies: np.ndarray, counts: dict[str, int]) -> None:
    if len(energies) != 1 << program.num_bits:
        raise ConfigError(
            f"there are {len(energies)} energies; the circuit has {1 << program.num_bits} outcomes"
        )
    for name, count in counts.items():
        if count < 1:
            raise ConfigError(f"{name} = {count} is not allowed; wanted at least 1")
