"""Flow `train`: the configured model and its rivals, trained and scored."""

from __future__ import annotations

from flows._chain import Chain
from flows._flow import DEFAULTS, stage_flow
from flows._tasks import Published
from qfin.stages.config import RunConfig


@stage_flow("train")
def train(
    config: RunConfig = DEFAULTS, encoding: str | None = None, store: str | None = None
) -> list[Published]:
    """Train the configured dependence model and its rivals, each scored on days it has not seen.

    Args:
        config: What to run: where prices come from, the models, the portfolio.
        encoding: Reference of an encoded history, `encode/<id>`; empty: run the stages before.
        store: Root of the artifact store; empty: QFIN_STORE, else the folder `store` where the run works.
    """
    return Chain(config, store).models(encoding)
