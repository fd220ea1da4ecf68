"""Fake devices: the names, couplings and calibrations of real ones, on this machine."""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import Any

from qfin.errors import ConfigError


def is_fake(name: str) -> bool:
    """Whether a name is of the form of a fake device's: `fake_kingston`."""
    return name.lower().startswith("fake")


def fake_device(name: str) -> Any:
    """The fake device of a name, a Qiskit `BackendV2`.

    Raises
    ------
    ConfigError
        if there is none, with those that there are.
    """
    known = _fake_devices()
    wanted = name.lower()
    if wanted not in known:
        close = difflib.get_close_matches(wanted, known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"there is no fake device {name!r}{hint} there are: {', '.join(sorted(known))}")
    return known[wanted]()


@lru_cache(maxsize=1)
def _fake_devices() -> dict[str, Any]:
    try:
        from qiskit_ibm_runtime import fake_provider
    except ImportError:
        raise ConfigError("fake devices need: pip install 'qfin-scenarios[aer,ibm]'") from None
    from qiskit_ibm_runtime.fake_provider.fake_backend import FakeBackendV2

    classes: list[Any] = [value for value in vars(fake_provider).values() if isinstance(value, type)]
    return {
        cls.backend_name: cls
        for cls in classes
        if issubclass(cls, FakeBackendV2) and cls is not FakeBackendV2
    }
