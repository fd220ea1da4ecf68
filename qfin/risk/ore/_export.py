"""The files of a runnable ORE case: historical-simulation VaR of a portfolio over a scenario set."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ElementTree, indent

from qfin.errors import ConfigError
from qfin.risk._reading import raise_for
from qfin.risk._variables import Paths
from qfin.risk.ore._market import OreMarket
from qfin.risk.ore._trades import Needed, node, trade_element

if TYPE_CHECKING:
    import pandas as pd

    from qfin.risk._portfolio import Portfolio
    from qfin.scenarios import ScenarioSet

_ENGINES = {
    "FxForward": ("DiscountedCashflows", "DiscountingFxForwardEngine"),
    "FxOption": ("GarmanKohlhagen", "AnalyticEuropeanEngine"),
    "EquityOption": ("BlackScholesMerton", "AnalyticEuropeanEngine"),
    "EquityForward": ("DiscountedCashflows", "DiscountingEquityForwardEngine"),
    "EquityPosition": ("DiscountedCashflows", "EquityPosition"),
}
_README = """A case for ORE, the Open Source Risk Engine, written by qfin.

    ore ore.xml                      (in this folder; or with ORE's Python module: OREApp(Parameters().fromFile(...)))

historical_scenarios.csv holds levels by date whose consecutive returns are the scenarios, each on today's market, over
the scenarios' whole horizon at once: {n} scenarios of {h} day(s) as of {as_of}. The dates are labels and no history.
Amounts of cash are equity positions named CASH-<currency> at a price of 1, and commodities are equities. ORE's VaR is
the inverted-CDF quantile of the loss, its expected shortfall the mean of the losses from it on, signs turned.
"""


def export(
    portfolio: Portfolio, scenarios: ScenarioSet, folder: str | Path, levels: Sequence[float] = (0.99, 0.975)
) -> Path:
    """Write a portfolio, its market and a scenario set as an ORE case with historical-simulation VaR into a new folder.

    Every scenario moves the market from the as-of levels to those at the horizon at once, on the as-of date.

    Raises
    ------
    ConfigError
        if the folder is there already.
    DataError
        if the portfolio cannot be valued with the scenarios' factors, or ORE's layout has no place for a trade or its
        curves; all of them at once.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(f"{target} is there already; name a new folder")
    portfolio.check(scenarios.factors, scenarios.as_of)
    needed = Needed()
    trades = [trade_element(trade, needed) for trade in portfolio.trades]
    raise_for(f"portfolio {portfolio.name!r}", needed.problems)
    market = portfolio.market_on(scenarios.factors, scenarios.as_of)
    today = scenarios.as_of.date()
    still = Paths(scenarios.factors, scenarios.levels, today)
    paths = Paths(scenarios.factors, scenarios.levels, today, scenarios.returns, at_once=True)
    ore = OreMarket(market, needed, portfolio.base_currency, still)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        dates = ore.levels(paths)
        for name, element in {
            "portfolio.xml": _portfolio([t for t in trades if t is not None]),
            "curveconfig.xml": ore.curve_configuration(),
            "todaysmarket.xml": ore.todays_market(),
            "simulation.xml": ore.simulation(),
            "conventions.xml": _conventions(ore.currencies),
            "pricingengine.xml": _engines(),
            "ore.xml": _run(portfolio, scenarios, dates, levels),
        }.items():
            _write(partial / name, element)
        (partial / "market.txt").write_text("\n".join(ore.quotes()) + "\n", encoding="utf-8")
        (partial / "fixings.txt").write_text("# none\n", encoding="utf-8")
        dates.to_csv(partial / "historical_scenarios.csv", date_format="%Y-%m-%d", float_format="%.17g")
        about = {"n": len(scenarios), "h": scenarios.horizon, "as_of": today}
        (partial / "README.txt").write_text(_README.format(**about), encoding="utf-8")
        if target.exists():
            target.rmdir()
        os.chmod(partial, 0o755)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return target


def _write(path: Path, element: Element) -> None:
    indent(element)
    ElementTree(element).write(path, encoding="utf-8", xml_declaration=True)


def _portfolio(trades: list[Element]) -> Element:
    root = Element("Portfolio")
    root.extend(trades)
    return root


def _conventions(currencies: Sequence[str]) -> Element:
    """Zero rates as qfin has them, and exchange rates of the as-of date itself, not of a spot day after it."""
    pairs = [
        {"Id": f"{one}-{other}-FX", "SpotDays": "0", "SourceCurrency": one, "TargetCurrency": other,
         "PointsFactor": "1", "AdvanceCalendar": "NullCalendar", "SpotRelative": "true"}
        for one, other in combinations(currencies, 2)
    ]  # fmt: skip
    zero = {"Id": "ZERO", "TenorBased": "false", "DayCounter": "A365", "Compounding": "Continuous",
            "CompoundingFrequency": "Annual"}  # fmt: skip
    return node("Conventions", {"Zero": zero, "FX": pairs})


def _engines() -> Element:
    root = Element("PricingEngines")
    for product, (model, engine) in _ENGINES.items():
        one = node(
            "Product", {"Model": model, "ModelParameters": {}, "Engine": engine, "EngineParameters": {}}
        )
        one.set("type", product)
        root.append(one)
    return root


def _run(
    portfolio: Portfolio, scenarios: ScenarioSet, dates: pd.DataFrame, levels: Sequence[float]
) -> Element:
    setup = {
        "asofDate": f"{scenarios.as_of:%Y-%m-%d}", "inputPath": ".", "outputPath": "Output", "logFile": "log.txt",
        "logMask": "31", "marketDataFile": "market.txt", "fixingDataFile": "fixings.txt", "implyTodaysFixings": "N",
        "curveConfigFile": "curveconfig.xml", "conventionsFile": "conventions.xml",
        "marketConfigFile": "todaysmarket.xml", "pricingEnginesFile": "pricingengine.xml",
        "portfolioFile": "portfolio.xml", "observationModel": "None", "baseCurrency": portfolio.base_currency,
    }  # fmt: skip
    first, last = (f"{dates.index[k]:%Y-%m-%d}" for k in (1, -1))
    var = {
        "active": "Y", "historicalScenarioFile": "historical_scenarios.csv", "simulationConfigFile": "simulation.xml",
        "historicalPeriod": f"{first},{last}", "mporDays": "1", "mporCalendar": "WeekendsOnly",
        "mporOverlappingPeriods": "true", "quantiles": ",".join(f"{1 - level:.6g}" for level in levels),
        "includeExpectedShortfall": "Y", "breakdown": "N", "tradePnl": "N", "outputFile": "var.csv",
    }  # fmt: skip
    npv = {"active": "Y", "baseCurrency": portfolio.base_currency, "outputFileName": "npv.csv"}
    root = Element("ORE")
    root.append(_parameters("Setup", setup))
    markets = ("lgmcalibration", "fxcalibration", "pricing", "simulation", "sensitivity")
    root.append(_parameters("Markets", dict.fromkeys(markets, "default")))
    analytics = Element("Analytics")
    for kind, values in (("npv", npv), ("historicalSimulationVar", var)):
        one = _parameters("Analytic", values)
        one.set("type", kind)
        analytics.append(one)
    root.append(analytics)
    return root


def _parameters(tag: str, values: dict[str, str]) -> Element:
    element = Element(tag)
    for name, value in values.items():
        one = Element("Parameter", name=name)
        one.text = value
        element.append(one)
    return element
