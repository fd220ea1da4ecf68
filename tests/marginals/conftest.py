from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def sample() -> np.ndarray:
    """Shape (1500, 3): Student t, skewed with a bound below, and rounded to steps of .1 with many zeros."""
    rng = np.random.default_rng(20261030)
    heavy = 0.006 * rng.standard_t(4, 1500)
    skewed = rng.gamma(2.0, 3.0, 1500)
    rounded = np.round(rng.standard_normal(1500), 1) * (rng.random(1500) > 0.4)
    return np.column_stack([heavy, skewed, rounded])
