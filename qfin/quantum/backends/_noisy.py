"""A device simulated with its noise: the circuit transpiled for it, errors by Aer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._draws import Draws
from qfin.quantum.backends import _aer
from qfin.quantum.backends._base import Plan, Request
from qfin.quantum.backends._calibration import noise_of, read_calibration, target_of
from qfin.quantum.backends._devices import fake_device, is_fake
from qfin.quantum.backends._measured import measuring, split

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, eq=False)
class NoisyDevice:
    """A device's name, `Target`, and the Aer noise model of what some of its qubits do."""

    name: str
    target: Any
    noise: Callable[[set[int]], Any]

    @property
    def num_qubits(self) -> int:
        """Qubits of the device."""
        return int(self.target.num_qubits)

    def run(self, simulator: Callable[[Any], Any], request: Request, lineage: dict[str, Any]) -> Draws:
        """Outcomes of a request with the device's errors, on the simulator of a noise model.

        A loaded state is loaded without errors.
        """
        circuit = self._transpiled(request)
        runner = simulator(self.noise(_used(circuit)))
        result = _aer.run_rows(runner, circuit, request, request.shots, memory=True)
        return _aer.drawn(result, circuit, request.rows, {**lineage, "noise": self.name})

    def plan(self, backend: str, request: Request) -> Plan:
        """What a request does on the device."""
        circuit = self._transpiled(request)
        return Plan(
            backend,
            request.circuit.num_qubits,
            request.rows,
            request.shots,
            depth=circuit.depth(),
            two_qubit_gates=sum(i.operation.num_qubits == 2 for i in circuit.data),
            expected_fidelity=fidelity(circuit, self.target),
            preparation_fidelity=None if request.initial is None else 1.0,
        )

    def _transpiled(self, request: Request) -> QuantumCircuit:
        """The request's circuit in the device's gates and on its qubits, the loaded state where they begin."""
        from qiskit import transpile

        parts = split(request)
        # Always the same layout: the steps of a training run on the same qubits.
        mapped = transpile(parts.bare, target=self.target, optimization_level=3, seed_transpiler=0)
        first = mapped.layout.initial_index_layout(filter_ancillas=True)
        last = mapped.layout.final_index_layout()
        loaded = _aer.with_initial(mapped, parts.initial, first)
        return measuring(loaded, [last[qubit] for qubit in parts.measured])


def noisy_device(name: str) -> NoisyDevice:
    """The device of a fake device's name or a calibration file's path.

    Raises
    ------
    ConfigError
        if there is no such device or file, or the file is wrong.
    """
    if is_fake(name):
        device = fake_device(name)
        return NoisyDevice(device.name, device.target, partial(noise_of_some, device.target))
    if not Path(name).is_file():
        raise ConfigError(
            f"noise = {name!r} is neither a fake device, such as 'fake_kingston', nor a calibration file that is there"
        )
    calibration = read_calibration(name)
    target = target_of(calibration)
    return NoisyDevice(calibration.name, target, lambda _: noise_of(calibration, target))


def simulated(target: Any, circuit: QuantumCircuit) -> Any:
    """An `AerSimulator` of a device, with the errors of the qubits that a circuit uses."""
    return _aer.simulator("aer", "aer", target=target, noise_model=noise_of_some(target, _used(circuit)))


def noise_of_some(target: Any, qubits: set[int]) -> Any:
    """What `NoiseModel.from_backend` makes, of some qubits' gates and readouts: of a large device it takes long."""
    from qiskit.circuit import Delay
    from qiskit.transpiler import Target
    from qiskit_aer.noise import NoiseModel, RelaxationNoisePass
    from qiskit_aer.noise.device import basic_device_gate_errors, basic_device_readout_errors

    some = Target(num_qubits=target.num_qubits, dt=target.dt, qubit_properties=target.qubit_properties)
    for name in target.operation_names:
        local = {where: p for where, p in target[name].items() if where and set(where) <= qubits}
        if local:
            some.add_instruction(target.operation_from_name(name), local, name=name)
    model = NoiseModel(basis_gates=list(target.operation_names))
    for name, where, error in basic_device_gate_errors(target=some):
        model.add_quantum_error(error, name, where)
    for where, error in basic_device_readout_errors(target=some):
        model.add_readout_error(error, where)
    if target.qubit_properties:  # what waiting does, where a circuit says how long: dynamical decoupling
        t1 = [properties.t1 or np.inf for properties in target.qubit_properties]
        t2 = [min(p.t2 or np.inf, 2.0 * one) for p, one in zip(target.qubit_properties, t1, strict=True)]
        model._custom_noise_passes.append(RelaxationNoisePass(t1, t2, dt=target.dt, op_types=Delay))
    return model


def _used(circuit: QuantumCircuit) -> set[int]:
    """Qubits that a circuit does something to."""
    return {circuit.find_bit(qubit).index for instruction in circuit.data for qubit in instruction.qubits}


def fidelity(circuit: QuantumCircuit, target: Any) -> float:
    """Probability that no gate and no readout of one shot fails: the product of 1 - error over all of them."""
    product = 1.0
    for instruction in circuit.data:
        name = instruction.operation.name
        if name not in target.operation_names:
            continue
        where = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        properties = target[name].get(where) if target[name] else None
        product *= 1.0 - ((properties.error if properties else None) or 0.0)
    return product
