"""A request's circuit as a device runs it, and what that will take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum.backends._base import Plan, Request
from qfin.quantum.backends._measured import measuring, split

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qfin.quantum._preparation import Preparation

CALIBRATION_SHOTS = 10_000  # of each readout calibration circuit, where a row has that many
LAYOUTS = 4  # layouts tried, each by its own seed; the one with the highest expected fidelity is taken
SECONDS_A_JOB = 2.0  # on the QPU besides the shots
_USUAL_DELAY = 250e-6  # between two shots, where the device does not say
_COHERENT = 0.5  # share of the shortest coherence time that a shot may take without a warning
_HOPELESS = 0.05  # expected fidelity below which next to nothing of the circuit is left


@dataclass(frozen=True, eq=False)
class DeviceCircuit:
    """A circuit in a device's own gates and on its own qubits.

    Attributes
    ----------
    circuit : with the free parameters of the request's, measuring outcome bit k into classical bit k
    measured : the physical qubit of each bit of an outcome
    preparation : of the initial state; None without one
    fidelity : probability that no gate and no readout of a shot fails
    """

    circuit: QuantumCircuit
    measured: tuple[int, ...]
    preparation: Preparation | None
    fidelity: float


@dataclass(frozen=True)
class Shares:
    """A row's shots in `number` equal shares of `shots`, rounded up.

    All circuits of a job take the same shots. Without shares a readout calibration would cost as much as the row
    itself, twice; M3 uses 10,000 shots where its user names none (mthree 3.0, `cals_from_system`).
    """

    number: int
    shots: int

    @classmethod
    def of(cls, shots: int, calibrated: bool) -> Shares:
        """The shares of so many shots: one, or with a calibration as many as leave it its shots."""
        number = max(1, shots // CALIBRATION_SHOTS) if calibrated else 1
        return cls(number, -(-shots // number))


def rows_of(request: Request, ready: DeviceCircuit) -> tuple[QuantumCircuit, np.ndarray]:
    """The circuit to send, and its angles, shape (rows, its parameters).

    A circuit that has no parameters, or loses them when it is transpiled, could not say how many rows it is: it gets
    one that does nothing, the angle of an RZ on a qubit in |0>.
    """
    from qiskit.circuit import Parameter

    names = [parameter.name for parameter in request.circuit.parameters]
    circuit = ready.circuit.copy()
    if not circuit.parameters:
        first = circuit.copy_empty_like()
        first.rz(Parameter("row"), ready.measured[0])
        return first.compose(circuit), np.zeros((request.rows, 1))
    return circuit, request.theta[:, [names.index(parameter.name) for parameter in circuit.parameters]]


def logical_circuit(request: Request, min_fidelity: float) -> tuple[QuantumCircuit, Preparation | None]:
    """The request's circuit, its initial state prepared by gates, and measured; nothing of a device in it yet."""
    parts = split(request)
    whole, preparation = parts.bare, None
    if parts.initial is not None:
        from qfin.quantum._preparation import prepare_state

        preparation = prepare_state(parts.initial, min_fidelity=min_fidelity)
        whole = preparation.circuit.compose(parts.bare)
    return measuring(whole, list(parts.measured)), preparation


def device_circuit(
    request: Request, device: Any, optimization_level: int, min_fidelity: float
) -> DeviceCircuit:
    """Transpile a request for a device, on the best of a few layouts by the device's own errors.

    The same circuit and calibration give the same, whatever the request's angles and seed: the steps of a training
    run on the same qubits, and are transpiled once.
    """
    from qiskit.transpiler import generate_preset_pass_manager

    from qfin.quantum.backends._noisy import fidelity

    logical, preparation = logical_circuit(request, min_fidelity)
    candidates = []
    for attempt in range(LAYOUTS if optimization_level > 1 else 1):
        passes = generate_preset_pass_manager(optimization_level, backend=device, seed_transpiler=attempt)
        mapped = passes.run(logical)
        candidates.append((fidelity(mapped, device.target), -attempt, mapped))
    best, _, mapped = max(candidates, key=lambda candidate: candidate[:2])
    measured = {
        mapped.find_bit(i.clbits[0]).index: mapped.find_bit(i.qubits[0]).index
        for i in mapped.data
        if i.operation.name == "measure"
    }
    return DeviceCircuit(mapped, tuple(measured[k] for k in sorted(measured)), preparation, best)


