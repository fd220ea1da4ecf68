"""All stages, one after the other, without a scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from qfin.stages._progress import Watcher, watching
from qfin.stages.encode import encode
from qfin.stages.generate import generate
from qfin.stages.ingest import ingest
from qfin.stages.report import report
from qfin.stages.risk import risk
from qfin.stages.stress import stress
from qfin.stages.train import train
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    from qfin.stages.config import RunConfig

_ORDER = (
    "ingest", "race", "forecast", "backtest", "encode", "train", "diagnose", "tune", "generate", "risk", "stress",
    "report", "sensitivity", "validate",
)  # fmt: skip


@dataclass(frozen=True)
class ResultRow:
    """One model's figures: rows of `risk.json` for VaR and ES, `score.json` for the held-out score.

    Each is a mapping with its figure (`value`, of the score `mean`, which is None without a density), `lower`, `upper`
    and `confidence`.
    """

    label: str
    kind: str
    value_at_risk: Mapping[str, Any]
    expected_shortfall: Mapping[str, Any]
    score: Mapping[str, Any]


@dataclass(frozen=True)
class RunResult:
    """What a run made.

    Attributes
    ----------
    rows : a row a model, the one the report is about first
    base_currency : of VaR and ES
    horizon : days that VaR and ES are over
    artifacts : every artifact, the report last; of a run, `reused` says which were there already
    report : path of the HTML report
    scenarios : path of the first model's scenario set
    """

    rows: tuple[ResultRow, ...]
    base_currency: str
    horizon: int
    artifacts: tuple[Artifact, ...]
    report: Path
    scenarios: Path

    @classmethod
    def of(cls, report: Artifact, store: Store) -> Self:
        """The result behind a `report` artifact, read back from the store."""
        lineage = sorted(store.lineage(report), key=lambda artifact: _ORDER.index(artifact.stage))
        known = {artifact.ref: artifact for artifact in lineage}
        roles = [role for role in report.parents if role.startswith("risk_")]
        risks = [known[report.parents[role]] for role in sorted(roles, key=lambda r: int(r.split("_")[1]))]
        sets = [known[risk.parents["scenarios"]] for risk in risks]
        models = [known[scenarios.parents["model"]] for scenarios in sets]
        figures = risks[0].json("risk.json")
        return cls(
            rows=tuple(_row(risk, model) for risk, model in zip(risks, models, strict=True)),
            base_currency=figures["base_currency"],
            horizon=figures["horizon"],
            artifacts=tuple(lineage),
            report=report.path("report.html"),
            scenarios=sets[0].folder,
        )


def run(config: RunConfig, store: Store, progress: Watcher | None = None) -> RunResult:
    """Run every stage for the configured model and its rivals; what the store has already is found, not made again.

    Parameters
    ----------
    progress : called with a `StageEvent` when a stage begins and when it has ended

    Raises
    ------
    QfinError
        of whichever stage finds something wrong; what it worked on is not published.
    """
    with watching(progress):
        made = [ingest(config, store, whole_run=True)]
        made.append(encode(config, made[0], store))
        risks = []
        for spec in [config.dependence, *config.rivals]:
            model = train(config, spec, made[1], store)
            scenarios = generate(config, model, store)
            risks.append(risk(config, scenarios, store))
            tuned = [store.get(scenarios.parents["tuned"])] if "tuned" in scenarios.parents else []
            made += [model, *tuned, scenarios, risks[-1]]
        made.append(stress(config, store.get(risks[0].parents["scenarios"]), store))
        made.append(report([*risks, made[-1]], store))
        return replace(RunResult.of(made[-1], store), artifacts=tuple(made))


def _row(risk: Artifact, model: Artifact) -> ResultRow:
    figures = risk.json("risk.json")
    measures = {row["measure"]: row for row in figures["measures"]}
    return ResultRow(
        figures["label"], figures["kind"], measures["VaR"], measures["ES"], model.json("score.json")
    )
