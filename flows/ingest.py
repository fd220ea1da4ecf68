"""Flow `ingest`: prices read, checked and turned into returns."""

from __future__ import annotations

from flows._chain import Chain
from flows._flow import DEFAULTS, stage_flow
from flows._tasks import Published
from qfin.stages.config import RunConfig


@stage_flow("ingest")
def ingest(config: RunConfig = DEFAULTS, store: str | None = None) -> Published:
    """Read prices, check them, and publish them with their returns and a report of their quality.

    Args:
        config: What to run: where prices come from, the models, the portfolio.
        store: Root of the artifact store; empty: QFIN_STORE, else the folder `store` where the run works.
    """
    return Chain(config, store).history()
