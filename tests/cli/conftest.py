"""The command on a small configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

CONFIG = """
volatility = "ewma"
marginals = "empirical"
dependence = "student_t"
rivals = ["bootstrap"]
history.start = 2022-01-01
encoding = { held_out_days = 60, bits = 2 }
scenarios.count = 1000
"""


class Outcome(NamedTuple):
    """What a command left with, and what it wrote."""

    code: int
    out: str
    err: str


Qfin = Callable[..., Outcome]


@pytest.fixture
def qfin(capfd: pytest.CaptureFixture[str]) -> Qfin:
    """Runs the command in this process."""
    from qfin.cli._app import run_app

    def call(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = run_app([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    return call


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration file that runs in seconds."""
    path = tmp_path_factory.mktemp("config") / "small.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def full(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with everything the configuration makes; tests may look at it."""
    from qfin.cli._app import run_app

    store = tmp_path_factory.mktemp("full")
    assert run_app(["run", "--local", "--config", str(config), "--store", str(store)]) == 0
    return store
