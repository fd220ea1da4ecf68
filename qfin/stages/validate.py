"""Stage `validate`: all that is known about a scenario set and its figures, in one document for a validator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.errors import ConfigError
from qfin.stages._chain import Chain
from qfin.stages._progress import publish
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    from qfin.report.validation import ValidationData

_STAGES = ("risk", "sensitivity", "race", "backtest")


def validate(artifacts: Sequence[Artifact], store: Store) -> Artifact:
    """Publish `validation.html` and `validation.json` for `risk` artifacts: the first is what is validated, the others
    are its rivals. One `sensitivity` artifact of the first belongs to it; a `race` and a `backtest` may.

    `qfin.stages.evidence` finds them in a store. The implementation tests run here.

    Raises
    ------
    ConfigError
        if there is no risk artifact or not one sensitivity of the first, or they are not comparable.
    """
    of_stage = {stage: [a for a in artifacts if a.stage == stage] for stage in _STAGES}
    risks, others = of_stage["risk"], [a.ref for a in artifacts if a.stage not in _STAGES]
    if others or not risks:
        raise ConfigError(
            f"a validation is made from artifacts of {', '.join(_STAGES)}, of risk at least one"
        )
    about = [a for a in of_stage["sensitivity"] if a.parents["risk"] == risks[0].ref]
    if len(about) != 1 or len(of_stage["sensitivity"]) != 1:
        raise ConfigError(f"a validation of {risks[0].ref} takes one sensitivity artifact, which is of it")

    def write(folder: Path) -> dict[str, Any]:
        from qfin.report.validation import findings, monitoring, render_validation

        data = _data(of_stage, store)
        found = findings(data)
        (folder / "validation.html").write_text(render_validation(data), encoding="utf-8")
        content = {
            "scenarios": data.scenarios,
            "risk": data.risk,
            "findings": [asdict(finding) for finding in found],
            "checks": list(data.checks),
            "monitoring": [asdict(limit) for limit in monitoring(data)],
            "method": list(data.method),
        }
        text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
        (folder / "validation.json").write_text(text, encoding="utf-8")
        return {
            "label": risks[0].summary["label"],
            "portfolio": risks[0].summary["portfolio"],
            "findings": {finding.part: str(finding.status) for finding in found},
        }

    parents = {f"{stage}_{k}": a for stage in _STAGES for k, a in enumerate(of_stage[stage])}
    return publish(store, "validate", {}, write, parents, risks[0].summary["label"])


def _data(of_stage: dict[str, list[Artifact]], store: Store) -> ValidationData:
    from qfin.report import collect
    from qfin.report.validation import ValidationData
    from qfin.stages._validate_checks import Checks
    from qfin.stages._validate_method import method

    risk = of_stage["risk"][0]
    chain = Chain.of(risk, store)
    checks = Checks(chain, store)
    return ValidationData(
        report=collect(of_stage["risk"], store, races=of_stage["race"], backtests=of_stage["backtest"]),
        scenarios=chain.scenarios.ref,
        risk=risk.ref,
        method=tuple(method(checks.model)),
        checks=tuple(asdict(check) for check in checks.run()),
        sensitivity=of_stage["sensitivity"][0].json("sensitivity.json"),
        warnings=tuple(chain.model.summary.get("warnings", ())),
        chain=tuple(_files(artifact) for artifact in chain.artifacts),
    )


def _files(artifact: Artifact) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    files = tuple((name, str(about["sha256"])) for name, about in artifact.files.items())
    return artifact.ref, str(artifact.summary.get("label", "")), files
