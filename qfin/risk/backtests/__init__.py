"""Backtests of VaR, ES, the distribution and the dependence: realised P&L against the forecasts made of it.

results = backtest(Forecasts(pnl, var, 0.99, es=es, pit=pit, simulated=draws))
[result.sentence for result in results]
"""

from __future__ import annotations

from qfin.risk.backtests._comparison import compare_fz0, fz0_scores
from qfin.risk.backtests._coverage import (
    christoffersen_conditional_coverage,
    christoffersen_independence,
    kupiec,
    mixed_kupiec,
    time_until_first_failure,
)
from qfin.risk.backtests._cumulative import du_escanciano_conditional, du_escanciano_unconditional
from qfin.risk.backtests._distribution import (
    crps,
    crps_test,
    pit_anderson_darling,
    pit_berkowitz,
    pit_kolmogorov_smirnov,
)
from qfin.risk.backtests._dynamic_quantile import dynamic_quantile
from qfin.risk.backtests._e_values import (
    Betting,
    EProcess,
    e_backtest_es,
    e_backtest_var,
    e_process,
    es_e_values,
    var_e_values,
)
from qfin.risk.backtests._forecasts import Forecasts, Tail
from qfin.risk.backtests._result import NotRun, TestResult
from qfin.risk.backtests._rosenblatt import rosenblatt_radius, rosenblatt_uniformity
from qfin.risk.backtests._run import backtest, backtest_distribution, backtest_measures
from qfin.risk.backtests._shortfall import (
    Simulated,
    acerbi_szekely_z1,
    acerbi_szekely_z2,
    exceedance_residuals,
)
from qfin.risk.backtests._traffic_light import TrafficLight, Zone, traffic_light

__all__ = [
    "Betting",
    "EProcess",
    "Forecasts",
    "NotRun",
    "Simulated",
    "Tail",
    "TestResult",
    "TrafficLight",
    "Zone",
    "acerbi_szekely_z1",
    "acerbi_szekely_z2",
    "backtest",
    "backtest_distribution",
    "backtest_measures",
    "christoffersen_conditional_coverage",
    "christoffersen_independence",
    "compare_fz0",
    "crps",
    "crps_test",
    "du_escanciano_conditional",
    "du_escanciano_unconditional",
    "dynamic_quantile",
    "e_backtest_es",
    "e_backtest_var",
    "e_process",
    "es_e_values",
    "exceedance_residuals",
    "fz0_scores",
    "kupiec",
    "mixed_kupiec",
    "pit_anderson_darling",
    "pit_berkowitz",
    "pit_kolmogorov_smirnov",
    "rosenblatt_radius",
    "rosenblatt_uniformity",
    "time_until_first_failure",
    "traffic_light",
    "var_e_values",
]
