"""Tokens from Prefect's Secret blocks: to the backend, and nowhere else."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from qfin.errors import ConfigError
from qfin.stages.config import RunConfig

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("server"), pytest.mark.usefixtures("server")]

TOKEN = "planted-token-0f1e2d3c4b5a"
CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/1:2::"


def block(name: str, value: Any) -> RunConfig:
    from prefect.blocks.system import Secret

    Secret(value=value).save(name, overwrite=True)
    return RunConfig(credentials=name)


def held(config: RunConfig) -> Any:
    from flows._credentials import credentials_of
    from qfin.quantum.backends._runtime.credentials import credentials

    with credentials_of(config):
        return credentials()


def test_a_block_holds_the_token_or_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", CRN)
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "of-the-environment")
    assert held(block("token-alone", TOKEN)).token == TOKEN
    whole = held(block("everything", {"token": TOKEN, "instance": CRN.replace("a/1", "a/9")}))
    assert (whole.token, whole.instance) == (TOKEN, CRN.replace("a/1", "a/9"))
    assert held(RunConfig()).token == "of-the-environment"


def test_a_block_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="no Prefect block of type Secret called 'nowhere'"):
        held(RunConfig(credentials="nowhere"))
    with pytest.raises(ConfigError, match="'a-number' holds neither a token nor a mapping"):
        held(block("a-number", 7))


def test_a_run_on_a_service_leaves_no_trace_of_the_token(
    server: Path,
    store: str,
    config: RunConfig,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """One job, from a block's token; neither Prefect's database, the store, the records nor the logs show the token."""
    from flows.generate import generate
    from tests.quantum.backends import _stub

    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("QFIN_JOBS", str(tmp_path / "jobs"))
    secrets = {"token": _stub.TOKEN, "instance": _stub.INSTANCE}
    block("planted", secrets)
    born = {"kind": "born", "bits": 1, "steps": 2, "data_weight": 1.0, "layers": 1}
    with _stub.Stub() as stub:
        for name, value in stub.environment().items():
            monkeypatch.setenv(name, value)
        for name in ("QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE"):
            monkeypatch.delenv(name)
        device = {"kind": "ibm", "device": stub.device}
        changes = {"dependence": born, "rivals": [], "backend": device, "credentials": "planted"}
        wanted = RunConfig.model_validate({**config.model_dump(), **changes})
        (done,) = generate(wanted, store=store)
        assert generate(wanted, store=store)[0]["reused"]
        assert done["summary"]["job_ids"] == list(stub.jobs)
        assert len(stub.jobs) == stub.seen["POST /jobs"] == 1
    folders = (server, Path(store), tmp_path)
    left = [path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(left) > 20
    said = caplog.text + "".join(capfd.readouterr())
    for secret in secrets.values():
        assert not any(secret.encode() in content for content in left)
        assert secret not in said
