"""All backtests that forecasts allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from qfin.errors import DataError
from qfin.risk.backtests._coverage import (
    christoffersen_conditional_coverage,
    christoffersen_independence,
    kupiec,
    mixed_kupiec,
    time_until_first_failure,
)
from qfin.risk.backtests._cumulative import du_escanciano_conditional, du_escanciano_unconditional
from qfin.risk.backtests._distribution import (
    crps_test,
    pit_anderson_darling,
    pit_berkowitz,
    pit_kolmogorov_smirnov,
)
from qfin.risk.backtests._dynamic_quantile import dynamic_quantile
from qfin.risk.backtests._e_values import e_backtest_es, e_backtest_var
from qfin.risk.backtests._forecasts import Forecasts
from qfin.risk.backtests._inputs import check_probability
from qfin.risk.backtests._result import NotRun, TestResult
from qfin.risk.backtests._rosenblatt import rosenblatt_radius, rosenblatt_uniformity
from qfin.risk.backtests._shortfall import acerbi_szekely_z1, acerbi_szekely_z2, exceedance_residuals
from qfin.risk.backtests._traffic_light import traffic_light


class _Test(NamedTuple):
    name: str
    needs: tuple[str, ...]
    run: Callable[[Any, float], TestResult]  # of Forecasts that hold what the test needs


_OF_MEASURES = (
    _Test("Basel traffic light", (), lambda f, s: traffic_light(f.hits, f.level, s, horizon=f.horizon)),
    _Test("Kupiec proportion of failures", (), lambda f, s: kupiec(f.hits, f.level, s)),
    _Test("Kupiec time until first failure", (), lambda f, s: time_until_first_failure(f.hits, f.level, s)),
    _Test("Christoffersen independence", (), lambda f, s: christoffersen_independence(f.hits, f.level, s)),
    _Test(
        "Christoffersen conditional coverage",
        (),
        lambda f, s: christoffersen_conditional_coverage(f.hits, f.level, s),
    ),
    _Test("mixed Kupiec", (), lambda f, s: mixed_kupiec(f.hits, f.level, s)),
    _Test("dynamic quantile", (), lambda f, s: dynamic_quantile(f.hits, f.level, f.var, s)),
    _Test("e-backtest of the VaR", (), lambda f, s: e_backtest_var(f.pnl, f.var, f.level, s)),
    _Test(
        "Acerbi-Székely Z1",
        ("es", "draws"),
        lambda f, s: acerbi_szekely_z1(f.pnl, f.var, f.es, f.level, f.draws, s),
    ),
    _Test(
        "Acerbi-Székely Z2",
        ("es", "draws"),
        lambda f, s: acerbi_szekely_z2(f.pnl, f.var, f.es, f.level, f.draws, s),
    ),
    _Test(
        "McNeil-Frey exceedance residuals",
        ("es",),
        lambda f, s: exceedance_residuals(f.pnl, f.var, f.es, f.level, s, scale=f.scale),
    ),
    _Test("e-backtest of the ES", ("es",), lambda f, s: e_backtest_es(f.pnl, f.var, f.es, f.level, s)),
    _Test(
        "Du-Escanciano unconditional",
        ("pit",),
        lambda f, s: du_escanciano_unconditional(f.pit, f.level, s),
    ),
    _Test("Du-Escanciano conditional", ("pit",), lambda f, s: du_escanciano_conditional(f.pit, f.level, s)),
)
_OF_DISTRIBUTION = (
    _Test("PIT Kolmogorov-Smirnov", ("pit",), lambda f, s: pit_kolmogorov_smirnov(f.pit, s)),
    _Test("PIT Anderson-Darling", ("pit",), lambda f, s: pit_anderson_darling(f.pit, s)),
    _Test("PIT Berkowitz", ("pit",), lambda f, s: pit_berkowitz(f.pit, s)),
    _Test("CRPS", ("simulated",), lambda f, s: crps_test(f.pnl, f.simulated, s)),
    _Test("Rosenblatt uniformity", ("rosenblatt",), lambda f, s: rosenblatt_uniformity(f.rosenblatt, s)),
    _Test("Rosenblatt radius", ("rosenblatt",), lambda f, s: rosenblatt_radius(f.rosenblatt, s)),
)


def backtest(forecasts: Forecasts, significance: float = 0.05) -> tuple[TestResult | NotRun, ...]:
    """Every backtest of the VaR, the ES, the distribution and the dependence, in that order.

    Each is at the significance by itself: of 20 tests of a right model one is expected to reject it at 5 %. A test that
    cannot be run says what it needs.

    forecasts : P&L that overlaps (`horizon` above 1) goes through the traffic light alone
    """
    return (*backtest_measures(forecasts, significance), *backtest_distribution(forecasts, significance))


def backtest_measures(forecasts: Forecasts, significance: float = 0.05) -> tuple[TestResult | NotRun, ...]:
    """The backtests of VaR and ES, which are of one level; see `backtest`."""
    check_probability("significance", significance, 0.05)
    return tuple(_outcome(test, forecasts, significance) for test in _OF_MEASURES)


def backtest_distribution(
    forecasts: Forecasts, significance: float = 0.05
) -> tuple[TestResult | NotRun, ...]:
    """The backtests of distribution and dependence, which are of no level; see `backtest`."""
    check_probability("significance", significance, 0.05)
    return tuple(_outcome(test, forecasts, significance) for test in _OF_DISTRIBUTION)


def _outcome(test: _Test, forecasts: Forecasts, significance: float) -> TestResult | NotRun:
    missing = [need for need in test.needs if getattr(forecasts, need) is None]
    if missing:
        return NotRun(
            name=test.name,
            sentence=f"not run: it needs {' and '.join(missing)}",
        )
    if forecasts.horizon > 1 and test.name != "Basel traffic light":
        return NotRun(
            name=test.name,
            sentence=f"not run: P&L over {forecasts.horizon} days overlaps from row to row; "
            f"give every {forecasts.horizon}th row with horizon 1",
        )
    try:
        return test.run(forecasts, significance)
    except DataError as error:
        return NotRun(name=test.name, sentence=f"not run: {error}")
