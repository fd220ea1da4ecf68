"""The command `qfin`: a thin face on stages, flows and rooms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and leave with its exit code.

    0 done, 1 a replay that differs, 2 the user's mistake (one line on stderr), 130 interrupted; anything else that
    escapes is a bug of qfin's and keeps its traceback.
    """
    from qfin.cli._app import run_app

    raise SystemExit(run_app(arguments))
