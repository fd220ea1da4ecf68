"""The other end of `worker.py`: engines as processes, measured in turn."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parents[1]
_PAUSE = 0.02  # seconds in which the threads of the engine before fall asleep


class Failure(Exception):
    """An engine gave an error, took too long or ended; the message says which."""


class Engine:
    """A module of this folder, run by one of the environments' Python."""

    def __init__(self, label: str, python: Path, module: str, **environment: str) -> None:
        self.label, self.module = label, module
        self._command = [str(python), "-m", "engines.worker", module]
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None

    def send(self, *order: Any) -> None:
        """Give an order, whose answer is to be fetched before the next; the process is started if there is none."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                cwd=_HERE,
                env=os.environ | self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        assert self._process.stdin is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)

    def answer(self, limit: float = 60.0) -> Any:
        """What the engine answers within `limit` seconds; an engine that takes longer is ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], limit)[0]:
            self.stop()
            raise Failure(f"over {limit:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise Failure("the process ended")
        answer = json.loads(line)
        if "error" in answer:
            raise Failure(answer["error"])
        return answer["answer"]

    def ask(self, *order: Any, limit: float = 60.0) -> Any:
        """Order and answer."""
        self.send(*order)
        return self.answer(limit)

    def stop(self) -> None:
        """End the process; the next order starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def measure_in_turn(engines: Sequence[Engine], rounds: int, seconds: float = 0.1) -> dict[str, list[float]]:
    """Median seconds of a gradient in each round, by label: A, B, C, A, B, C, so that a machine whose speed drifts
    slows all of them down."""
    taken: dict[str, list[float]] = {engine.label: [] for engine in engines}
    for _ in range(rounds):
        for engine in engines:
            taken[engine.label].append(engine.ask("measure", seconds, limit=600.0))
            time.sleep(_PAUSE)
    return taken
