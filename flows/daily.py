"""Flow `daily`: everything, from prices to the report."""

from __future__ import annotations

from typing import Any

from flows._artifacts import figures
from flows._chain import Chain, refs
from flows._flow import DEFAULTS, stage_flow
from qfin.stages import RunResult
from qfin.stages.config import RunConfig


@stage_flow("daily")
def daily(config: RunConfig = DEFAULTS, store: str | None = None) -> dict[str, Any]:
    """Run every stage: prices, encoding, training, scenarios, risk figures, report.

    What the store has already is reused. Models and portfolio are checked before anything is trained.

    Args:
        config: What to run: where prices come from, the models, the portfolio.
        store: Root of the artifact store; empty: QFIN_STORE, else the folder `store` where the run works.
    """
    chain = Chain(config, store)
    history = chain.history(whole_run=True)
    encoding = chain.encoding(history["ref"])
    models = chain.models(encoding["ref"])
    scenarios = chain.scenarios(refs(models))
    risks = chain.risks(refs(scenarios))
    stress = chain.stress(scenarios[0]["ref"])
    report = chain.report(refs(risks), stress["ref"])
    result = RunResult.of(chain.store.get(report["ref"]), chain.store)
    made = [history, encoding, *models, *chain.tuned, *scenarios, *risks, stress, report]
    return {
        "as_of": history["summary"]["as_of"],
        "report": str(result.report),
        "refs": refs(made),
        "reused": refs([one for one in made if one["reused"]]),
        "rows": [figures(row, result.base_currency) for row in result.rows],
    }
