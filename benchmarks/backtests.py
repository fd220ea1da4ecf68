"""Size and power of every backtest by simulation: how often a right model is rejected, and how often wrong ones are.

    python benchmarks/backtests.py [--series 400] [--output docs/backtests.md]

Prints the tables of docs/backtests.md, or writes them into it in place of the old ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _page import conditions, progress, table
from scipy import signal, stats

from qfin.risk import backtests as bt

DAYS = (250, 500, 1000)
VAR_LEVEL, ES_LEVEL = 0.99, 0.975
MARK = "<!-- tables of benchmarks/backtests.py -->"
QUANTILE = float(stats.norm.ppf(VAR_LEVEL))
TAIL = float(stats.norm.ppf(ES_LEVEL))
SHORTFALL = float(stats.norm.pdf(TAIL) / (1 - ES_LEVEL))


def right(days: int, rng: np.random.Generator) -> np.ndarray:
    """P&L as forecast: independent standard normals, shape (days,)."""
    return rng.standard_normal(days)


def wide(days: int, rng: np.random.Generator) -> np.ndarray:
    """A quarter more volatile than forecast."""
    return 1.25 * rng.standard_normal(days)


def heavy(days: int, rng: np.random.Generator) -> np.ndarray:
    """Student t with 4 degrees of freedom, variance as forecast."""
    return rng.standard_t(4, days) / np.sqrt(2)


def clustered(days: int, rng: np.random.Generator) -> np.ndarray:
    """GARCH(1, 1) with .12 and .86, mean variance as forecast."""
    noise, variance, pnl = rng.standard_normal(days + 200), 1.0, np.empty(days + 200)
    for k, e in enumerate(noise):
        pnl[k] = np.sqrt(variance) * e
        variance = 0.02 + 0.12 * pnl[k] ** 2 + 0.86 * variance
    return pnl[200:]


CASES: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "right": right,
    "wide": wide,
    "heavy": heavy,
    "clustered": clustered,
}


@dataclass(frozen=True)
class Draw:
    """One series of P&L beside a standard normal forecast."""

    pnl: np.ndarray
    simulated: np.ndarray

    @property
    def hits(self) -> np.ndarray:
        return self.pnl < -QUANTILE

    @property
    def tail(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """P&L, VaR and ES at 97.5 %."""
        return self.pnl, np.full(len(self.pnl), TAIL), np.full(len(self.pnl), SHORTFALL)

    @property
    def pit(self) -> np.ndarray:
        return np.clip(stats.norm.cdf(self.pnl), 1e-15, 1 - 1e-15)


TESTS: tuple[Callable[[Draw], bt.TestResult], ...] = (
    lambda d: bt.traffic_light(d.hits, VAR_LEVEL),
    lambda d: bt.kupiec(d.hits, VAR_LEVEL),
    lambda d: bt.time_until_first_failure(d.hits, VAR_LEVEL),
    lambda d: bt.christoffersen_independence(d.hits, VAR_LEVEL),
    lambda d: bt.christoffersen_conditional_coverage(d.hits, VAR_LEVEL),
    lambda d: bt.mixed_kupiec(d.hits, VAR_LEVEL),
    lambda d: bt.dynamic_quantile(d.hits, VAR_LEVEL),
    lambda d: bt.e_backtest_var(d.pnl, np.full(len(d.pnl), QUANTILE), VAR_LEVEL),
    lambda d: bt.acerbi_szekely_z1(*d.tail, ES_LEVEL, d.simulated, draws=499),
    lambda d: bt.acerbi_szekely_z2(*d.tail, ES_LEVEL, d.simulated, draws=499),
    lambda d: bt.exceedance_residuals(*d.tail, ES_LEVEL),
    lambda d: bt.e_backtest_es(*d.tail, ES_LEVEL),
    lambda d: bt.du_escanciano_unconditional(d.pit, ES_LEVEL),
    lambda d: bt.du_escanciano_conditional(d.pit, ES_LEVEL),
    lambda d: bt.pit_kolmogorov_smirnov(d.pit),
    lambda d: bt.pit_anderson_darling(d.pit),
    lambda d: bt.pit_berkowitz(d.pit),
    lambda d: bt.crps_test(d.pnl, d.simulated, draws=499),
)


def independent(days: int, rng: np.random.Generator) -> np.ndarray:
    """Four independent uniforms, as forecast, shape (days, 4)."""
    return rng.random((days, 4))


def correlated(days: int, rng: np.random.Generator) -> np.ndarray:
    """Normals with correlation .15 where independence is forecast."""
    common, own = rng.standard_normal((days, 1)), rng.standard_normal((days, 4))
    return stats.norm.cdf(np.sqrt(0.15) * common + np.sqrt(0.85) * own)


def tied(days: int, rng: np.random.Generator) -> np.ndarray:
    """Student t copula with 5 degrees of freedom and no correlation where independence is forecast."""
    scale = np.sqrt(5 / rng.chisquare(5, (days, 1)))
    return np.clip(stats.t.cdf(rng.standard_normal((days, 4)) * scale, 5), 1e-15, 1 - 1e-15)


DEPENDENCE = {"right": independent, "correlated": correlated, "tied": tied}


def rejections(
    tests: Iterable[Callable[[Draw], bt.TestResult]], draws: Iterable[Draw]
) -> dict[str, tuple[float, float]]:
    """Share of series that each test rejects, by its decision and by the many-days p-value alone."""
    found: dict[str, list[tuple[bool, bool]]] = {}
    for draw in draws:
        for test in tests:
            result = test(draw)
            found.setdefault(result.name, []).append((result.rejected, result.p_value <= result.significance))
    return {name: tuple(np.mean(outcomes, axis=0)) for name, outcomes in found.items()}


def simulated(case: str, days: int, series: int) -> dict[str, tuple[float, float]]:
    """Rejections of all tests of a series, one case and number of days."""
    rng = np.random.default_rng([days, *case.encode()])
    draws = (Draw(CASES[case](days, rng), rng.standard_normal((days, 100))) for _ in range(series))
    return rejections(TESTS, draws)


def dependence(case: str, days: int, series: int) -> dict[str, tuple[float, float]]:
    """Rejections of the Rosenblatt tests."""
    rng = np.random.default_rng([days, *case.encode(), 1])
    draws = (DEPENDENCE[case](days, rng) for _ in range(series))
    return rejections((bt.rosenblatt_uniformity, bt.rosenblatt_radius), draws)


def comparison(days: int, series: int) -> tuple[float, float]:
    """Rejections by Diebold and Mariano: two equally noisy forecasts, and a right one against one a quarter too low."""
    rng, outcomes = np.random.default_rng([days, 2]), []
    for _ in range(series):
        volatility = np.exp(0.3 * signal.lfilter([0.3], [1, -0.95], rng.standard_normal(days)))
        pnl = volatility * rng.standard_normal(days)
        a, b = (volatility * np.exp(0.2 * rng.standard_normal(days)) for _ in range(2))
        forecasts = [
            bt.Forecasts(pnl, TAIL * v, ES_LEVEL, es=SHORTFALL * v)
            for v in (a, b, volatility, volatility / 1.25)
        ]
        outcomes.append([bt.compare_fz0(*forecasts[:2]).rejected, bt.compare_fz0(*forecasts[2:]).rejected])
    return tuple(np.mean(outcomes, axis=0))


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def size_table(found: dict[tuple[str, int], dict[str, tuple[float, float]]]) -> str:
    """Rejections of a right model, beside those that the many-days p-value alone would make."""
    heads = [
        "right model, % rejected",
        *(f"{n:,} days" for n in DAYS),
        *(f"{n:,}, many-days p" for n in DAYS),
    ]
    rows = []
    for name in found["right", DAYS[0]]:
        decided, many = zip(*(found["right", n][name] for n in DAYS), strict=True)
        rows.append([name, *map(percent, decided), *(percent(m) if many != decided else "" for m in many)])
    return table(heads, rows)


def power_table(found: dict[tuple[str, int], dict[str, tuple[float, float]]], cases: list[str]) -> str:
    """Rejections of wrong models."""
    heads = ["wrong model, % rejected", *(f"{case}, {n:,}" for case in cases for n in DAYS)]
    names = list(found["right", DAYS[0]])
    return table(
        heads, [[name, *(percent(found[c, n][name][0]) for c in cases for n in DAYS)] for name in names]
    )


def page(series: int) -> str:
    """All tables."""
    found, tied_found = {}, {}
    for days in DAYS:
        for case in CASES:
            progress(f"{days} days, {case}")
            found[case, days] = simulated(case, days, series)
        for case in DEPENDENCE:
            tied_found[case, days] = dependence(case, days, series)
    compared = [comparison(days, series) for days in DAYS]
    rows = [
        [what, *(percent(c[k]) for c in compared)]
        for k, what in enumerate(("equally good", "one a quarter too low"))
    ]
    parts = [
        f"{series:,} series each; a share's standard error is {21.8 / series**0.5:.1f} points at 5 %, "
        f"{50 / series**0.5:.1f} at 50 %. {conditions(['numpy', 'scipy'])}",
        size_table(found),
        power_table(found, ["wide", "heavy", "clustered"]),
        size_table(tied_found),
        power_table(tied_found, ["correlated", "tied"]),
        table(["FZ0 Diebold-Mariano, two models, % rejected", *(f"{n:,} days" for n in DAYS)], rows),
    ]
    return "\n\n".join(parts)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=400)
    parser.add_argument("--output", type=Path, help="put the tables into this page instead of printing them")
    options = parser.parse_args()
    text = page(options.series)
    if options.output:
        before = options.output.read_text(encoding="utf-8").partition(MARK)[0]
        options.output.write_text(f"{before}{MARK}\n\n{text}\n", encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
