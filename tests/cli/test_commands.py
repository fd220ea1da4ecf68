from __future__ import annotations

import re
from pathlib import Path

import pytest

import qfin as package
from qfin.cli._app import app
from qfin.stages.config import load_config
from qfin.store import Store

STAGES = ["ingest", "encode", "train", "generate", "risk", "report"]
COMMANDS = [
    "run",
    *STAGES[:-1],
    "stress",
    "report",
    "diagnose",
    "race",
    "backtest",
    "validate",
    "plan",
    "compare",
    "replay",
    "export",
    "kinds",
    "show",
    "data",
]


def test_version(qfin):
    assert qfin("--version") == (0, f"qfin {package.__version__}\n", "")


def test_there_are_these_commands(qfin):
    assert [command.name for command in app.registered_commands] == COMMANDS
    shown = qfin()
    assert shown.code == 0
    assert all(re.search(rf"│ {name} ", shown.out) for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(qfin, command):
    shown = qfin(command, "--help")
    assert shown.code == 0
    assert f"Example: qfin {command}" in shown.out


def test_run_ends_with_a_table_and_the_paths_of_what_it_made(qfin, config, full):
    again = qfin("run", "--local", "--config", config, "--store", full)
    assert again.code == 0
    assert re.search(r"VaR 99 %, USD +ES 97.5 %, USD +held out, nats a day", again.out)
    figures = r"-?[\d,.]+ \[-?[\d,.]+, -?[\d,.]+\]"
    assert re.search(rf"Student-t copula +{figures} +{figures} +{figures}", again.out)
    assert re.search(rf"Bootstrap +{figures} +{figures} +no density", again.out)
    assert "over 1 day; in brackets 95 % confidence intervals" in again.out
    assert "artifacts  10, 10 of them reused" in again.out
    for name, path in re.findall(r"^(report|scenarios) +(.+)$", again.out, re.MULTILINE):
        assert Path(path).exists(), name
    assert len(re.findall(r"^\w+.*reused$", again.err, re.MULTILINE)) == 10
    assert "\x1b" not in again.out + again.err


@pytest.mark.parametrize("stage", [*STAGES, "stress"])
def test_a_stage_finds_what_the_run_made(qfin, config, full, stage):
    before = Store(full).refs()
    found = qfin(stage, "--config", config, "--store", full)
    assert found.code == 0
    assert found.out.splitlines()[0] in before
    assert Store(full).refs() == before


def test_stages_one_by_one_are_the_run(qfin, config, full, tmp_path):
    reference, rows = [], {}
    for stage in STAGES:
        made = qfin(stage, *reference, "--config", config, "--store", tmp_path)
        assert made.code == 0
        reference = made.out.splitlines()[:1]
        rows[stage] = reference[0]
    everything = Store(full).refs()
    assert [ref in everything for ref in rows.values()] == [True] * 5 + [False]  # a report on one model alone


def test_a_beginning_of_an_id_will_do(qfin, config, full):
    ref = next(ref for ref in Store(full).refs("train"))
    made = qfin("generate", ref[:-8], "--config", config, "--store", full)
    assert made.out.startswith("generate/")


def test_a_model_is_chosen_by_kind_with_its_configured_parameters(qfin, tmp_path, config, full):
    made = qfin("train", "--model", "bootstrap", "--config", config, "--store", full)
    assert Store(full).get(made.out.splitlines()[0]).summary["kind"] == "bootstrap"
    other = tmp_path / "other.toml"
    other.write_text(config.read_text().replace('["bootstrap"]', '[{ kind = "gaussian", floor = 0.01 }]'))
    made = qfin("train", "-m", "gaussian", "-c", other, "-s", full)
    assert Store(full).get(made.out.splitlines()[0]).inputs["dependence"]["floor"] == 0.01
    assert load_config(other).rivals == [{"kind": "gaussian", "floor": 0.01}]


def test_the_store_comes_from_the_environment(qfin, config, full, monkeypatch):
    monkeypatch.setenv("QFIN_STORE", str(full))
    assert qfin("ingest", "--config", config).out.splitlines()[0] in Store(full).refs()


def test_show_lists_and_shows(qfin, full):
    refs = Store(full).refs()
    listing = qfin("show", "--store", full)
    assert all(ref in listing.out for ref in refs)
    risk = next(ref for ref in refs if ref.startswith("risk/"))
    shown = qfin("show", risk, "--store", full).out
    assert shown.startswith(risk)
    assert re.search(r"pnl.parquet +[\d.]+ kB", shown)
    for made_from in Store(full).lineage(Store(full).get(risk))[1:]:
        assert made_from.ref in shown


def test_kinds_lists_every_plugin_with_its_parameters(qfin):
    shown = qfin("kinds").out
    for kind in (
        "born",
        "student_t",
        "garch",
        "semiparametric",
        "csv",
        "line_rzz",
        "gray",
        "nll",
        "fx_forward",
    ):
        assert re.search(rf"^ +{kind} ", shown, re.MULTILINE), kind
    one = qfin("kinds", "dependence").out
    assert "bits : int (>= 1, <= 16) = 3" in one
    assert "garch" not in one


def test_data_tells_what_is_in_a_file(qfin, tmp_path):
    path = tmp_path / "prices.csv"
    rows = [
        f"{day},1.{k},{k + 2}"
        for k, day in enumerate(["2024-01-01", "2024-01-02", "2024-01-03", "2024-02-02"])
    ]
    path.write_text("\n".join(["date,EURUSD,[red]X[/red]", *rows]))
    told = qfin("data", path)
    assert told.code == 0
    assert "4 rows" in told.out
    assert "2024-01-01 to 2024-02-02" in told.out
    assert "[red]X[/red]" in told.out
    assert re.search(r"^oddity, .*2024-02-02", told.out, re.MULTILINE)


def test_data_shows_everything_before_it_fails(qfin, tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("date,EURUSD,GBPUSD\n2024-01-01,1.1,2\n2024-01-02,,0\n2024-01-03,1.3,2\n")
    told = qfin("data", path)
    assert told.code == 2
    assert len(re.findall("^error, ", told.out, re.MULTILINE)) == 2
    assert len(told.err.splitlines()) == 1


def test_data_takes_shipped_names_and_configurations(qfin, config):
    assert "USDJPY" in qfin("data", "fx").out
    assert "2022-01-03" in qfin("data", "--config", config).out
