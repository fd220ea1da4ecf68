"""Stage `risk`: a portfolio revalued under a scenario set, and its measures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.errors import StoreError
from qfin.stages._progress import publish
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    from qfin.market import ReturnsFrame
    from qfin.risk import Figures, PnL, Portfolio, Revaluation
    from qfin.scenarios import ScenarioSet
    from qfin.stages.config import MeasureConfig, RunConfig

PORTFOLIO = "portfolio.json"


def risk(config: RunConfig, scenarios: Artifact, store: Store) -> Artifact:
    """Publish P&L and measures of the configured portfolio under a `generate` artifact: `pnl.parquet`, `risk.json`,
    and the portfolio itself, `portfolio.json`.

    Raises
    ------
    DataError
        if the portfolio cannot be read, or names what the scenarios don't have.
    ConfigError
        if a figure is asked for that the scenarios are too short for.
    """
    from qfin.risk import Portfolio, Revaluation

    portfolio = Portfolio.read(config.portfolio)
    how = Revaluation(**config.revaluation.model_dump())
    kind, label = scenarios.summary["kind"], scenarios.summary["label"]

    def write(folder: Path) -> dict[str, Any]:
        from qfin.risk import revalue, risk_report
        from qfin.scenarios import ScenarioSet

        drawn, history = ScenarioSet.read(scenarios.folder), _history(scenarios, store)
        wanted = figures(config.measures)
        pnl = revalue(portfolio, drawn, how)
        pnl.write(folder)
        portfolio.write(folder / PORTFOLIO)
        found = risk_report(portfolio, drawn, pnl, wanted, how, history=history, label=label, kind=kind)
        if config.measures.error_budget:
            found["error_budget"] = _error_budget(
                portfolio, drawn, pnl, wanted, how, history, scenarios, store
            )
        (folder / "risk.json").write_text(json.dumps(found, indent=1, allow_nan=False), encoding="utf-8")
        values = {row["measure"].lower(): row["value"] for row in found["measures"]}
        return {
            "kind": kind,
            "label": label,
            "portfolio": portfolio.name,
            "currency": portfolio.base_currency,
            **values,
        }

    inputs = {
        "portfolio": portfolio.name,
        "portfolio_hash": portfolio.content_hash,
        "measures": config.measures.model_dump(mode="json"),
        "revaluation": config.revaluation.model_dump(exclude={"workers"}),
    }
    return publish(store, "risk", inputs, write, {"scenarios": scenarios}, label)


def figures(config: MeasureConfig) -> Figures:
    """The figures that a configuration asks for."""
    from qfin.risk import Figures, Window

    return Figures(
        config.var_level,
        config.es_level,
        config.confidence,
        tuple(config.levels),
        tuple(config.horizons),
        tuple(Window(w.name, w.start, w.end) for w in config.windows),
    )


def check_portfolio(config: RunConfig, history: ReturnsFrame) -> None:
    """Check that the configured portfolio can be valued with the factors of a history.

    Raises
    ------
    DataError
        naming every trade and field that is wrong.
    """
    from qfin.risk import Portfolio

    Portfolio.read(config.portfolio).check(history.factors, history.as_of.date())


def _history(scenarios: Artifact, store: Store) -> ReturnsFrame:
    """The history behind a scenario set."""
    from qfin.market import ReturnsFrame

    for artifact in store.lineage(scenarios):
        if artifact.stage == "ingest":
            return ReturnsFrame.read(artifact.path("returns.parquet"))
    raise StoreError(f"artifact {scenarios.ref} does not go back to a history; run the stages again")


def _error_budget(
    portfolio: Portfolio,
    drawn: ScenarioSet,
    pnl: PnL,
    wanted: Figures,
    how: Revaluation,
    history: ReturnsFrame,
    scenarios: Artifact,
    store: Store,
) -> list[dict[str, Any]]:
    from qfin.model import ScenarioModel
    from qfin.stages._error_budget import Budgets

    parents = scenarios.parents
    model = ScenarioModel.read(store.get(parents.get("tuned", parents["model"])).folder)
    seed = int(scenarios.summary["seed"])
    return Budgets(model, history, portfolio, drawn, pnl, how, wanted, seed).budgets()
