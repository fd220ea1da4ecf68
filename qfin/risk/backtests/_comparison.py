"""Which of two models forecast VaR and ES better on the same days."""

from __future__ import annotations

import numpy as np

from qfin.errors import DataError
from qfin.risk.backtests._forecasts import Forecasts
from qfin.risk.backtests._inputs import check_probability
from qfin.risk.backtests._result import TestResult, sentence
from qfin.scenarios import diebold_mariano, fz0_score


def fz0_scores(forecasts: Forecasts) -> np.ndarray:
    """Score FZ0 of each day's VaR and ES, lower is better: shape (days,); see `qfin.scenarios.fz0_score`."""
    if forecasts.es is None:
        raise DataError("FZ0 scores need es beside var")
    return fz0_score(forecasts.pnl, -forecasts.var, -forecasts.es, 1 - forecasts.level)


def compare_fz0(
    first: Forecasts,
    second: Forecasts,
    significance: float = 0.05,
    *,
    names: tuple[str, str] = ("first", "second"),
) -> TestResult:
    """Diebold and Mariano's test that two models' FZ0 scores are the same on average.

    Above 0 where the first is better. Both must be of the same P&L and level.

    names : of the models, for the sentence
    """
    if len(first) != len(second) or not np.array_equal(first.pnl, second.pnl):
        raise DataError(
            f"the models' P&L differs ({len(first)} and {len(second)} days); compare forecasts of the same days"
        )
    if first.level != second.level:
        raise DataError(
            f"the models' levels are {first.level:g} and {second.level:g}; compare forecasts of one level"
        )
    test = diebold_mariano(-fz0_scores(first), -fz0_scores(second))
    if not (first.hits.any() or second.hits.any()):
        raise DataError(
            f"no loss was beyond the VaR of either model in {len(first)} days, so the scores say which ES is smaller, "
            "not which is right; give more days"
        )
    statistic, p_value = test.statistic, test.p_value
    check_probability("significance", significance, 0.05)
    better, worse = names if statistic > 0 else names[::-1]
    return TestResult(
        name="FZ0 Diebold-Mariano",
        statistic=statistic,
        p_value=p_value,
        significance=significance,
        sentence=sentence(
            f"Mean FZ0 score of VaR and ES is {fz0_scores(first).mean():.4g} for {names[0]} and "
            f"{fz0_scores(second).mean():.4g} for {names[1]}, lower is better",
            p_value,
            significance,
            f"{better} forecasts better than {worse}",
            "no evidence that one is better",
        ),
        source="Patton, Ziegel and Chen 2019, eq. 6; Diebold and Mariano 1995",
    )
