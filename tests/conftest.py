"""Settings of the whole suite."""

from __future__ import annotations

from hypothesis import settings

# A law holds however busy the machine is, so no example has a deadline.
settings.register_profile("qfin", deadline=None)
settings.load_profile("qfin")
