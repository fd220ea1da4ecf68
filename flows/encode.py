"""Flow `encode`: from returns to the bitstrings that qubits stand for."""

from __future__ import annotations

from flows._chain import Chain
from flows._flow import DEFAULTS, stage_flow
from flows._tasks import Published
from qfin.stages.config import RunConfig


@stage_flow("encode")
def encode(config: RunConfig = DEFAULTS, history: str | None = None, store: str | None = None) -> Published:
    """Fit the volatility filter and the marginals, and put the history on the qubits' grid.

    Args:
        config: What to run: where prices come from, the models, the portfolio.
        history: Reference of an ingested history, `ingest/<id>`; empty: ingest first.
        store: Root of the artifact store; empty: QFIN_STORE, else the folder `store` where the run works.
    """
    return Chain(config, store).encoding(history)
