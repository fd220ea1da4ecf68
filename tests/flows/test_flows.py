"""Flow runs against a server: what they publish, what they tell Prefect, and how they fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qfin import stages
from qfin.errors import BackendError, DataError
from qfin.stages.config import RunConfig
from qfin.store import Artifact, Store
from tests.flows.conftest import SMALL

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("server"), pytest.mark.usefixtures("server")]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import _tasks

    for name in ("ingest", "train", "risk"):
        monkeypatch.setattr(getattr(_tasks, name), "retry_delay_seconds", 0)


def latest(key: str) -> Any:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
    from prefect.client.schemas.sorting import ArtifactSort

    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        return client.read_artifacts(artifact_filter=wanted, sort=ArtifactSort.CREATED_DESC, limit=1)[0]


def run_of(state: Any, tasks: int) -> tuple[Any, list[Any]]:
    """The flow run of a final state, and its so many task runs as the server tells them, oldest first."""
    import time

    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    with get_client(sync_client=True) as client:
        flow_run = client.read_flow_run(state.state_details.flow_run_id)
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id]))
        until = time.monotonic() + 20  # task runs reach the server as events, a little later
        while True:
            runs = client.read_task_runs(flow_run_filter=wanted)
            final = sum(run.state is not None and run.state.is_final() for run in runs)
            if final == tasks or time.monotonic() > until:
                return flow_run, sorted(runs, key=lambda run: run.expected_start_time)
            time.sleep(0.2)


def figures_of(store: str, ref: str) -> dict[str, Any]:
    return {m["measure"]: m for m in Store(store).get(ref).json("risk.json")["measures"]}


def fail(error: Exception, times: int, stage: Any, calls: list[int]) -> Any:
    """The stage, failing the first times it is called."""

    def failing(*args: Any) -> Artifact:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return stage(*args)

    return failing


@pytest.fixture(scope="module")
def first(server: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str]:
    """A first run's final state, and its store."""
    from flows.daily import daily

    store = str(tmp_path_factory.mktemp("first") / "store")
    return daily(RunConfig.model_validate(SMALL), store, return_state=True), store


def test_daily_publishes_everything_and_says_so(first: tuple[Any, str]) -> None:
    state, store = first
    outcome = state.result()
    flow_run, tasks = run_of(state, tasks=10)
    assert flow_run.name == "daily 2026-10-30"
    assert [task.name for task in tasks] == [
        "ingest", "encode", "train student_t", "train independent",
        "generate Student-t copula", "generate Independent", "risk Student-t copula", "risk Independent",
        "stress Student-t copula", "report",
    ]  # fmt: skip
    assert {task.state_name for task in tasks} == {"Completed"}
    assert json.loads(json.dumps(outcome)) == outcome
    assert outcome["as_of"] == "2026-10-30"
    assert outcome["reused"] == []
    assert sorted(outcome["refs"]) == Store(store).refs()
    assert Path(outcome["report"]).read_text(encoding="utf-8").startswith("<!doctype html>")

    table = json.loads(latest("qfin-figures").data)
    assert table == outcome["rows"]
    assert [row["model"] for row in table] == ["Student-t copula", "Independent"]
    risk = figures_of(store, next(ref for ref in outcome["refs"] if ref.startswith("risk/")))
    assert table[0]["VaR 99 % (USD)"] == round(risk["VaR"]["value"])
    assert table[0]["ES 97.5 % (USD) from"] == round(risk["ES"]["lower"])
    assert table[1]["held-out score (nats a day)"] == 0

    markdown = latest("qfin-summary").data
    said = Store(store).get(outcome["refs"][-1]).json("summary.json")
    assert said["verdict"] in markdown
    assert risk["VaR"]["convention"] in markdown
    assert f"{risk['VaR']['value']:,.0f} USD" in markdown
    assert Path(outcome["report"]).as_uri() in latest("qfin-report").data
    assert [row["label"] for row in json.loads(latest("qfin-train").data)] == [
        "Student-t copula",
        "Independent",
    ]


