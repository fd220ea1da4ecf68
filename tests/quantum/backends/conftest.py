"""A service to talk to, and a book to keep its jobs in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from qfin.quantum.backends._runtime.credentials import credentials
from qfin.quantum.backends._runtime.jobs import JobBook, Patience
from qfin.quantum.backends._runtime.service import connect
from tests.quantum.backends._stub import Stub, submission, turned


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """A fresh service; the environment sends the client to it."""
    with Stub() as stub:
        for name, value in stub.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("QISKIT_IBM_CHANNEL", raising=False)
        yield stub


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client repeats a failed GET five times, over 15 seconds; here without the seconds."""
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)


@pytest.fixture
def device(stub: Stub, impatient: None) -> Any:
    """The client's handle of the service's device."""
    return connect(stub.device, credentials())


@pytest.fixture
def book(tmp_path: Any) -> JobBook:
    """Jobs, recorded in a temporary folder, with little patience."""
    return JobBook(tmp_path / "jobs", Patience(first=0.005, longest=0.02, attempts=4, settle=0.1))


@pytest.fixture
def submit(device: Any) -> Callable[[], Any]:
    """Sends the job tagged 'rows-1'."""
    return submission(device, turned(device))
