"""Scenarios drawn on backends: planned, tuned, certified, and refused before anything long starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from qfin import stages
from qfin.errors import ConfigError
from qfin.model import ScenarioModel
from qfin.scenarios import ScenarioSet
from qfin.stages.config import RunConfig
from qfin.store import Artifact, Store
from tests.stages.conftest import SMALL

BORN = {"kind": "born", "bits": 1, "steps": 3, "data_weight": 1.0, "layers": 1}
NOISY: dict[str, Any] = {"kind": "ibm", "device": "fake_manila"}


def configured(**changes: Any) -> RunConfig:
    return RunConfig.model_validate({**SMALL, "dependence": BORN, "rivals": ["gaussian"], **changes})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def model(store: Store) -> Artifact:
    config = configured()
    return stages.train(config, BORN, stages.encode(config, stages.ingest(config, store), store), store)


def test_a_set_drawn_on_a_device_says_so(model: Artifact, store: Store) -> None:
    made = stages.generate(configured(backend=NOISY), model, store)
    assert made.summary["backend"] == "ibm fake_manila"
    lineage = ScenarioSet.read(made.folder).lineage
    assert lineage["certificate"] == made.summary["certificate"]
    assert lineage["certificate"]["shots"] == 400
    assert lineage["preparation"]["fidelity"] > 0.95
    assert lineage["mitigation"]["method"] == "m3"
    rows = duckdb.sql(f"select count(*) from '{made.path('scenarios.parquet')}'").fetchall()
    assert rows == [(400,)]
    again = stages.generate(configured(backend=NOISY), model, store)
    assert (again.ref, again.reused) == (made.ref, True)


def test_a_set_that_fails_its_certificate_is_published_as_one_that_did(model: Artifact, store: Store) -> None:
    strict = {**SMALL["scenarios"], "certificate_bound": 1e-6}
    made = stages.generate(configured(backend=NOISY, scenarios=strict), model, store)
    assert made.summary["certificate"]["passes"] is False
    assert ScenarioSet.read(made.folder).lineage["certificate"]["passes"] is False


def test_the_same_request_gives_the_same_bytes_in_another_store(
    model: Artifact, store: Store, tmp_path: Path
) -> None:
    config = configured(backend="aer")
    one = stages.generate(config, model, store)
    other = Store(tmp_path)
    ingested = stages.encode(config, stages.ingest(config, other), other)
    two = stages.generate(config, stages.train(config, BORN, ingested, other), other)
    assert one.path("scenarios.parquet").read_bytes() == two.path("scenarios.parquet").read_bytes()


def test_a_plan_names_what_will_happen_and_publishes_nothing(model: Artifact, store: Store) -> None:
    before = store.refs()
    plan = stages.plan(configured(backend=NOISY), model)
    assert (plan.backend, plan.qubits, plan.shots) == ("ibm fake_manila", 4, 400)
    assert plan.two_qubit_gates is not None
    assert plan.two_qubit_gates > 0
    assert 0.5 < plan.expected_fidelity < 1.0
    assert stages.submit(configured(backend=NOISY), model) == ()
    assert store.refs() == before


def test_rivals_without_a_circuit_are_drawn_as_ever(store: Store) -> None:
    config = configured(backend=NOISY)
    encoding = stages.encode(config, stages.ingest(config, store), store)
    rival = stages.train(config, "gaussian", encoding, store)
    drawn = stages.generate(config, rival, store)
    assert "certificate" not in drawn.summary
    assert drawn.ref == stages.generate(configured(), rival, store).ref
    with pytest.raises(ConfigError, match="Gaussian copula has no circuit"):
        stages.plan(config, rival)
    with pytest.raises(ConfigError, match="Gaussian copula with backend .* has nothing to tune"):
        stages.tune(config, rival, store)


def test_tuning_moves_the_angles_that_the_backend_runs_and_not_the_model(
    model: Artifact, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    config = configured(backend="aer", tuning={"steps": 3, "shots": 200})
    made = stages.generate(config, model, store)
    tuned = store.get(made.parents["tuned"])
    assert (tuned.stage, tuned.summary["steps"]) == ("tune", 3)
    assert ScenarioSet.read(made.folder).lineage["made_from"] == tuned.ref
    before, after = (ScenarioModel.read(a.folder).dependence for a in (model, tuned))
    assert (before.probabilities_ == after.probabilities_).all()
    assert not np.array_equal(before.request(10).theta, after.request(10).theta)
    assert not list((tmp_path / "qfin" / "tuning").iterdir())
    fewer = configured(backend="aer", tuning={"steps": 50, "shots": 200, "shot_budget": 1_000})
    stopped = stages.tune(fewer, model, store)
    assert stopped.summary["shots"] <= 1_000
    assert "budget" in stopped.summary["stop"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backend": {"kind": "ibm", "device": "fake_nowhere"}}, "no fake device 'fake_nowhere'"),
        ({"backend": NOISY, "dependence": {**BORN, "bits": 2}}, "4 factors of 2 bits are 8 qubits.*takes 5"),
        ({"backend": "aer", "dependence": "student_t"}, "'aer' would run nothing"),
        ({"tuning": {"steps": 5}}, "backend = 'exact' trains exactly"),
        ({"backend": "aer_gpu"}, "GPU"),
        ({"backend": {"kind": "ibm", "device": "ibm_kingston"}}, "set QISKIT_IBM_TOKEN"),
    ],
)
def test_a_run_that_cannot_be_is_refused_before_it_starts(
    changes: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE"):
        monkeypatch.delenv(name, raising=False)
    store = Store(tmp_path)
    with pytest.raises(ConfigError, match=message):
        stages.run(configured(**changes), store)
    assert store.refs() == []


def test_the_report_says_first_that_a_certificate_failed(tmp_path: Path) -> None:
    strict = {**SMALL["scenarios"], "certificate_bound": 1e-6}
    result = stages.run(configured(backend=NOISY, scenarios=strict), Store(tmp_path))
    page = result.report.read_text(encoding="utf-8")
    assert page.index("Certificate failed") < page.index("Value at risk")
    assert "drawn on ibm fake_manila" in page
    usual = stages.run(configured(), Store(tmp_path))
    assert "Certificate" not in usual.report.read_text(encoding="utf-8")
