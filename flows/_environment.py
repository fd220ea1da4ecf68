"""Prefect's home folder, and an environment in which Prefect asks nobody anything."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from qfin.errors import ConfigError
from qfin.store import Store

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
}


def be_quiet() -> None:
    """No telemetry and no questions, in this process and those it starts; what the user has set stays."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def prefect_home() -> Path:
    """Prefect's home (`PREFECT_HOME`, else `~/.prefect`), made if need be and known to be writable.

    Raises
    ------
    ConfigError
        if it cannot be: Prefect's server would wait for its whole start-up limit and then blame the connection.
    """
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser().absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return home
    except OSError as error:
        raise ConfigError(
            f"Prefect's home {home} cannot be written ({error.strerror}); set PREFECT_HOME to a folder that can"
        ) from None


def own_folder(home: Path) -> Path:
    """Where qfin keeps logs and what it started, inside Prefect's home."""
    folder = home / "qfin"
    folder.mkdir(exist_ok=True)
    return folder


def store_root(store: str | Path | None) -> str:
    """Root of a store as it is named from anywhere on this machine: an absolute path, or the URI it is."""
    root = Store(store).root
    return root if "://" in root else str(Path(root).expanduser().absolute())
