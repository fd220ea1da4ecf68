"""Aer on NVIDIA GPUs."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._draws import Draws
from qfin.quantum.backends import _aer
from qfin.quantum.backends._base import Backend, Capabilities, Request

_BYTES = {"single": 8, "double": 16}  # an amplitude
_USABLE = 0.8  # share of a GPU's memory: Aer's buffers and the driver take the rest
_CHUNKS_A_GPU = 4  # of a state that is spread over several
_BATCHED_QUBITS = (
    16  # Aer runs rows of circuits up to this width as one batch; cuStateVec takes one state at a time
)
_LIBRARY = "custatevec-cu12"


@dataclass(frozen=True)
class _Facts:
    """What was looked for, and found.

    Attributes
    ----------
    aer : the package that gives the module qiskit_aer and its version, "" without one
    devices : what this build of Aer runs on
    files : device files of GPUs
    smi : what nvidia-smi said, or why it said nothing
    visible : CUDA_VISIBLE_DEVICES, None if it is not set
    memory : bytes of each GPU that this process may use
    custatevec : whether cuStateVec is installed
    """

    aer: str
    devices: tuple[str, ...]
    files: tuple[str, ...]
    smi: str
    visible: str | None
    memory: tuple[int, ...]
    custatevec: bool

    def __str__(self) -> str:
        devices = ", ".join(self.devices) or "nothing"
        return (
            f"looked for: qiskit_aer ({self.aer or 'not installed'}; it runs on {devices}), "
            f"nvidia-smi ({self.smi}), /dev/nvidia* ({', '.join(self.files) or 'none'}), "
            f"CUDA_VISIBLE_DEVICES ({'not set' if self.visible is None else repr(self.visible)})"
        )


class AerGpu(Backend):
    """Aer's statevector on NVIDIA GPUs: rows in batches, wide states spread over all of them.

    Parameters
    ----------
    precision : of amplitudes; "single" halves the memory, and probabilities have an error of some 1e-6 of the largest
    custatevec : NVIDIA's cuStateVec for a single state; "auto": where it is installed and rows are not run in batches
    """

    def __init__(
        self,
        precision: Literal["single", "double"] = "double",
        custatevec: Literal["auto", "on", "off"] = "auto",
    ) -> None:
        self.precision = precision
        self.custatevec = custatevec

    @property
    def versions(self) -> dict[str, str]:
        return _aer.versions("qiskit-aer-gpu")

    def capabilities(self) -> Capabilities:
        facts = self._facts
        _check_gpu(facts)
        if self.custatevec == "on" and not facts.custatevec:
            raise ConfigError(f"custatevec = 'on' needs: pip install {_LIBRARY}; or set custatevec = 'auto'")
        most = (_usable(facts.memory) // _BYTES[self.precision]).bit_length() - 1
        return Capabilities(exact=True, noisy=False, remote=False, max_qubits=most)

    def check(self, request: Request) -> None:
        able = self.capabilities()
        n, there = request.circuit.num_qubits, _usable(self._facts.memory)
        if able.max_qubits is not None and n > able.max_qubits:
            halved = " precision = 'single' takes half;" if self.precision == "double" else ""
            raise ConfigError(
                f"a statevector of {n} qubits takes {_BYTES[self.precision] << n:,} bytes and the "
                f"{len(self._facts.memory)} GPU(s) have {there:,} to spare;{halved} take {able.max_qubits} qubits "
                "at most, or backend = {kind = 'aer', method = 'matrix_product_state'}"
            )

    def _run(self, request: Request) -> Draws:
        lineage = {"backend": self.name, "job_ids": [], "versions": self.versions, "method": "statevector"}
        lineage |= {"precision": self.precision}
        return _aer.draws_of(self._simulator(request), request, lineage, tables=True)

    def _probabilities(self, request: Request) -> np.ndarray:
        n = request.circuit.num_qubits
        if n > _aer.MOST_TABLE_QUBITS:
            raise ConfigError(f"a table of 2**{n} probabilities does not fit; draw with run() instead")
        return _aer.table_of(self._simulator(request), request)

    def _simulator(self, request: Request) -> Any:
        options = self._options(request.circuit.num_qubits, request.rows)
        return _aer.simulator("aer_gpu", "gpu", **options)

    def _options(self, n_qubits: int, rows: int) -> dict[str, Any]:
        """Aer's options for a request."""
        batched = rows > 1 and n_qubits <= _BATCHED_QUBITS
        alone = self.custatevec == "on" or (self.custatevec == "auto" and self._facts.custatevec)
        return {
            "method": "statevector",
            "device": "GPU",
            "precision": self.precision,
            "runtime_parameter_bind_enable": batched,
            "batched_shots_gpu": batched,
            "batched_shots_gpu_max_qubits": _BATCHED_QUBITS,
            "cuStateVec_enable": alone and not batched,
            **_blocking(n_qubits, _BYTES[self.precision], self._facts.memory),
        }

    @cached_property
    def _facts(self) -> _Facts:
        return _look()


