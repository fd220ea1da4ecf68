"""Backtests of scenario models on the shipped data sets: VaR and ES of the example portfolios over 1,000 days.

    python benchmarks/walk_forward.py [--store DIR] [--output docs/backtests.md] [--sets fx multi ust]

Prints the tables of docs/backtests.md, or writes them into it in place of those of the same sets. Beside the configured
model and its rivals it runs the model with one stage in a rival's place, to see which stage is to blame. The store
keeps what is done: interrupted, it goes on where it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _page import conditions, progress, table

from qfin import stages
from qfin.shipped import shipped
from qfin.stages._backtest_verdicts import green_share
from qfin.stages.config import CompositionConfig, RunConfig, load_config
from qfin.store import Store

CONFIGS = {"fx": "daily", "multi": "multi", "ust": "ust"}
SERIES, SEED = 4_000, 7
MARK = "<!-- tables of benchmarks/walk_forward.py -->"
SWAPS = {
    "model, EWMA": CompositionConfig(volatility="ewma"),
    "model, unfiltered": CompositionConfig(volatility="none"),
    "model, empirical margins": CompositionConfig(marginals="empirical"),
}
SHOWN = (
    ("Kupiec", "Kupiec proportion of failures"),
    ("Christoffersen", "Christoffersen conditional coverage"),
    ("Z2", "Acerbi-Székely Z2"),
    ("e-backtest", "e-backtest of the ES"),
)


def configured(name: str) -> RunConfig:
    """The shipped configuration of a set, with the swaps beside its models."""
    config = load_config(shipped(f"configs/{CONFIGS[name]}.toml"))
    models = {**config.backtest.models, **SWAPS}
    return config.model_copy(update={"backtest": config.backtest.model_copy(update={"models": models})})


def found(name: str, store: Store) -> dict[str, Any]:
    """`backtest.json` of a set."""
    config = configured(name)
    history = stages.ingest(config, store)
    made = []
    for fit in stages.fits(config, history):
        progress(f"{name}: {fit.label}")
        made.append(stages.forecast(config, history, fit, store))
    result: dict[str, Any] = stages.backtest(config, history, store, made).json("backtest.json")
    return result


def p_value(tests: Sequence[Mapping[str, Any]], name: str) -> str:
    """The p-value that decides, and a star where it rejects."""
    one = next(test for test in tests if test["name"] == name)
    if "why_not_run" in one:
        return ""
    return f"{one['deciding_p_value']:.3f}{' *' if one['rejected'] else ''}"


def rows(result: Mapping[str, Any], horizon: int) -> Iterator[list[str]]:
    """A row a model and level, of P&L that does not overlap."""
    for model in result["models"]:
        here = next(h for h in model["horizons"] if h["horizon"] == horizon and not h["overlapping"])
        for level in here["levels"]:
            yield [
                model["name"],
                f"{100 * level['level']:g} %",
                f"{level['hits']} of {level['expected']:.1f}",
                *(p_value(level["tests"], name) for _, name in SHOWN),
                "" if level["green_share"] is None else f"{100 * level['green_share']:.0f} %",
                p_value([level["against_first"]], "FZ0 Diebold-Mariano") if level["against_first"] else "",
            ]


def chance_of_green(result: Mapping[str, Any]) -> str:
    """How much of the share of green runs is chance: that of a right model, whose hits are independent."""
    first = next(h for h in result["models"][0]["horizons"] if h["horizon"] == 1)
    said = []
    for level in first["levels"]:
        rng = np.random.default_rng(SEED)
        hits = rng.random((SERIES, first["days"])) < 1.0 - level["level"]
        shares = np.array([green_share(one, level["level"]) for one in hits])
        said.append(
            f"at {100 * level['level']:g} % a right model's is {100 * shares.mean():.0f} % on average, 90 % or more in "
            f"{100 * np.mean(shares >= 0.9):.0f} % of series, and as low as the model's here or lower in "
            f"{100 * np.mean(shares <= level['green_share']):.0f} %"
        )
    return f"Green, of {SERIES:,} series of independent hits: {'; '.join(said)}."


def section(name: str, result: Mapping[str, Any]) -> str:
    """The tables of one set."""
    heads = ["model", "level", "hits", *(short for short, _ in SHOWN), "green", "FZ0 against model"]
    lines = [
        f"### `{name}`: {result['portfolio']}",
        f"{result['days']:,} days, {result['first']} to {result['last']}, {result['refits']} fits of "
        f"{result['training_days']:,} days, {result['scenarios']:,} scenarios a day.",
    ]
    for horizon in (1, 10):
        days = next(
            h["days"]
            for h in result["models"][0]["horizons"]
            if h["horizon"] == horizon and not h["overlapping"]
        )
        lines += [
            f"{horizon}-day P&L, {days:,} that do not overlap:",
            table(heads, list(rows(result, horizon))),
            *([chance_of_green(result)] if horizon == 1 else []),
        ]
    return "\n\n".join([*lines, conditions(("numpy", "scipy", "arch", "QuantLib"))])


def written(page: str, sections: Mapping[str, str]) -> str:
    """The page with sections of some sets in place of theirs, or after the others."""
    before, _, rest = page.partition(MARK)
    tables, heading, after = rest.partition("\n## ")
    known = {part.split("`")[1]: f"### {part.strip()}" for part in tables.split("### ")[1:]}
    known |= sections
    return (
        "\n\n".join([f"{before}{MARK}", *(known[name] for name in CONFIGS if name in known)])
        + f"\n{heading}{after}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", default="store")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--sets", nargs="+", choices=CONFIGS, default=list(CONFIGS))
    options = parser.parse_args()
    store = Store(options.store)
    for name in options.sets:
        made = section(name, found(name, store))
        print(made, end="\n\n", flush=True)
        if options.output:
            page = options.output.read_text(encoding="utf-8")
            options.output.write_text(written(page, {name: made}), encoding="utf-8")


if __name__ == "__main__":
    main()
