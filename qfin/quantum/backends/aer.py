"""Aer on the CPU."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from qfin.errors import ConfigError
from qfin.quantum._draws import Draws
from qfin.quantum.backends import _aer
from qfin.quantum.backends._base import Backend, Capabilities, Plan, Request

if TYPE_CHECKING:
    from qfin.quantum.backends._noisy import NoisyDevice

_MOST_INITIAL_MPS = 12


class Aer(Backend):
    """Aer's simulators on the CPU: statevector, matrix product state, and the noise of a device.

    Parameters
    ----------
    method : "automatic" is a statevector as long as one fits into half of the memory, else a matrix product state
    noise : name of a fake device ("fake_kingston"), or path of a calibration file (`qfin.quantum.backends._calibration`
        states its form); the circuit is then transpiled for that device and its errors are simulated, trajectory by
        trajectory. A loaded prior is loaded without errors
    bond_dimension : most singular values a bond of a matrix product state keeps; None: all above `truncation`
    truncation : sum of squared singular values that a bond may lose at a gate; the lineage of draws has both limits,
        not what was lost (Aer's log of it runs on from one run to the next and mixes rows). Without a
        `bond_dimension`, a wide circuit that entangles much takes time and memory without bound
    threads : most that Aer uses; None: as many as there are processors
    """

    def __init__(
        self,
        method: Literal["automatic", "statevector", "matrix_product_state"] = "automatic",
        noise: str | None = None,
        bond_dimension: Annotated[int, Field(ge=1)] | None = None,
        truncation: Annotated[float, Field(ge=0, lt=1)] = 1e-16,
        threads: Annotated[int, Field(ge=1)] | None = None,
    ) -> None:
        self.method = method
        self.noise = noise
        self.bond_dimension = bond_dimension
        self.truncation = truncation
        self.threads = threads

    @property
    def name(self) -> str:
        return "aer" if self.noise is None else f"aer with the noise of {self._device.name}"

    @property
    def versions(self) -> dict[str, str]:
        return _aer.versions("qiskit-aer")

    def capabilities(self) -> Capabilities:
        _aer.simulator("aer", "aer")
        most = _aer.most_statevector_qubits() if self.method == "statevector" else None
        if self.noise is not None:
            return Capabilities(exact=False, noisy=True, remote=False, max_qubits=self._device.num_qubits)
        return Capabilities(
            exact=self.method != "matrix_product_state", noisy=False, remote=False, max_qubits=most
        )

    def check(self, request: Request) -> None:
        n = request.circuit.num_qubits
        matrix_product = self._method(n) == "matrix_product_state"
        if not matrix_product and n > _aer.most_statevector_qubits():
            raise ConfigError(
                f"a statevector of {n} qubits takes {16 << n:,} bytes, and half of this machine's memory is "
                f"{_aer.half_of_memory():,}; set method = 'matrix_product_state', or take fewer bits or factors"
            )
        super().check(request)
        if matrix_product and request.initial is not None and n > _MOST_INITIAL_MPS:
            raise ConfigError(
                f"a matrix product state takes a loaded state of {_MOST_INITIAL_MPS} qubits at most, not of {n}; "
                "set method = 'statevector'"
            )

    def plan(self, request: Request) -> Plan:
        self.check(request)
        return super().plan(request) if self.noise is None else self._device.plan(self.name, request)

    def _run(self, request: Request) -> Draws:
        n = request.circuit.num_qubits
        method = self._method(n)
        lineage: dict[str, Any] = {"backend": self.name, "job_ids": [], "versions": self.versions}
        if self.noise is not None:  # Aer chooses between a density matrix and trajectories by shots and width
            chosen = "automatic" if method == "statevector" else method
            return self._device.run(
                lambda noise: self._simulator(chosen, n, request.rows, noise_model=noise), request, lineage
            )
        lineage["method"] = method
        if method == "matrix_product_state":
            lineage["truncation"] = {"bond_dimension": self.bond_dimension, "lost_at_a_gate": self.truncation}
        runner = self._simulator(method, n, request.rows)
        return _aer.draws_of(runner, request, lineage, tables=method == "statevector")

    def _probabilities(self, request: Request) -> np.ndarray:
        n = request.circuit.num_qubits
        if n > min(_aer.MOST_TABLE_QUBITS, _aer.most_statevector_qubits()):
            raise ConfigError(f"a table of 2**{n} probabilities does not fit; draw with run() instead")
        return _aer.table_of(self._simulator("statevector", n, request.rows), request)

    def _method(self, n_qubits: int) -> str:
        if self.method != "automatic":
            return self.method
        fits = n_qubits <= _aer.most_statevector_qubits()
        return "statevector" if fits else "matrix_product_state"

    def _simulator(self, method: str, n_qubits: int, rows: int, **options: Any) -> Any:
        if method == "matrix_product_state":
            options |= {"matrix_product_state_truncation_threshold": self.truncation}
            if self.bond_dimension is not None:
                options |= {"matrix_product_state_max_bond_dimension": self.bond_dimension}
        shared = _aer.threads(n_qubits, rows, self.threads)
        return _aer.simulator("aer", "aer", method=method, **options, **shared)

    @cached_property
    def _device(self) -> NoisyDevice:
        from qfin.quantum.backends._noisy import noisy_device

        assert self.noise is not None
        return noisy_device(self.noise)
