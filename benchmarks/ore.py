"""Portfolios valued by qfin and by ORE on the same scenarios: trade values, VaR and ES, and what conventions explain.

    python benchmarks/ore.py --ore /path/to/python/with/open-source-risk-engine [--scenarios 2000]

The interpreter is one of an environment of its own: pip install open-source-risk-engine.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from _page import conditions, table

from qfin.market import ReturnsFrame, read_prices
from qfin.risk import PnL, Portfolio, expected_shortfall
from qfin.risk.ore import export
from qfin.scenarios import ScenarioSet
from qfin.shipped import shipped

BOOKS = {"fx_book.json": "fx", "fx_hedges.csv": "fx", "multi_book.json": "multi"}
RUN = """
import os, sys
from importlib.metadata import version
import ORE
os.chdir(sys.argv[1])
parameters = ORE.Parameters()
parameters.fromFile("ore.xml")
app = ORE.OREApp(parameters, False)
app.run()
print(version("open-source-risk-engine"), list(app.getErrors()))
"""


def main() -> None:
    """Export, run and compare each book."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ore", required=True, help="Python with the package open-source-risk-engine")
    parser.add_argument("--scenarios", type=int, default=2000)
    options = parser.parse_args()
    print(conditions(["QuantLib"]))
    rows = []
    for book, history in BOOKS.items():
        portfolio, scenarios = (
            Portfolio.read(shipped(f"portfolios/{book}")),
            drawn(history, options.scenarios),
        )
        pnl = portfolio.revalue(scenarios, ageing=False)
        with tempfile.TemporaryDirectory() as folder:
            case = export(portfolio, scenarios, Path(folder) / "case")
            done = subprocess.run(
                [options.ore, "-c", RUN, str(case)], capture_output=True, text=True, check=True
            )
            print(f"\n{book}: open-source-risk-engine {done.stdout.strip().splitlines()[-1]}")
            rows += compared(book, portfolio, pnl, case / "Output")
    heads = ("book", "figure", "qfin", "ORE", "relative difference")
    print("\n" + table(heads, rows))


def drawn(name: str, count: int) -> ScenarioSet:
    """Days of the history drawn with replacement, as scenarios."""
    history = ReturnsFrame.from_prices(read_prices(name))
    days = np.random.default_rng(3).integers(0, len(history), (count, 1))
    return ScenarioSet(history.values[days], history.factors, history.levels, history.as_of)


def compared(book: str, portfolio: Portfolio, pnl: PnL, output: Path) -> list[tuple[str, ...]]:
    """Rows of the table: the largest difference of trade values, VaR, and ES in each convention."""
    values = pd.read_csv(output / "npv.csv").set_index("#TradeId")["NPV(Base)"]
    ours = dict(zip(pnl.trades, pnl.base_values, strict=True))
    apart = max(abs(values[name] - value) / max(abs(value), 1.0) for name, value in ours.items())
    found = pd.read_csv(output / "var.csv").iloc[0]
    var, es = -found["Quantile_0.010000"], -found["ExpectedShortfall_0.025000"]
    rows = [(book, f"value of {len(ours)} trades, worst", "", "", f"{apart:.1e}")]
    rows.append((book, "VaR 99 %", *_pair(pnl.value_at_risk(0.99), var)))
    names = {"tail_integral": "tail integral", "strict": "strict", "ore": "ORE's convention"}
    for convention, name in names.items():
        figure = expected_shortfall(pnl.losses, 0.975, convention=convention)  # type: ignore[arg-type]
        rows.append((book, f"ES 97.5 %, {name}", *_pair(figure, es)))
    return rows


def _pair(ours: float, theirs: float) -> tuple[str, str, str]:
    return f"{ours:,.4f}", f"{theirs:,.4f}", f"{ours / theirs - 1:+.1e}"


if __name__ == "__main__":
    main()
