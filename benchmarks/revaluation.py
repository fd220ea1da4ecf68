"""Full revaluation by QuantLib beside closed forms and certified proxies, on one book of 200 mixed trades.

    python benchmarks/revaluation.py [--quick]

Prints seconds, the ratio, VaR and ES with their relative differences, the certificate, growth with scenarios and
trades, and the peak memory of the largest run.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
from _page import conditions

from qfin.market import RiskFactor
from qfin.risk import PnL, Portfolio
from qfin.scenarios import ScenarioSet

AS_OF = pd.Timestamp("2026-10-30")
LEVELS = {
    RiskFactor("EURUSD", "FX", "USD per EUR"): (1.1172, 0.005),
    RiskFactor("GBPUSD", "FX", "USD per GBP"): (1.34, 0.0055),
    RiskFactor("USDJPY", "FX", "JPY per USD"): (157.25, 0.006),
    RiskFactor("AAPL", "EQ", "USD"): (56.0, 0.018),
    RiskFactor("IBM", "EQ", "USD"): (202.0, 0.013),
    RiskFactor("WTI", "CMD", "USD per barrel"): (90.7, 0.022),
    RiskFactor("AAPLVOL", "VOL", "per cent"): (31.0, 0.04),
    RiskFactor("UST1Y", "IR", "per cent", "absolute", pillar="1Y"): (4.1, 5.0),
    RiskFactor("UST3Y", "IR", "per cent", "absolute", pillar="3Y"): (3.9, 6.0),
    RiskFactor("UST5Y", "IR", "per cent", "absolute", pillar="5Y"): (3.95, 6.0),
    RiskFactor("UST10Y", "IR", "per cent", "absolute", pillar="10Y"): (4.2, 6.0),
}
MARKET = {
    "curves": {
        "USD": {
            "factors": ["UST1Y", "UST3Y", "UST5Y", "UST10Y"],
            "compounding": "semiannual",
            "quotation": "par",
        },
        "EUR": {"pillars": {"3M": 0.0198, "1Y": 0.0205, "5Y": 0.023}},
        "GBP": 0.0362,
        "JPY": 0.0085,
        "BANK": {"pillars": {"1Y": 0.008, "5Y": 0.015}},
    },
    "volatilities": {"EURUSD": 0.072, "GBPUSD": 0.08, "USDJPY": 0.095, "IBM": 0.24, "WTI": 0.34},
}
UNDERLYINGS = {"EURUSD": 1.1172, "GBPUSD": 1.34, "USDJPY": 157.25, "AAPL": 56.0, "IBM": 202.0, "WTI": 90.7}


def book(count: int, seed: int = 0) -> Portfolio:
    """A book of mixed trades: a tenth American options, the rest spread over every other instrument."""
    rng = np.random.default_rng(seed)
    makers = [american, european, european, forward, bond, swap, barrier, cash, overnight, cap, floater, american_cash,
              asian, commodity, protection, european, bond, forward, swap, barrier]  # fmt: skip
    trades = [makers[k % len(makers)](rng) | {"name": f"trade {k}"} for k in range(count)]
    return Portfolio.from_dict(
        {"name": "Mixed book", "base_currency": "USD", "market": MARKET, "trades": trades}
    )


def _option(rng: np.random.Generator, kind: str, names: tuple[str, ...]) -> dict[str, Any]:
    name = str(rng.choice(names))
    spot = UNDERLYINGS[name]
    expiry = AS_OF + pd.Timedelta(days=int(rng.integers(40, 700)))
    trade = {"instrument": kind, "underlying": name, "option": str(rng.choice(["call", "put"])),
             "strike": round(spot * float(rng.uniform(0.9, 1.1)), 4), "expiry": f"{expiry:%Y-%m-%d}",
             "quantity": round(float(rng.choice([-1, 1]) * rng.uniform(1e5, 1e6) / spot), 2)}  # fmt: skip
    if len(name) != 6:
        trade |= {"currency": "USD", "carry": 0.015}
    return trade | ({"volatility": "AAPLVOL"} if name == "AAPL" else {})


ALL = tuple(UNDERLYINGS)


def american(rng: np.random.Generator) -> dict[str, Any]:
    return _option(rng, "american_option", ("AAPL", "IBM", "WTI"))


def american_cash(rng: np.random.Generator) -> dict[str, Any]:
    return _option(rng, "american_option", ("EURUSD", "IBM")) | {"discount_curve": 0.04}


def european(rng: np.random.Generator) -> dict[str, Any]:
    return _option(rng, "european_option", ALL)


def barrier(rng: np.random.Generator) -> dict[str, Any]:
    trade = _option(rng, "barrier_option", ALL)
    up = bool(rng.integers(2))
    level = UNDERLYINGS[trade["underlying"]] * (1.25 if up else 0.8)
    kind = f"{'up' if up else 'down'}_{rng.choice(['in', 'out'])}"
    return trade | {"barrier": round(level, 4), "barrier_type": kind}


def asian(rng: np.random.Generator) -> dict[str, Any]:
    trade = _option(rng, "asian_option", ("WTI", "IBM"))
    days = pd.date_range(AS_OF + pd.Timedelta(days=30), trade["expiry"], periods=6)
    return trade | {"fixings": sorted({f"{day:%Y-%m-%d}" for day in days})}


def cash(rng: np.random.Generator) -> dict[str, Any]:
    return {"instrument": "cash_position", "quantity": round(float(rng.normal(0, 5e5)), 2),
            "currency": str(rng.choice(["EUR", "GBP", "JPY", "USD"]))}  # fmt: skip


def forward(rng: np.random.Generator) -> dict[str, Any]:
    name = str(rng.choice(["EURUSD", "GBPUSD", "USDJPY"]))
    day = AS_OF + pd.Timedelta(days=int(rng.integers(20, 500)))
    return {"instrument": "fx_forward", "pair": name, "notional": round(float(rng.normal(0, 1e6)), 2),
            "strike": UNDERLYINGS[name], "maturity": f"{day:%Y-%m-%d}"}  # fmt: skip


def commodity(rng: np.random.Generator) -> dict[str, Any]:
    day = AS_OF + pd.Timedelta(days=int(rng.integers(20, 500)))
    return {"instrument": "commodity_forward", "underlying": "WTI", "quantity": round(float(rng.normal(0, 1e4)), 2),
            "strike": 90.0, "maturity": f"{day:%Y-%m-%d}", "currency": "USD", "carry": 0.02}  # fmt: skip


def _dates(rng: np.random.Generator) -> tuple[str, str]:
    start = AS_OF + pd.Timedelta(days=int(rng.integers(5, 200)))
    return f"{start:%Y-%m-%d}", f"{start + pd.DateOffset(years=int(rng.integers(2, 10))):%Y-%m-%d}"


def bond(rng: np.random.Generator) -> dict[str, Any]:
    _, maturity = _dates(rng)
    return {"instrument": "fixed_rate_bond", "face": round(float(rng.normal(0, 1e6)), 2), "currency": "USD",
            "coupon": round(float(rng.uniform(0.02, 0.06)), 4), "issue": "2025-06-15", "maturity": maturity,
            "frequency": "semiannual"}  # fmt: skip


def floater(rng: np.random.Generator) -> dict[str, Any]:
    _, maturity = _dates(rng)
    return {"instrument": "floating_rate_bond", "face": 1e6, "currency": "USD", "issue": f"{AS_OF:%Y-%m-%d}",
            "maturity": maturity, "spread": 0.002, "fixing_days": 0}  # fmt: skip


def swap(rng: np.random.Generator) -> dict[str, Any]:
    start, maturity = _dates(rng)
    return {"instrument": "interest_rate_swap", "notional": 1e6, "pays": str(rng.choice(["fixed", "floating"])),
            "currency": "USD", "fixed_rate": 0.04, "start": start, "maturity": maturity}  # fmt: skip


def overnight(rng: np.random.Generator) -> dict[str, Any]:
    start, maturity = _dates(rng)
    return {"instrument": "overnight_index_swap", "notional": 1e6, "pays": str(rng.choice(["fixed", "floating"])),
            "currency": "USD", "fixed_rate": 0.04, "start": start, "maturity": maturity}  # fmt: skip


def cap(rng: np.random.Generator) -> dict[str, Any]:
    start, maturity = _dates(rng)
    return {"instrument": "cap_floor", "option": str(rng.choice(["cap", "floor"])), "notional": 1e6,
            "currency": "USD", "strike": 0.04, "start": start, "maturity": maturity, "volatility": 0.009,
            "model": "bachelier"}  # fmt: skip


def protection(rng: np.random.Generator) -> dict[str, Any]:
    start, maturity = _dates(rng)
    return {"instrument": "credit_default_swap", "notional": 1e6, "side": str(rng.choice(["buyer", "seller"])),
            "currency": "USD", "spread": 0.01, "start": start, "maturity": maturity, "hazard": "BANK"}  # fmt: skip


def scenarios(count: int, seed: int = 0) -> ScenarioSet:
    """One-day moves with fat tails: a multivariate t of 4 degrees of freedom with one common factor."""
    rng = np.random.default_rng(seed)
    d = len(LEVELS)
    normal = np.sqrt(0.3) * rng.standard_normal((count, 1)) + np.sqrt(0.7) * rng.standard_normal((count, d))
    fat = normal * np.sqrt(2 / rng.chisquare(4, (count, 1)))
    levels, scales = np.array(list(LEVELS.values())).T
    return ScenarioSet((fat * scales)[:, None, :], tuple(LEVELS), levels, AS_OF)


def timed(portfolio: Portfolio, drawn: ScenarioSet, method: str, workers: int = 0) -> tuple[float, PnL]:
    """Seconds of a revaluation, and what came out."""
    began = time.perf_counter()
    pnl = portfolio.revalue(drawn, method, workers=workers)
    return time.perf_counter() - began, pnl


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="1,000 scenarios in the place of 10,000, no large run"
    )
    parser.add_argument("--large", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.large:
        seconds, pnl = timed(book(200), scenarios(100_000), "proxy")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{seconds:.1f} s, peak memory {peak:.2f} GiB, VaR 99 {pnl.value_at_risk(0.99):,.0f}")
        return
    print(conditions(["QuantLib", "numpy"]))
    n = 1_000 if options.quick else 10_000
    timed(book(20), scenarios(200), "proxy")  # imports
    compare(n)
    growth()
    if not options.quick:
        large()


def compare(n: int) -> None:
    portfolio, drawn = book(200), scenarios(n)
    fast_seconds, fast = timed(portfolio, drawn, "proxy")
    one_seconds, _ = timed(portfolio, drawn, "proxy", workers=1)
    full_seconds, full = timed(portfolio, drawn, "full", workers=1)
    certificate = fast.certificate
    assert certificate is not None
    print(
        f"\n{n:,} scenarios x 200 trades: {dict(certificate.counts)}; bound {certificate.bound:,.0f} of a standard"
    )
    print(f"deviation of {fast.total.std():,.0f}; {certificate.tail} scenarios in full; exact from level "
          f"{certificate.exact_from:.4f}\n")  # fmt: skip
    print("| method | seconds | times faster | VaR 99 | ES 97.5 |\n|---|---|---|---|---|")
    rows = (("QuantLib, scenario by scenario, one process", full_seconds, full),
            ("closed forms and proxies, one process", one_seconds, fast),
            ("closed forms and proxies", fast_seconds, fast))  # fmt: skip
    for name, seconds, pnl in rows:
        figures = f"{pnl.value_at_risk(0.99):,.2f} | {pnl.expected_shortfall(0.975):,.2f}"
        print(f"| {name} | {seconds:.2f} | {full_seconds / seconds:.0f} | {figures} |")
    for name, figure in (("VaR 99", PnL.value_at_risk), ("ES 97.5", PnL.expected_shortfall)):
        print(f"\nrelative difference of {name}: {abs(figure(fast) / figure(full) - 1):.1e}", end="")
    errors = np.abs(fast.values - full.values).max(axis=0)
    beyond = [t.trade for t, e in zip(certificate.trades, errors, strict=True) if e > max(t.bound, 1e-6)]
    print(f"\ntrades with an error past their bound in any scenario: {len(beyond)}")


def growth() -> None:
    print("\n| scenarios | trades | seconds |\n|---|---|---|")
    for n, m in (
        (1_000, 200),
        (3_000, 200),
        (10_000, 200),
        (30_000, 200),
        (10_000, 50),
        (10_000, 100),
        (10_000, 400),
    ):
        seconds, _ = timed(book(m), scenarios(n), "proxy")
        print(f"| {n:,} | {m} | {seconds:.2f} |")


def large() -> None:
    done = subprocess.run([sys.executable, __file__, "--large"], capture_output=True, text=True, check=True)
    print(f"\n100,000 scenarios x 200 trades: {done.stdout.strip()}")


if __name__ == "__main__":
    main()
