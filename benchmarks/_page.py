"""What the pages that benchmarks print have in common."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from importlib import metadata
from pathlib import Path


def number(value: float | None) -> str:
    """Three significant digits; a dash for nothing."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown, the first column of names on the left."""
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def processor() -> str:
    """What the machine says of its processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def conditions(packages: Iterable[str]) -> str:
    """The date, the machine and the versions, of Python and of what is installed of the packages."""
    versions = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    machine = f"{date.today()}, {processor()}, {os.cpu_count()} cores, {platform.system()}."
    return f"{machine}\n\n{', '.join(versions)}."


def progress(text: str) -> None:
    """A line to whoever waits."""
    print(text, file=sys.stderr, flush=True)
