"""`qfin validate`: from a scenario set to the document."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from qfin.store import Store

SENSITIVITY = "[sensitivity]\nseeds = 1\nwindow_days = [300, 100000]\n"


@pytest.fixture
def full(full, tmp_path):
    """A copy without backtests and races, which other tests may have made."""
    ignore = shutil.ignore_patterns("backtest", "race")
    return Path(shutil.copytree(full, tmp_path / "copy", ignore=ignore))


@pytest.fixture
def quick(config, tmp_path):
    path = tmp_path / "quick.toml"
    path.write_text(config.read_text(encoding="utf-8") + SENSITIVITY, encoding="utf-8")
    return path


def test_it_says_what_was_found_and_where_the_document_is(qfin, quick, full):
    store = Store(full)
    sets = [a for a in map(store.get, store.refs("generate")) if a.summary["kind"] == "student_t"]
    outcome = qfin("validate", sets[0].ref, "--config", quick, "--store", full)
    assert outcome.code == 0, outcome.err
    assert re.search(r"Implementation +holds +7 of 7 tests pass", outcome.out)
    assert re.search(r"Backtest +not done", outcome.out)
    page = Path(re.search(r"document +(.+)", outcome.out)[1]).read_text(encoding="utf-8")
    assert sets[0].ref in page
    assert "Left out: window: days fitted to 100000" in page
    again = qfin("validate", sets[0].ref, "--config", quick, "--store", full)
    assert again.out == outcome.out
    risk = next(a for a in map(store.get, store.refs("risk")) if a.parents["scenarios"] == sets[0].ref)
    assert qfin("validate", risk.ref, "--config", quick, "--store", full).out == outcome.out


def test_what_is_no_scenario_set_is_named(qfin, config, full):
    history = Store(full).refs("ingest")[0]
    outcome = qfin("validate", history, "--config", config, "--store", full)
    assert outcome.code == 2
    assert "is an artifact of 'ingest'; wanted one of 'generate' or 'risk'" in outcome.err
