"""Settings of the whole suite."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A law holds however busy the machine is, so no example has a deadline.
settings.register_profile("qfin", deadline=None)
settings.load_profile("qfin")

# Tests start many processes; without byte code on disk each compiles Prefect or Qiskit from source again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests go to one worker, which makes what they share once."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}/{item.path.stem}"))


@pytest.fixture(scope="session", autouse=True)
def coarse_grid_costs() -> Iterator[None]:
    """What grids cost is worked out by every encoding, and looked at by test_discretisation.py alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qfin.evaluation._discretisation._DRAWS", 2**12)
        patch.setattr("qfin.evaluation._discretisation._POINTS", 2**13)
        yield
