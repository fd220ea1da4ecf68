"""Stage `validate`: what it finds, what its tests catch, and what it refuses."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from qfin import stages
from qfin.errors import ConfigError
from qfin.risk import expected_shortfall, value_at_risk
from qfin.stages._chain import Chain
from qfin.stages._validate_checks import Checks, _rockafellar_uryasev
from qfin.stages._validate_method import method
from qfin.stages.config import SensitivityConfig
from qfin.store import Store

BORN = {"kind": "born", "bits": 1, "layers": 1, "steps": 3, "data_weight": 1.0}
BACKTEST = {
    "models": {"model": {}},
    "days": 120,
    "training_days": 200,
    "refit_every": 30,
    "scenarios": 200,
    "horizons": [1],
}
RACE = {
    "models": {"first": "independent", "Born machine": BORN},
    "training_days": 300,
    "refit_every": 500,
    "seeds": 1,
    "learning_days": [],
    "expressiveness": False,
}

pytestmark = pytest.mark.xdist_group("validate")


@pytest.fixture(scope="module")
def config(small):
    return small(rivals=["gaussian"], backtest=BACKTEST, race=RACE, measures={"error_budget": False})


@pytest.fixture(scope="module")
def known(config, tmp_path_factory):
    """A store with a run, a race and a backtest of it, and the run's first risk artifact."""
    store = Store(tmp_path_factory.mktemp("known"))
    risk = next(a for a in stages.run(config, store).artifacts if a.stage == "risk")
    history = stages.ingest(config, store)
    stages.race(config, history, store)
    stages.backtest(config, history, store)
    return store, risk


@pytest.fixture(scope="module")
def validated(known):
    store, risk = known
    varied = stages.sensitivity(SensitivityConfig(bits=[], layers=[], seeds=1, window_days=[]), risk, store)
    return stages.validate([risk, *stages.evidence(risk, store), varied], store)


@pytest.fixture(scope="module")
def quantum(config, known):
    """The chain of a small Born machine."""
    store, _ = known
    encoding = stages.encode(config, stages.ingest(config, store), store)
    drawn = stages.generate(config, stages.train(config, BORN, encoding, store), store)
    return Chain.of(stages.risk(config, drawn, store), store)


@pytest.fixture
def checks(quantum, known):
    return Checks(quantum, known[0])


def failed(checks):
    return {check.name for check in checks.run() if check.passed is False}


def test_every_part_comes_to_something(validated):
    found = validated.json("validation.json")
    parts = [row["part"] for row in found["findings"]]
    assert parts == [
        "Data", "Parameters over refits", "Backtest, 1 day ahead", "Race", "Rivals, held out", "Sensitivity",
        "Implementation",
    ]  # fmt: skip
    assert "not done" not in {row["status"] for row in found["findings"]}
    assert found["findings"][-1]["sentence"] == "7 of 7 tests pass."
    assert [check["passed"] for check in found["checks"]] == [True, None] + [True] * 6
    assert [row["kind"] for row in found["method"]] == ["ewma", "empirical", "student_t"]


def test_the_document_has_its_twelve_sections_and_every_hash(validated, known):
    store, risk = known
    page = validated.path("validation.html").read_text(encoding="utf-8")
    headings = re.findall(r'<h2><span class="number">(\d+)</span>([^<]+)</h2>', page)
    assert [int(number) for number, _ in headings] == list(range(1, 13))
    for artifact in Chain.of(risk, store).artifacts:
        for about in artifact.files.values():
            assert about["sha256"] in page
    assert f"qfin replay {risk.ref}" in page
    assert "is classical: nothing here speaks of quantum hardware" in page
    assert "Not done" not in page


def test_without_race_backtest_and_rivals_it_says_what_to_run(config, tmp_path):
    store = Store(tmp_path)
    encoding = stages.encode(config, stages.ingest(config, store), store)
    model = stages.train(config, BORN, encoding, store)
    risk = stages.risk(config, stages.generate(config, model, store), store)
    nothing = SensitivityConfig(bits=[], layers=[], seeds=0, window_days=[])
    varied = stages.sensitivity(nothing, risk, store)
    made = stages.validate([risk, *stages.evidence(risk, store), varied], store)
    open_ = {
        row["part"]: row["sentence"]
        for row in made.json("validation.json")["findings"]
        if row["status"] == "not done"
    }
    assert set(open_) == {"Parameters over refits", "Backtest", "Race", "Rivals, held out", "Sensitivity"}
    assert "`qfin backtest`" in open_["Backtest"]
    assert "`qfin race`" in open_["Race"]
    page = made.path("validation.html").read_text(encoding="utf-8")
    assert "no quantum advantage is claimed" in page
    assert made.json("validation.json")["findings"][-1]["sentence"] == "8 of 8 tests pass."


def test_it_is_replayed_to_the_byte(validated, known):
    """But for the race's timings, which the document quotes."""
    found = stages.replay(validated, known[0])
    assert found.same, found.sentence


def test_a_right_implementation_passes(checks):
    assert not failed(checks)


def test_a_changed_pnl_is_found(checks, tmp_path):
    chain = checks.chain
    shutil.copytree(chain.risk.folder, tmp_path / "risk")
    path = tmp_path / "risk" / "pnl.parquet"
    frame = pd.read_parquet(path)
    frame["total"] *= 1.001
    frame.to_parquet(path)
    altered = Checks(replace(chain, risk=replace(chain.risk, folder=tmp_path / "risk")), checks.store)
    assert failed(altered) == {"Files of the lineage", "Profit and loss", "VaR 99%", "ES 97.5%"}


