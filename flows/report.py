"""Flow `report`: the figures of several models laid side by side."""

from __future__ import annotations

from flows._chain import Chain
from flows._flow import DEFAULTS, stage_flow
from flows._tasks import Published
from qfin.stages.config import RunConfig


@stage_flow("report")
def report(
    config: RunConfig = DEFAULTS, risks: list[str] | None = None, store: str | None = None
) -> Published:
    """Lay the figures of several models side by side in one HTML file, the first as the one it is about.

    Args:
        config: What to run: where prices come from, the models, the portfolio.
        risks: References of risk figures, `risk/<id>`, of one portfolio and day; empty: run the stages before.
        store: Root of the artifact store; empty: QFIN_STORE, else the folder `store` where the run works.
    """
    return Chain(config, store).report(risks)
