"""Backends from the command line: a plan, a set that fails its certificate, mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from qfin.store import Store
from tests.cli.conftest import CONFIG, Qfin

BORN = CONFIG.replace(
    'dependence = "student_t"',
    'dependence = { kind = "born", bits = 1, steps = 3, data_weight = 1.0, layers = 1 }\n'
    'backend = { kind = "ibm", device = "fake_manila" }',
).replace('rivals = ["bootstrap"]', "rivals = []")


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "device.toml"
    path.write_text(BORN.replace("scenarios.count", "scenarios.certificate_bound = 1e-6\nscenarios.count"))
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def test_a_plan_is_told_and_nothing_is_drawn(qfin: Qfin, device: Path, store: Path) -> None:
    shown = qfin("plan", "--config", device, "--store", store)
    assert shown.code == 0, shown.err
    for line in ("on ibm fake_manila", "qubits", "shots of each", "two-qubit gates", "expected fidelity"):
        assert line in shown.out
    assert "prepared by" in shown.out
    assert not Store(store).refs("generate")


def test_a_failed_certificate_is_told(qfin: Qfin, device: Path, store: Path) -> None:
    shown = qfin("generate", "--config", device, "--store", store)
    assert shown.code == 0, shown.err
    assert "certificate failed: Born machine on ibm fake_manila is" in shown.out
    assert "certificate failed" in qfin("run", "--local", "--config", device, "--store", store).out


def test_a_backend_is_named_by_the_command(qfin: Qfin, device: Path, store: Path) -> None:
    shown = qfin("plan", "--config", device, "--store", store, "--backend", "aer")
    assert "on aer" in shown.out
    assert "loaded as it is" in shown.out
    wrong = qfin("plan", "--config", device, "--store", store, "--backend", "are")
    assert wrong.code == 2
    assert "there is no backend 'are'; did you mean 'aer'?" in wrong.err
    gpu = qfin("generate", "--config", device, "--store", store, "--backend", "aer_gpu")
    assert gpu.code == 2
    assert "looked for" in gpu.err


def test_missing_credentials_are_named(
    qfin: Qfin, device: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QISKIT_IBM_TOKEN", raising=False)
    real = device.with_name("real.toml")
    real.write_text(device.read_text().replace("fake_manila", "ibm_kingston"))
    refused = qfin("plan", "--config", real, "--store", store)
    assert refused.code == 2
    assert "set QISKIT_IBM_TOKEN" in refused.err


def test_the_kinds_are_listed(qfin: Qfin) -> None:
    shown = qfin("kinds", "backends")
    assert all(kind in shown.out for kind in ("exact", "aer", "aer_gpu", "ibm"))
