"""Stage `risk`: a portfolio revalued under a scenario set, and its measures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.stages._progress import publish
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    from qfin.market import ReturnsFrame
    from qfin.stages.config import RunConfig


def risk(config: RunConfig, scenarios: Artifact, store: Store) -> Artifact:
    """Publish P&L and measures of the configured portfolio under a `generate` artifact: `pnl.parquet`, `risk.json`.

    Raises
    ------
    DataError
        if the portfolio cannot be read, or names what the scenarios don't have.
    """
    from qfin.risk import Portfolio

    portfolio = Portfolio.read(config.portfolio)
    measures = config.measures.model_dump()
    kind, label = scenarios.summary["kind"], scenarios.summary["label"]

    def write(folder: Path) -> dict[str, Any]:
        from qfin.risk import risk_report
        from qfin.scenarios import ScenarioSet

        drawn = ScenarioSet.read(scenarios.folder)
        pnl = portfolio.revalue(drawn)
        pnl.write(folder)
        figures = risk_report(portfolio, drawn, pnl, **measures, label=label, kind=kind)
        (folder / "risk.json").write_text(json.dumps(figures, indent=1, allow_nan=False), encoding="utf-8")
        values = {row["measure"].lower(): row["value"] for row in figures["measures"]}
        return {
            "kind": kind,
            "label": label,
            "portfolio": portfolio.name,
            "currency": portfolio.base_currency,
            **values,
        }

    inputs = {"portfolio": portfolio.name, "portfolio_hash": portfolio.content_hash, "measures": measures}
    return publish(store, "risk", inputs, write, {"scenarios": scenarios}, label)


def check_portfolio(config: RunConfig, history: ReturnsFrame) -> None:
    """Check that the configured portfolio can be valued with the factors of a history.

    Raises
    ------
    DataError
        naming every trade and field that is wrong.
    """
    from qfin.risk import Portfolio

    Portfolio.read(config.portfolio).check(history.factors, history.as_of.date())
