"""From `ReportData` to the page: the template gets a view of plain values and finished figures."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

from markupsafe import Markup

from qfin.report import _format as form
from qfin.report._data import BacktestData, RaceData, ReportData
from qfin.report._verdict import circuit_adds, closest_rival, contribution, prior_score, verdict
from qfin.report.sections.backtest import backtest
from qfin.report.sections.diagnosis import diagnoses
from qfin.report.sections.factors import dependence, marginals
from qfin.report.sections.measures import measures
from qfin.report.sections.overview import overview, risk
from qfin.report.sections.race import race
from qfin.report.sections.scores import scores
from qfin.report.sections.stress import stress
from qfin.report.sections.tables import discretisation, lineage, quality, worst
from qfin.report.sections.training import circuit, training


def render(data: ReportData) -> str:
    """The report as one HTML document that opens without a network; the same data give the same bytes."""
    return page("report.html", view(data))


def render_walk_forward(races: Sequence[RaceData], backtests: Sequence[BacktestData]) -> str:
    """Races and backtests alone as one HTML document."""
    shown = {"races": [race(one) for one in races], "backtests": [backtest(one) for one in backtests]}
    return page("walk_forward.html", shown)


def page(template: str, values: dict[str, Any]) -> str:
    """A template of this folder with its values, as one document."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_resource), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals["form"] = form
    environment.globals["style"] = Markup(_resource("report.css"))
    return environment.get_template(template).render(values)


def view(data: ReportData) -> dict[str, Any]:
    """What the template shows."""
    comparison = closest_rival(data)
    return {
        "data": data,
        "currency": data.base_currency,
        "verdict": verdict(data, comparison),
        "contribution": contribution(data),
        "main": data.main.label,
        "the_main": form.the(data.main.label),
        "horizon": "1 day" if data.horizon == 1 else f"{data.horizon} days",
        "overview": overview(data),
        "risk": risk(data),
        "measures": measures(data),
        "scores": scores(data, comparison),
        "races": [race(one) for one in data.races],
        "backtests": [backtest(one) for one in data.backtests],
        "marginals": marginals(data),
        "dependence": dependence(data),
        "training": training(data),
        "circuit": circuit(data),
        "diagnoses": diagnoses(data),
        "stress": stress(data),
        "worst": worst(data),
        "discretisation": discretisation(data),
        "quality": quality(data),
        "lineage": lineage(data),
    }


def summary(data: ReportData) -> dict[str, Any]:
    """The report's outcome as JSON values: verdict, and each model's measures and score."""
    comparison = closest_rival(data)
    outcome = verdict(data, comparison)
    adds, prior = circuit_adds(data.main), prior_score(data.main)
    return {
        "as_of": f"{data.as_of:%Y-%m-%d}",
        "portfolio": data.portfolio,
        "base_currency": data.base_currency,
        "portfolio_value": data.portfolio_value,
        "horizon": data.horizon,
        "verdict": f"{outcome.headline}. {outcome.sentence}",
        "difference": None if comparison is None else {
            "to": comparison.rival.label,
            "mean": comparison.difference.value,
            "lower": comparison.difference.lower,
            "upper": comparison.difference.upper,
            "days": len(comparison.daily),
        },
        "prior_score": None if prior is None else prior.value,
        "circuit_adds": None if adds is None else adds.value,
        "models": [
            {
                "label": m.label,
                "kind": m.kind,
                "held_out_score": None if m.score is None else m.score.value,
                **{measure.title: measure.figure.value for measure in m.measures},
            }
            for m in data.models
        ],
    }  # fmt: skip


def _resource(name: str) -> str:
    return resources.files("qfin.report").joinpath(name).read_text(encoding="utf-8")
