"""What `python -m flows.deploy up` started, noted in Prefect's home so that `down` stops that and nothing else."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows._environment import own_folder
from flows._processes import Process


@dataclass(frozen=True)
class Deployed:
    """The server's port, the processes, and the store (absolute path or URI) that runs of the worker publish to."""

    port: int
    store: str
    server: Process
    worker: Process | None = None

    @property
    def url(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.port}/api"

    @classmethod
    def read(cls, home: Path) -> Deployed | None:
        """What the home's last `up` started; None if there is none, or its server is gone."""
        try:
            noted: dict[str, Any] = json.loads(_note(home).read_text(encoding="utf-8"))
            server, worker = Process(**noted.pop("server")), noted.pop("worker")
            found = cls(**noted, server=server, worker=Process(**worker) if worker else None)
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return found if found.server.alive or (found.worker and found.worker.alive) else None

    def write(self, home: Path) -> None:
        """Note it in the home, whole or not at all."""
        scratch = _note(home).with_suffix(".writing")
        scratch.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        scratch.replace(_note(home))

    @staticmethod
    def forget(home: Path) -> None:
        """Nothing is up any more."""
        _note(home).unlink(missing_ok=True)


def _note(home: Path) -> Path:
    return own_folder(home) / "deployed.json"
