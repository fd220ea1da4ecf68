"""What every backend does."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._draws import Draws

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, eq=False)
class Request:
    """A circuit to be run, with everything that its result depends on.

    Parameters
    ----------
    circuit : its free parameters are taken in `circuit.parameters` order. An outcome's bit k is the k-th classical bit
        it measures into, or qubit k if it measures nothing
    theta : shape (rows, parameters) in radians, or (parameters,) for one row
    shots : measurements for each row
    seed : of everything random; the same request gives the same draws on a simulator, and is the same job on a device
    initial : amplitudes to begin with, shape (2**num_qubits,), of norm 1; None: |0...0>. Simulators begin there;
        devices prepare it approximately, and say how well
    """

    circuit: QuantumCircuit
    theta: np.ndarray
    shots: int
    seed: int = 0
    initial: np.ndarray | None = None

    def __post_init__(self) -> None:
        theta = np.atleast_2d(np.asarray(self.theta, dtype=float))
        wanted = self.circuit.num_parameters
        if theta.ndim != 2 or theta.shape[1] != wanted or not len(theta):
            raise ConfigError(
                f"theta has shape {np.shape(self.theta)}; the circuit wants (rows, {wanted}), at least one row"
            )
        if self.shots < 1:
            raise ConfigError(f"shots = {self.shots}; wanted at least 1")
        if self.initial is not None:
            size = 1 << self.circuit.num_qubits
            if np.shape(self.initial) != (size,):
                raise ConfigError(
                    f"the initial state has shape {np.shape(self.initial)}; "
                    f"{self.circuit.num_qubits} qubits want ({size},)"
                )
            norm = float(np.linalg.norm(self.initial))
            if not abs(norm - 1.0) < 1e-6:
                raise ConfigError(f"the initial state has norm {norm:.6g}; wanted 1")
        object.__setattr__(self, "theta", theta)

    @property
    def rows(self) -> int:
        """Sets of parameters."""
        return len(self.theta)


@dataclass(frozen=True)
class Capabilities:
    """What a backend can do, so that callers ask and don't guess.

    Attributes
    ----------
    exact : `probabilities` gives exact ones
    noisy : outcomes carry errors of a device or of a model of one
    remote : jobs go to a service, cost money and can outlive this process
    max_qubits, max_shots : most it takes; None: no bound of its own
    """

    exact: bool
    noisy: bool
    remote: bool
    max_qubits: int | None = None
    max_shots: int | None = None

    @property
    def shots_only(self) -> bool:
        """There are samples and no probabilities."""
        return not self.exact


@dataclass(frozen=True)
class Plan:
    """What a request will do on a backend, known before anything is submitted.

    Attributes
    ----------
    backend : kind, and device where there is one
    qubits : of the circuit
    circuits, shots : rows of parameters, and shots of each
    depth, two_qubit_gates : of one circuit as it will run, preparation of the initial state included; None: it does not
        run gate by gate
    duration : seconds that one shot takes, None: unknown
    qpu_seconds : estimated time on the QPU, 0 on a simulator
    max_qpu_seconds : the ceiling, None: none
    expected_fidelity : probability that no gate and no readout of a shot fails, from the calibration; 1 without noise
    preparation_fidelity : |<prepared|wanted>|^2 of the initial state; 1 where it is loaded, None without one
    preparation_two_qubit_gates : of the preparation alone, before routing
    warnings : what a user should know before going on
    """

    backend: str
    qubits: int
    circuits: int
    shots: int
    depth: int | None = None
    two_qubit_gates: int | None = None
    duration: float | None = None
    qpu_seconds: float = 0.0
    max_qpu_seconds: float | None = None
    expected_fidelity: float = 1.0
    preparation_fidelity: float | None = None
    preparation_two_qubit_gates: int = 0
    warnings: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


class Backend(ABC):
    """Runs a circuit for rows of parameters.

    A backend is cheap to make: nothing is imported, connected or allocated before the first request.
    Subclasses implement `capabilities`, `_run`, and, where they are exact, `_probabilities`.
    """

    @property
    def remote(self) -> bool:
        """Whether jobs go to a service. Nothing is connected to find out."""
        return False

    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What it can do. Asking a remote backend may connect to its service.

        Raises
        ------
        ConfigError
            if what it needs is not there: a package, a GPU, a credential, a device of that name.
        """

    def run(self, request: Request) -> Draws:
        """Draw outcomes, `request.shots` for each row of parameters.

        Raises
        ------
        ConfigError
            before anything is run, if the request is more than the backend can do.
        BackendError
            if the backend does not do its part; `retry` says whether asking again can help.
        """
        self.check(request)
        return self._run(request)

    def probabilities(self, request: Request) -> np.ndarray:
        """Exact probability of each outcome, shape (rows, 2**bits of an outcome); the request's shots are not used.

        Raises
        ------
        ConfigError
            if the backend has samples only.
        """
        if not self.capabilities().exact:
            raise ConfigError(f"{self.name} has samples only, no probabilities; draw from it with run()")
        self.check(request)
        return self._probabilities(request)

    def plan(self, request: Request) -> Plan:
        """What the request will do here; nothing is run or submitted.

        Raises
        ------
        ConfigError
            as `run`.
        """
        self.check(request)
        loaded = None if request.initial is None else 1.0
        return Plan(
            self.name, request.circuit.num_qubits, request.rows, request.shots, preparation_fidelity=loaded
        )

    def submit(self, request: Request) -> tuple[str, ...]:
        """Ids of the jobs that do the request, submitted now or earlier, never twice; () where no job outlives it."""
        return ()

    def check(self, request: Request) -> None:
        """Refuse what the backend cannot do, before anything is run.

        Raises
        ------
        ConfigError
            saying what is too much and what to change.
        """
        able = self.capabilities()
        n = request.circuit.num_qubits
        if able.max_qubits is not None and n > able.max_qubits:
            raise ConfigError(
                f"the circuit has {n} qubits and {self.name} takes {able.max_qubits}; take fewer bits or factors, "
                "or another backend"
            )
        if able.max_shots is not None and request.shots > able.max_shots:
            raise ConfigError(
                f"{request.shots:,} shots are asked for and {self.name} allows {able.max_shots:,}; "
                "take fewer scenarios, or another backend"
            )

    @contextmanager
    def session(self) -> Iterator[None]:
        """While the context lasts, requests belong together: a device keeps its place in the queue for them."""
        yield

    @property
    def name(self) -> str:
        """What people call it: its kind, and the device where there is one."""
        from qfin.registry import kind_of

        return kind_of(self)

    @property
    def parameters(self) -> dict[str, Any]:
        """Kind and parameters, as JSON values: what its draws depend on besides the request."""
        from qfin.registry import kind_of

        names = inspect.signature(type(self)).parameters
        return {"kind": kind_of(self), **{name: getattr(self, name) for name in names}}

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the packages that compute its draws."""
        return {}

    @abstractmethod
    def _run(self, request: Request) -> Draws: ...

    def _probabilities(self, request: Request) -> np.ndarray:
        raise NotImplementedError
