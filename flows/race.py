"""Flow `race`: dependence models on the same held-out days, and who won."""

from __future__ import annotations

from flows._chain import Chain
from flows._flow import DEFAULTS, stage_flow
from flows._tasks import Published
from qfin.stages.config import RunConfig


@stage_flow("race")
def race(config: RunConfig = DEFAULTS, history: str | None = None, store: str | None = None) -> Published:
    """Walk all models of the section `race` forward over the history, and lay the outcome in one HTML file.

    Args:
        config: What to run: where prices come from, the models and the rules of the race.
        history: Reference of a history, `ingest/<id>`; empty: read the prices first.
        store: Root of the artifact store; empty: QFIN_STORE, else the folder `store` where the run works.
    """
    return Chain(config, store).race(history)
