"""Full valuations shared out to processes; each builds a trade once, from its specification."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context

import numpy as np

from qfin.errors import BackendError
from qfin.risk._copies import can_copy, share_out
from qfin.risk._market import Market
from qfin.risk._quantlib import evaluation_date
from qfin.risk._valuation import Valuation
from qfin.risk._variables import Paths
from qfin.risk.instruments import Instrument

_CHUNK_SECONDS = 1.0
_WORTH_A_PROCESS = 4.0
_WORTH_A_COPY = 0.2
_PROBED = 3


@dataclass(frozen=True)
class Job:
    """One trade to be valued in some scenarios: its place, what its quotes are set to, the scenarios' numbers."""

    trade: int
    settings: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Book:
    """What a worker builds trades from."""

    trades: tuple[Instrument, ...]
    market: Market
    reference: date
    still: Paths


class Valuer:
    """Values trades in full, in this process or in several; what comes out is the same bits.

    book : the trades; workers : processes, 1 for none beside this one, 0 for as many as there are processors where the
        work is worth it
    """

    def __init__(self, book: Book, workers: int = 1) -> None:
        self.book, self.workers = book, workers
        self._built: dict[int, Valuation] = {}

    def valuation(self, trade: int) -> Valuation:
        """A trade as it is built here."""
        if trade not in self._built:
            book = self.book
            self._built[trade] = Valuation(book.trades[trade], book.market, book.reference, book.still)
        return self._built[trade]

    def values(self, jobs: Sequence[Job]) -> list[np.ndarray]:
        """Values of each job's trade in its scenarios, shape (n,) or one number, in its own currency; under
        `evaluation_date`."""
        costs = [self._seconds(job) for job in jobs] if self.workers != 1 else [0.0] * len(jobs)
        worth = _WORTH_A_COPY if can_copy() else _WORTH_A_PROCESS
        workers = self.workers or (processors() if sum(costs) > worth else 1)
        if workers == 1:
            return [self.valuation(job.trade).full(job.settings, job.rows) for job in jobs]
        pieces = [list(_pieces(job, cost)) for job, cost in zip(jobs, costs, strict=True)]
        if can_copy():
            return self._by_copies(pieces, workers)
        with _pool(self.book, workers) as pool:
            futures = [[pool.submit(_value, piece) for piece in several] for several in pieces]
            return [np.concatenate([future.result() for future in several]) for several in futures]

    def _by_copies(self, pieces: Sequence[Sequence[Job]], workers: int) -> list[np.ndarray]:
        def value(job: Job) -> np.ndarray:
            return self.valuation(job.trade).full(job.settings, job.rows)

        done = iter(share_out(value, [piece for several in pieces for piece in several], workers))
        return [np.concatenate([next(done) for _ in several]) for several in pieces]

    def _seconds(self, job: Job) -> float:
        """About how long a job takes here."""
        if not job.settings.shape[1] or not len(job.rows):
            return 0.0
        few = job.rows[:_PROBED]
        began = time.perf_counter()
        self.valuation(job.trade).full(job.settings[: len(few)], few)
        return (time.perf_counter() - began) / len(few) * len(job.rows)


def _pieces(job: Job, seconds: float) -> Iterator[Job]:
    count = max(1, min(len(job.rows), round(seconds / _CHUNK_SECONDS))) if job.settings.shape[1] else 1
    for part in np.array_split(np.arange(len(job.rows)), count):
        yield Job(job.trade, job.settings[part], job.rows[part])


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _pool(book: Book, workers: int) -> Iterator[ProcessPoolExecutor]:
    context = get_context("spawn")  # a fork of a process with threads may never wake up
    try:
        with ProcessPoolExecutor(workers, context, _start, (book,)) as pool:
            yield pool
    except BrokenProcessPool as error:
        raise BackendError(
            f"a process that valued trades has ended: {error}; a script that is run by itself begins its work below "
            "`if __name__ == '__main__':`, else there was too little memory: run with workers = 1"
        ) from error


_here: Valuer | None = None


def _start(book: Book) -> None:
    global _here
    _here = Valuer(book)


def _value(job: Job) -> np.ndarray:
    assert _here is not None
    with evaluation_date(_here.book.reference):
        return _here.valuation(job.trade).full(job.settings, job.rows)
