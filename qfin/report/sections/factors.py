"""Risk factors alone and in pairs, history against scenarios."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from qfin.report import _format as form
from qfin.report import _statistics as statistics
from qfin.report._data import ReportData
from qfin.report.figures import dependence as pairs
from qfin.report.figures import marginals as figures
from qfin.report.figures.layout import HALF, NARROW, responsive

MAX_PAIRS = 10
_FILTERS = {"garch": "GARCH", "ewma": "EWMA"}
_WARM_UP = 20


def marginals(data: ReportData) -> dict[str, Any]:
    """Each factor's moves."""
    returns, day = data.history.returns, data.main.first_day
    volatility = data.main.volatility
    filtered = volatility not in (None, "none") and len(returns) > 3 * _WARM_UP
    shape = statistics.without_volatility(returns)[_WARM_UP:] if filtered else returns
    two = len(data.factors) in (1, 2, 4)
    cards = []
    for k, factor in enumerate(data.factors):
        scale, unit = form.return_scale(factor), form.return_unit(factor)
        seen, now = (form.number(scale * float(np.std(v[:, k])), 2) for v in (returns, day))

        def draw(width: int, k: int = k) -> Any:
            return figures.card(data.factors[k], returns[:, k], shape[:, k], day[:, k], width)

        cards.append(
            {
                "name": factor.name,
                "note": f"st. dev. {seen} in history, {now} now" + (f", {unit}" if unit else ""),
                "plot": responsive(draw, HALF, NARROW) if two else draw(NARROW),
            }
        )
    return {
        "cards": cards,
        "two": two,
        "filter": _FILTERS.get(str(volatility), str(volatility)) if filtered else None,
    }


def dependence(data: ReportData) -> dict[str, Any] | None:
    """Pairs of factors: scatter, correlations, tails; None with one factor."""
    if len(data.factors) < 2:
        return None
    seen = statistics.ranks_to_unit(data.history.pseudo_observations)
    drawn = [statistics.ranks_to_unit(m.first_day) for m in data.models]
    scores = [statistics.normal_scores(u) for u in (seen, drawn[0])]
    history, scenarios = (np.corrcoef(s, rowvar=False) for s in scores)
    every = sorted(combinations(range(len(data.factors)), 2), key=lambda p: (-abs(history[p]), p))
    shown, names = every[:MAX_PAIRS], data.names
    gap = np.abs(history - scenarios)
    far = np.unravel_index(np.argmax(gap), gap.shape)
    return {
        "pairs": [
            {
                "names": (names[i], names[j]),
                "note": f"correlation {form.number(history[i, j], 2)} | {form.number(scenarios[i, j], 2)}",
                "plot": pairs.pair(
                    (names[i], names[j]), scores[0][:, [i, j]], scores[1][:, [i, j]], data.main.label
                ),
            }
            for i, j in shown
        ],
        "tails": [_tails(data, seen, drawn, float(history[i, j]), i, j) for i, j in shown],
        "mirrored": any(history[pair] < 0 for pair in shown),
        "matrices": [
            ("History", pairs.correlation_matrix(names, history, "Correlation of normal scores, history")),
            (
                data.main.label,
                pairs.correlation_matrix(names, scenarios, "Correlation of normal scores, scenarios"),
            ),
        ],
        "gap": form.number(float(gap.max()), 3),
        "gap_pair": " and ".join(names[k] for k in sorted(int(place) for place in far)),
        "shown": len(shown),
        "of": len(every),
    }


def _tails(
    data: ReportData, seen: np.ndarray, drawn: list[np.ndarray], rho: float, i: int, j: int
) -> dict[str, Any]:
    """One pair's tails; a pair that moves in opposite directions is mirrored, so that its tails can be seen."""
    mirrored = rho < 0

    def corner(u: np.ndarray) -> np.ndarray:
        return np.column_stack([u[:, i], 1 - u[:, j] if mirrored else u[:, j]])

    names = (data.names[i], f"{form.MINUS}{data.names[j]}" if mirrored else data.names[j])
    places = range(len(data.models))
    return {
        "names": names,
        "plot": pairs.tails(names, corner(seen), [corner(u) for u in drawn], places, abs(rho)),
    }