def test_a_second_run_reuses_everything(config: RunConfig, first: tuple[Any, str]) -> None:
    from flows.daily import daily

    before = first[0].result()
    again = daily(config, first[1])
    assert again["refs"] == before["refs"]
    assert again["reused"] == before["refs"]
    assert all(row["reused"] for row in json.loads(latest("qfin-train").data))
    assert latest("qfin-risk").description == "Stage risk: 0 made, 2 reused."


def test_failed_input_fails_the_run_with_its_one_line(config: RunConfig, store: str, caplog: Any) -> None:
    from flows.daily import daily

    wrong = config.model_copy(update={"portfolio": "nowhere.json"})
    state = daily(wrong, store, return_state=True)
    flow_run, tasks = run_of(state, tasks=1)
    assert flow_run.state_name == "Failed"
    assert flow_run.state.message == "nowhere.json: there is no such portfolio file"
    assert [(task.name, task.state_name) for task in tasks] == [("ingest", "Failed")]
    assert Store(store).refs() == []
    assert "Traceback" not in caplog.text
    with pytest.raises(DataError, match="^nowhere.json: there is no such portfolio file$"):
        daily(wrong, store)


def test_a_parameter_that_is_wrong_is_named(store: str) -> None:
    from flows.daily import daily

    state = daily({"volatility": "gach"}, store, return_state=True)  # type: ignore[arg-type]
    assert "config.volatility" in state.message
    assert "did you mean 'garch'" in state.message


