"""`qfin race`, its page by `qfin report`, and `qfin compare`."""

from __future__ import annotations

import pandas as pd
import pytest

from qfin.store import Store

RACE = """
volatility = "ewma"
marginals = "empirical"
history.start = 2022-01-01
encoding.bits = 2
[race]
training_days = 250
refit_every = 600
seeds = 1
learning_days = []
expressiveness = false
[race.models]
gaussian = "gaussian"
bootstrap = "bootstrap"
"my circuit" = { kind = "born", steps = 3, data_weight = 1.0, layers = 1 }
"too wide" = { kind = "born", bits = 7 }
"""


@pytest.fixture
def racers(tmp_path):
    path = tmp_path / "race.toml"
    path.write_text(RACE, encoding="utf-8")
    return path


def test_a_race_prints_table_verdict_and_what_to_do_next(qfin, racers, tmp_path):
    store = tmp_path / "store"
    outcome = qfin("race", "--config", racers, "--store", store)
    assert outcome.code == 0
    rows = [line for line in outcome.out.splitlines() if "my circuit" in line or "Gaussian" in line]
    assert any(line.lstrip().startswith("* my circuit") for line in rows)
    assert "best quantum model, my circuit" in outcome.out
    assert "not entered: too wide: " in outcome.out
    (ref,) = Store(store).refs("race")
    assert f"its page   qfin report {ref}" in outcome.out
    page = qfin("report", ref, "--store", store)
    assert page.code == 0
    assert "report.html" in page.out


def test_a_misspelt_racer_is_named_before_anything_starts(qfin, racers, tmp_path):
    racers.write_text(RACE.replace('"bootstrap"\n"my', '"botstrap"\n"my'), encoding="utf-8")
    outcome = qfin("race", "--config", racers, "--store", tmp_path / "store")
    assert outcome.code == 2
    assert "there is no dependence model 'botstrap'; did you mean 'bootstrap'?" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_set_is_compared_with_its_history_and_the_table_written(qfin, full, tmp_path):
    ref = Store(full).refs("generate")[0]
    path = tmp_path / "scores.csv"
    outcome = qfin("compare", ref, "--store", full, "--output", path)
    assert outcome.code == 0
    for score in ("energy distance", "Kendall tau error", "classifier AUC", "PIT Kolmogorov-Smirnov"):
        assert score in outcome.out
    table = pd.read_csv(path)
    assert list(table.columns) == ["score", "factor", "value", "floor", "upper", "p_value"]
    assert table["value"].notna().all()
    wrong = qfin("compare", ref, "--store", full, "--output", tmp_path / "scores.xlsx")
    assert wrong.code == 2
    assert "name a file that ends with .csv or .parquet" in wrong.err
