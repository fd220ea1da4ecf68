"""Who won, said in one sentence, whoever it was."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from qfin.report import _statistics as statistics
from qfin.report._collect import interval
from qfin.report._data import Interval, ModelData, ReportData
from qfin.report._format import between, capitalised, nats, number, percent, the


@dataclass(frozen=True, eq=False)
class Comparison:
    """The model the report is about against its closest rival by held-out score, on the days both were scored on."""

    rival: ModelData
    difference: Interval
    daily: pd.Series


@dataclass(frozen=True)
class Verdict:
    """A headline of a few words and the sentence that backs it."""

    headline: str
    sentence: str


def closest_rival(data: ReportData) -> Comparison | None:
    """The rival with the highest held-out score, paired by days; None if nothing can be compared."""
    found = None
    for rival in data.rivals:
        if data.main.daily is None or rival.daily is None:
            continue
        pair = statistics.paired_difference(data.main.daily, rival.daily, data.main.confidence)
        if pair is not None and (found is None or pair[1].value < found.difference.value):
            found = Comparison(rival, pair[1], pair[0])
    return found


def circuit_adds(model: ModelData) -> Interval | None:
    """Held-out nats a day beyond the model's prior, if it has one and says so."""
    return _stated(model, "circuit_adds")


def prior_score(model: ModelData) -> Interval | None:
    """Held-out score of the prior alone, if the model has one."""
    return _stated(model, "prior_score")


def prior_label(data: ReportData) -> str:
    """The prior as the report names it: the label of the rival of its kind, if there is one."""
    kind = str(data.main.details.get("prior") or "prior")
    return next((m.label for m in data.rivals if m.kind == kind), kind.replace("_", " "))


def verdict(data: ReportData, comparison: Comparison | None) -> Verdict:
    """The plain outcome of the comparison."""
    main = the(data.main.label)
    if data.main.score is None:
        why = f": {data.main.why_none}" if data.main.why_none else " because it has no density"
        return Verdict("No held-out score", f"{capitalised(main)} cannot be scored on held-out days{why}.")
    if comparison is None:
        return Verdict(
            "No rival to compare with", f"{capitalised(main)} is the only model with a held-out score."
        )
    difference, rival = comparison.difference, the(comparison.rival.label)
    size = nats(abs(difference.value))
    bounds = between(difference, lambda value: nats(value, signed=True))
    evidence = (
        f"{percent(difference.confidence or 0.95, 0)} interval {bounds}, {number(len(comparison.daily))} days"
    )
    if difference.contains_zero:
        side = "above" if difference.value >= 0 else "below"
        return Verdict(
            "No evidence of a difference",
            f"On held-out days {main} scored {size} nats a day {side} its closest rival, {rival} ({evidence}): "
            "the interval contains 0.",
        )
    if difference.value > 0:
        return Verdict(
            f"{capitalised(main)} won",
            f"On held-out days it scored {size} nats a day above its closest rival, {rival} ({evidence}).",
        )
    return Verdict(
        f"{capitalised(main)} did not win",
        f"On held-out days {rival} scored {size} nats a day above it (the difference: {evidence}).",
    )


def contribution(data: ReportData) -> str | None:
    """What the prior contributes and what the circuit adds, in a sentence; None for a model without both."""
    prior, adds = prior_score(data.main), circuit_adds(data.main)
    if prior is None or adds is None:
        return None
    bounds = between(adds, lambda value: nats(value, signed=True))
    evidence = f" ({percent(adds.confidence or 0.95, 0)} interval {bounds})" if bounds else ""
    if adds.contains_zero:
        meaning = ": no evidence that the circuit adds anything"
    else:
        meaning = ": the circuit adds information" if adds.value > 0 else ": the circuit makes it worse"
    return (
        f"Its prior ({prior_label(data)}) contributes {nats(prior.value)} nats a day, "
        f"its circuit adds {nats(adds.value, signed=True)}{evidence}{meaning}."
    )


def _stated(model: ModelData, key: str) -> Interval | None:
    row = model.details.get(key)
    return interval(row, "mean") if isinstance(row, dict) and row.get("mean") is not None else None
