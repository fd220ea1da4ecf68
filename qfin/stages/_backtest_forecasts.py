"""One fit of a backtest: what a scenario model forecast of the portfolio on each of some days, and what came."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qfin.evaluation import Forecaster, Span
from qfin.market import ReturnsFrame
from qfin.risk import Portfolio, Revaluation, expected_shortfall, revalue, value_at_risk
from qfin.scenarios import ScenarioSet

_NUMBERS = 20_000_000  # of returns that are valued at once
_KEPT_DRAWS = 200


@dataclass(frozen=True, eq=False)
class Walk:
    """A portfolio walked over a span's days.

    It is today's portfolio in today's market: on each day the returns that were forecast, and those that came, move
    today's levels, so that maturities and moneyness stay what they are.

    Attributes
    ----------
    forecaster : the fitted model's draws
    history : all of it
    span : which days
    portfolio, how : what is valued, and how
    n : scenarios of a day
    seed : of the place of a P&L between two draws
    """

    forecaster: Forecaster
    history: ReturnsFrame
    span: Span
    portfolio: Portfolio
    how: Revaluation
    n: int
    seed: int

    def tables(self, horizons: list[int], levels: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Forecasts, a row a day, horizon and level; and the draws behind them, a row a day and horizon.

        Days whose P&L is not complete at the end of the history are left out.
        """
        gains = self._simulated(horizons)
        forecasts: list[dict[str, object]] = []
        draws: list[dict[str, object]] = []
        for h in horizons:
            realised = self._realised(h)
            for day, pnl in enumerate(realised):
                date = self.history.dates[self.span.first + day]
                until = self.history.dates[self.span.first + day + h - 1]
                drawn = np.sort(gains[h][day])
                common = {"date": date, "until": until, "horizon": h}
                forecasts += self._rows(common, pnl, drawn, levels, day)
                m = min(self.n, math.ceil(self.n * (1.0 - min(levels))) + 1)
                draws.append({**common, "tail": drawn[:m], "draws": gains[h][day][:_KEPT_DRAWS]})
        return pd.DataFrame(forecasts), pd.DataFrame(draws)

    def _rows(
        self, common: dict[str, object], pnl: float, drawn: np.ndarray, levels: list[float], day: int
    ) -> Iterator[dict[str, object]]:
        rng = np.random.default_rng([self.seed, self.span.first + day, *b"pit"])
        pit = (np.searchsorted(drawn, pnl) + rng.uniform()) / (len(drawn) + 1)
        for level in levels:
            yield {
                **common,
                "level": level,
                "pnl": pnl,
                "var": value_at_risk(-drawn, level),
                "es": expected_shortfall(-drawn, level),
                "pit": pit,
                "scale": drawn.std(),
            }

    def _simulated(self, horizons: list[int]) -> dict[int, np.ndarray]:
        """P&L of every draw by horizon, shape (days, n) each."""
        longest, d = max(horizons), len(self.history.factors)
        days = self.span.last - self.span.first
        gains = {h: np.empty((days, self.n)) for h in horizons}
        at_once, paths = max(1, _NUMBERS // (self.n * longest * d)), self.forecaster.paths(self.n, longest)
        for first in range(0, days, at_once):
            block = [next(paths) for _ in range(min(at_once, days - first))]
            stacked = np.concatenate(block)
            for h in horizons:
                gains[h][first : first + len(block)] = self._gain(stacked[:, :h]).reshape(len(block), self.n)
        return gains

    def _realised(self, horizon: int) -> np.ndarray:
        """P&L that came, shape (days,), of the days that have one."""
        end = min(self.span.last - 1 + horizon, len(self.history))
        values = self.history.values[self.span.first : end]
        if len(values) < horizon:
            return np.empty(0)
        return self._gain(
            np.swapaxes(np.lib.stride_tricks.sliding_window_view(values, horizon, axis=0), 1, 2)
        )

    def _gain(self, returns: np.ndarray) -> np.ndarray:
        """The portfolio's gain for each path from today, shape (m, h, d) to (m,)."""
        history = self.history
        moved = ScenarioSet(
            returns, history.factors, history.levels, history.as_of, {"backtest": "hypothetical"}
        )
        return revalue(self.portfolio, moved, self.how).total
