"""The race on the shipped sets: the tables of docs/race.md.

Returns filtered by GARCH, semiparametric margins, rolling windows of 1,000 days. Quick: one seed, a fit every 1,000.
Full: five seeds, a fit every 250 days, learning curves and expressiveness.

    python benchmarks/race.py [fx ust multi fx18] [--full] [--store FOLDER]
"""

from __future__ import annotations

import argparse
import platform
import time
from datetime import date
from typing import Any

from qfin import stages
from qfin.stages.config import RunConfig
from qfin.store import Store

BITS = {
    "fx": 3,
    "ust": 3,
    "multi": 2,
    "fx18": 1,
}  # as many as an exact circuit of all factors holds in seconds
_WIDE = ("Born machine on vine", "Born machine from scratch", "qgan", "rbm", "empirical_blend")
SLOW = {"multi": _WIDE[:3], "fx18": _WIDE}  # left out of the quick setting


def configuration(name: str, full: bool) -> RunConfig:
    """The race of one shipped set."""
    race: dict[str, Any] = {"seeds": 5, "refit_every": 250}
    if not full:
        race = {"seeds": 1, "refit_every": 1000, "learning_days": [], "expressiveness": False}
        models = RunConfig().race.models
        race["models"] = {k: spec for k, spec in models.items() if k not in SLOW.get(name, ())}
    history = {"reader": {"kind": "bundled", "name": name}}
    return RunConfig.model_validate({"history": history, "encoding": {"bits": BITS[name]}, "race": race})


def main() -> None:
    """Race the sets and print a section of docs/race.md for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(BITS))
    parser.add_argument(
        "--full", action="store_true", help="five seeds, a fit every 250 days, learning curves"
    )
    parser.add_argument("--store", default="store")
    options = parser.parse_args()
    store = Store(options.store)
    for name in options.sets or BITS:
        config = configuration(name, options.full)
        began = time.perf_counter()
        made = stages.race(config, stages.ingest(config, store), store)
        print(section(name, made.json("race.json"), time.perf_counter() - began), flush=True)
    print(f"{date.today()}, Python {platform.python_version()}, {platform.machine()}")


def section(name: str, found: dict[str, Any], seconds: float) -> str:
    """One set's outcome in Markdown."""
    lines = [
        f"## `{name}`",
        "",
        f"{len(found['factors'])} factors, {BITS[name]} bits each; {found['days']:,} days, {found['first']} to "
        f"{found['last']}; {found['refits']} fits of {found['first_training_days']:,} days ({found['window']}), seeds: "
        f"{len(found['seeds'])}; {seconds:.0f} s.",
        "",
        found["verdict"]["sentence"],
        "",
        "| model | log score, nats a day | set | adds to its prior | energy score | parameters | fit, s |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in sorted(found["models"], key=lambda r: -(r["log_score"] or {"mean": -99.0})["mean"]):
        label = f"**{row['label']}**" if row["quantum"] else row["label"]
        member = {True: "yes", False: "no", None: ""}[row["in_confidence_set"]]
        parameters = "" if row["parameters"] is None else f"{row['parameters']:,}"
        lines.append(
            f"| {label} | {_bounded(row['log_score'])} | {member} | {_bounded(row['adds_to_prior'], '+')} | "
            f"{row['energy_score']['mean']:.4f} | {parameters} | {row['fit_seconds']:.1f} |"
        )
    lines += [f"\nNot entered: {one['name']}: {one['reason']}" for one in found["not_entered"]]
    return "\n".join([*lines, ""])


def _bounded(score: dict[str, float] | None, sign: str = "") -> str:
    if score is None:
        return ""
    return f"{score['mean']:{sign}.4f} [{score['lower']:{sign}.4f}, {score['upper']:{sign}.4f}]"


if __name__ == "__main__":
    main()
