"""The whole backend against a local service: one request, one job, whatever fails."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qfin.errors import BackendError, ConfigError
from qfin.quantum import Request
from qfin.quantum.backends import Exact, Ibm
from tests.quantum.backends._stub import INSTANCE, TOKEN, Stub

SHOTS = 2_000


@pytest.fixture(autouse=True)
def jobs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stub: Stub, impatient: None) -> Path:
    monkeypatch.setenv("QFIN_JOBS", str(tmp_path / "jobs"))
    return tmp_path / "jobs"


def asked(shots: int = SHOTS, seed: int = 3) -> Request:
    circuit = QuantumCircuit(2)
    circuit.ry(0.6, 0)
    circuit.cx(0, 1)
    circuit.x(1)
    return Request(circuit, np.empty((1, 0)), shots, seed)


def test_a_request_is_one_job_and_comes_back_mitigated(stub: Stub) -> None:
    backend = Ibm(stub.device)
    assert backend.capabilities().remote
    draws = backend.run(asked())
    np.testing.assert_allclose(draws.frequencies()[0], Exact().probabilities(asked())[0], atol=0.06)
    assert len(stub.jobs) == stub.seen["POST /jobs"] == 1
    assert draws.lineage["job_ids"] == list(backend.submit(asked()))
    assert draws.lineage["isa"]["two_qubit_gates"] >= 1
    again = Ibm(stub.device).run(asked())
    assert (again.packed == draws.packed).all()
    assert again.lineage == draws.lineage
    assert len(stub.jobs) == 1
    Ibm(stub.device).submit(asked(seed=4))
    Ibm(stub.device, twirling=True).submit(asked())
    assert len(stub.jobs) == 3


def test_a_plan_submits_nothing_and_its_ceiling_holds(stub: Stub) -> None:
    plan = Ibm(stub.device).plan(asked())
    assert plan.qpu_seconds > 2.0
    assert 0.5 < plan.expected_fidelity < 1.0
    refused = Ibm(stub.device, max_qpu_seconds=2.0).plan(asked())
    assert any("max_qpu_seconds allows 2.0: it will be refused" in warning for warning in refused.warnings)
    for call in ("submit", "run"):
        with pytest.raises(ConfigError, match="max_qpu_seconds allows 2.0; take fewer scenarios"):
            getattr(Ibm(stub.device, max_qpu_seconds=2.0), call)(asked())
    with pytest.raises(ConfigError, match="the circuit has 40 qubits and ibm"):
        Ibm(stub.device).run(Request(QuantumCircuit(40), np.empty((1, 0)), 10))
    with pytest.raises(ConfigError, match="shots are asked for and ibm .* allows"):
        Ibm(stub.device).run(asked(shots=10**9))
    assert not stub.jobs


def test_an_unknown_device_is_answered_with_those_there_are(stub: Stub) -> None:
    with pytest.raises(ConfigError, match=f"no device 'ibm_nowhere' in this instance.*{stub.device}"):
        Ibm("ibm_nowhere").run(asked())


@pytest.mark.parametrize("name", ["QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE"])
def test_without_credentials_nothing_is_asked(stub: Stub, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(ConfigError, match=f"set {name} to"):
        Ibm(stub.device).run(asked())
    assert not stub.jobs


def test_the_token_is_in_nothing_that_is_left(
    stub: Stub, jobs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    backend = Ibm(stub.device)
    draws = backend.run(asked())
    left = json.dumps(dict(draws.lineage)) + repr(vars(backend)) + caplog.text
    left += "".join(path.read_text() for path in jobs.rglob("*") if path.is_file())
    assert not any(secret in left for secret in (TOKEN, INSTANCE))


def test_options_reach_the_service(stub: Stub) -> None:
    Ibm(stub.device, max_execution_seconds=33).submit(asked())
    Ibm(stub.device).submit(asked(seed=4))
    Ibm(stub.device, dynamical_decoupling="XY4").submit(asked())
    limited, plain, decoupled = (job["sent"] for job in stub.jobs.values())
    assert 33 in limited.values()
    assert 33 not in plain.values()
    assert len(json.dumps(decoupled)) > len(json.dumps(plain))  # pulses on idle qubits


def test_nothing_is_asked_of_a_service_for_a_fake_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QISKIT_IBM_TOKEN")
    backend = Ibm("fake_manila")
    assert backend.submit(asked()) == ()
    assert not backend.capabilities().remote
    with pytest.raises(ConfigError, match="no fake device 'fake_manilla'; did you mean 'fake_manila'?"):
        Ibm("fake_manilla").run(asked())


def test_draws_run_in_a_batch_and_training_in_a_session(stub: Stub) -> None:
    backend = Ibm(stub.device)
    backend.submit(asked())
    with backend.session():
        backend.submit(asked(seed=4))
        backend.submit(asked(seed=5))
    with Ibm(stub.device, training_mode="batch").session():
        pass
    assert stub.seen["POST /sessions"] == 3
    assert len(stub.jobs) == 3


@pytest.mark.parametrize("done", [False, True])
def test_a_batch_that_fails_leaves_one_job_at_most(stub: Stub, done: bool) -> None:
    stub.fail("POST /sessions", 503, done=done)
    with pytest.raises(BackendError, match="opening a batch"):
        Ibm(stub.device).submit(asked())
    assert not stub.jobs
    assert Ibm(stub.device).submit(asked()) == Ibm(stub.device).submit(asked())
    assert len(stub.jobs) == 1
