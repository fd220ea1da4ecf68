"""A small run that finishes in seconds, made once for all tests that only read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qfin import stages
from qfin.stages.config import RunConfig
from qfin.store import Store

SMALL: dict[str, Any] = {
    "history": {"start": "2022-01-01"},
    "volatility": "ewma",
    "marginals": "empirical",
    "encoding": {"held_out_days": 60, "bits": 2},
    "dependence": "student_t",
    "rivals": ["bootstrap"],
    "scenarios": {"count": 200, "horizon": 2},
}


@pytest.fixture(scope="session")
def small() -> Callable[..., RunConfig]:
    """Makes small configurations; keywords replace its entries."""
    return lambda **changes: RunConfig.model_validate({**SMALL, **changes})


@pytest.fixture(scope="session")
def made(
    small: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory
) -> tuple[stages.RunResult, Store, list[stages.StageEvent]]:
    """A finished small run, its store, and what a watcher was told; tests must not change the store."""
    store, events = Store(tmp_path_factory.mktemp("store")), []
    return stages.run(small(), store, events.append), store, events


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store of the test's own."""
    return Store(tmp_path / "store")
