"""What the README shows works as shown."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import duckdb
import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from qfin.stages.config import RunConfig

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


BACKENDS = (ROOT / "docs/backends.md").read_text(encoding="utf-8")


def block(language: str, page: str = README) -> str:
    found = re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_python_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    code = block("python")
    assert sum(bool(line) for line in code.splitlines()) < 10
    names: dict[str, object] = {}
    exec(code, names)
    loss = float(capsys.readouterr().out)
    assert 50_000 < loss < 1_000_000
    assert names["scenarios"].returns.shape == (10_000, 10, 4)


def test_the_lines_on_the_engine() -> None:
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[1]
    names: dict[str, object] = {}
    exec(code, names)
    circuit = names["circuit"]
    state = Statevector(circuit.assign_parameters([0.1] * circuit.num_parameters))
    assert names["value"] == pytest.approx(-np.log(state.probabilities()).mean(), abs=1e-9)
    assert names["gradient"].shape == (circuit.num_parameters,)
    assert names["outcomes"].max() < 2**12


def test_the_configuration() -> None:
    config = RunConfig.model_validate(tomllib.loads(block("toml")))
    assert config.history.factors is not None
    assert config.history.factors[0].unit == "USD per EUR"


def test_the_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from qfin.market import infer_factors
    from qfin.scenarios import ScenarioSet

    returns = np.linspace(-0.05, 0.05, 1001)[:, None, None]
    ScenarioSet(returns, infer_factors(["EURUSD"]), np.array([1.1]), "2026-10-30").write(
        tmp_path / "store/generate/1"
    )
    monkeypatch.chdir(tmp_path)
    ((quantile,),) = duckdb.sql(block("sql").strip().rstrip(";")).fetchall()
    assert quantile == pytest.approx(-0.049, abs=2e-4)


def test_its_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_page_on_backends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from qfin.quantum import BACKENDS as KINDS

    config = RunConfig.model_validate(tomllib.loads(block("toml", BACKENDS)))
    assert config.scenarios.certificate_bound == 0.05
    names: dict[str, object] = {}
    exec(block("python", BACKENDS), names)
    assert "(3, 1000)" in capsys.readouterr().out
    path = tmp_path / "device.json"
    path.write_text(block("json", BACKENDS))
    noisy = KINDS.build({"kind": "aer", "noise": str(path)})
    assert noisy.capabilities().max_qubits == 2
    assert all(f"| `{kind}` |" in page for page in (README, BACKENDS) for kind in KINDS.kinds())
