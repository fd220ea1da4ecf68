"""Flow `backtest`: scenario models walked forward with the portfolio, and whether their VaR and ES held."""

from __future__ import annotations

from flows._chain import Chain
from flows._flow import DEFAULTS, stage_flow
from flows._tasks import Published
from qfin.stages.config import RunConfig


@stage_flow("backtest")
def backtest(config: RunConfig = DEFAULTS, history: str | None = None, store: str | None = None) -> Published:
    """Forecast every day of the section `backtest` from the days before it, a task a fit, and test what was said.

    Args:
        config: What to run: where prices come from, the portfolio, and the models, days and levels of the backtest.
        history: Reference of a history, `ingest/<id>`; empty: read the prices first.
        store: Root of the artifact store; empty: QFIN_STORE, else the folder `store` where the run works.
    """
    return Chain(config, store).backtest(history)
