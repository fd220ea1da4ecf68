"""Stage `report`: risk artifacts of one portfolio laid side by side in one HTML file."""

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
    are its rivals. `diagnose` artifacts among them are shown with the models they are of.

    Raises
    ------
    ConfigError
        if there are none, or they cannot be compared, or a diagnosis is of none of their models.
    """
    diagnoses = [artifact for artifact in artifacts if artifact.stage == "diagnose"]
    risks = [artifact for artifact in artifacts if artifact.stage != "diagnose"]
    if not risks:
        raise ConfigError("a report needs at least one risk artifact; `qfin risk` makes one")

    def write(folder: Path) -> dict[str, Any]:
        from qfin.report import collect, render, summary

        data = collect(risks, store, diagnoses)
        figures = summary(data)
        (folder / "report.html").write_text(render(data), encoding="utf-8")
        (folder / "summary.json").write_text(json.dumps(figures, indent=1, allow_nan=False), encoding="utf-8")
        return {"models": [str(risk.summary["label"]) for risk in risks]}

    parents = {f"risk_{k}": risk for k, risk in enumerate(risks)}
    parents |= {f"diagnosis_{k}": diagnosis for k, diagnosis in enumerate(diagnoses)}
    return publish(store, "report", {}, write, parents)
