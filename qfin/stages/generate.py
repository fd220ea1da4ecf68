"""Stage `generate`: scenarios drawn from a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.stages._progress import publish
from qfin.stages.backend import backend_of
from qfin.stages.tune import tuned_model
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    from qfin.quantum import Backend
    from qfin.stages.config import RunConfig


def generate(config: RunConfig, model: Artifact, store: Store) -> Artifact:
    """Publish a scenario set drawn from the model of a `train` artifact: `scenarios.parquet`, `factors.parquet`.

    A model with a circuit is drawn on the configured backend, after the configured steps of tuning there; the set's
    lineage and the artifact's summary then hold its certificate. A set that fails it is published as one that does.

    Raises
    ------
    ConfigError
        if the backend cannot run the circuit or is not allowed to.
    BackendError
        if it fails; jobs that were submitted are found again by the next call.
    """
    wanted = config.scenarios
    label = model.summary["label"]
    backend = backend_of(config, model)
    tuned = tuned_model(config, model, backend, store)
    drawn_from = model if tuned is None else tuned

    def write(folder: Path) -> dict[str, Any]:
        from qfin.model import ScenarioModel

        scenarios = ScenarioModel.read(drawn_from.folder).sample(
            wanted.count,
            wanted.horizon,
            config.seed,
            backend=backend,
            certificate_bound=wanted.certificate_bound,
        )
        replace(scenarios, lineage={**scenarios.lineage, "made_from": drawn_from.ref}).write(folder)
        return {
            "kind": model.summary["kind"],
            "label": label,
            "scenarios": len(scenarios),
            "horizon": scenarios.horizon,
            "seed": config.seed,
            **_drawn_on(scenarios.lineage),
        }

    inputs = {"count": wanted.count, "horizon": wanted.horizon, "seed": config.seed}
    parents = {"model": model}
    if backend is not None:
        inputs |= drawing(config, backend) | {"certificate_bound": wanted.certificate_bound}
    if tuned is not None:
        parents |= {"tuned": tuned}
    return publish(store, "generate", inputs, write, parents, label)


def drawing(config: RunConfig, backend: Backend) -> dict[str, Any]:
    """What determines a backend's draws besides the circuit."""
    return {"backend": config.backend, "versions": backend.versions}


def _drawn_on(lineage: Any) -> dict[str, Any]:
    """Backend, jobs and certificate, of a set that was drawn on a backend."""
    if "certificate" not in lineage:
        return {}
    return {name: lineage[name] for name in ("backend", "job_ids", "certificate")}
