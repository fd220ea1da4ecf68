"""Flow `generate`: scenarios drawn from trained models."""

from __future__ import annotations

from flows._chain import Chain
from flows._flow import DEFAULTS, stage_flow
from flows._tasks import Published
from qfin.stages.config import RunConfig


@stage_flow("generate")
def generate(
    config: RunConfig = DEFAULTS, models: list[str] | None = None, store: str | None = None
) -> list[Published]:
    """Draw a scenario set from each trained model.

    Args:
        config: What to run: where prices come from, the models, the portfolio.
        models: References of trained models, `train/<id>`; empty: run the stages before.
        store: Root of the artifact store; empty: QFIN_STORE, else the folder `store` where the run works.
    """
    return Chain(config, store).scenarios(models)
