"""One line on stderr, exit code 2, no traceback, nothing published."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from qfin.store import Store


@pytest.fixture
def refused(qfin, tmp_path):
    """Runs a command that must fail, and returns its one line."""

    def call(*arguments):
        store = tmp_path / "refused"
        outcome = qfin(*arguments, "--store", store)
        assert outcome.code == 2
        assert outcome.out == ""
        lines = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1
        assert outcome.err.endswith(f"{lines[0]}\n")
        assert "Traceback" not in outcome.err
        assert Store(store).refs() == []
        return lines[0].removeprefix("error: ")

    return call


@pytest.mark.parametrize("command", ["run", "ingest", "encode", "train", "generate", "risk", "report"])
def test_a_missing_configuration(refused, command):
    arguments = ["--local"] if command == "run" else []
    assert (
        refused(command, *arguments, "--config", "no.toml") == "no.toml: there is no such configuration file"
    )


def test_a_misspelt_kind(refused, tmp_path):
    (tmp_path / "my.toml").write_text('dependence = "borm"')
    assert "there is no dependence model 'borm'; did you mean 'born'?" in refused(
        "run", "-c", tmp_path / "my.toml"
    )
    assert "there is no dependence model 'borm'" in refused("train", "--model", "borm")


def test_bad_prices_with_markup_in_them_are_quoted_as_they_are(refused, tmp_path):
    (tmp_path / "my.toml").write_text('history.reader = { kind = "csv", path = "[bold]p[/bold].csv" }')
    (tmp_path / "[bold]p[").mkdir()
    (tmp_path / "[bold]p[" / "bold].csv").write_text("date,A,B\n2024-01-01,[red]1[/red],2\n")
    line = refused("run", "--local", "-c", tmp_path / "my.toml")
    assert "[bold]p[/bold].csv: row 2, column A: '[red]1[/red]' is not a number" in line


def test_usage(qfin):
    assert qfin("runn") == (2, "", "error: No such command 'runn'. Did you mean 'run'?; see qfin --help\n")
    assert qfin("risk", "--foo").err == "error: No such option: --foo; see qfin risk --help\n"
    assert qfin("kinds", "nothing").err.startswith(
        "error: there is no room 'nothing'; choose one of: readers, "
    )


def test_a_reference_to_nothing_and_to_the_wrong_stage(qfin, full):
    none = qfin("risk", "generate/ffffffffffffffffffff0", "--store", full)
    assert none.code == 2
    assert none.err.endswith("error: 0 artifacts match 'generate/ffffffffffffffffffff0' in "
                             f"{full}; `qfin show` lists what there is\n")  # fmt: skip
    ref = Store(full).refs("train")[0]
    wrong = qfin("risk", ref, "--store", full)
    assert wrong.code == 2
    assert wrong.err.endswith(f"error: {ref} is an artifact of 'train'; wanted one of 'generate'\n")


def test_show_of_an_empty_store(refused):
    assert "there is nothing in" in refused("show")


def test_a_bug_keeps_its_traceback(monkeypatch, qfin):
    monkeypatch.setattr("qfin.market.read_prices", lambda source: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        qfin("data", "fx")


def test_ctrl_c_leaves_with_130_and_no_half_artifact(tmp_path):
    environment = {**os.environ, "NO_COLOR": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", "from qfin.cli import main; main()", "run", "--local", "--store", str(tmp_path)],
        stderr=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stderr.readline().startswith("ingest ")
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "error: interrupted; what was finished is in the store"
    assert "Traceback" not in rest
    assert not list(tmp_path.rglob(".writing-*"))
