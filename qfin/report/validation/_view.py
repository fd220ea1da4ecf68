"""From `ValidationData` to the page."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict
from typing import Any

from markupsafe import Markup, escape

from qfin.report import _format as form
from qfin.report._render import page
from qfin.report._verdict import closest_rival
from qfin.report.sections.backtest import backtest
from qfin.report.sections.overview import overview
from qfin.report.sections.race import race
from qfin.report.sections.scores import scores
from qfin.report.sections.tables import lineage, quality
from qfin.report.validation._data import ValidationData
from qfin.report.validation._findings import Status, findings
from qfin.report.validation._limits import assumptions, claims
from qfin.report.validation._monitoring import monitoring
from qfin.report.validation._sensitivity import sensitivity
from qfin.report.validation._stability import stability

_CLASSES = {Status.HOLDS: "good", Status.LOOK: "look", Status.FAILS: "bad", Status.OPEN: "open"}


def render_validation(data: ValidationData) -> str:
    """The pack as one HTML document that opens without a network and prints; the same data give the same bytes."""
    return page("validation.html", _view(data))


def _view(data: ValidationData) -> dict[str, Any]:
    report, found = data.report, findings(data)
    counts = Counter(finding.status for finding in found)
    return {
        "printed": True,
        "data": report,
        "currency": report.base_currency,
        "main": report.main.label,
        "the_main": form.the(report.main.label),
        "horizon": "1 day" if report.horizon == 1 else f"{report.horizon} days",
        "scenarios": data.scenarios,
        "risk": data.risk,
        "findings": [(finding, _CLASSES[finding.status], code(finding.sentence)) for finding in found],
        "counts": [(str(status), counts[status], cls) for status, cls in _CLASSES.items() if counts[status]],
        "overview": overview(report),
        "quality": quality(report),
        "method": [_stage(row) for row in data.method],
        "assumptions": assumptions(data),
        "claims": [code(claim) for claim in claims(data)],
        "stability": stability(data),
        "backtests": [backtest(one) for one in report.backtests],
        "races": [race(one) for one in report.races],
        "scores": scores(report, closest_rival(report)),
        "sensitivity": sensitivity(data),
        "checks": data.checks,
        "monitoring": [
            {name: code(text) for name, text in asdict(limit).items()} for limit in monitoring(data)
        ],
        "chain": data.chain,
        "lineage": lineage(report),
    }


def _stage(row: Any) -> dict[str, Any]:
    paragraphs = [(code(text.strip()), text.startswith(" ")) for text in row["paragraphs"]]
    return {**row, "summary": code(row["summary"]), "paragraphs": paragraphs}


def code(text: str) -> Markup:
    """Text with what stands between backticks as code, and between pairs of asterisks as strong."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"(?<![\w*])\*\*(?=\w)(.+?)(?<=\w)\*\*(?![\w*])", r"<b>\1</b>", marked))
