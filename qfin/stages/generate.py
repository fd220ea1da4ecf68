"""Stage `generate`: scenarios drawn from a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.stages._progress import publish
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    from qfin.stages.config import RunConfig


def generate(config: RunConfig, model: Artifact, store: Store) -> Artifact:
    """Publish a scenario set drawn from the model of a `train` artifact: `scenarios.parquet`, `factors.parquet`."""
    wanted = config.scenarios
    label = model.summary["label"]

    def write(folder: Path) -> dict[str, Any]:
        from qfin.model import ScenarioModel

        scenarios = ScenarioModel.read(model.folder).sample(wanted.count, wanted.horizon, config.seed)
        replace(scenarios, lineage={**scenarios.lineage, "made_from": model.ref}).write(folder)
        return {
            "kind": model.summary["kind"],
            "label": label,
            "scenarios": len(scenarios),
            "horizon": scenarios.horizon,
            "seed": config.seed,
        }

    inputs = {"count": wanted.count, "horizon": wanted.horizon, "seed": config.seed}
    return publish(store, "generate", inputs, write, {"model": model}, label)
