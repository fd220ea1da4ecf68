"""What each part of a validation came to, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from qfin.report import _format as form
from qfin.report._verdict import closest_rival, verdict
from qfin.report.validation._data import ValidationData
from qfin.report.validation._sensitivity import NAMES, changes
from qfin.report.validation._stability import LEAST_REFITS, courses

KEY_TESTS = (
    "Kupiec proportion of failures",
    "Christoffersen conditional coverage",
    "Acerbi-Székely Z2",
)
GREEN_SHARE = 0.9


class Status(StrEnum):
    """What a part came to."""

    HOLDS = "holds"
    LOOK = "to be looked at"
    FAILS = "does not hold"
    OPEN = "not done"


@dataclass(frozen=True)
class Finding:
    """One part's outcome.

    Attributes
    ----------
    part : what was looked at
    status : what it came to
    sentence : why
    section : id of the section that shows it
    """

    part: str
    status: Status
    sentence: str
    section: str


def findings(data: ValidationData) -> list[Finding]:
    """Of every part of the validation, in the order of the document."""
    return [
        _quality(data),
        *_fit(data),
        *_certificate(data),
        _stability(data),
        *_outcomes(data),
        _race(data),
        _rivals(data),
        _sensitivity(data),
        _implementation(data),
    ]


def _quality(data: ValidationData) -> Finding:
    rows = data.report.history.quality.get("findings") or []
    errors = sum(row.get("severity") == "error" for row in rows)
    kinds = ", ".join(sorted({str(row["check"]).replace("_", " ") for row in rows}))
    sentence = f"No error among {form.number(len(data.report.history.returns))} days of returns"
    sentence += (
        f"; {form.number(len(rows))} {'oddity' if len(rows) == 1 else 'oddities'} ({kinds}), not repaired."
        if rows
        else " and no oddity."
    )
    return Finding("Data", Status.FAILS if errors else Status.HOLDS, sentence, "data")


def _fit(data: ValidationData) -> list[Finding]:
    return [Finding("Fit", Status.LOOK, warning, "method") for warning in data.warnings]


def _certificate(data: ValidationData) -> list[Finding]:
    """Of a set that was drawn on a backend."""
    said = data.report.main.certificate
    if said is None:
        return []
    sentence = (
        f"Drawn on {data.report.main.backend}, {form.number(said['distance'], 4)} from the exact circuit; "
        f"{form.number(said['bound'], 4)} passes."
    )
    return [Finding("Backend", Status.HOLDS if said["passes"] else Status.FAILS, sentence, "limits")]


def _stability(data: ValidationData) -> Finding:
    part, section = "Parameters over refits", "stability"
    if len(data.refits) < LEAST_REFITS:
        return Finding(
            part,
            Status.OPEN,
            f"It takes a backtest of this model with {LEAST_REFITS} refits or more: `qfin backtest`.",
            section,
        )
    found = courses(data)
    moved = [one.name for one in found if one.moved]
    if moved:
        return Finding(
            part,
            Status.LOOK,
            f"{len(moved)} of {len(found)} parameters of the last refit are further from those before it than these "
            f"are from each other: {', '.join(moved)}.",
            section,
        )
    return Finding(
        part,
        Status.HOLDS,
        f"None of {len(found)} parameters of the last of {len(data.refits)} fits is further from those before it than "
        "these are from each other.",
        section,
    )


def _outcomes(data: ValidationData) -> list[Finding]:
    """Of the backtest, a finding a horizon, from P&L that does not overlap."""
    part, section = "Backtest", "outcomes"
    if data.backtest is None:
        return [
            Finding(
                part, Status.OPEN, "The store has none of this model and portfolio: `qfin backtest`.", section
            )
        ]
    about = data.backtest.about
    shapes = [shape for shape in about["models"][0]["horizons"] if not shape["overlapping"]]
    return [_outcome(shape, about["significance"]) for shape in shapes]


def _outcome(shape: Mapping[str, Any], significance: float) -> Finding:
    days = "1 day" if shape["horizon"] == 1 else f"{shape['horizon']} days"
    tests = [(_level(row), test) for row in shape["levels"] for test in row["tests"]]
    tests += [("", test) for test in shape["tests"]]
    run = [(where, test) for where, test in tests if "why_not_run" not in test]
    rejected = [(where, test["name"]) for where, test in run if test["rejected"]]
    green = [row["green_share"] for row in shape["levels"] if row["green_share"] is not None]
    fails = [name for _, name in rejected if name in KEY_TESTS] or (green and min(green) < GREEN_SHARE)
    hits = ", ".join(f"{row['hits']} of {row['expected']:.1f} at {_level(row)}" for row in shape["levels"])
    sentence = f"Hits {hits} of {form.number(shape['days'])}; "
    sentence += (
        f"{len(rejected)} of {len(run)} tests reject at {form.percent(significance, 0)}: {_names(rejected)}"
        if rejected
        else f"none of {len(run)} tests rejects at {form.percent(significance, 0)}"
    )
    sentence += f"; Basel green in {form.percent(min(green), 0)} of runs of 250 days." if green else "."
    status = Status.FAILS if fails else Status.LOOK if rejected else Status.HOLDS
    return Finding(f"Backtest, {days} ahead", status, sentence, "outcomes")


def _race(data: ValidationData) -> Finding:
    part, section = "Race", "race"
    if data.race is None:
        return Finding(part, Status.OPEN, "The store has none of this history: `qfin race`.", section)
    said = data.race.about["verdict"]
    if said is None:
        return Finding(
            part, Status.OPEN, "The race had no quantum and no classical model to compare.", section
        )
    status = Status.LOOK if said["outcome"] == "worse" else Status.HOLDS
    return Finding(part, status, said["sentence"], section)


def _rivals(data: ValidationData) -> Finding:
    comparison = closest_rival(data.report)
    said = verdict(data.report, comparison)
    if comparison is None:
        status = Status.OPEN if data.report.main.score is not None else Status.LOOK
        more = " `qfin run` makes its rivals." if status is Status.OPEN else ""
        return Finding("Rivals, held out", status, said.sentence + more, "rivals")
    lost = comparison.difference.upper is not None and comparison.difference.upper < 0
    return Finding("Rivals, held out", Status.LOOK if lost else Status.HOLDS, said.sentence, "rivals")


def _sensitivity(data: ValidationData) -> Finding:
    part, section = "Sensitivity", "sensitivity"
    found = changes(data)
    if not found:
        return Finding(part, Status.OPEN, "No setting could be varied; the reasons stand below.", section)
    most = max(found, key=lambda change: abs(change.share))
    sentence = (
        f"{most.measure} moves by {form.number(100 * most.share, 1, signed=True)}% at most "
        f"({NAMES[most.setting].lower()} {most.value})"
    )
    beyond = sorted({NAMES[change.setting].lower() for change in found if change.beyond})
    if beyond:
        return Finding(
            part, Status.LOOK, f"{sentence}; it leaves its interval with: {'; '.join(beyond)}.", section
        )
    return Finding(part, Status.HOLDS, f"{sentence}; never out of its interval.", section)


def _implementation(data: ValidationData) -> Finding:
    run = [check for check in data.checks if check["passed"] is not None]
    failed = [str(check["name"]) for check in run if not check["passed"]]
    sentence = f"{len(run) - len(failed)} of {len(run)} tests pass"
    sentence += f"; {', '.join(failed)} does not." if failed else "."
    return Finding("Implementation", Status.FAILS if failed else Status.HOLDS, sentence, "implementation")


def _level(row: Mapping[str, Any]) -> str:
    return f"{100 * row['level']:g}%"


def _names(rejected: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name} ({where})" if where else name for where, name in rejected)