def plan_of(
    name: str,
    request: Request,
    device: Any,
    ready: DeviceCircuit,
    shares: Shares,
    calibration_circuits: int,
    max_qpu_seconds: float | None,
) -> Plan:
    """What a request takes on a device.

    QPU seconds are shots, those of readout calibration included, times the time of a shot and the device's delay
    between two, and `SECONDS_A_JOB`: IBM's own rule of thumb (its guide "Workload usage", "Estimate usage": overhead of
    a sub-job + (rep_delay + circuit length) * executions, in short 2 + 0.00035 * executions). A simulated device
    takes none.
    """
    duration = _duration(ready.circuit, device.target)
    delay = getattr(device, "default_rep_delay", None)
    delay = _USUAL_DELAY if not delay else float(delay)
    executions = (request.rows * shares.number + calibration_circuits) * shares.shots
    real = not getattr(device, "simulator", False) and not name.startswith("ibm fake")
    seconds = SECONDS_A_JOB + executions * (duration + delay)
    preparation = ready.preparation
    return Plan(
        name,
        request.circuit.num_qubits,
        request.rows,
        request.shots,
        depth=ready.circuit.depth(),
        two_qubit_gates=two_qubit_gates(ready.circuit),
        duration=duration,
        qpu_seconds=seconds if real else 0.0,
        max_qpu_seconds=max_qpu_seconds,
        expected_fidelity=ready.fidelity,
        preparation_fidelity=None if preparation is None else preparation.fidelity,
        preparation_two_qubit_gates=0 if preparation is None else preparation.two_qubit_gates,
        warnings=tuple(_warnings(ready, device.target, duration, seconds if real else 0.0, max_qpu_seconds)),
        details={
            "physical_qubits": ", ".join(map(str, ready.measured)),
            "calibration_circuits": calibration_circuits,
            "executions": executions,
        },
    )


def check_ceiling(plan: Plan) -> None:
    """Refuse a plan that takes more of the QPU than it may.

    Raises
    ------
    ConfigError
        with the estimate, the ceiling, and what to change.
    """
    if plan.max_qpu_seconds is not None and plan.qpu_seconds > plan.max_qpu_seconds:
        raise ConfigError(
            f"{plan.circuits:,} circuits of {plan.shots:,} shots take some {plan.qpu_seconds:,.1f} s of the QPU "
            f"and max_qpu_seconds allows {plan.max_qpu_seconds:,.1f}; take fewer scenarios, or raise it; "
            "nothing was submitted"
        )


def two_qubit_gates(circuit: QuantumCircuit) -> int:
    """Gates on two qubits."""
    return sum(instruction.operation.num_qubits == 2 for instruction in circuit.data)


def _duration(circuit: QuantumCircuit, target: Any) -> float:
    """Seconds from the first gate to the last readout: the longest path."""
    ends: dict[Any, float] = {}
    for instruction in circuit.data:
        name, bits = instruction.operation.name, [*instruction.qubits, *instruction.clbits]
        where = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        known = target[name].get(where) if name in target.operation_names and target[name] else None
        takes = (known.duration if known else None) or 0.0
        end = max(ends.get(bit, 0.0) for bit in bits) + takes
        ends |= dict.fromkeys(bits, end)
    return max(ends.values(), default=0.0)


def _warnings(
    ready: DeviceCircuit, target: Any, duration: float, seconds: float, ceiling: float | None
) -> list[str]:
    found = []
    if ceiling is not None and seconds > ceiling:
        found.append(
            f"it takes some {seconds:,.1f} s of the QPU and max_qpu_seconds allows {ceiling:,.1f}: it will be refused"
        )
    times = []
    for qubit in ready.measured:
        properties = target.qubit_properties[qubit] if target.qubit_properties else None
        times += [t for t in (getattr(properties, "t1", None), getattr(properties, "t2", None)) if t]
    shortest = float(np.min(times)) if times else np.inf
    if duration > _COHERENT * shortest:
        found.append(
            f"the circuit is too deep for its coherence: a shot takes {1e6 * duration:,.1f} µs and the shortest "
            f"coherence time of its qubits is {1e6 * shortest:,.1f} µs; take fewer layers, qubits, or another device"
        )
    if ready.fidelity < _HOPELESS:
        found.append(
            f"the expected fidelity is {ready.fidelity:.2g}: draws will have little to do with the circuit; "
            "take fewer layers or qubits, or another device"
        )
    return found
