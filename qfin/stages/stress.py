"""Stage `stress`: what named moves do to the portfolio, what the model says of the rest, and what would hurt most."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.stages._progress import publish
from qfin.stages.risk import PORTFOLIO
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    from qfin.scenarios import ScenarioSet
    from qfin.stages._stress import Stress
    from qfin.stages.config import RunConfig


def stress(config: RunConfig, scenarios: Artifact, store: Store) -> Artifact:
    """Publish the configured stresses of the portfolio under the model of a `generate` artifact: `stress.json`,
    and the portfolio itself, `portfolio.json`.

    Scenario stress: named moves of factors at once, the others still. Conditional stress: the same moves, and the rest
    drawn from the model given them, one day ahead. Reverse stress: the most probable scenario with a loss past a bound,
    by enumeration of all cells of the model's grid, and by a variational eigensolver beside it. Without named moves
    they are the 1 and 99 % quantiles of each factor's own one-day return in the scenarios.

    Raises
    ------
    DataError
        if a factor of a move is not in the scenarios, or a level cannot be.
    ConfigError
        if no scenario of the model loses as much as the bound.
    """
    from qfin.risk import Portfolio

    portfolio, wanted = Portfolio.read(config.portfolio), config.stress
    label = scenarios.summary["label"]

    def write(folder: Path) -> dict[str, Any]:
        from qfin.model import ScenarioModel
        from qfin.scenarios import ScenarioSet
        from qfin.stages._stress import Stress

        drawn = ScenarioSet.read(scenarios.folder).until(1)
        model = ScenarioModel.read(store.get(scenarios.parents["model"]).folder)
        moves = {name: dict(m) for name, m in wanted.moves.items()} or _quantile_moves(drawn)
        one = Stress(
            model, portfolio, drawn, config.measures.var_level, config.measures.es_level, config.seed
        )
        found = {
            "label": label,
            "kind": scenarios.summary["kind"],
            "portfolio": portfolio.name,
            "base_currency": portfolio.base_currency,
            "as_of": f"{drawn.as_of:%Y-%m-%d}",
            "factors": [{"name": f.name, "unit": f.return_unit} for f in drawn.factors],
            "unconditional": one.unconditional(),
            "moves": [one.of_move(name, move, wanted.draws) for name, move in moves.items()],
            "reverse": _reverse(one, wanted.loss_bound),
        }
        portfolio.write(folder / PORTFOLIO)
        (folder / "stress.json").write_text(json.dumps(found, indent=1, allow_nan=False), encoding="utf-8")
        worst = min(found["moves"], key=lambda row: row["pnl"])
        return {
            "kind": scenarios.summary["kind"],
            "label": label,
            "portfolio": portfolio.name,
            "currency": portfolio.base_currency,
            "worst_move": worst["name"],
            "pnl": worst["pnl"],
        }

    inputs = {
        "portfolio": portfolio.name,
        "portfolio_hash": portfolio.content_hash,
        "stress": wanted.model_dump(mode="json"),
        "order": [[name, *move] for name, move in wanted.moves.items()],
        "levels": [config.measures.var_level, config.measures.es_level],
        "seed": config.seed,
    }
    return publish(store, "stress", inputs, write, {"scenarios": scenarios}, label)


def _quantile_moves(drawn: ScenarioSet) -> dict[str, dict[str, float]]:
    """Each factor's own 1 and 99 % quantile, as moves with names."""
    import numpy as np

    moves = {}
    for k, name in enumerate(drawn.names):
        for level in (0.01, 0.99):
            value = float(np.quantile(drawn.returns[:, 0, k], level, method="inverted_cdf"))
            moves[f"{name} {level:.0%} quantile"] = {name: value}
    return moves


def _reverse(one: Stress, bound: float | None) -> dict[str, Any]:
    found = one.reverse(bound)
    return asdict(found)
