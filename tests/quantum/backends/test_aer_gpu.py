"""Aer on GPUs: what is refused without one; on a machine with one, its draws against the exact engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, BACKENDS, Request
from qfin.quantum.backends import aer_gpu

GIB = 1 << 30
FACTS = aer_gpu._Facts(
    aer="qiskit-aer-gpu 0.15.1",
    devices=("CPU", "GPU"),
    files=("/dev/nvidia0",),
    smi="1 GPU(s)",
    visible=None,
    memory=(16 * GIB,),
    custatevec=True,
)


def given(facts=FACTS, **parameters):
    backend = BACKENDS.build({"kind": "aer_gpu", **parameters})
    backend.__dict__["_facts"] = facts
    return backend


def sweep(n, rows, shots=20_000, initial=None):
    circuit = ANSAETZE.build("line_rzz").build(n, 1, 2)
    theta = np.random.default_rng(5).normal(scale=0.7, size=(rows, circuit.num_parameters))
    return Request(circuit, theta, shots, 11, initial)


def loaded(n):
    rng = np.random.default_rng(2)
    return np.sqrt(rng.dirichlet(np.full(2**n, 0.4))) * np.exp(1j * rng.uniform(-3, 3, 2**n))


def assert_agrees(backend, request, within):
    wanted = BACKENDS.build("exact").probabilities(request)
    np.testing.assert_allclose(backend.probabilities(request), wanted, atol=within)
    draws = backend.run(request)
    noise = 5.5 * 0.5 / request.shots**0.5  # missed once in 2e7 by a frequency
    np.testing.assert_allclose(draws.frequencies(), wanted, atol=noise)
    assert not np.array_equal(draws.outcomes()[0], draws.outcomes()[-1]) or draws.rows == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"memory": (), "smi": "not there", "files": ()}, "GPU that nvidia-smi lists, and there is none"),
        ({"memory": (), "visible": ""}, r"CUDA_VISIBLE_DEVICES \(''\)"),
        ({"aer": "", "devices": ()}, r"pip install 'qfin-scenarios\[gpu\]'; looked for: qiskit_aer \(not installed"),
        (
            {"aer": "qiskit-aer 0.18.2", "devices": ("CPU",)},
            r"installed here \(qiskit-aer 0\.18\.2\) runs on CPU only; .*pip uninstall qiskit-aer qiskit-aer-gpu",
        ),
        ({"devices": ("CPU",)}, "qiskit-aer-gpu 0.15.1 cannot use the GPU that is there; install a driver for CUDA"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_before_anything_runs(change, message):
    backend = given(replace(FACTS, **change))
    for ask in (
        backend.capabilities,
        lambda: backend.run(sweep(2, 1, 1)),
        lambda: backend.plan(sweep(2, 1, 1)),
    ):
        with pytest.raises(ConfigError, match=message):
            ask()


def test_custatevec_that_is_not_there():
    with pytest.raises(ConfigError, match="custatevec = 'on' needs: pip install custatevec-cu12"):
        given(replace(FACTS, custatevec=False), custatevec="on").capabilities()


@pytest.mark.parametrize(
    ("precision", "memory", "most"),
    # .8 x 16 GiB = 12.8 GiB: 8 GiB are 2**29 amplitudes of 16 bytes and 2**30 of 8; of unequal ones the smaller counts
    [("double", (16,), 29), ("single", (16,), 30), ("double", (16, 16), 30), ("double", (16,) * 3, 31),
     ("double", (16,) * 4, 31), ("double", (80, 16), 30)],
)  # fmt: skip
def test_qubits_that_fit(precision, memory, most):
    able = given(replace(FACTS, memory=tuple(m * GIB for m in memory)), precision=precision).capabilities()
    assert (able.max_qubits, able.exact, able.noisy) == (most, True, False)


def test_too_little_memory():
    with pytest.raises(
        ConfigError, match="30 qubits takes 17,179,869,184 bytes and the 1 GPU.*precision = 'single'"
    ):
        given().run(Request(QuantumCircuit(30), np.empty((1, 0)), 1))
    with pytest.raises(ConfigError, match="31 qubits takes 17,179,869,184 bytes.*take 30 qubits at most"):
        given(precision="single").run(Request(QuantumCircuit(31), np.empty((1, 0)), 1))


def test_options_of_a_batch_and_of_one_state():
    batch, one = given()._options(12, 64), given()._options(24, 1)
    assert batch["device"] == one["device"] == "GPU"
    assert batch["runtime_parameter_bind_enable"]
    assert batch["batched_shots_gpu"]
    assert not batch["cuStateVec_enable"]
    assert not one["batched_shots_gpu"]
    assert one["cuStateVec_enable"]
    assert "blocking_enable" not in one
    assert given(precision="single")._options(4, 1)["precision"] == "single"
    assert not given(custatevec="off")._options(24, 1)["cuStateVec_enable"]


@pytest.mark.parametrize(("gpus", "n"), [(2, 30), (3, 30), (4, 31), (8, 32)])
def test_a_wide_state_is_spread_in_four_chunks_a_gpu_or_more(gpus, n):
    blocking = given(replace(FACTS, memory=(16 * GIB,) * gpus))._options(n, 1)
    chunks = 2 ** (n - blocking["blocking_qubits"])
    assert blocking["blocking_enable"]
    assert 4 * gpus <= chunks < 8 * gpus


def test_a_state_that_fits_one_gpu_is_not_spread():
    assert "blocking_enable" not in given(replace(FACTS, memory=(16 * GIB,) * 4))._options(29, 1)


def test_what_nvidia_smi_says():
    said = "GPU-11aa, 16384\nGPU-22bb, 81920\nGPU-33cc, [N/A]\n\n"
    assert aer_gpu._parse(said) == [("GPU-11aa", 16 * GIB), ("GPU-22bb", 80 * GIB)]


@pytest.mark.parametrize(
    ("visible", "allowed"),
    [
        (None, (16, 80)),
        ("1", (80,)),
        ("1,0", (80, 16)),
        ("GPU-22", (80,)),
        ("", ()),
        ("-1", ()),
        ("0,5,1", (16,)),
    ],
)
def test_devices_that_cuda_makes_visible(visible, allowed):
    found = [("GPU-11aa", 16 * GIB), ("GPU-22bb", 80 * GIB)]
    assert aer_gpu._allowed(found, visible) == tuple(size * GIB for size in allowed)


@pytest.mark.parametrize(
    ("answer", "said"), [(None, "not there"), ("exit 3", "failed"), ("echo U, 1024", "1 GPU(s)")]
)
def test_asking_the_driver(tmp_path, monkeypatch, answer, said):
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin" if answer else str(tmp_path))
    if answer:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{answer}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    assert aer_gpu._ask_driver()[1] == said


@pytest.mark.parametrize("rows", [1, 6])
@pytest.mark.parametrize("initial", [None, loaded(5)])
def test_the_same_path_on_the_cpu(monkeypatch, rows, initial):
    """Everything but the device: rows bound at run time, batches, a loaded state."""
    options = aer_gpu.AerGpu._options
    monkeypatch.setattr(
        aer_gpu.AerGpu,
        "_options",
        lambda self, n, rows: options(self, n, rows) | {"device": "CPU", "cuStateVec_enable": False},
    )
    assert_agrees(given(), sweep(5, rows, initial=initial), 1e-12)


def test_a_state_in_chunks_on_the_cpu(monkeypatch):
    options = aer_gpu.AerGpu._options
    tiny = replace(FACTS, memory=(1 << 12, 1 << 12))  # 3276 bytes each to spare: 8 qubits take 4096
    monkeypatch.setattr(
        aer_gpu.AerGpu,
        "_options",
        lambda self, n, rows: options(self, n, rows) | {"device": "CPU", "cuStateVec_enable": False},
    )
    backend, request = given(tiny), sweep(8, 1)
    assert backend._options(8, 1)["blocking_qubits"] == 5
    assert_agrees(backend, request, 1e-12)


@pytest.fixture
def gpu():
    """Makes a backend on this machine's GPU."""
    try:
        BACKENDS.build("aer_gpu").capabilities()
    except ConfigError as error:
        pytest.skip(str(error))
    return lambda **parameters: BACKENDS.build({"kind": "aer_gpu", **parameters})


