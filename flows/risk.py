"""Flow `risk`: the portfolio revalued, and its measures."""

from __future__ import annotations

from flows._chain import Chain
from flows._flow import DEFAULTS, stage_flow
from flows._tasks import Published
from qfin.stages.config import RunConfig


@stage_flow("risk")
def risk(
    config: RunConfig = DEFAULTS, scenarios: list[str] | None = None, store: str | None = None
) -> list[Published]:
    """Revalue the portfolio under each scenario set, and measure value at risk and expected shortfall.

    Args:
        config: What to run: where prices come from, the models, the portfolio.
        scenarios: References of scenario sets, `generate/<id>`; empty: run the stages before.
        store: Root of the artifact store; empty: QFIN_STORE, else the folder `store` where the run works.
    """
    return Chain(config, store).risks(scenarios)