def test_what_may_pass_is_tried_again(config: RunConfig, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.ingest import ingest

    calls: list[int] = []
    failing = fail(BackendError("the ECB does not answer", retry=True), 2, stages.ingest, calls)
    monkeypatch.setattr(stages, "ingest", failing)
    assert ingest(config, store)["ref"] in Store(store).refs()
    assert len(calls) == 3


def test_what_does_not_pass_fails_in_one_line_after_three_attempts(
    config: RunConfig, store: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    from flows.ingest import ingest

    calls: list[int] = []
    failing = fail(BackendError("the ECB does not answer", retry=True), 9, stages.ingest, calls)
    monkeypatch.setattr(stages, "ingest", failing)
    assert ingest(config, store, return_state=True).message == "the ECB does not answer"
    assert len(calls) == 3
    assert "Retries are exhausted" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("error", [BackendError("the file is no archive"), DataError("EURUSD is constant")])
def test_what_cannot_pass_is_tried_once(
    error: Exception, config: RunConfig, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.ingest import ingest

    calls: list[int] = []
    monkeypatch.setattr(stages, "ingest", fail(error, 9, stages.ingest, calls))
    state = ingest(config, store, return_state=True)
    assert (state.name, state.message) == ("Failed", str(error))
    assert len(calls) == 1


def test_a_rerun_after_a_failure_reuses_what_was_finished(
    config: RunConfig, first: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.daily import daily

    store, calls = first[1], list[int]()
    before = Store(store).refs()
    config = config.model_copy(update={"seed": 8})
    monkeypatch.setattr(stages, "risk", fail(BackendError("killed"), 1, stages.risk, calls))
    assert daily(config, store, return_state=True).message == "killed"
    finished = set(Store(store).refs()) - set(before)
    assert {ref.split("/")[0] for ref in finished} >= {"generate"}
    outcome = daily(config, store)
    assert finished <= set(outcome["reused"])
    assert {ref.split("/")[0] for ref in outcome["refs"] if ref not in outcome["reused"]} == {
        "risk",
        "stress",
        "report",
    }


def test_a_stage_flow_starts_from_the_artifact_it_is_given(config: RunConfig, first: tuple[Any, str]) -> None:
    from flows.encode import encode
    from flows.generate import generate
    from flows.ingest import ingest
    from flows.report import report
    from flows.risk import risk
    from flows.train import train

    store = first[1]
    history = ingest(config, store)
    encoding = encode(config, history["ref"], store)
    models = train(config, encoding["ref"], store)
    scenarios = generate(config, [models[1]["ref"]], store)
    risks = risk(config, [scenarios[0]["ref"]], store)
    done = report(config, [risks[0]["ref"]], store)
    made = Store(store)
    assert [one.stage for one in made.lineage(made.get(done["ref"]))] == [
        "report", "risk", "generate", "train", "encode", "ingest",
    ]  # fmt: skip
    assert scenarios[0]["summary"]["label"] == "Independent"
    state = generate(config, [encoding["ref"]], store, return_state=True)
    assert state.message == f"{encoding['ref']} is of the stage encode; one of the stage train is needed here"


def test_a_stage_flow_alone_runs_the_stages_before_it(config: RunConfig, first: tuple[Any, str]) -> None:
    from flows.risk import risk

    store = first[1]
    state = risk(config, None, store, return_state=True)
    flow_run, tasks = run_of(state, tasks=8)
    assert flow_run.name == "risk 2026-10-30"
    assert [one["summary"]["label"] for one in state.result()] == ["Student-t copula", "Independent"]
    assert [task.name for task in tasks][:2] == ["ingest", "encode"]


def test_a_race_tells_its_verdict_and_leaves_a_page(config: RunConfig, first: tuple[Any, str]) -> None:
    from flows.race import race

    small = config.model_copy(deep=True)
    small.race.models = {
        "gaussian": "gaussian",
        "circuit": {"kind": "born", "bits": 1, "steps": 3, "data_weight": 1.0},
    }
    small.race.training_days, small.race.seeds, small.race.refit_every = 250, 1, 400
    small.race.learning_days, small.race.expressiveness = [], False
    done = race(config=small, history=Store(first[1]).refs("ingest")[0], store=first[1])
    store = Store(first[1])
    verdict = store.get(done["ref"]).json("race.json")["verdict"]
    assert done["summary"]["sentence"] == verdict["sentence"]
    pages = [store.get(ref) for ref in store.refs("report")]
    (page,) = [page for page in pages if page.parents.get("race_0") == done["ref"]]
    assert verdict["sentence"] in latest("qfin-verdict").data
    assert page.path("report.html").as_uri() in latest("qfin-race-page").data


def test_a_backtest_is_a_task_a_fit_and_leaves_a_page(config: RunConfig, first: tuple[Any, str]) -> None:
    from flows.backtest import backtest
    from qfin.stages.config import BacktestConfig

    models = {"model": {}, "as they come": {"volatility": "none", "dependence": "bootstrap"}}
    rules = {
        "days": 60,
        "training_days": 200,
        "refit_every": 30,
        "scenarios": 200,
        "horizons": [1],
        "levels": [0.95],
    }
    small = config.model_copy(update={"backtest": BacktestConfig.model_validate({"models": models, **rules})})
    state = backtest(config=small, store=first[1], return_state=True)
    _, tasks = run_of(state, tasks=7)
    assert sum(task.name.startswith("forecast ") for task in tasks) == 4
    store = Store(first[1])
    found = store.get(state.result()["ref"]).json("backtest.json")
    assert len(json.loads(latest("qfin-backtest-tests").data)) == 2
    assert [model["name"] for model in found["models"]] == list(models)
    assert latest("qfin-backtest-page").data.count("report.html") == 1


def test_a_bug_keeps_its_traceback_and_nothing_is_pickled(
    config: RunConfig, store: str, monkeypatch: pytest.MonkeyPatch, caplog: Any, server: Path
) -> None:
    from flows.ingest import ingest

    calls: list[int] = []
    monkeypatch.setattr(stages, "ingest", fail(ZeroDivisionError("a bug"), 9, stages.ingest, calls))
    state = ingest(config, store, return_state=True)
    assert state.name == "Failed"
    assert len(calls) == 1
    assert "Traceback" in caplog.text
    stored = [path for path in (server / "storage").rglob("*") if path.is_file()]
    assert stored, "Prefect stores the exceptions it does not know"
    for path in stored:
        json.loads(path.read_text(encoding="utf-8"))
