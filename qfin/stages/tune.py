"""Stage `tune`: training that goes on on a backend, from its samples."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.errors import ConfigError
from qfin.stages._progress import publish
from qfin.stages.train import write_training
from qfin.store import Artifact, Store, content_hash

if TYPE_CHECKING:
    from qfin.quantum import Backend
    from qfin.stages.config import RunConfig


def tuned_model(config: RunConfig, model: Artifact, backend: Backend | None, store: Store) -> Artifact | None:
    """The `tune` artifact that the configuration asks for; None if it asks for none, or the model has no circuit."""
    return tune(config, model, store) if backend is not None and config.tuning.steps else None


def tune(config: RunConfig, model: Artifact, store: Store) -> Artifact:
    """Publish the model of a `train` artifact, trained further on the configured backend, and its `training.parquet`.

    The loss is the MMD between the backend's samples and the exactly trained model, whose scores stay as they are. A
    run that was interrupted goes on from its last step, to the same angles as without the interruption.

    Raises
    ------
    ConfigError
        if the model has no circuit, or the backend is the exact one, where there is nothing to tune.
    BackendError
        if the backend fails.
    """
    from qfin.dependence import DEPENDENCE
    from qfin.stages.backend import backend_of

    backend = backend_of(config, model)
    if backend is None:
        raise ConfigError(
            f"{model.summary['label']} with backend {config.backend!r} has nothing to tune; "
            "name a backend that has samples, and a model with a circuit"
        )
    if not hasattr(DEPENDENCE.load(model.summary["kind"]), "tune"):
        raise ConfigError(
            f"{model.summary['label']} cannot be trained further on a backend; set tuning.steps = 0, or take 'born'"
        )
    tuning = config.tuning
    inputs = {
        "tuning": tuning.model_dump(),
        "seed": config.seed,
        "backend": config.backend,
        "versions": backend.versions,
    }
    checkpoint = _checkpoints() / content_hash([inputs, model.ref])[:20]

    def write(folder: Path) -> dict[str, Any]:
        from qfin.model import ScenarioModel, circuit_model

        fitted = ScenarioModel.read(model.folder)
        born = circuit_model(fitted.dependence)
        born.tune(
            backend,
            steps=tuning.steps,
            method=tuning.method,
            shots=tuning.shots,
            shot_budget=tuning.shot_budget,
            random_state=config.seed,
            checkpoint=checkpoint,
        )
        fitted.write(folder)
        write_training(born.tuning_, folder)
        return {
            "kind": model.summary["kind"],
            "label": model.summary["label"],
            "backend": backend.name,
            "steps": born.tuning_.steps,
            "shots": born.tuning_.shots,
            "stop": str(born.tuning_.stop),
        }

    made = publish(store, "tune", inputs, write, {"model": model}, model.summary["label"])
    shutil.rmtree(checkpoint, ignore_errors=True)
    return made


def _checkpoints() -> Path:
    """Where interrupted training on backends is kept on this machine."""
    state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    return state / "qfin" / "tuning"
