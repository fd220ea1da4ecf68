"""Who won: tests on daily scores of several models on the same days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qfin.scenarios import Score, diebold_mariano, difference

_REPLICATIONS = 1000
BETTER, WORSE, SAME = "better", "worse", "no evidence of a difference"


def confidence_set(daily: Mapping[str, np.ndarray], level: float = 0.95, seed: int = 0) -> dict[str, float]:
    """p-value of each model in the model confidence set; at least 1 - level: it is among the best at that level.

    Hansen, Lunde and Nason (2011), range statistic, stationary bootstrap (arch).

    Parameters
    ----------
    daily : score of each day by model, each shape (days,), higher being better
    """
    if len(daily) < 2:
        return dict.fromkeys(daily, 1.0)
    import pandas as pd
    from arch.bootstrap import MCS

    losses = -pd.DataFrame(dict(daily))
    distinct = losses.T.drop_duplicates().T  # the bootstrap variance of two equal columns' difference is 0
    if distinct.shape[1] < 2:
        return dict.fromkeys(daily, 1.0)
    block = max(2, round(len(losses) ** (1 / 3)))
    test = MCS(
        distinct,
        1.0 - level,
        reps=_REPLICATIONS,
        block_size=block,
        method="R",
        bootstrap="stationary",
        seed=seed,
    )
    test.compute()
    found = test.pvalues["Pvalue"].to_dict()
    return {
        name: float(found[next(one for one in distinct if (distinct[one] == losses[name]).all())])
        for name in daily
    }


def verdict(
    daily: Mapping[str, np.ndarray],
    quantum: Sequence[str],
    labels: Mapping[str, str],
    level: float,
    unit: str = "nats a day",
) -> dict[str, Any] | None:
    """The best quantum model against the best classical one, as JSON values with a sentence; None without both.

    Each is the best of its kind on these very days, so a narrow win of one of several is less than its p-value says.

    Parameters
    ----------
    daily : score of each day by model, higher being better
    quantum : the models that are
    labels : what to call each in the sentence
    level : of test and interval
    """
    ranked = sorted(daily, key=lambda name: -float(np.mean(daily[name])))
    ours = next((name for name in ranked if name in quantum), None)
    theirs = next((name for name in ranked if name not in quantum), None)
    if ours is None or theirs is None:
        return None
    gap = difference(daily[ours], daily[theirs], level)
    test = diebold_mariano(daily[ours], daily[theirs])
    clear = test.p_value < 1.0 - level and (gap.lower > 0.0 or gap.upper < 0.0)
    outcome = SAME if not clear else BETTER if gap.mean > 0.0 else WORSE
    return {
        "outcome": outcome,
        "sentence": _sentence(outcome, labels[ours], labels[theirs], gap, level, unit),
        "best_quantum": ours,
        "best_classical": theirs,
        "difference": gap.to_dict(),
        "dm_statistic": test.statistic if np.isfinite(test.statistic) else None,
        "dm_p_value": test.p_value,
    }


def _sentence(outcome: str, ours: str, theirs: str, gap: Score, level: float, unit: str) -> str:
    interval = f"{100 * level:g} % interval {gap.lower:+.4f} to {gap.upper:+.4f}"
    figures = f"{gap.mean:+.4f} {unit} over {gap.days:,} days ({interval})"
    if outcome == SAME:
        return (
            f"There is no evidence of a difference between the best quantum model, {ours}, and the best classical one, "
            f"{theirs}: {figures}."
        )
    return (
        f"The best quantum model, {ours}, described the days ahead {outcome} than the best classical one, {theirs}: "
        f"{figures}."
    )
