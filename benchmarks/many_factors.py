"""The factor model on many factors: time to fit and to draw.

Factors with a t copula, 5 degrees of freedom, eight common components; a Born machine of 12 qubits inside.

    python benchmarks/many_factors.py [--factors 18 50 500] [--days 2500]
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from datetime import date

import numpy as np
from scipy.stats import rankdata

from qfin.dependence import DEPENDENCE


def history(factors: int, days: int) -> np.ndarray:
    """Pseudo-observations, shape (days, factors)."""
    rng = np.random.default_rng(0)
    loadings = rng.standard_normal((factors, 8))
    covariance = loadings @ loadings.T + np.diag(8 * rng.random(factors) + 1)
    scale = np.sqrt(np.diag(covariance))
    root = np.linalg.cholesky(covariance / np.outer(scale, scale))
    z = rng.standard_normal((days, factors)) @ root.T
    return rankdata(z / np.sqrt(rng.chisquare(5, days) / 5)[:, None], axis=0) / (days + 1)


def main() -> None:
    """Fit and draw for each number of factors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--factors", type=int, nargs="+", default=[18, 50, 500])
    parser.add_argument("--days", type=int, default=2500)
    options = parser.parse_args()
    print(
        "| factors | explained by 4 | fit, s | 10,000 draws, s | largest correlation error |\n|" + "---|" * 5
    )
    for factors in options.factors:
        U = history(factors, options.days)
        began = time.perf_counter()
        model = DEPENDENCE.build({"kind": "factor", "random_state": 7}).fit(U)
        fit = time.perf_counter() - began
        began = time.perf_counter()
        draws = model.sample(10_000, 1)
        drawn = time.perf_counter() - began
        gap = np.abs(np.corrcoef(draws.T) - np.corrcoef(U.T)).max()
        print(
            f"| {factors} | {model.explained_.sum():.0%} | {fit:.1f} | {drawn:.2f} | {gap:.3f} |", flush=True
        )
    print(f"{date.today()}, Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
