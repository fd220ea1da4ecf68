"""Stage `train`: a dependence model fitted and scored on days it has not seen, then fitted to all of them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.stages._progress import publish
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from qfin.dependence import Copula
    from qfin.model import ScenarioModel
    from qfin.quantum import TrainingResult
    from qfin.stages.config import RunConfig

Spec = str | Mapping[str, Any]


def train(config: RunConfig, spec: Spec, encoding: Artifact, store: Store) -> Artifact:
    """Publish the model of one dependence `spec`, fitted to an `encode` artifact, with its held-out score.

    The model is fitted twice: to the days before the held-out ones, which gives the score, and to all days, which
    gives the scenarios.

    Raises
    ------
    ConfigError
        if the spec names no kind there is, or a parameter it does not take.
    DataError
        if there are too few days for the model.
    """
    from qfin.dependence import DEPENDENCE

    spec = complete_spec(config, spec)
    cls = DEPENDENCE.load(spec["kind"])

    def write(folder: Path) -> dict[str, Any]:
        dates, training, held_out = _evaluation_days(encoding)
        evaluated = DEPENDENCE.build(spec).fit(training)
        score, daily = _scored(evaluated, held_out, dates, config, folder)
        model = _production(spec, encoding, store)
        model.write(folder)
        added = _what_training_added(evaluated, daily, held_out, config)
        _write_json(folder / "score.json", {"kind": spec["kind"], "label": cls.label, **score})
        _write_json(folder / "details.json", {**model.dependence.details(), **added})
        _write_circuit(model.dependence, folder)
        write_training(getattr(model.dependence, "result_", None), folder)
        summary = {"kind": spec["kind"], "label": cls.label, "held_out_score": score["mean"]}
        warnings = model.dependence.warnings()
        return summary | ({"warnings": warnings} if warnings else {})

    inputs = {"dependence": spec, "seed": config.seed, "confidence": config.measures.confidence}
    return publish(store, "train", inputs, write, {"encoding": encoding}, cls.label)


def complete_spec(config: RunConfig, spec: Spec) -> dict[str, Any]:
    """The spec with what the configuration says once for all models, where the kind takes it and the spec is silent:
    grid (`bits`, `bins`, `code`) and seed (`random_state`)."""
    from qfin.dependence import DEPENDENCE

    given: dict[str, Any] = {"kind": spec} if isinstance(spec, str) else dict(spec)
    DEPENDENCE.build(given)
    known = inspect.signature(DEPENDENCE.load(given["kind"])).parameters
    grid = config.encoding
    common = {"bits": grid.bits, "bins": grid.bins, "code": grid.code, "random_state": config.seed}
    if "model" in known:  # a wrapper
        given["model"] = complete_spec(config, given.get("model", known["model"].default))
    return {name: value for name, value in common.items() if name in known} | given


def check_models(config: RunConfig) -> None:
    """Check every model's spec before anything long starts.

    Raises
    ------
    ConfigError
        naming the kind or parameter that is wrong.
    """
    for spec in [config.dependence, *config.rivals]:
        complete_spec(config, spec)


def _evaluation_days(encoding: Artifact) -> tuple[pd.DatetimeIndex, np.ndarray, np.ndarray]:
    """Dates of the held-out days, and the pseudo-observations of the training and of the held-out days."""
    import pandas as pd

    frame = pd.read_parquet(encoding.path("evaluation.parquet"))
    training, held_out = frame[frame["part"] == "train"], frame[frame["part"] == "held_out"]
    names = [name for name in frame.columns if name not in ("date", "part")]
    return pd.DatetimeIndex(held_out["date"]), training[names].to_numpy(), held_out[names].to_numpy()


def _scored(
    model: Copula, held_out: np.ndarray, dates: pd.DatetimeIndex, config: RunConfig, folder: Path
) -> tuple[dict[str, Any], np.ndarray | None]:
    """The held-out score as JSON values, and that of each day, which goes to a file; None without a density."""
    import pandas as pd

    from qfin.dependence import DensityCopula
    from qfin.evaluation import held_out_score

    days = {"days": len(dates), "first": f"{dates[0]:%Y-%m-%d}", "last": f"{dates[-1]:%Y-%m-%d}"}
    if not isinstance(model, DensityCopula):
        nothing = dict.fromkeys(("mean", "lower", "upper"))
        why = f"{model.label.lower()} draws from the days it has seen and has no density"
        return {**nothing, "confidence": config.measures.confidence, **days, "why_none": why}, None
    score = held_out_score(model, held_out, config.measures.confidence)
    frame = pd.DataFrame({"date": dates, "log_density": score.daily})
    frame.to_parquet(folder / "daily_scores.parquet", index=False, compression="zstd")
    return {**score.to_dict(), **days, "why_none": None}, score.daily


def _what_training_added(
    model: Copula, daily: np.ndarray | None, held_out: np.ndarray, config: RunConfig
) -> dict[str, Any]:
    """Of a model with a prior: the prior's own held-out score, and what the model adds to it day by day."""
    from qfin.evaluation import difference, held_out_score

    prior = getattr(model, "prior_", None)
    if prior is None or daily is None:
        return {}
    confidence = config.measures.confidence
    score = held_out_score(prior, held_out, confidence)
    added = difference(daily, score.daily, confidence)
    return {"prior_score": score.to_dict(), "circuit_adds": added.to_dict()}


def _production(spec: dict[str, Any], encoding: Artifact, store: Store) -> ScenarioModel:
    """The model of all days: the encoding's volatility and marginals, and a copula fitted to what they leave."""
    import pandas as pd

    from qfin import persistence
    from qfin.dependence import DEPENDENCE
    from qfin.market import ReturnsFrame
    from qfin.model import ScenarioModel

    history = store.get(encoding.parents["history"])
    U = pd.read_parquet(encoding.path("pseudo_observations.parquet")).drop(columns="date").to_numpy()
    fitted = persistence.load(encoding.folder, "production")
    model = ScenarioModel(fitted["volatility"], fitted["marginals"], DEPENDENCE.build(spec))
    return model.start_from(ReturnsFrame.read(history.path("returns.parquet"))).fit_dependence(U)


def _write_circuit(model: Copula, folder: Path) -> None:
    """Circuit of a quantum model as OpenQASM 3 and as a drawing."""
    circuit = getattr(model, "circuit_", None)
    if circuit is None:
        return
    from qfin.quantum import draw_svg, to_qasm

    (folder / "circuit.qasm").write_text(to_qasm(circuit), encoding="utf-8")
    (folder / "circuit.svg").write_text(draw_svg(circuit), encoding="utf-8")


def write_training(result: TrainingResult | None, folder: Path) -> None:
    """Loss by step, of a model that is trained by steps."""
    if result is None:
        return
    import pandas as pd

    frame = pd.DataFrame(result.history, columns=["step", "loss", "held_out_loss"])
    frame = frame.astype({"step": "int64", "loss": "float64", "held_out_loss": "float64"})
    frame.to_parquet(folder / "training.parquet", index=False, compression="zstd")


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, allow_nan=False), encoding="utf-8")
