"""A device described in a calibration file.

JSON, times in seconds, errors as probabilities:

    {
      "name": "our_device",
      "qubits": [
        {"t1": 120e-6, "t2": 90e-6, "readout": {"1_as_0": 0.02, "0_as_1": 0.01, "duration": 1e-6},
         "gate": {"error": 2e-4, "duration": 35e-9}},
        ...
      ],
      "couplings": [{"qubits": [0, 1], "error": 8e-3, "duration": 300e-9}, ...]
    }

`gate` is of SX and X (RZ is free and exact), a coupling's is CX, both ways; errors are average gate infidelities, those
of relaxation included.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qfin.errors import ConfigError

Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Readout(_Part):
    """Probabilities of a wrong answer, and how long it takes."""

    one_as_zero: Probability = Field(alias="1_as_0")
    zero_as_one: Probability = Field(alias="0_as_1")
    duration: Seconds


class Gate(_Part):
    """Average infidelity and duration."""

    error: Probability
    duration: Seconds


class Qubit(_Part):
    """One qubit."""

    t1: Seconds
    t2: Seconds
    readout: Readout
    gate: Gate


class Coupling(Gate):
    """A pair of qubits that share a CX."""

    qubits: tuple[int, int]


class Calibration(_Part):
    """A device."""

    name: str
    qubits: list[Qubit] = Field(min_length=1)
    couplings: list[Coupling] = []


def read_calibration(path: str | Path) -> Calibration:
    """Read and check a calibration file.

    Raises
    ------
    ConfigError
        naming the file, and the key or the qubit that is wrong.
    """
    path = Path(path)
    try:
        found = Calibration.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"the calibration file {path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(f"{path}: {where}: {first['msg'][0].lower()}{first['msg'][1:]}") from None
    for number, qubit in enumerate(found.qubits):
        if qubit.t2 > 2.0 * qubit.t1:
            raise ConfigError(
                f"{path}: qubit {number} has t2 = {qubit.t2:g} s above twice its t1 = {qubit.t1:g} s"
            )
    for coupling in found.couplings:
        if len(set(coupling.qubits)) < 2 or not all(0 <= q < len(found.qubits) for q in coupling.qubits):
            raise ConfigError(
                f"{path}: the coupling of qubits {list(coupling.qubits)} is no pair of the {len(found.qubits)} qubits"
            )
    return found


def target_of(calibration: Calibration) -> Any:
    """The device as a Qiskit `Target`."""
    from qiskit.circuit import Measure, Parameter
    from qiskit.circuit.library import CXGate, RZGate, SXGate, XGate
    from qiskit.transpiler import InstructionProperties, QubitProperties, Target

    qubits = calibration.qubits
    target = Target(
        num_qubits=len(qubits), qubit_properties=[QubitProperties(t1=q.t1, t2=q.t2) for q in qubits]
    )
    single = [InstructionProperties(duration=q.gate.duration, error=q.gate.error) for q in qubits]
    free = [InstructionProperties(duration=0.0, error=0.0) for _ in qubits]
    readout = [
        InstructionProperties(
            duration=q.readout.duration, error=(q.readout.one_as_zero + q.readout.zero_as_one) / 2.0
        )
        for q in qubits
    ]
    for gate, properties in (
        (RZGate(Parameter("angle")), free),
        (SXGate(), single),
        (XGate(), single),
        (Measure(), readout),
    ):
        target.add_instruction(gate, {(q,): p for q, p in enumerate(properties)})
    pairs: dict[tuple[int, int], Any] = {}
    for coupling in calibration.couplings:
        both = InstructionProperties(duration=coupling.duration, error=coupling.error)
        pairs |= {coupling.qubits: both, coupling.qubits[::-1]: both}
    if pairs:
        target.add_instruction(CXGate(), pairs)
    return target


def noise_of(calibration: Calibration, target: Any) -> Any:
    """The device's errors as an Aer noise model: relaxation and depolarising of each gate, and readout."""
    from qiskit_aer.noise import NoiseModel, ReadoutError
    from qiskit_aer.noise.device import basic_device_gate_errors

    model = NoiseModel(basis_gates=["rz", "sx", "x", "cx"])
    for name, qubits, error in basic_device_gate_errors(target=target):
        model.add_quantum_error(error, name, qubits)
    for number, qubit in enumerate(calibration.qubits):
        up, down = qubit.readout.zero_as_one, qubit.readout.one_as_zero
        model.add_readout_error(ReadoutError([[1.0 - up, up], [down, 1.0 - down]]), [number])
    return model
