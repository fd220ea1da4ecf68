"""One Prefect server for the whole folder, and a run small enough to be done many times."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

SMALL: dict[str, Any] = {
    "history": {"reader": {"kind": "bundled", "name": "fx"}, "start": "2024-01-01"},
    "volatility": "ewma",
    "marginals": "empirical",
    "encoding": {"bits": 2, "held_out_days": 60},
    "dependence": "student_t",
    "rivals": ["independent"],
    "scenarios": {"count": 300},
}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server for the flows of the session, by qfin's own means; the home that its database and results are in."""
    from prefect.settings import PREFECT_HOME, PREFECT_LOCAL_STORAGE_PATH, temporary_settings

    from flows._server import prefect_api

    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PREFECT")]:
            patch.delenv(name)
        patch.setenv("PREFECT_HOME", str(home))
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        patch.setenv("DO_NOT_TRACK", "1")
        settings = {PREFECT_HOME: home, PREFECT_LOCAL_STORAGE_PATH: home / "storage"}
        with temporary_settings(settings), prefect_api() as own:
            assert own is not None
            own.wait()
            yield home


@pytest.fixture
def home(server: Path, tmp_path: Path) -> Path:
    """A home of the test's own, with an empty database: making one from nothing takes Prefect ten seconds."""
    folder = tmp_path / "home"
    folder.mkdir()
    with (
        closing(sqlite3.connect(server / "prefect.db")) as source,
        closing(sqlite3.connect(folder / "prefect.db")) as own,
    ):
        source.backup(own)
        for table in ("artifact", "artifact_collection", "log", "task_run", "flow_run"):
            own.execute(f"DELETE FROM {table}")
        own.commit()
    return folder


@pytest.fixture
def config() -> Any:
    from qfin.stages.config import RunConfig

    return RunConfig.model_validate(SMALL)


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store")
