"""Settings of the whole suite."""

from __future__ import annotations

import os
import sys

from hypothesis import settings

# A law holds however busy the machine is, so no example has a deadline.
settings.register_profile("qfin", deadline=None)
settings.load_profile("qfin")

# Tests start many processes; without byte code on disk each compiles Prefect or Qiskit from source again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
