"""A parametrised circuit compiled to tables: exact probabilities, and exact gradients of any loss of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._reading import Reading, read_circuit
from qfin.quantum._stages import Tables, schedule, tabulate

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

LossFunction = Callable[[np.ndarray], tuple[float, np.ndarray]]
_STATES_HELD = 4  # psi, lambda, spare arrays and probabilities, 16 bytes an amplitude each


@dataclass(frozen=True, eq=False)
class Program:
    """A parametrised Qiskit circuit, compiled once; make one with `Program.from_circuit`.

    Outcomes are integers whose bit k is the k-th classical bit that the circuit measures into, or qubit k if it
    measures nothing; qubits that are not measured are summed over. Angles are in radians.
    """

    num_qubits: int
    parameters: tuple[Any, ...]
    _reading: Reading
    _tables: Tables

    @classmethod
    def from_circuit(cls, circuit: QuantumCircuit) -> Program:
        """Compile a circuit; its free parameters are taken in `circuit.parameters` order.

        Raises
        ------
        ConfigError
            naming the instruction and its position if an exact simulation cannot mean it (a measurement before the
            end, a reset, a conditional, a state prepared after the start), or the bytes it would take if the circuit
            has more qubits than this machine's memory can hold.
        """
        _check_memory(circuit.num_qubits)
        reading = read_circuit(circuit)
        tables = tabulate(schedule(reading.operations), circuit.num_qubits)
        return cls(circuit.num_qubits, tuple(circuit.parameters), reading, tables)

    @property
    def num_bits(self) -> int:
        """Bits of an outcome: the measured qubits, all if the circuit measures none."""
        return len(self._reading.measured)

    def statevector(self, theta: np.ndarray, initial: np.ndarray | None = None) -> np.ndarray:
        """Final state, shape (2**num_qubits,) complex, indexed by qubits (bit q is qubit q), measured or not."""
        angles = self._angles(theta)
        re, im = self._forward(angles, initial)
        return np.exp(1j * angles[self._reading.global_phase]) * (re + 1j * im)

    def probabilities(self, theta: np.ndarray, initial: np.ndarray | None = None) -> np.ndarray:
        """Exact probability of each outcome, shape (2**num_bits,).

        Parameters
        ----------
        theta : shape (len(parameters),), in the order of `parameters`
        initial : the state to begin with, shape (2**num_qubits,), real or complex, of norm 1; |0...0> if None
        """
        re, im = self._forward(self._angles(theta), initial)
        return self._marginal(re * re + im * im)

    def value_and_gradient(
        self, theta: np.ndarray, loss: LossFunction, initial: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        """Loss of the outcome probabilities and its exact gradient, shape (len(parameters),).

        `loss(p)` returns the value and dL/dp. One sweep forward and one back, whatever the number of parameters: with
        w = dL/dp held fixed, the gradient is that of the diagonal observable <psi| w |psi>. Where the value is not
        finite the gradient is nan.
        """
        from qfin.quantum import _kernels

        theta = self._check_theta(theta)
        angles = self._reading.angles.angles(theta)
        re, im = self._forward(angles, initial)
        value, slope = loss(self._marginal(re * re + im * im))
        if not np.isfinite(value):
            return float(value), np.full(len(theta), np.nan)
        weights = np.asarray(slope, dtype=float)
        if self._outcome_of is not None:
            weights = weights[self._outcome_of]
        by_angle = _kernels.backward(re, im, weights * re, weights * im, angles, self._tables)
        return float(value), self._reading.angles.pull_back(theta, by_angle)

    def sample(
        self, theta: np.ndarray, shots: int, rng: np.random.Generator, initial: np.ndarray | None = None
    ) -> np.ndarray:
        """Outcomes of `shots` measurements, shape (shots,) int64."""
        cumulative = np.cumsum(self.probabilities(theta, initial))
        draws = rng.random(shots) * cumulative[-1]
        return np.searchsorted(cumulative, draws, side="right").astype(np.int64)

    @cached_property
    def _outcome_of(self) -> np.ndarray | None:
        """Outcome of each index of the state; None if they are the same."""
        if self._reading.measured == tuple(range(self.num_qubits)):
            return None
        index = np.arange(1 << self.num_qubits)
        return sum(
            (((index >> q) & 1) << k for k, q in enumerate(self._reading.measured)), np.zeros_like(index)
        )

    def _marginal(self, by_state: np.ndarray) -> np.ndarray:
        if self._outcome_of is None:
            return by_state
        return np.bincount(self._outcome_of, by_state, 1 << self.num_bits)

    def _forward(self, angles: np.ndarray, initial: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        from qfin.quantum import _kernels

        re, im = self._start(initial)
        return _kernels.forward(re, im, angles, self._tables)

    def _start(self, initial: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        size = 1 << self.num_qubits
        if initial is None:
            initial = self._reading.prepared
        elif self._reading.prepared is not None:
            raise ConfigError("the circuit prepares a state of its own; leave 'initial' out")
        if initial is None:
            re = np.zeros(size)
            re[0] = 1.0
            return re, np.zeros(size)
        initial = np.asarray(initial)
        if initial.shape != (size,):
            raise ConfigError(
                f"the initial state has shape {initial.shape}; {self.num_qubits} qubits want ({size},)"
            )
        norm = float(np.linalg.norm(initial))
        if not abs(norm - 1.0) < 1e-6:
            raise ConfigError(f"the initial state has norm {norm:.6g}; wanted 1")
        return np.array(initial.real, dtype=float), np.array(initial.imag, dtype=float)

    def _angles(self, theta: np.ndarray) -> np.ndarray:
        return self._reading.angles.angles(self._check_theta(theta))

    def _check_theta(self, theta: np.ndarray) -> np.ndarray:
        theta = np.asarray(theta, dtype=float)
        if theta.shape != (len(self.parameters),):
            raise ConfigError(f"theta has shape {theta.shape}; the circuit wants ({len(self.parameters)},)")
        return theta


def _check_memory(n_qubits: int) -> None:
    wanted = 16 * _STATES_HELD << n_qubits
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if n_qubits < 1:
        raise ConfigError("the circuit has no qubits")
    if wanted > there:
        raise ConfigError(
            f"{n_qubits} qubits take {wanted:,} bytes to simulate exactly; this machine has {there:,}; use fewer qubits"
        )
