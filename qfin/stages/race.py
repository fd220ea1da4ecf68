"""Stage `race`: dependence models on the same days of a history, and who won."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.stages._progress import publish
from qfin.stages.train import complete_spec
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    from qfin.stages.config import RunConfig

Told = Callable[[str, int], None]


def race(
    config: RunConfig, history: Artifact, store: Store, told: Told = lambda name, seed: None
) -> Artifact:
    """Publish a race of the configured models over the returns of an `ingest` artifact.

    `race.json` (rules, a row a model, verdicts), `daily.parquet`, `learning.parquet`, `expressiveness.parquet`.

    Parameters
    ----------
    told : called with a model's name and seed before it is begun

    Raises
    ------
    ConfigError
        if a model's spec is wrong; nothing has started then.
    DataError
        if the history is too short.
    """
    wanted = config.race
    models = {name: _spec(config, spec) for name, spec in wanted.models.items()}
    settings = (
        {name: _spec(config, spec) for name, spec in _settings().items()} if wanted.expressiveness else {}
    )

    def write(folder: Path) -> dict[str, Any]:
        from qfin.evaluation import Rules
        from qfin.evaluation import race as run_race
        from qfin.market import ReturnsFrame

        rules = Rules(
            config.volatility,
            config.marginals,
            wanted.training_days,
            wanted.refit_every,
            wanted.window,
            tuple(range(config.seed, config.seed + wanted.seeds)),
            wanted.level,
        )
        returns = ReturnsFrame.read(history.path("returns.parquet"))
        result = run_race(returns, models, rules, wanted.learning_days, settings, told)
        for name in ("daily", "learning", "expressiveness"):
            frame = getattr(result, name)
            frame.to_parquet(folder / f"{name}.parquet", index=False, compression="zstd")
        text = json.dumps(result.summary, indent=1, allow_nan=False)
        (folder / "race.json").write_text(text, encoding="utf-8")
        verdict = result.summary["verdict"]
        return {
            "days": result.summary["days"],
            "models": len(result.summary["models"]),
            "outcome": None if verdict is None else verdict["outcome"],
            "sentence": None if verdict is None else verdict["sentence"],
        }

    inputs = {
        "volatility": config.volatility,
        "marginals": config.marginals,
        "seed": config.seed,
        "race": wanted.model_dump(exclude={"models"}),
        "models": models,
        "order": list(models),
        "settings": settings,
    }
    return publish(store, "race", inputs, write, {"history": history})


def _spec(config: RunConfig, spec: Any) -> dict[str, Any]:
    complete = complete_spec(config, spec)
    complete.pop("random_state", None)  # a race has seeds of its own
    return complete


def _settings() -> dict[str, Any]:
    """Models of several sizes, for the curve of score against parameters."""
    sizes: dict[str, Any] = {
        f"born, {k} layers": {"kind": "born", "prior": "none", "layers": k} for k in (1, 2, 4, 8)
    }
    sizes |= {f"vine, {k} trees": {"kind": "vine", "truncation": k} for k in (1, 2)}
    sizes |= {
        "gaussian": "gaussian",
        "student_t": {"kind": "student_t", "correlation": "likelihood"},
        "vine": "vine",
    }
    return sizes
