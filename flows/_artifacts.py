"""What Prefect's UI shows of a run: a table a stage, the figures of all models, a summary, a link to the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from flows._tasks import Published
from qfin.stages import ResultRow, RunResult
from qfin.store import Artifact, Store


def stage(name: str, done: Sequence[Published]) -> None:
    """A table with a row an artifact: what it says of itself, and whether it was there already."""
    rows = [{**_plain(one["summary"]), "artifact": one["ref"], "reused": one["reused"]} for one in done]
    reused = sum(one["reused"] for one in done)
    create_table_artifact(
        key=f"qfin-{name}",
        table=rows,
        description=f"Stage {name}: {len(done) - reused} made, {reused} reused.",
    )


def outcome(store: Store, report: str) -> None:
    """Figures, summary and link of a `report` artifact."""
    artifact = store.get(report)
    result = RunResult.of(artifact, store)
    create_table_artifact(
        key="qfin-figures",
        table=[figures(row, result.base_currency) for row in result.rows],
        description="VaR, ES and held-out score of each model, with the bounds of their intervals.",
    )
    create_markdown_artifact(
        key="qfin-summary", markdown=summary(artifact, result), description="What came out."
    )
    _link("qfin-report", result.report, artifact.ref)


def verdict(race: Artifact, page: Artifact) -> None:
    """The sentences of a race, and a link to its page."""
    found = race.json("race.json")
    said = [found[key]["sentence"] for key in ("verdict", "energy_verdict") if found[key] is not None]
    create_markdown_artifact(
        key="qfin-verdict",
        markdown="\n\n".join(
            said or ["No verdict: it takes a quantum and a classical model with a density."]
        ),
        description=f"{found['days']} days, {found['first']} to {found['last']}",
    )
    _link("qfin-race-page", page.path("report.html"), page.ref)


def backtest(made: Artifact, page: Artifact) -> None:
    """A row a model, horizon and level of P&L that does not overlap, with the tests that reject it; the page."""
    found = made.json("backtest.json")
    rows = [
        {
            "model": model["name"],
            "horizon": shape["horizon"],
            "level": level["level"],
            "hits": level["hits"],
            "expected": round(level["expected"], 1),
            "green": level["green_share"],
            "rejected by": ", ".join(test["name"] for test in level["tests"] if test.get("rejected")),
        }
        for model in found["models"]
        for shape in model["horizons"]
        for level in shape["levels"]
        if not shape["overlapping"]
    ]
    create_table_artifact(
        key="qfin-backtest-tests",
        table=rows,
        description=f"{found['portfolio']}: {found['days']} days, {found['first']} to {found['last']}; each test at "
        f"{100 * found['significance']:g} %",
    )
    _link("qfin-backtest-page", page.path("report.html"), page.ref)


def _link(key: str, path: Path, ref: str) -> None:
    create_link_artifact(
        key=key,
        link=Path(path).absolute().as_uri(),
        link_text="The report (a file on the machine that ran it)",
        description=ref,
    )


def figures(row: ResultRow, currency: str) -> dict[str, Any]:
    """A model's row: measures in base currency, positive for a loss; score in nats a day."""
    shown: dict[str, Any] = {"model": row.label}
    for measure in (row.value_at_risk, row.expected_shortfall):
        title = f"{measure['measure']} {100 * measure['level']:g} % ({currency})"
        shown |= _bounded(title, measure["value"], measure, 0)
    return shown | _bounded("held-out score (nats a day)", row.score["mean"], row.score, 4)


def summary(report: Artifact, result: RunResult) -> str:
    """The outcome in Markdown: who won, the figures with their conventions, the data, what it was made from."""
    said = report.json("summary.json")
    history = next(artifact for artifact in result.artifacts if artifact.stage == "ingest")
    first = result.rows[0]
    measures = (first.value_at_risk, first.expected_shortfall)
    lines = [
        f"# {said['portfolio']}, {said['as_of']}",
        f"**{said['verdict']}**",
        *(f"- {first.label}: {_measure(m, result.base_currency)}" for m in measures),
        f"- Data: {history.summary['days']} days of {', '.join(history.summary['factors'])} from "
        f"{history.summary['first']} to {history.summary['as_of']}; {_oddities(history)}",
        f"- Horizon: {said['horizon']} trading day(s); losses are positive",
        f"- Report: `{report.ref}`",
    ]
    return "\n\n".join(lines[:2]) + "\n\n" + "\n".join(lines[2:]) + "\n"


def _measure(row: Mapping[str, Any], currency: str) -> str:
    lower, upper = ("?" if row[end] is None else f"{row[end]:,.0f}" for end in ("lower", "upper"))
    return (
        f"{row['measure']} {100 * row['level']:g} % **{row['value']:,.0f} {currency}** "
        f"({lower} to {upper} at {100 * row['confidence']:g} %; {row['convention']})"
    )


def _oddities(history: Artifact) -> str:
    count = history.summary["oddities"]
    if not count:
        return "no oddities"
    found = [f for f in history.json("quality.json")["findings"] if f["severity"] == "oddity"]
    return f"{count} oddities kept, the first: {found[0]['message']}"


def _bounded(title: str, value: float | None, bounds: Mapping[str, Any], digits: int) -> dict[str, Any]:
    named = {title: value, f"{title} from": bounds["lower"], f"{title} to": bounds["upper"]}
    return {name: None if number is None else round(number, digits) for name, number in named.items()}


def _plain(summary: Mapping[str, Any]) -> dict[str, Any]:
    summary = {name: summary[name] for name in ("label", "kind") if name in summary} | dict(summary)
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in summary.items()
    }
