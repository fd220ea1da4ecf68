"""What holds without a server: flows do no mathematics, make a form, and are deployed as declared."""

from __future__ import annotations

import ast
import importlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

import flows
from qfin.errors import BackendError, DataError
from qfin.stages.config import RunConfig
from qfin.store import Store

FOLDER = Path(flows.__file__).parent
PROJECT = FOLDER.parent / "prefect.yaml"
FLOWS = sorted(path.stem for path in FOLDER.glob("[a-z]*.py") if path.stem != "deploy")


def flow_named(name: str) -> Any:
    return getattr(importlib.import_module(f"flows.{name}"), name)


def deployments() -> dict[str, Any]:
    return {d["name"]: d for d in yaml.safe_load(PROJECT.read_text(encoding="utf-8"))["deployments"]}


def test_there_is_a_flow_a_stage_and_one_for_all() -> None:
    assert FLOWS == ["backtest", "daily", "encode", "generate", "ingest", "race", "report", "risk", "train"]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_flows_do_no_mathematics(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        imported |= {name.split(".")[0] for name in names}
    allowed = {"__future__", "flows", "prefect", "qfin", "uvicorn"}
    assert imported <= allowed | set(__import__("sys").stdlib_module_names) - {
        "math",
        "statistics",
        "random",
        "pickle",
    }


@pytest.mark.parametrize("name", FLOWS)
def test_the_ui_can_make_a_form_of_every_flow(name: str) -> None:
    from prefect.utilities.callables import parameter_schema

    schema = parameter_schema(flow_named(name)).model_dump()
    assert schema["required"] == []
    properties = schema["properties"]
    assert all(property["description"].endswith(".") for property in properties.values())
    assert properties["config"]["$ref"] == "#/definitions/RunConfig"
    assert RunConfig.model_validate(properties["config"]["default"]) == RunConfig()
    definitions = schema["definitions"]
    assert definitions["EncodingConfig"]["properties"]["bits"]["maximum"] == 8
    assert {"HistoryConfig", "EncodingConfig", "ScenarioConfig", "MeasureConfig"} <= set(definitions)
    for definition in definitions.values():
        assert definition["description"]
        assert all(field.get("description") for field in definition["properties"].values())


@pytest.mark.parametrize("name", FLOWS)
def test_every_flow_is_deployed_under_its_name(name: str) -> None:
    from prefect.flows import load_flow_from_entrypoint

    deployed = deployments()
    assert set(deployed) == set(FLOWS)
    assert load_flow_from_entrypoint(deployed[name]["entrypoint"], use_placeholder_flow=False).name == name
    assert deployed[name]["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    assert deployed[name]["pull"] == []


def test_nothing_of_one_machine_is_deployed() -> None:
    assert not re.search(r"(?<![\w/])(/|~|[A-Z]:\\)\w", PROJECT.read_text(encoding="utf-8"))


def test_the_schedule_follows_the_fixing_on_fresh_data() -> None:
    import asyncio

    from prefect.server.schemas.schedules import CronSchedule

    (schedule,) = deployments()["daily"]["schedules"]
    cron = CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
    friday = datetime(2026, 10, 23, 20, tzinfo=ZoneInfo("Europe/Berlin"))  # the clocks change on that Sunday
    dates = [date.astimezone(ZoneInfo("UTC")) for date in asyncio.run(cron.get_dates(6, start=friday))]
    assert [f"{date:%a %H:%M}" for date in dates[:5]] == [
        f"{d} 15:30" for d in ("Mon", "Tue", "Wed", "Thu", "Fri")
    ]
    assert f"{dates[5]:%a}" == "Mon"
    wanted = RunConfig.model_validate(schedule["parameters"]["config"])
    assert wanted.history.reader == {"kind": "ecb"}
    assert wanted.portfolio == RunConfig().portfolio
    assert not deployments()["ingest"]["schedules"]


@pytest.fixture
def ecb_file() -> Iterator[str]:
    """Address of a history file as the ECB publishes it, with the rates of the shipped data from 2024 on."""
    from qfin.market import read_prices

    prices = read_prices("fx", start="2024-01-01").iloc[::-1]
    euro = {
        "USD": prices["EURUSD"],
        "JPY": prices["EURUSD"] * prices["USDJPY"],
        "GBP": prices["EURUSD"] / prices["GBPUSD"],
        "CAD": prices["EURUSD"] * prices["USDCAD"],
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("eurofxref-hist.csv", prices.assign(**euro)[list(euro)].to_csv(index_label="Date"))

    class Bank(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(packed.getvalue())

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Bank) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/eurofxref-hist.zip"
        server.shutdown()
        thread.join()


def test_what_is_scheduled_fits_the_data_it_fetches(
    ecb_file: str, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import _tasks

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (schedule,) = deployments()["daily"]["schedules"]
    scheduled = schedule["parameters"]["config"]
    scheduled["history"]["reader"]["url"] = ecb_file
    config = RunConfig.model_validate(scheduled)
    history = _tasks.ingest.fn(config, store, whole_run=True)
    assert history["summary"]["factors"] == ["EURUSD", "GBPUSD", "USDJPY", "USDCAD"]
    assert history["summary"]["as_of"] == "2026-10-30"


def test_a_task_can_be_called_without_a_server(config: RunConfig, store: str) -> None:
    from flows import _tasks

    first = _tasks.ingest.fn(config, store)
    again = _tasks.ingest.fn(config, store)
    assert first["ref"] == Store(store).refs()[0]
    assert (first["reused"], again["reused"]) == (False, True)
    with pytest.raises(DataError, match="no such portfolio file"):
        _tasks.ingest.fn(config.model_copy(update={"portfolio": "nowhere.json"}), store, whole_run=True)


@pytest.mark.parametrize("retry", [True, False])
def test_the_error_says_whether_to_try_again(retry: bool) -> None:
    from prefect.states import Failed

    from flows import _tasks

    state = Failed(data=BackendError("no answer", retry=retry))
    assert _tasks._worth_retrying(_tasks.ingest, None, state) is retry  # type: ignore[arg-type]
    assert not _tasks._worth_retrying(_tasks.ingest, None, Failed(data=ValueError("a bug")))  # type: ignore[arg-type]
