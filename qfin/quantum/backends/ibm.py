"""IBM hardware, and fake devices by the same path."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib import metadata
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from qfin.errors import BackendError, ConfigError
from qfin.quantum._draws import Draws
from qfin.quantum.backends._base import Backend, Capabilities, Plan, Request
from qfin.quantum.backends._devices import fake_device, is_fake

if TYPE_CHECKING:
    from qiskit.primitives import PrimitiveResult

    from qfin.quantum.backends._runtime.jobs import JobBook
    from qfin.quantum.backends._runtime.planning import DeviceCircuit, Shares

Mode = Literal["session", "batch"]
Level = Annotated[int, Field(ge=0, le=3)]
Positive = Annotated[float, Field(gt=0)]
_CALIBRATIONS = 2  # circuits of a readout calibration
_MOST_BITS = 62  # of an outcome that is an integer
_PACKAGES = ("qiskit", "qiskit-ibm-runtime", "qiskit-aer", "mthree")


class Ibm(Backend):
    """IBM Quantum devices, or fake ones on this machine.

    One request is one job: all rows of parameters in one PUB, readout calibration beside it. The job's tag is the hash
    of the request; a job with that tag is collected, never submitted again.

    Credentials: QISKIT_IBM_TOKEN and QISKIT_IBM_INSTANCE (a CRN) in the environment, QISKIT_IBM_CHANNEL and
    QISKIT_IBM_URL where they are not the usual ones; or `qfin.quantum.backends.using_credentials`. Fake devices need
    none.

    Parameters
    ----------
    device : a device of the instance, such as "ibm_kingston"; or a fake one, "fake_kingston", simulated with its noise
    optimization_level : of Qiskit's transpiler
    mitigation : "m3" takes readout errors out, and draws from what is left; "none" gives the device's own draws
    dynamical_decoupling : pulse sequence on idle qubits, None for none
    twirling : whether two-qubit gates and readout are Pauli-twirled
    max_qpu_seconds : more than this, as estimated by `plan`, is refused before anything is submitted
    min_preparation_fidelity : of a prepared initial state, reached if a few layers of gates can
    max_wait_seconds : for a job; None: as long as it takes. What is not finished is collected by the next run
    max_execution_seconds : after which the service stops a job; None: the service's own limit
    training_mode : what the jobs of a training run in: a "session" keeps the device between steps, a "batch" queues
        for each. Draws for scenarios run in a batch
    resubmit : submit again what failed or was cancelled; without it, that is reported
    """

    def __init__(
        self,
        device: str,
        optimization_level: Level = 3,
        mitigation: Literal["m3", "none"] = "m3",
        dynamical_decoupling: Literal["XX", "XpXm", "XY4"] | None = None,
        twirling: bool = False,
        max_qpu_seconds: Positive | None = None,
        min_preparation_fidelity: Annotated[float, Field(gt=0, le=1)] = 0.99,
        max_wait_seconds: Positive | None = None,
        max_execution_seconds: Annotated[int, Field(ge=1)] | None = None,
        training_mode: Mode = "session",
        resubmit: bool = False,
    ) -> None:
        self.device = device
        self.optimization_level = optimization_level
        self.mitigation = mitigation
        self.dynamical_decoupling = dynamical_decoupling
        self.twirling = twirling
        self.max_qpu_seconds = max_qpu_seconds
        self.min_preparation_fidelity = min_preparation_fidelity
        self.max_wait_seconds = max_wait_seconds
        self.max_execution_seconds = max_execution_seconds
        self.training_mode = training_mode
        self.resubmit = resubmit
        self._mode: Any = None

    @property
    def name(self) -> str:
        return f"ibm {self.device}"

    @property
    def remote(self) -> bool:
        return not self._is_fake

    @property
    def versions(self) -> dict[str, str]:
        return {name: metadata.version(name) for name in _PACKAGES if _installed(name)}

    def capabilities(self) -> Capabilities:
        device = self._device
        return Capabilities(
            exact=False,
            noisy=True,
            remote=self.remote,
            max_qubits=int(device.num_qubits),
            max_shots=None if self._is_fake else device.configuration().max_shots,
        )

    def check(self, request: Request) -> None:
        super().check(request)
        if self.mitigation == "m3" and request.circuit.num_qubits > _MOST_BITS:
            from qfin.quantum.backends._measured import split

            if len(bits := split(request).measured) > _MOST_BITS:
                raise ConfigError(
                    f"outcomes have {len(bits)} bits and m3 takes {_MOST_BITS}; measure fewer qubits, "
                    "or set mitigation = 'none'"
                )

    @property
    def parameters(self) -> dict[str, Any]:
        return {name: value for name, value in super().parameters.items() if name in ("kind", *_ASKED)}

    def plan(self, request: Request) -> Plan:
        self.check(request)
        return self._plan(request, self._ready(request))

    def submit(self, request: Request) -> tuple[str, ...]:
        if self._is_fake:
            return ()
        self.check(request)
        return (self._job(request),)

    @contextmanager
    def session(self) -> Iterator[None]:
        """While the context lasts, jobs of a real device run in one session or batch, as `training_mode` says."""
        if self._is_fake or self._mode is not None:
            yield
            return
        with self._opened(self.training_mode):
            yield

    @contextmanager
    def _opened(self, mode: Mode) -> Iterator[None]:
        """While the context lasts, jobs run in a session or batch of their own; closed, it still finishes its jobs."""
        from qiskit_ibm_runtime import Batch, Session

        from qfin.quantum.backends._runtime.credentials import credentials
        from qfin.quantum.backends._runtime.service import ask, attempt

        kinds = {"session": Session, "batch": Batch}
        self._mode = ask(lambda: kinds[mode](backend=self._device), f"opening a {mode}", credentials())
        try:
            yield
        finally:
            opened, self._mode = self._mode, None
            attempt(
                opened.close
            )  # what stays open ends by itself; the job that went in must not be lost for it

    def _run(self, request: Request) -> Draws:
        lineage: dict[str, Any] = {
            "backend": self.name,
            "device": self.device,
            "job_ids": [],
            "versions": self.versions,
        }
        if self._is_fake:
            ready = self._ready(request)
            result = self._send(request, ready, None).result()
        else:
            job = self._job(request)
            result = self._book.collect(self._device.service, job, self.max_wait_seconds)
            lineage |= {"job_ids": [job], "tag": self.tag(request)}
        # As it was submitted: a device that is calibrated anew maps the next circuit elsewhere.
        return self._draws(request, result, lineage | result[0].metadata["circuit_metadata"])

    def tag(self, request: Request) -> str:
        """Hash of everything that determines a job: what is asked, of which device, with which options.

        It holds the circuit before it is transpiled: a device that was calibrated anew since is still the same request.
        """
        digest = self._circuit_hash(request)
        digest.update(np.ascontiguousarray(request.theta).tobytes())
        digest.update(json.dumps([request.shots, request.seed, list(request.theta.shape)]).encode())
        return f"qfin-{digest.hexdigest()[:40]}"

    def _circuit_hash(self, request: Request) -> Any:
        """SHA-256 of what the transpiled circuit comes from, whatever the angles, shots and seed."""
        from qfin.quantum.backends._runtime.identity import circuit_text

        options = {name: value for name, value in vars(self).items() if name in _ASKED}
        digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
        digest.update(circuit_text(request.circuit).encode())
        if request.initial is not None:
            digest.update(np.ascontiguousarray(request.initial, dtype=complex).tobytes())
        return digest

    def _job(self, request: Request) -> str:
        """Id of the request's one job, submitted if it never was."""
        from qfin.quantum.backends._runtime.planning import check_ceiling

        tag = self.tag(request)

        def send() -> Any:
            ready = self._ready(request)
            check_ceiling(self._plan(request, ready))
            if self._mode is not None:
                return self._send(request, ready, tag)
            with self._opened("batch"):
                return self._send(request, ready, tag)

        return self._book.find_or_submit(self._device.service, tag, send, resubmit=self.resubmit)

    def _draws(self, request: Request, result: PrimitiveResult, lineage: dict[str, Any]) -> Draws:
        given = _bits(result[0])
        number = self._shares(request).number
        if given.shape[0] != request.rows * number or given.shape[1] * number < request.shots:
            raise BackendError(
                f"{self.name} gave {given.shape[0]} rows of {given.shape[1]} shots; wanted {request.rows * number} "
                f"of {self._shares(request).shots}"
            )
        # Shares are rounded up, and twirling rounds up too: to whole randomisations.
        bits = given.reshape(request.rows, -1, given.shape[2])[:, : request.shots]
        if self.mitigation == "none":
            return Draws.from_bits(bits, lineage)
        from qfin.quantum.backends._runtime import readout

        matrices = readout.confusion_matrices(_bits(result[1])[0], _bits(result[2])[0])
        rng = np.random.default_rng([request.seed, *b"mitigated draws"])
        raw = Draws.from_bits(bits)
        mitigated = [readout.mitigate(row, matrices) for row in raw.outcomes()]
        drawn = np.array([readout.systematic_draws(one, request.shots, rng) for one in mitigated])
        overhead = max(one.overhead for one in mitigated)
        lineage |= {"mitigation": readout.lineage_of(matrices), "variance_overhead": overhead}
        return Draws.from_outcomes(drawn, raw.num_bits, lineage)

    def _send(self, request: Request, ready: DeviceCircuit, tag: str | None) -> Any:
        shots = self._shares(request).shots
        return self._sampler(request, ready, tag).run(self._pubs(request, ready), shots=shots)

    def _shares(self, request: Request) -> Shares:
        from qfin.quantum.backends._runtime.planning import Shares

        return Shares.of(request.shots, calibrated=self.mitigation == "m3")

    def _pubs(self, request: Request, ready: DeviceCircuit) -> list[Any]:
        """The circuit with all rows of parameters, and the readout calibration after it."""
        from qfin.quantum.backends._runtime.planning import rows_of

        circuit, angles = rows_of(request, ready)
        circuit.metadata = about(self._plan(request, ready))
        pubs: list[Any] = [(circuit, np.repeat(angles, self._shares(request).number, axis=0))]
        if self.mitigation == "m3":
            from qiskit import transpile

            from qfin.quantum.backends._runtime.readout import calibration_circuits

            plain = calibration_circuits(self._device.num_qubits, ready.measured)
            pubs += [(c,) for c in transpile(plain, self._device, optimization_level=0)]
        return pubs

    def _sampler(self, request: Request, ready: DeviceCircuit, tag: str | None) -> Any:
        from qiskit_ibm_runtime.executor_sampler import Sampler

        if (
            self._is_fake
        ):  # given the device itself, the client builds the errors of all its qubits, run by run
            from qfin.quantum.backends._noisy import simulated

            mode = simulated(self._device.target, ready.circuit)
        else:
            mode = self._mode or self._device
        sampler = Sampler(mode=mode)
        options = sampler.options
        options.dynamical_decoupling.enable = self.dynamical_decoupling is not None
        if self.dynamical_decoupling is not None:
            options.dynamical_decoupling.sequence_type = self.dynamical_decoupling
        options.twirling.enable_gates = self.twirling
        options.twirling.enable_measure = self.twirling
        if tag is None:
            options.simulator.seed_simulator = request.seed % 2**31
        else:
            options.environment.job_tags = [tag]
            options.max_execution_time = self.max_execution_seconds
        return sampler

    def _ready(self, request: Request) -> DeviceCircuit:
        """The request's circuit on the device; kept, for its plan, and for a training's next angles."""
        from qfin.quantum.backends._runtime.planning import device_circuit

        key = self._circuit_hash(request).hexdigest()
        if key not in self._circuits:
            self._circuits.clear()
            self._circuits[key] = device_circuit(
                request, self._device, self.optimization_level, self.min_preparation_fidelity
            )
        return self._circuits[key]

    def _plan(self, request: Request, ready: DeviceCircuit) -> Plan:
        from qfin.quantum.backends._runtime.planning import plan_of

        calibrations = _CALIBRATIONS if self.mitigation == "m3" else 0
        return plan_of(
            self.name,
            request,
            self._device,
            ready,
            self._shares(request),
            calibrations,
            self.max_qpu_seconds,
        )

    @property
    def _is_fake(self) -> bool:
        return is_fake(self.device)

    @cached_property
    def _book(self) -> JobBook:
        from qfin.quantum.backends._runtime.jobs import JobBook

        return JobBook()

    @cached_property
    def _circuits(self) -> dict[str, DeviceCircuit]:
        return {}

    @cached_property
    def _device(self) -> Any:
        """Qiskit's backend of the device.

        Raises
        ------
        ConfigError
            if a package or a credential is missing, or there is no such device.
        """
        if not _installed("qiskit-ibm-runtime") or (self.mitigation == "m3" and not _installed("mthree")):
            raise ConfigError("backend 'ibm' needs: pip install 'qfin-scenarios[ibm]'")
        if self._is_fake:
            if not _installed("qiskit-aer") and not _installed("qiskit-aer-gpu"):
                raise ConfigError("fake devices need: pip install 'qfin-scenarios[aer,ibm]'")
            return fake_device(self.device)
        from qfin.quantum.backends._runtime.credentials import credentials
        from qfin.quantum.backends._runtime.service import connect

        return connect(self.device, credentials())


_ASKED = (
    "device",
    "optimization_level",
    "mitigation",
    "dynamical_decoupling",
    "twirling",
    "min_preparation_fidelity",
)


def about(plan: Plan) -> dict[str, Any]:
    """How a circuit was prepared and mapped, as JSON values."""
    isa = {"depth": plan.depth, "two_qubit_gates": plan.two_qubit_gates, **plan.details}
    isa |= {"duration": plan.duration, "expected_fidelity": plan.expected_fidelity}
    prepared = {"fidelity": plan.preparation_fidelity, "two_qubit_gates": plan.preparation_two_qubit_gates}
    return {"isa": isa} if plan.preparation_fidelity is None else {"isa": isa, "preparation": prepared}


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _bits(result: Any) -> np.ndarray:
    """Bits of one PUB's outcomes, shape (rows, shots, bits), bit k in column k."""
    array = result.data.outcome
    bits = array.to_bool_array(order="little").astype(np.uint8)
    return bits.reshape(-1, array.num_shots, array.num_bits)
