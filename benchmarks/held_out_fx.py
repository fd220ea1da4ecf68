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

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import rankdata

from qfin.dependence import BornMachine, DensityCopula, GaussianCopula, Independent, StudentTCopula
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


def main() -> None:
    """Fit everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="leave out the Born machines from scratch")
    options = parser.parse_args()
    train, test = pseudo_observations()
    grid = Grid(3, train.shape[1])
    gaussian, student = GaussianCopula().fit(train), StudentTCopula().fit(train)
    ml = StudentTCopula(correlation="likelihood").fit(train)
    models = {
        "independent": Independent().fit(train),
        "gaussian": gaussian,
        "student_t": student,
        "student_t, correlation by likelihood": ml,
        "gaussian on cells": OnCells(gaussian, grid).fit(train),
        "student_t on cells": OnCells(student, grid).fit(train),
    }
    runs = {
        "born, student_t prior": {},
        "born, student_t by likelihood as prior": {
            "prior": {"kind": "student_t", "correlation": "likelihood"}
        },
        "born, gaussian prior": {"prior": "gaussian"},
    }
    if not options.quick:
        runs["born, student_t prior learnt first"] = {"start": "train"}
        runs["born, from scratch"] = {"prior": "none"}
    table = Table(title=f"fx, {len(train)} training days, {len(test)} held out, nats a day, 95 % intervals")
    for column in ("model", "held out", "interval", "adds to its prior", "interval ", "fit, s"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for name, model in models.items():
        table.add_row(name, *_score(model, test), "", "", "")
    for name, parameters in runs.items():
        began = time.perf_counter()
        born = BornMachine(random_state=options.seed, **parameters).fit(train)
        seconds = time.perf_counter() - began
        added = ("", "")
        if born.prior_ is not None:
            gain = difference(born.score_samples(test), born.prior_.score_samples(test))
            added = (f"{gain.mean:+.4f}", f"{gain.lower:+.4f} to {gain.upper:+.4f}")
        table.add_row(
            f"{name} ({born.layers_} layers, weight {born.data_weight_:g}, {born.steps_} steps)",
            *_score(born, test), *added, f"{seconds:.1f}",
        )  # fmt: skip
    Console(width=160).print(table)
    print(f"{date.today()}, Python {platform.python_version()}, {platform.machine()}, seed {options.seed}")


def _score(model: DensityCopula, test: np.ndarray) -> tuple[str, str]:
    score = held_out_score(model, test)
    return f"{score.mean:.4f}", f"{score.lower:.4f} to {score.upper:.4f}"


if __name__ == "__main__":
    main()