def test_a_file_that_is_not_what_was_stored_is_found(checks, monkeypatch):
    lineage = checks.store.lineage(checks.chain.risk)
    name, about = next(iter(lineage[0].files.items()))
    spoilt = replace(lineage[0], files={**lineage[0].files, name: {**about, "sha256": "0" * 64}})
    monkeypatch.setattr(checks.store, "lineage", lambda artifact: [spoilt, *lineage[1:]])
    assert failed(checks) == {"Files of the lineage"}


def test_a_circuit_that_is_not_its_table_is_found(checks):
    table = checks.model.dependence.probabilities_
    checks.model.dependence.probabilities_ = np.roll(table, 1)
    assert {"Outcome probabilities of the circuit", "Scenarios"} <= failed(checks)


def test_scenarios_of_another_volatility_are_found(checks):
    checks.model.volatility.next_variance_ = 4.0 * checks.model.volatility.next_variance_
    assert {"Scenarios", "Each factor alone in the scenarios"} <= failed(checks)


def test_quantiles_that_do_not_invert_are_found(checks, monkeypatch):
    ppf = type(checks.model.marginals).ppf
    monkeypatch.setattr(
        type(checks.model.marginals), "ppf", lambda self, U: ppf(self, np.clip(U + 1e-6, 0, 1 - 1e-9))
    )
    assert "Quantiles of the marginals" in failed(checks)


@pytest.mark.parametrize("level", [0.9, 0.975, 0.99])
def test_rockafellar_and_uryasevs_minimum_is_var_and_es(level):
    losses = np.random.default_rng(1).standard_t(4, size=3001)
    var, es = _rockafellar_uryasev(losses, level)
    assert var == value_at_risk(losses, level)
    assert es == pytest.approx(expected_shortfall(losses, level), rel=1e-12)
    found = minimize_scalar(
        lambda c: c + np.maximum(losses - c, 0).mean() / (1 - level),
        bounds=(losses.min(), losses.max()),
        method="bounded",
    )
    assert es == pytest.approx(found.fun, rel=1e-6)


def test_its_es_is_the_closed_form_of_a_normal_loss():
    losses = stats.norm.ppf((np.arange(400_000) + 0.5) / 400_000)
    _, es = _rockafellar_uryasev(losses, 0.975)
    assert es == pytest.approx(stats.norm.pdf(stats.norm.ppf(0.975)) / 0.025, rel=1e-3)


def test_what_is_of_another_history_or_model_is_refused(known, quantum, small):
    store, risk = known
    other = small(history={"start": "2021-06-01"}, race=RACE)
    race = stages.race(other, stages.ingest(other, store), store)
    with pytest.raises(ConfigError, match=rf"{race.ref} says nothing of generate/.*: it is of ingest/"):
        stages.evidence(risk, store, [race])
    backtest = store.get(store.refs("backtest")[0])
    with pytest.raises(ConfigError, match=rf"{backtest.ref} says .*: its first model, 'model', is another"):
        stages.evidence(quantum.risk, store, [backtest])


def test_several_backtests_of_one_model_must_be_chosen_from(known, config):
    store, risk = known
    found = [a.ref for a in stages.evidence(risk, store)]
    assert [ref.split("/")[0] for ref in found][-2:] == ["race", "backtest"]
    shorter = config.model_copy(update={"backtest": config.backtest.model_copy(update={"days": 60})})
    second = stages.backtest(shorter, stages.ingest(config, store), store)
    with pytest.raises(
        ConfigError, match=r"there are several of stage 'backtest' about generate/\w+: .*; name one"
    ):
        stages.evidence(risk, store)
    assert stages.evidence(risk, store, [second])[-1].ref == second.ref


def test_a_validation_takes_risk_and_one_sensitivity_of_it(known):
    store, risk = known
    with pytest.raises(ConfigError, match="takes one sensitivity artifact, which is of it"):
        stages.validate([risk], store)
    with pytest.raises(ConfigError, match="of risk at least one"):
        stages.validate([], store)


def test_a_circuit_inside_a_wrapper_is_tested_and_described(config, quantum, known):
    store, _ = known
    model = stages.train(config, {"kind": "factor", "model": BORN}, quantum.encoding, store)
    risk = stages.risk(config, stages.generate(config, model, store), store)
    checks = Checks(Chain.of(risk, store), store)
    assert {check.name: check.passed for check in checks.run()}["Outcome probabilities of the circuit"]
    rows = {row["stage"]: row["kind"] for row in method(checks.model)}
    assert (rows["dependence"], rows["model inside"]) == ("factor", "born")


def test_a_set_drawn_on_a_backend_stands_by_its_certificate(config, quantum, known):
    store, _ = known
    wide = config.scenarios.model_copy(update={"certificate_bound": 0.5})
    drawn = stages.generate(
        config.model_copy(update={"backend": "aer", "scenarios": wide}), quantum.model, store
    )
    risk = stages.risk(config, drawn, store)
    varied = stages.sensitivity(SensitivityConfig(bits=[], layers=[2], seeds=0, window_days=[]), risk, store)
    made = stages.validate([risk, varied], store)
    content = made.json("validation.json")
    findings = {row["part"]: row for row in content["findings"]}
    assert findings["Backend"]["status"] == "holds"
    assert "from the exact circuit" in findings["Backend"]["sentence"]
    checks = {check["name"]: check for check in content["checks"]}
    assert checks["Scenarios"]["passed"] is None
    assert findings["Implementation"]["sentence"] == "7 of 7 tests pass."
    page = made.path("validation.html").read_text(encoding="utf-8")
    assert "The claim reaches no further than these correlators" in page
