"""Prefect flows: when stages run, how often they are tried, and what Prefect's UI shows of them. No mathematics.

`run_daily` runs everything once from Python, with a server of its own if there is none; the flows themselves are
`flows.daily.daily`, `flows.ingest.ingest` and so on, a file a flow. `python -m flows.deploy up` schedules them.
"""

from __future__ import annotations

from flows._run import run_daily

__all__ = ["run_daily"]
