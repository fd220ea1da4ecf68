"""E-backtests: evidence that may be looked at every day (Wang, Wang and Ziegel, arXiv 2209.00991).

An e-value of a day has mean 1 at most if the forecast is not too low, whatever the model and the other days. So what a
bet on it has made is a running measure of evidence: it exceeds 1 / significance on any day with probability
significance at most (Ville's inequality).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from qfin.errors import ConfigError, DataError
from qfin.risk.backtests._inputs import check_probability, series, tail
from qfin.risk.backtests._result import TestResult, sentence

Betting = Literal["GREE", "GREL", "GREM"]

_MOST = 0.5  # largest bet, as in the paper
_ROWS = 500
_HALVINGS = 40


@dataclass(frozen=True, eq=False)
class EProcess:
    """Running evidence against forecasts.

    Attributes
    ----------
    e_values : shape (days,), of each day alone
    bets : shape (days,), share of the evidence put on each day, between 0 and 1/2; nan for the mixture GREM
    evidence : shape (days,), product up to each day of 1 - bet + bet e
    """

    e_values: np.ndarray
    bets: np.ndarray
    evidence: np.ndarray

    def first_day(self, significance: float = 0.05) -> int | None:
        """First row on which evidence reaches 1 / significance; None if it never does."""
        check_probability("significance", significance, 0.05)
        reached = np.flatnonzero(self.evidence >= 1 / significance)
        return int(reached[0]) if len(reached) else None


def var_e_values(pnl: np.ndarray, var: np.ndarray, level: float) -> np.ndarray:
    """1{loss > VaR} / (1 - level) of each day, shape (days,) (Wang, Wang and Ziegel).

    pnl, var : shape (days,); a gain and a loss positive
    """
    check_probability("level", level)
    pnl = series("pnl", pnl)
    return (pnl < -series("var", var, len(pnl))) / (1 - level)


def es_e_values(pnl: np.ndarray, var: np.ndarray, es: np.ndarray, level: float) -> np.ndarray:
    """(loss - VaR)^+ / ((1 - level) (ES - VaR)) of each day, shape (days,) (Wang, Wang and Ziegel).

    pnl, var, es : shape (days,); a gain, a loss and a loss positive; VaR < ES
    """
    check_probability("level", level)
    pnl = series("pnl", pnl)
    var, es = _apart(var, es, len(pnl))
    return np.maximum(-pnl - var, 0.0) / ((1 - level) * (es - var))


def e_process(
    pnl: np.ndarray,
    var: np.ndarray,
    level: float,
    es: np.ndarray | None = None,
    *,
    betting: Betting | float = "GREM",
) -> EProcess:
    """Running evidence that the ES, or without `es` the VaR, is too low.

    pnl, var, es : shape (days,); a gain, a loss and a loss positive
    betting : "GREE", the bet that would have made most on the e-values so far; "GREL", the one that would have made
        most had past losses met today's forecast; "GREM", half of the evidence on either (Wang, Wang and Ziegel);
        a number between 0 and 1: that bet every day
    """
    e_values = var_e_values(pnl, var, level) if es is None else es_e_values(pnl, var, es, level)
    if betting == "GREM":
        halves = [_grown(e_values, _bets(rule, pnl, var, es, level, e_values)) for rule in ("GREE", "GREL")]
        return _frozen(e_values, np.full(len(e_values), np.nan), np.mean(halves, axis=0))
    bets = _bets(betting, pnl, var, es, level, e_values)
    return _frozen(e_values, bets, _grown(e_values, bets))


def e_backtest_var(
    pnl: np.ndarray,
    var: np.ndarray,
    level: float,
    significance: float = 0.05,
    *,
    betting: Betting | float = "GREM",
) -> TestResult:
    """E-backtest of the VaR; statistic and p-value as in `e_backtest_es`."""
    check_probability("significance", significance, 0.05)
    return _result("e-backtest of the VaR", "VaR", e_process(pnl, var, level, betting=betting), significance)


def e_backtest_es(
    pnl: np.ndarray,
    var: np.ndarray,
    es: np.ndarray,
    level: float,
    significance: float = 0.05,
    *,
    betting: Betting | float = "GREM",
) -> TestResult:
    """E-backtest of the ES beside its VaR.

    The statistic is the most evidence on any day, the p-value one over it, valid however often one looks.

    pnl, var, es : shape (days,); a gain, a loss and a loss positive
    betting : see `e_process`
    """
    check_probability("significance", significance, 0.05)
    return _result(
        "e-backtest of the ES", "ES", e_process(pnl, var, level, es, betting=betting), significance
    )


def _result(name: str, measure: str, process: EProcess, significance: float) -> TestResult:
    most = max(1.0, float(process.evidence.max()))
    first = process.first_day(significance)
    warned = "" if first is None else f", {1 / significance:.3g} or more from day {first + 1} on"
    return TestResult(
        name=name,
        statistic=most,
        p_value=1 / most,
        significance=significance,
        sentence=sentence(
            f"Evidence that the {measure} is too low reached {most:.3g} times the stake in {len(process.evidence):,} "
            f"days{warned}",
            1 / most,
            significance,
            f"the {measure} is too low",
            f"no sign that the {measure} is too low",
        ),
        source="Wang, Wang and Ziegel, arXiv 2209.00991",
    )


def _apart(var: np.ndarray, es: np.ndarray, days: int) -> tuple[np.ndarray, np.ndarray]:
    var, es = tail(var, es, days)
    if (es == var).any():
        day = int(np.argmax(es == var))
        raise DataError(f"VaR and ES are both {var[day]:g} on day {day}; an e-value of the ES needs VaR < ES")
    return var, es


def _bets(
    betting: str | float,
    pnl: np.ndarray,
    var: np.ndarray,
    es: np.ndarray | None,
    level: float,
    e_values: np.ndarray,
) -> np.ndarray:
    if not isinstance(betting, str):
        if not 0.0 <= betting <= 1.0:
            raise ConfigError(f"betting = {betting!r} is not allowed: a share between 0 and 1")
        return np.full(len(e_values), float(betting))
    if betting == "GREE":
        return _best_bets(
            lambda rows, days: np.broadcast_to(e_values[days], (len(rows), len(days))), e_values > 0
        )
    if betting != "GREL":
        raise ConfigError(
            f"there is no betting {betting!r}; choose one of: {', '.join(get_args(Betting))}, or a number"
        )
    losses, var = -np.asarray(pnl, dtype=float), np.asarray(var, dtype=float)

    def under(rows: np.ndarray, days: np.ndarray) -> np.ndarray:
        beyond = losses[days] - var[rows, None]
        if es is None:
            return (beyond > 0) / (1 - level)
        return np.maximum(beyond, 0.0) / (
            (1 - level) * (np.asarray(es, dtype=float)[rows, None] - var[rows, None])
        )

    return _best_bets(under, losses > var.min())


def _best_bets(
    e_values: Callable[[np.ndarray, np.ndarray], np.ndarray], above_zero: np.ndarray
) -> np.ndarray:
    """The bet in [0, 1/2] for each day that would have made most on the days before it, shape (days,).

    It is where the slope of the sum of log(1 - bet + bet e) crosses 0, found by halving for all days at once. Days
    whose e-value is 0 all add the same to it.

    e_values : of given days under the forecasts of given rows, shape (rows, days)
    above_zero : days whose e-value may be above 0
    """
    n, days = len(above_zero), np.flatnonzero(above_zero)
    bets = np.zeros(n)
    for first in range(0, n, _ROWS):
        rows = np.arange(first, min(first + _ROWS, n))
        gain = np.where(days < rows[:, None], e_values(rows, days) - 1, 0.0)
        zeros = rows - np.sum(days < rows[:, None], axis=1)
        low, high = np.zeros(len(rows)), np.full(len(rows), _MOST)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            slope = np.sum(gain / (1 + middle[:, None] * gain), axis=1) - zeros / (1 - middle)
            low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
        bets[rows] = (low + high) / 2
    return bets


def _grown(e_values: np.ndarray, bets: np.ndarray) -> np.ndarray:
    return np.cumprod(1 - bets + bets * e_values)


def _frozen(*arrays: np.ndarray) -> EProcess:
    for array in arrays:
        array.flags.writeable = False
    return EProcess(*arrays)
