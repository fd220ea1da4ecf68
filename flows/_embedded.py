"""Prefect's server as a child that dies with its parent: `python -m flows._embedded FD`.

It serves on the listening socket it inherits, so no port is lost between being chosen and being used; and it leaves
when its standard input ends, which is when the parent is gone, however that came about.
"""

from __future__ import annotations

import os
import socket
import sys
import threading


def _leave_with_parent() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)


def main(descriptor: int) -> None:
    """Serve until told to stop or until the parent is gone."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    import uvicorn

    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        log_level="error",
        lifespan="on",
        access_log=False,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
