"""Where the data, portfolios and configurations that come with qfin lie."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str = "") -> Path:
    """Path of a shipped file or folder: inside an installed wheel `qfin/_data`, in a checkout `data/`."""
    installed = _PACKAGE / "_data"
    return (installed if installed.is_dir() else _PACKAGE.parent / "data") / name
