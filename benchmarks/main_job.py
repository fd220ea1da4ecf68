"""How long the main job takes: with everything to make, and with everything in the store.

    python benchmarks/main_job.py

Wall time of `qfin run` as a whole process, of which the stages' own work, with and without Prefect and its server.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

QFIN = Path(sys.executable).with_name("qfin")
STAGE_SECONDS = re.compile(r"^\w+.* (\d+\.\d) s$", re.MULTILINE)


def timed(*arguments: str) -> tuple[float, float]:
    """Wall seconds of `qfin run` with these arguments, and the sum that its stages report."""
    began = time.perf_counter()
    done = subprocess.run([str(QFIN), "run", *arguments], check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    return seconds, sum(map(float, STAGE_SECONDS.findall(done.stdout + done.stderr)))


def main() -> None:
    """Run it four times and print the table."""
    table = Table("run", "wall, s", "of which stages, s", title="qfin run, shipped configuration")
    with tempfile.TemporaryDirectory() as folder:
        for how, flags in {"Prefect": [], "--local": ["--local"]}.items():
            for what in ("everything to make", "everything reused"):
                wall, stages = timed("--store", f"{folder}/{how.strip('-')}", *flags)
                table.add_row(f"{how}, {what}", f"{wall:.1f}", f"{stages:.1f}")
    Console().print(table)
    print(f"{date.today()}, Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
