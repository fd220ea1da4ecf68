"""Stage `race`, its page, and the report that shows both."""

from __future__ import annotations

import json
import re

import duckdb
import pytest

from qfin import stages
from qfin.errors import ConfigError, DataError
from qfin.stages.config import RaceConfig, RunConfig

RACE = {
    "models": {
        "gaussian": "gaussian",
        "bootstrap": "bootstrap",
        "circuit": {"kind": "born", "steps": 5, "data_weight": 1.0, "layers": 1},
    },
    "training_days": 250,
    "refit_every": 500,
    "seeds": 2,
    "learning_days": [125],
    "expressiveness": False,
}


pytestmark = pytest.mark.xdist_group("race")


@pytest.fixture(scope="module")
def raced(small, tmp_path_factory):
    from qfin.store import Store

    store, config = Store(tmp_path_factory.mktemp("race")), small(race=RACE)
    history = stages.ingest(config, store)
    return config, store, history, stages.race(config, history, store)


def test_the_artifact_holds_rules_rows_and_verdict(raced):
    config, _, _, made = raced
    found = made.json("race.json")
    assert found["seeds"] == [config.seed, config.seed + 1]
    rows = {row["name"]: row for row in found["models"]}
    assert rows["circuit"]["seeds"] == 2
    assert rows["gaussian"]["seeds"] == 1
    assert found["verdict"]["best_quantum"] == "circuit"
    assert "circuit" in found["verdict"]["sentence"]
    assert made.summary["sentence"] == found["verdict"]["sentence"]


def test_any_tool_reads_the_daily_scores(raced):
    *_, made = raced
    mean = duckdb.sql(
        f"select avg(log_density) from '{made.path('daily.parquet')}' where model = 'gaussian'"
    ).fetchall()[0][0]
    rows = {row["name"]: row for row in made.json("race.json")["models"]}
    assert mean == pytest.approx(rows["gaussian"]["log_score"]["mean"])


def test_running_again_finds_the_same_artifact_and_another_rule_another(raced, small):
    config, store, history, made = raced
    assert stages.race(config, history, store).ref == made.ref
    other = small(race=RACE | {"seeds": 1})
    assert stages.race(other, history, store).ref != made.ref


def test_the_page_states_the_verdict_and_every_model(raced):
    _, store, _, made = raced
    page = stages.report([made], store)
    text = page.path("report.html").read_text(encoding="utf-8")
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
    assert made.json("race.json")["verdict"]["sentence"].split(":")[0].split(",")[0] in words
    for label in ("Gaussian copula", "Bootstrap", "circuit", "Learning curves"):
        assert label in words
    assert "Score against parameters" not in words
    assert "src=" not in text.replace('src="data:', "")
    assert json.loads(page.path("summary.json").read_text())["races"][0]["best_quantum"] == "circuit"


def test_a_report_on_risk_shows_the_race_beside_it(made, raced):
    result, store, _ = made
    *_, race = raced
    risks = [artifact for artifact in result.artifacts if artifact.stage == "risk"]
    from qfin.report import collect, render

    text = render(collect(risks, store, races=[race]))
    assert '<a href="#race">Race</a>' in text
    assert '<section id="race">' in text
    assert race.ref in text


def test_a_diagnosis_alone_is_still_no_report(raced):
    _, store, *_ = raced
    with pytest.raises(ConfigError, match="needs at least one risk artifact"):
        stages.report([], store)


def test_too_short_a_history_publishes_nothing(raced, small, store):
    config = small(race=RACE | {"training_days": 5000})
    history = stages.ingest(config, store)
    with pytest.raises(DataError, match="set race.training_days lower"):
        stages.race(config, history, store)
    assert store.refs("race") == []


def test_the_default_race_names_models_of_every_kind_that_races():
    from qfin.dependence import DEPENDENCE

    def kinds(spec):
        spec = {"kind": spec} if isinstance(spec, str) else spec
        return {spec["kind"]} | (kinds(spec["model"]) if "model" in spec else set())

    raced = set().union(*(kinds(spec) for spec in RaceConfig().models.values()))
    assert raced == set(DEPENDENCE.kinds())
    assert RunConfig().race.seeds == 5
