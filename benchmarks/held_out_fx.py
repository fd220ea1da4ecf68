"""Held-out log copula density on four FX pairs: the figures of README and docs/method.md.

Train 1999 to 2012, held out 2013 to May 2019, returns not filtered, 3 bits a factor. Held-out days are mapped through
the training days' empirical margins; every setting is chosen on training days. Prints one table:

    python benchmarks/held_out_fx.py [--seed 7] [--quick]
"""

from __future__ import annotations

import argparse
import platform
import time
from datetime import date
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import rankdata

from qfin.dependence import DEPENDENCE, DensityCopula
from qfin.evaluation import difference, held_out_score
from qfin.market import ReturnsFrame, read_prices
from qfin.quantum import Grid

TRAIN_END, TEST_END = "2012-12-31", "2019-05-31"


def pseudo_observations() -> tuple[np.ndarray, np.ndarray]:
    """Training and held-out days on the unit cube, both through the training days' margins."""
    returns = ReturnsFrame.from_prices(read_prices("fx")).to_frame()
    train = returns[:TRAIN_END].to_numpy()
    test = returns["2013-01-01":TEST_END].to_numpy()
    n = len(train)
    below = np.column_stack(
        [np.searchsorted(np.sort(train[:, k]), test[:, k], side="right") for k in range(train.shape[1])]
    )
    return rankdata(train, axis=0) / (n + 1), (below + 0.5) / (n + 1)


class OnCells(DensityCopula):
    """A fitted copula as its grid allows it: its cell probabilities, uniform inside the cells."""

    def __init__(
        self, model: DensityCopula | None = None, grid: Grid | None = None, floor: float = 1e-3
    ) -> None:
        self.model, self.grid, self.floor, self.random_state = model, grid, floor, 0

    def _fit(self, U: np.ndarray) -> None:
        draws = self.model.sample(2**22, np.random.default_rng(0))
        counts = np.bincount(self.grid.encode(draws), minlength=self.grid.n_cells)
        self.log_ratio_ = np.log(
            (counts + 0.5 * self.grid.cell_volumes()) / len(draws) / self.grid.cell_volumes()
        )

    def _log_density(self, U: np.ndarray) -> np.ndarray:
        return self.log_ratio_[self.grid.encode(U)]

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        raise NotImplementedError("this benchmark only scores it")


T = {"kind": "student_t", "correlation": "likelihood"}
ON_FACTORS = {"kind": "factor", "model": T}
CLASSICAL: dict[str, dict[str, Any]] = {
    "independent": {"kind": "independent"},
    "gaussian": {"kind": "gaussian"},
    "student_t": {"kind": "student_t"},
    "student_t, correlation by likelihood": T,
    "vine": {"kind": "vine"},
    "factor, student_t inside": ON_FACTORS,
    "empirical_blend": {"kind": "empirical_blend"},
    "empirical_blend, vine prior": {"kind": "empirical_blend", "prior": "vine"},
    "rbm": {"kind": "rbm"},
    "rbm, student_t inside cells": {"kind": "rbm", "prior": T},
}
QUANTUM: dict[str, dict[str, Any]] = {
    "born, student_t prior": {"kind": "born"},
    "born, student_t by likelihood as prior": {"kind": "born", "prior": T},
    "born, gaussian prior": {"kind": "born", "prior": "gaussian"},
    "born, vine prior": {"kind": "born", "prior": "vine"},
    "born, factor prior": {"kind": "born", "prior": ON_FACTORS},
    "factor, born inside": {"kind": "factor", "model": {"kind": "born", "prior": T}},
}
SLOW: dict[str, dict[str, Any]] = {
    "born, student_t prior learnt first": {"kind": "born", "start": "train"},
    "born, from scratch": {"kind": "born", "prior": "none"},
    "qgan, student_t prior": {"kind": "qgan", "prior": T},
    "qgan, from scratch": {"kind": "qgan", "prior": "none"},
    "iqp": {"kind": "iqp"},
    "mps": {"kind": "mps"},
}


def main() -> None:
    """Fit everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="leave out what is learnt from scratch")
    options = parser.parse_args()
    train, test = pseudo_observations()
    grid = Grid(3, train.shape[1])
    table = Table(title=f"fx, {len(train)} training days, {len(test)} held out, nats a day, 95 % intervals")
    for column in ("model", "held out", "interval", "adds to its prior", "interval ", "chosen", "fit, s"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for name, spec in CLASSICAL.items():
        model, seconds = _fitted(spec, train, options.seed)
        table.add_row(name, *_score(model, test), "", "", "", f"{seconds:.1f}")
        if name in ("gaussian", "student_t"):
            table.add_row(f"{name} on cells", *_score(OnCells(model, grid).fit(train), test), "", "", "", "")
    for name, spec in (QUANTUM if options.quick else QUANTUM | SLOW).items():
        model, seconds = _fitted(spec, train, options.seed)
        added, prior = ("", ""), getattr(model, "prior_", None)
        if prior is not None:
            gain = difference(model.score_samples(test), prior.score_samples(test))
            added = (f"{gain.mean:+.4f}", f"{gain.lower:+.4f} to {gain.upper:+.4f}")
        table.add_row(name, *_score(model, test), *added, _chosen(model.details()), f"{seconds:.1f}")
    Console(width=170).print(table)
    print(f"{date.today()}, Python {platform.python_version()}, {platform.machine()}, seed {options.seed}")


def _fitted(spec: dict[str, Any], train: np.ndarray, seed: int) -> tuple[DensityCopula, float]:
    began = time.perf_counter()
    model = DEPENDENCE.build({"random_state": seed, **spec}).fit(train)
    return model, time.perf_counter() - began


def _chosen(details: dict[str, Any]) -> str:
    """What the model chose inside its training days."""
    details = details.get("inner", details)
    names = {"layers": "layers", "data_weight": "weight", "steps": "steps", "sweeps": "sweeps"}
    return ", ".join(
        f"{details[key]:g} {word}" for key, word in names.items() if details.get(key) is not None
    )


def _score(model: DensityCopula, test: np.ndarray) -> tuple[str, str]:
    score = held_out_score(model, test)
    return f"{score.mean:.4f}", f"{score.lower:.4f} to {score.upper:.4f}"


if __name__ == "__main__":
    main()
