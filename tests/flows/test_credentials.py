"""Tokens from Prefect's Secret blocks: to the backend, and nowhere else."""

from __future__ import annotations

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


def test_a_flow_on_a_backend_leaves_no_trace_of_the_token(
    server: Path, store: str, config: RunConfig, caplog: pytest.LogCaptureFixture
) -> None:
    """A run with a planted token: neither Prefect's database nor the store nor the log has it in the clear."""
    from flows.generate import generate

    born = {"kind": "born", "steps": 2, "data_weight": 1.0, "layers": 1}
    block("planted", TOKEN)
    wanted = config.model_copy(
        update={"dependence": born, "rivals": [], "backend": "aer", "credentials": "planted"}
    )
    done = generate(wanted, store=store)
    assert done[0]["summary"]["backend"] == "aer"
    left = [*server.rglob("*"), *Path(store).rglob("*")]
    content = [path.read_bytes() for path in left if path.is_file()]
    assert len(content) > 10
    assert not any(TOKEN.encode() in one for one in content)
    assert TOKEN not in caplog.text
