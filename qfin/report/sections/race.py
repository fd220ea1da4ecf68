"""The race: all models walked forward over the same days, and who won."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from qfin.report import _format as form
from qfin.report._data import Interval, RaceData
from qfin.report.figures import race as figures
from qfin.report.figures import scores
from qfin.report.figures.layout import HALF, responsive

_HEADLINES = {
    "better": "The quantum model did better",
    "worse": "The quantum model did worse",
    "no evidence of a difference": "No evidence of a difference",
}


def race(data: RaceData) -> dict[str, Any]:
    """What the template shows of a race."""
    about = data.about
    models = sorted(about["models"], key=lambda m: -(m["log_score"] or {"mean": float("-inf")})["mean"])
    colours = _colours(
        [m["name"] for m in models if not m["quantum"]], [m["name"] for m in models if m["quantum"]]
    )
    scored = [m for m in models if m["log_score"] is not None]
    rows = _points(scored, "log_score", colours)
    added = _points([m for m in models if m["quantum"]], "adds_to_prior", colours)
    title = "Mean log score, nats a day"
    verdict = about["verdict"]
    return {
        "ref": data.ref,
        "factors": len(about["factors"]),
        "about": _about(about),
        "headline": None if verdict is None else _HEADLINES[verdict["outcome"]],
        "sentences": [v["sentence"] for v in (verdict, about["energy_verdict"]) if v is not None],
        "level": form.percent(about["level"], 0),
        "rows": [_row(m, colours[m["name"]], scored) for m in models],
        "plot": responsive(lambda width: scores.dot_plot(rows, title, width), HALF) if rows else None,
        "added": responsive(
            lambda width: scores.dot_plot(added, "Added to the prior, nats a day", width, True), HALF
        )
        if added
        else None,
        "cumulative": None if verdict is None else _cumulative(data, verdict),
        "best": None
        if verdict is None
        else [_label(about, verdict[side]) for side in ("best_quantum", "best_classical")],
        "learning": _curves(data.learning, "train_days", "Training days", colours),
        "expressiveness": _curves(data.expressiveness, "parameters", "Parameters", {}),
        "not_entered": [(one["name"], one["reason"]) for one in about["not_entered"]],
        "floor": "" if about["floor"] is None else f"{about['floor']:g}",
    }


def _points(models: list[dict[str, Any]], key: str, colours: dict[str, str]) -> list[scores.Row]:
    """A row a model that has the score."""
    found = [(m, _interval(m[key])) for m in models]
    return [(m["label"], interval, colours[m["name"]]) for m, interval in found if interval is not None]


def _about(about: Mapping[str, Any]) -> str:
    window = "the last" if about["window"] == "rolling" else "at first"
    fits = f"{about['refits']} time{'' if about['refits'] == 1 else 's'}"
    return (
        f"{form.number(about['days'])} days from {about['first']} to {about['last']}; every model fitted {fits}, to "
        f"{window} {form.number(about['first_training_days'])} days, and scored on the days that follow"
    )


def _row(model: Mapping[str, Any], cls: str, scored: list[Mapping[str, Any]]) -> dict[str, Any]:
    score, added = _interval(model["log_score"]), _interval(model["adds_to_prior"])
    energy, variogram = _interval(model["energy_score"]), _interval(model["variogram_score"])
    return {
        "label": model["label"],
        "colour": cls,
        "quantum": model["quantum"],
        "best": bool(scored) and model["name"] == scored[0]["name"],
        "score": "none" if score is None else form.nats(score.value),
        "bounds": "" if score is None else form.between(score, form.nats),
        "member": {True: "yes", False: "no", None: ""}[model["in_confidence_set"]],
        "p_value": "" if model["p_value"] is None else form.number(model["p_value"], 3),
        "added": "" if added is None else form.nats(added.value, signed=True),
        "added_bounds": "" if added is None else form.between(added, lambda v: form.nats(v, signed=True)),
        "energy": "" if energy is None else form.nats(energy.value),
        "variogram": "" if variogram is None else form.nats(variogram.value),
        "seeds": form.number(model["seeds"]),
        "spread": "" if model["seed_spread"] is None else form.nats(model["seed_spread"]),
        "parameters": "" if model["parameters"] is None else form.number(model["parameters"]),
        "seconds": form.number(model["fit_seconds"], 1),
    }


def _cumulative(data: RaceData, verdict: Mapping[str, Any]) -> Any:
    """Running total of the best quantum model's score less the best classical one's."""
    ours, theirs = verdict["best_quantum"], verdict["best_classical"]
    mean = data.daily.groupby(["model", "date"])["log_density"].mean()
    gap: pd.Series = (mean[ours] - mean[theirs]).sort_index()
    labels = [_label(data.about, name) for name in (ours, theirs)]
    return responsive(lambda width: scores.cumulative(gap, labels[0], labels[1], width))


def _curves(frame: pd.DataFrame, x: str, title: str, colours: dict[str, str]) -> Any:
    if frame.empty or frame[x].dropna().empty:
        return None
    rows = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    quantum = list(dict.fromkeys(r["model"] for r in rows if r["quantum"]))
    classical = list(dict.fromkeys(r["model"] for r in rows if not r["quantum"]))
    found = figures.curves_of(rows, x, {**_colours(classical, quantum), **colours})
    if not found:
        return None
    what = f"Score against {title.lower()}"
    return responsive(lambda width: figures.curves(found, title, what, width, names=width > 400))


def _colours(classical: list[str], quantum: list[str]) -> dict[str, str]:
    """The report's own colour for quantum models, the rivals' for the others, in the order given."""
    return {name: f"c{1 + k % 5}" for k, name in enumerate(classical)} | dict.fromkeys(quantum, "c0")


def _label(about: Mapping[str, Any], name: str) -> str:
    return str(next(model["label"] for model in about["models"] if model["name"] == name))


def _interval(score: Mapping[str, Any] | None) -> Interval | None:
    return (
        None
        if score is None
        else Interval(score["mean"], score["lower"], score["upper"], score["confidence"])
    )
