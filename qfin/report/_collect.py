"""From risk artifacts back to everything they were made from."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from qfin.errors import ConfigError, StoreError
from qfin.market import ReturnsFrame
from qfin.report._data import (
    BacktestData,
    DiagnosisData,
    HistoryData,
    Interval,
    Measure,
    ModelData,
    RaceData,
    ReportData,
    Step,
)
from qfin.report._read import document, read, table
from qfin.scenarios import ScenarioSet
from qfin.store import Artifact, Store

_SAME = ("portfolio", "base_currency", "as_of", "horizon")


def collect(
    risks: Sequence[Artifact],
    store: Store,
    diagnoses: Sequence[Artifact] = (),
    races: Sequence[Artifact] = (),
    stresses: Sequence[Artifact] = (),
    backtests: Sequence[Artifact] = (),
) -> ReportData:
    """Read what a report on these risk artifacts shows, by walking back through the store.

    Parameters
    ----------
    risks : `risk` artifacts of one portfolio, as-of date and horizon; the report is about the first, the others are
        its rivals
    store : where they are
    diagnoses : `diagnose` artifacts of their models
    races : `race` artifacts to be shown with them
    stresses : one `stress` artifact of the first one's scenarios, or none
    backtests : `backtest` artifacts to be shown with them

    Raises
    ------
    ConfigError
        if there are none, or they are not comparable, or a diagnosis is of none of their models, or a stress is not of
        the first one's scenarios.
    StoreError
        if an artifact or a file is missing or damaged.
    """
    if not risks:
        raise ConfigError("a report needs at least one risk artifact; `qfin risk` makes one")
    chains = [_chain(risk, store) for risk in risks]
    reports = [document(risk, "risk.json", "measures", "trades", "worst", *_SAME) for risk in risks]
    _check_comparable(risks, reports)
    main, first = chains[0], reports[0]
    inside = _diagnoses(diagnoses, [chain["train"].ref for chain in chains])
    sets = [_scenarios(chain["generate"]) for chain in chains]
    pnl = [table(risk, "pnl.parquet", "total") for risk in risks]
    besides = (*diagnoses, *stresses, *races, *backtests)
    trade_names = [str(trade["name"]) for trade in first["trades"]]
    return ReportData(
        portfolio=str(first["portfolio"]),
        base_currency=str(first["base_currency"]),
        portfolio_value=float(document(risks[0], "risk.json", "portfolio_value")["portfolio_value"]),
        as_of=pd.Timestamp(first["as_of"]),
        horizon=int(first["horizon"]),
        factors=sets[0].factors,
        levels=sets[0].levels,
        models=_arranged([_model(*parts, inside) for parts in zip(chains, reports, sets, pnl, strict=True)]),
        trades=tuple(first["trades"]),
        trade_pnl=table(risks[0], "pnl.parquet", *trade_names)[trade_names].to_numpy(dtype=float),
        worst=tuple(first["worst"]),
        static_market=tuple(first.get("static_market") or ()),
        history=_history(main["ingest"], main["encode"], sets[0]),
        encoding=main["encode"].summary,
        discretisation=tuple(_optional(main["encode"], "discretisation.json", [])),
        lineage=_lineage([*(a for chain in chains for a in chain.values()), *besides]),
        artifacts=tuple(artifact.ref for artifact in (*risks, *besides)),
        races=tuple(collect_race(artifact) for artifact in races),
        backtests=tuple(collect_backtest(artifact) for artifact in backtests),
        risk=document(risks[0], "risk.json"),
        stress=_stress(stresses, main["generate"].ref),
    )


def collect_race(artifact: Artifact) -> RaceData:
    """Read what a report shows of a `race` artifact.

    Raises
    ------
    StoreError
        if a file is missing or damaged.
    """
    curve = ("model", "label", "quantum", "mean", "lower", "upper")
    return RaceData(
        ref=artifact.ref,
        about=document(artifact, "race.json", "models", "verdict", "energy_verdict", "not_entered", "level"),
        daily=table(artifact, "daily.parquet", "date", "model", "log_density"),
        learning=table(artifact, "learning.parquet", "train_days", *curve),
        expressiveness=table(artifact, "expressiveness.parquet", "parameters", *curve),
    )


def collect_backtest(artifact: Artifact) -> BacktestData:
    """Read what a report shows of a `backtest` artifact.

    Raises
    ------
    StoreError
        if a file is missing or damaged.
    """
    columns = ("date", "model", "horizon", "level", "pnl", "var", "es", "evidence_var", "evidence_es")
    return BacktestData(
        ref=artifact.ref,
        about=document(artifact, "backtest.json", "models", "portfolio", "base_currency", "significance"),
        daily=table(artifact, "daily.parquet", *columns),
    )


def _chain(risk: Artifact, store: Store) -> dict[str, Artifact]:
    """The artifact of each stage that led to one risk artifact, the risk artifact first."""
    if risk.stage != "risk":
        raise ConfigError(f"a report is made from risk artifacts; {risk.ref} is a {risk.stage!r} artifact")
    chain: dict[str, Artifact] = {}
    for artifact in store.lineage(risk):
        chain.setdefault(artifact.stage, artifact)
    for stage in ("generate", "train", "encode", "ingest"):
        if stage not in chain:
            raise StoreError(
                f"artifact {risk.ref} does not go back to a {stage!r} artifact; run the stages again"
            )
    return chain


def _check_comparable(risks: Sequence[Artifact], reports: Sequence[Mapping[str, Any]]) -> None:
    for risk, report in zip(risks, reports, strict=True):
        for key in _SAME:
            if report[key] != reports[0][key]:
                raise ConfigError(
                    f"{risk.ref} and {risks[0].ref} cannot be compared: {key.replace('_', ' ')} is {report[key]!r} in "
                    f"one and {reports[0][key]!r} in the other; name risk artifacts of one run"
                )


def _scenarios(generate: Artifact) -> ScenarioSet:
    return read(generate, "scenarios.parquet", lambda: ScenarioSet.read(generate.folder))


def _diagnoses(diagnoses: Sequence[Artifact], models: Sequence[str]) -> dict[str, DiagnosisData]:
    """Diagnoses by the reference of the `train` artifact they are of."""
    found: dict[str, DiagnosisData] = {}
    for artifact in diagnoses:
        model = artifact.parents["model"]
        if model not in models:
            raise ConfigError(
                f"{artifact.ref} is of {model}, which made none of the risk figures of this report; name a risk "
                "artifact that goes back to it"
            )
        if model in found:
            raise ConfigError(f"{artifact.ref} and {found[model].ref} are both of {model}; name one of them")
        found[model] = _diagnosis(artifact)
    return found


def _stress(stresses: Sequence[Artifact], scenarios: str) -> Mapping[str, Any] | None:
    """What the stress of a scenario set found."""
    if not stresses:
        return None
    if len(stresses) > 1:
        raise ConfigError(f"a report shows one stress; name one of {', '.join(s.ref for s in stresses)}")
    if stresses[0].parents["scenarios"] != scenarios:
        raise ConfigError(
            f"{stresses[0].ref} is of {stresses[0].parents['scenarios']}, and the report is about {scenarios}; "
            "`qfin stress` makes one of those"
        )
    return document(stresses[0], "stress.json", "moves", "reverse", "unconditional")


def _diagnosis(artifact: Artifact) -> DiagnosisData:
    return DiagnosisData(
        ref=artifact.ref,
        about=document(
            artifact, "diagnosis.json", "model", "qubits", "layers", "decay", "entanglement", "loss"
        ),
        gradients=table(artifact, "gradients.parquet", "qubits", "layers", "initialisation", "median"),
        ansatz=table(artifact, "ansatz.parquet", "layers", "expressibility"),
        bits=table(artifact, "bits.parquet", "qubit", "other_qubit", "quantum", "circuit", "data"),
        factors=table(artifact, "factors.parquet", "factor", "other_factor", "circuit", "data", "data_error"),
        gates=table(artifact, "gates.parquet", "position", "gate", "bits", "loss_change", "fisher", "idle"),
    )


def _model(
    chain: Mapping[str, Artifact],
    report: Mapping[str, Any],
    scenarios: ScenarioSet,
    pnl: pd.DataFrame,
    diagnoses: Mapping[str, DiagnosisData],
) -> ModelData:
    train = chain["train"]
    score = document(train, "score.json", "mean")
    has_score = score["mean"] is not None
    lineage = scenarios.lineage
    return ModelData(
        label=str(report.get("label") or score.get("label") or train.summary.get("label") or "Model"),
        kind=str(report.get("kind") or score.get("kind") or ""),
        measures=read(chain["risk"], "risk.json", lambda: tuple(_measure(row) for row in report["measures"])),
        loss=-pnl["total"].to_numpy(dtype=float),
        first_day=scenarios.returns[:, 0, :],
        volatility=(lineage.get("model") or {}).get("volatility"),
        seed=lineage.get("seed"),
        score=interval(score, "mean") if has_score else None,
        why_none=None if has_score else score.get("why_none"),
        daily=_daily(train),
        details=_optional(train, "details.json", {}),
        training=_training(train),
        circuit=read(train, "circuit.svg", lambda: train.path("circuit.svg").read_text(encoding="utf-8"))
        if "circuit.svg" in train.files
        else None,
        diagnosis=diagnoses.get(train.ref),
        backend=lineage.get("backend"),
        certificate=lineage.get("certificate"),
    )


def _measure(row: Mapping[str, Any]) -> Measure:
    return Measure(str(row["measure"]), float(row["level"]), interval(row), str(row.get("convention") or ""))


def interval(row: Mapping[str, Any], key: str = "value") -> Interval:
    """A figure with whatever interval the row states."""
    bounds = {
        name: None if row.get(name) is None else float(row[name]) for name in ("lower", "upper", "confidence")
    }
    return Interval(float(row[key]), **bounds)


def _daily(train: Artifact) -> pd.Series | None:
    if "daily_scores.parquet" not in train.files:
        return None
    frame = table(train, "daily_scores.parquet", "date", "log_density")
    return pd.Series(frame["log_density"].to_numpy(float), index=pd.DatetimeIndex(frame["date"]))


def _training(train: Artifact) -> pd.DataFrame | None:
    if "training.parquet" not in train.files:
        return None
    frame = table(train, "training.parquet", "step", "loss", "held_out_loss").astype(float)
    return frame if len(frame) > 1 else None


def _history(ingest: Artifact, encode: Artifact, scenarios: ScenarioSet) -> HistoryData:
    names = list(scenarios.names)
    prices = table(ingest, "prices.parquet", "date", *names).set_index("date")
    returns = read(ingest, "returns.parquet", lambda: ReturnsFrame.read(ingest.path("returns.parquet")))
    missing = sorted(set(names) - set(returns.names))
    if missing:
        raise StoreError(
            f"returns.parquet of artifact {ingest.ref} lacks {', '.join(missing)}; run the stages again"
        )
    quality = document(ingest, "quality.json")
    attribution = ingest.summary.get("attribution") or quality.get("attribution")
    return HistoryData(
        prices=prices[names].astype(float),
        returns=returns.values[:, [returns.names.index(name) for name in names]],
        dates=returns.dates,
        pseudo_observations=table(encode, "pseudo_observations.parquet", *names)[names].to_numpy(dtype=float),
        quality=quality,
        attribution=str(attribution) if attribution else None,
    )


def _optional(artifact: Artifact, name: str, default: Any) -> Any:
    return document(artifact, name) if name in artifact.files else default


def _arranged(models: list[ModelData]) -> tuple[ModelData, ...]:
    """The first model, then its rivals by held-out score; a label that is used twice gets a number."""
    counts, seen, named = Counter(m.label for m in models), Counter[str](), []
    for model in models:
        seen[model.label] += 1
        label = f"{model.label} {seen[model.label]}" if counts[model.label] > 1 else model.label
        named.append(replace(model, label=label))
    return named[0], *sorted(named[1:], key=lambda m: math.inf if m.score is None else -m.score.value)


def _lineage(artifacts: Sequence[Artifact]) -> tuple[Step, ...]:
    """Every artifact behind the report once, in the order of the stages."""
    stages = [
        "ingest",
        "race",
        "backtest",
        "encode",
        "train",
        "diagnose",
        "tune",
        "generate",
        "risk",
        "stress",
    ]
    unique = {artifact.ref: artifact for artifact in artifacts}
    known = [a for a in unique.values() if a.stage in stages]
    return tuple(_step(artifact) for artifact in sorted(known, key=lambda a: stages.index(a.stage)))


def _step(artifact: Artifact) -> Step:
    return Step(
        ref=artifact.ref,
        stage=artifact.stage,
        summary=artifact.summary,
        parents=artifact.parents,
        inputs=json.dumps(artifact.inputs, indent=2, sort_keys=True, ensure_ascii=False),
        seed=_seed(artifact),
        code=artifact.code,
        files=tuple(
            (name, int(about["bytes"]), str(about["sha256"])) for name, about in artifact.files.items()
        ),
    )


def _seed(artifact: Artifact) -> int | None:
    for values in (artifact.summary, artifact.inputs):
        if isinstance(values.get("seed"), int):
            return int(values["seed"])
    return None