def _check_gpu(facts: _Facts) -> None:
    """Refuse to go on without a GPU, or without the build of Aer that uses it."""
    if not facts.memory:
        raise ConfigError(
            f"backend 'aer_gpu' needs an NVIDIA GPU that nvidia-smi lists, and there is none; {facts}; "
            "use backend = 'aer', or a machine with a GPU and its driver"
        )
    if not facts.aer:
        raise ConfigError(f"backend 'aer_gpu' needs: pip install 'qfin-scenarios[gpu]'; {facts}")
    if "GPU" not in facts.devices and facts.aer.startswith("qiskit-aer-gpu"):
        raise ConfigError(
            f"{facts.aer} cannot use the GPU that is there; install a driver for CUDA 12 (525 or newer); {facts}"
        )
    if "GPU" not in facts.devices:
        raise ConfigError(
            f"the Aer installed here ({facts.aer}) runs on {', '.join(facts.devices)} only; both builds are the module "
            "qiskit_aer, so: pip uninstall qiskit-aer qiskit-aer-gpu, then pip install 'qfin-scenarios[gpu]'; "
            f"{facts}"
        )


def _usable(memory: tuple[int, ...]) -> int:
    """Bytes for a state; one that is spread takes the same of each GPU."""
    return int(_USABLE * min(memory) * len(memory))


def _blocking(n_qubits: int, bytes_an_amplitude: int, memory: tuple[int, ...]) -> dict[str, Any]:
    """Options that spread a state over the GPUs in chunks of 2**blocking_qubits amplitudes; none if one GPU holds it.

    (Doi and Horii, Cache blocking technique to large scale quantum computing simulation on supercomputers, 2020.)
    """
    if len(memory) < 2 or bytes_an_amplitude << n_qubits <= _USABLE * min(memory):
        return {}
    chunks = _CHUNKS_A_GPU * len(memory)
    return {"blocking_enable": True, "blocking_qubits": n_qubits - (chunks - 1).bit_length()}


def _look() -> _Facts:
    """Look for a GPU and for what is needed to use it; nothing is started on one."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    found, said = _ask_driver()
    aer, devices = _ask_aer()
    return _Facts(
        aer=aer,
        devices=devices,
        files=tuple(sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))),
        smi=said,
        visible=visible,
        memory=_allowed(found, visible),
        custatevec=bool(_aer.versions(_LIBRARY).get(_LIBRARY)),
    )


def _ask_aer() -> tuple[str, tuple[str, ...]]:
    """The installed package with its version, and what its build runs on."""
    try:
        from qiskit_aer import AerSimulator
    except ImportError:
        return "", ()
    builds = [d for d in ("qiskit-aer-gpu", "qiskit-aer") if d in _aer.versions(d)]
    name = " and ".join(f"{d} {metadata.version(d)}" for d in builds)
    return name or "of unknown version", tuple(AerSimulator().available_devices())


def _ask_driver() -> tuple[list[tuple[str, int]], str]:
    """Identifier and bytes of each GPU the driver knows, and what to tell a user."""
    command = ["nvidia-smi", "--query-gpu=uuid,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except FileNotFoundError:
        return [], "not there"
    except (OSError, subprocess.SubprocessError):
        return [], "failed"
    return _parse(answer), f"{len(_parse(answer))} GPU(s)"


def _parse(answer: str) -> list[tuple[str, int]]:
    """nvidia-smi's lines `uuid, mebibytes`; a GPU whose memory it does not tell is left out."""
    fields = [line.split(",") for line in answer.splitlines() if line.count(",") == 1]
    return [(uuid.strip(), int(size) << 20) for uuid, size in fields if size.strip().isdigit()]


def _allowed(found: list[tuple[str, int]], visible: str | None) -> tuple[int, ...]:
    """Bytes of the GPUs that CUDA_VISIBLE_DEVICES lists by number or identifier, up to the first that is not there."""
    if visible is None:
        return tuple(size for _, size in found)
    allowed: list[int] = []
    for entry in map(str.strip, visible.split(",")):
        if entry.isdigit() and int(entry) < len(found):
            allowed.append(found[int(entry)][1])
        elif entry and not entry.isdigit() and (sizes := [s for uuid, s in found if uuid.startswith(entry)]):
            allowed.append(sizes[0])
        else:
            break
    return tuple(allowed)
