"""Stage `report`: risk artifacts of one portfolio laid side by side in one HTML file, or races."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qfin.errors import ConfigError
from qfin.stages._progress import publish
from qfin.store import Artifact, Store


def report(artifacts: Sequence[Artifact], store: Store) -> Artifact:
    """Publish `report.html` and `summary.json` for `risk` artifacts: the first is what the report is about, the others
    are its rivals. `diagnose` artifacts among them are shown with the models they are of, a `stress` artifact with the
    first, `race` and `backtest` artifacts too; these alone make a page of their own.

    Raises
    ------
    ConfigError
        if there is neither risk nor race, or they cannot be compared, or a diagnosis is of none of their models.
    """
    of_stage = {
        stage: [a for a in artifacts if a.stage == stage]
        for stage in ("diagnose", "stress", "race", "backtest")
    }
    diagnoses, stresses, races = of_stage["diagnose"], of_stage["stress"], of_stage["race"]
    risks = [artifact for artifact in artifacts if artifact.stage not in of_stage]
    backtests = of_stage["backtest"]
    if not risks and (diagnoses or stresses or not (races or backtests)):
        raise ConfigError("a report needs at least one risk artifact; `qfin risk` makes one")

    def write(folder: Path) -> dict[str, Any]:
        from qfin.report import collect, collect_backtest, collect_race, render, render_walk_forward, summary

        if risks:
            data = collect(risks, store, diagnoses, races, stresses, backtests)
            page, figures = render(data), summary(data)
        else:
            page = render_walk_forward(
                [collect_race(a) for a in races], [collect_backtest(a) for a in backtests]
            )
            figures = {"races": [artifact.json("race.json")["verdict"] for artifact in races]}
            figures |= {"backtests": [dict(artifact.summary) for artifact in backtests]}
        (folder / "report.html").write_text(page, encoding="utf-8")
        (folder / "summary.json").write_text(json.dumps(figures, indent=1, allow_nan=False), encoding="utf-8")
        return {"models": [str(risk.summary["label"]) for risk in risks]} | (
            {
                stage + "s": [a.ref for a in of_stage[stage]]
                for stage in ("race", "backtest")
                if of_stage[stage]
            }
        )

    parents = {f"risk_{k}": risk for k, risk in enumerate(risks)}
    parents |= {f"diagnosis_{k}": diagnosis for k, diagnosis in enumerate(diagnoses)}
    parents |= {f"stress_{k}": stress for k, stress in enumerate(stresses)}
    parents |= {f"race_{k}": race for k, race in enumerate(races)}
    parents |= {f"backtest_{k}": backtest for k, backtest in enumerate(backtests)}
    return publish(store, "report", {}, write, parents)
