"""A parametrised circuit compiled to tables: exact probabilities, and exact gradients of any loss of them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._reading import Reading, read_circuit
from qfin.quantum._stages import Tables, schedule, tabulate
from qfin.quantum._sweeps import Sweeps, engine

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

LossFunction = Callable[[np.ndarray], tuple[float, np.ndarray]]
_STATES_HELD = 3  # psi, lambda, a spare one, probabilities and their slopes


@dataclass(frozen=True, eq=False)
class Program:
    """A parametrised Qiskit circuit, compiled once; make one with `Program.from_circuit`.

    Outcomes are integers whose bit k is the k-th classical bit that the circuit measures into, or qubit k if it
    measures nothing; qubits that are not measured are summed over. Angles are in radians. Every method takes one set
    of angles, shape (len(parameters),) in the order of `parameters`, or a batch of them, shape (batch,
    len(parameters)), and then returns its results with that leading axis. `initial` is the state to begin with, shape
    (2**num_qubits,), real or complex, of norm 1; |0...0> if None. States of 17 qubits and more are shared by as many
    threads as there are processors, or `QFIN_THREADS` of them; results are the same bits for any number.
    """

    num_qubits: int
    parameters: tuple[Any, ...]
    dtype: np.dtype[Any]
    _reading: Reading
    _tables: Tables
    _idle: list[Sweeps] = field(default_factory=list)

    @classmethod
    def from_circuit(cls, circuit: QuantumCircuit, dtype: Any = np.float64) -> Program:
        """Compile a circuit; its free parameters are taken in `circuit.parameters` order.

        Parameters
        ----------
        dtype : kind of the real and imaginary parts of amplitudes, float64 or float32. With float32 a state takes
            half the memory, and probabilities and gradients have an error that docs/performance.md has measured.
            Results are float64 in both cases.

        Raises
        ------
        ConfigError
            naming the instruction and its position if an exact simulation cannot mean it (a measurement before the
            end, a reset, a conditional, a state prepared after the start), or the bytes it would take if the circuit
            has more qubits than this machine's memory can hold.
        """
        dtype = _check_dtype(dtype)
        _check_memory(circuit.num_qubits, dtype.itemsize)
        reading = read_circuit(circuit)
        stages = schedule(reading.operations, reading.last_words, reading.last_x)
        tables = tabulate(stages, circuit.num_qubits, reading.angles.is_free)
        return cls(circuit.num_qubits, tuple(circuit.parameters), dtype, reading, tables)

    @property
    def num_bits(self) -> int:
        """Bits of an outcome: the measured qubits, all if the circuit measures none."""
        return len(self._reading.measured)

    def statevector(self, theta: np.ndarray, initial: np.ndarray | None = None) -> np.ndarray:
        """Final state, shape (2**num_qubits,) complex, indexed by qubits (bit q is qubit q), measured or not."""
        theta = self._check_theta(theta)
        if theta.ndim == 2:
            rows = [self.statevector(row, initial) for row in theta]
            return np.array(rows, dtype=complex).reshape(len(theta), 1 << self.num_qubits)
        angles = self._reading.angles.angles(theta)
        sweeps = self._sweeps()
        sweeps.forward(angles, self._initial(initial), last_phases=True)
        re, im = sweeps.psi
        phase = angles[self._reading.global_phase] + self._skipped_phase(angles, initial)
        state = np.exp(1j * phase) * (re + 1j * im)
        self._idle.append(sweeps)
        return state[: 1 << self.num_qubits]

    def probabilities(self, theta: np.ndarray, initial: np.ndarray | None = None) -> np.ndarray:
        """Exact probability of each outcome, shape (2**num_bits,)."""
        theta = self._check_theta(theta)
        if theta.ndim == 2:
            rows = [self.probabilities(row, initial) for row in theta]
            return np.array(rows, dtype=float).reshape(len(theta), 1 << self.num_bits)
        sweeps = self._sweeps()
        by_state = sweeps.forward(self._reading.angles.angles(theta), self._initial(initial))
        self._idle.append(sweeps)
        return self._marginal(by_state)

    def value_and_gradient(
        self, theta: np.ndarray, loss: LossFunction, initial: np.ndarray | None = None
    ) -> tuple[Any, np.ndarray]:
        """Loss of the outcome probabilities and its exact gradient, shape (len(parameters),).

        `loss(p)` returns the value and dL/dp. One sweep forward and one back, whatever the number of parameters: with
        w = dL/dp held fixed, the gradient is that of the diagonal observable <psi| w |psi>. Where the value is not
        finite the gradient is nan.
        """
        theta = self._check_theta(theta)
        if theta.ndim == 2:
            pairs = [self.value_and_gradient(row, loss, initial) for row in theta]
            gradients = np.array([gradient for _, gradient in pairs])
            return np.array([value for value, _ in pairs]), gradients.reshape(theta.shape)
        angles = self._reading.angles.angles(theta)
        sweeps = self._sweeps()
        value, slope = loss(self._marginal(sweeps.forward(angles, self._initial(initial))))
        if not math.isfinite(value):
            self._idle.append(sweeps)
            return float(value), np.full(len(theta), np.nan)
        sweeps.weigh(self._weights(np.asarray(slope)))
        del slope  # as large as half a state
        by_angle = sweeps.backward(angles)
        self._idle.append(sweeps)
        return float(value), self._reading.angles.pull_back(theta, by_angle)

    def sample(
        self, theta: np.ndarray, shots: int, rng: np.random.Generator, initial: np.ndarray | None = None
    ) -> np.ndarray:
        """Outcomes of `shots` measurements, shape (shots,) int64."""
        theta = self._check_theta(theta)
        if theta.ndim == 2:
            rows = [self.sample(row, shots, rng, initial) for row in theta]
            return np.array(rows, dtype=np.int64).reshape(len(theta), shots)
        outcomes = np.empty(shots, dtype=np.int64)
        engine().kernels.draw(self.probabilities(theta, initial), rng.random(shots), outcomes)
        return outcomes

    @cached_property
    def _outcome_tables(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Outcomes of all low and of all high parts of a state's index; None if an outcome is that index."""
        if self._reading.measured == tuple(range(max(3, self.num_qubits))):
            return None
        split = self._tables.low_bits
        bit_of = {qubit: bit for bit, qubit in enumerate(self._reading.measured)}
        low = _outcomes([bit_of.get(q) for q in range(split)])
        high = _outcomes([bit_of.get(q) for q in range(split, max(3, self.num_qubits))])
        return low, high

    def _marginal(self, by_state: np.ndarray) -> np.ndarray:
        if self._outcome_tables is None:
            return by_state if by_state.dtype == np.float64 else by_state.astype(np.float64)
        by_outcome = np.zeros(1 << self.num_bits)
        engine().kernels.marginal(by_state, *self._outcome_tables, by_outcome)
        return by_outcome

    def _weights(self, slope: np.ndarray) -> np.ndarray:
        """dL/dp of each state, from that of each outcome."""
        if slope.shape != (1 << self.num_bits,):
            wanted = f"({1 << self.num_bits},), dL/dp of each outcome"
            raise ConfigError(f"the loss returned slopes of shape {slope.shape}; wanted {wanted}")
        if self._outcome_tables is None:
            return np.ascontiguousarray(slope, dtype=self.dtype)
        weights = np.empty(self._tables.size, dtype=self.dtype)
        engine().kernels.spread(np.require(slope, self.dtype, ["C", "W"]), *self._outcome_tables, weights)
        return weights

    def _initial(self, initial: np.ndarray | None) -> np.ndarray | None:
        """The vector to begin with, None for |0...0>."""
        if initial is None:
            return self._reading.prepared
        if self._reading.prepared is not None:
            raise ConfigError("the circuit prepares a state of its own; leave 'initial' out")
        initial, size = np.asarray(initial), 1 << self.num_qubits
        if initial.shape != (size,):
            raise ConfigError(
                f"the initial state has shape {initial.shape}; {self.num_qubits} qubits want ({size},)"
            )
        norm = float(np.linalg.norm(initial))
        if not abs(norm - 1.0) < 1e-6:
            raise ConfigError(f"the initial state has norm {norm:.6g}; wanted 1")
        return initial

    def _skipped_phase(self, angles: np.ndarray, initial: np.ndarray | None) -> float:
        """Phase that the words before all turns give |0...0>, which the kernel leaves out."""
        tables, first = self._tables, self._tables.stages[0]
        if self._initial(initial) is not None or first["has_turns"] or len(tables.stages) == 1:
            return 0.0
        terms = tables.terms[tables.first_term[0] : tables.first_term[first["stop"]]]
        return -0.5 * float(np.sign(terms) @ angles[np.abs(terms) - 1])

    def _sweeps(self) -> Sweeps:
        """Arrays that no other call uses meanwhile."""
        try:
            return self._idle.pop()
        except IndexError:
            return Sweeps(self._tables, self.dtype)

    def _check_theta(self, theta: np.ndarray) -> np.ndarray:
        theta = np.asarray(theta, dtype=float)
        if theta.ndim not in (1, 2) or theta.shape[-1] != len(self.parameters):
            wanted = len(self.parameters)
            raise ConfigError(
                f"theta has shape {theta.shape}; the circuit wants ({wanted},), or (batch, {wanted})"
            )
        return theta


def _outcomes(bits: list[int | None]) -> np.ndarray:
    """Outcome of each value of some qubits, whose bits of the outcome are given; None: not measured."""
    index = np.arange(1 << len(bits))
    outcomes = np.zeros_like(index)
    for q, bit in enumerate(bits):
        if bit is not None:
            outcomes |= (index >> q & 1) << bit
    return outcomes


def _check_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found not in (np.float64, np.float32):
        raise ConfigError(f"dtype = {dtype} is not allowed; wanted float64 or float32")
    return found


def _check_memory(n_qubits: int, bytes_a_part: int) -> None:
    wanted = 2 * bytes_a_part * _STATES_HELD << n_qubits
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if n_qubits < 1:
        raise ConfigError("the circuit has no qubits")
    if wanted > there:
        raise ConfigError(
            f"{n_qubits} qubits take {wanted:,} bytes to simulate exactly; this machine has {there:,}; use fewer qubits"
        )