@pytest.mark.gpu
@pytest.mark.parametrize("custatevec", ["auto", "off"])
@pytest.mark.parametrize(("precision", "within"), [("double", 1e-12), ("single", 1e-6)])
@pytest.mark.parametrize(("n", "rows"), [(4, 1), (4, 12), (12, 8), (18, 2)])
def test_a_gpu_agrees_with_the_exact_engine(gpu, custatevec, precision, within, n, rows):
    assert_agrees(gpu(precision=precision, custatevec=custatevec), sweep(n, rows), within)


@pytest.mark.gpu
def test_a_gpu_begins_with_a_loaded_state(gpu):
    assert_agrees(gpu(), sweep(8, 4, initial=loaded(8)), 1e-12)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ANSAETZE.kinds())
def test_a_gpu_runs_every_ansatz(gpu, kind):
    circuit = ANSAETZE.build(kind).build(6, 2, 3)
    theta = np.random.default_rng(5).normal(size=(3, circuit.num_parameters))
    assert_agrees(gpu(), Request(circuit, theta, 20_000, 1), 1e-12)


@pytest.mark.gpu
def test_a_gpu_draws_the_same_for_the_same_seed(gpu):
    request = sweep(6, 3, 500)
    first, again, other = (
        gpu().run(r).packed.tobytes() for r in (request, request, replace(request, seed=12))
    )
    assert first == again
    assert first != other
