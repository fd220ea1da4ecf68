from __future__ import annotations

import numpy as np
import pytest

OMEGA, ALPHA, GAMMA, BETA, MEAN, DEGREES = 0.02, 0.04, 0.06, 0.91, 0.03, 7.0
UNITS = np.array([6e-3, 1.0, 7.0])  # log returns, per cent, basis points


@pytest.fixture(scope="session")
def history() -> np.ndarray:
    """Shape (1500, 3): independent GJR-GARCH series with Student t innovations, in three units."""
    rng = np.random.default_rng(20261030)
    z = rng.standard_t(DEGREES, (1500, 3)) * np.sqrt((DEGREES - 2) / DEGREES)
    variance, shocks = np.ones(3), np.empty_like(z)
    for day in range(len(z)):
        shocks[day] = np.sqrt(variance) * z[day]
        variance = OMEGA + (ALPHA + GAMMA * (shocks[day] < 0)) * shocks[day] ** 2 + BETA * variance
    return (MEAN + shocks) * UNITS
