"""Exactly one paid job for each piece of work, whatever fails, and its results."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from qfin.errors import BackendError, ConfigError, QfinError
from qfin.quantum.backends._runtime import service as remote

if TYPE_CHECKING:
    from qiskit.primitives import PrimitiveResult

_OVER = {"ERROR": "failed", "CANCELLED": "cancelled"}
_FINAL = {"DONE", *_OVER}
_GONE = "GONE"
_TOO_MANY = 429

Value = TypeVar("Value")


@dataclass(frozen=True)
class Patience:
    """How long a service is waited for, in seconds.

    Attributes
    ----------
    first, longest : first wait, doubled after each one, and the bound of one wait
    attempts : times that one thing is asked in a row before it is given up
    settle : a submission that was never answered is looked for this long before another takes its place
    """

    first: float = 1.0
    longest: float = 30.0
    attempts: int = 6
    settle: float = 60.0

    def waits(self) -> Iterator[float]:
        """The wait after each attempt; none after the last."""
        for k in range(self.attempts - 1):
            yield min(self.first * 2**k, self.longest)


class JobBook:
    """Which job does which piece of work, kept in a folder that outlives the process.

    A record is one JSON file a tag: `tag`, `job`, `device`, `when`, `state` ('submitting', 'submitted', 'done',
    'failed', 'cancelled') and `passed_over`, the jobs that a resubmission replaced. No credential is in it.

    Parameters
    ----------
    folder : of the records; None: the environment's QFIN_JOBS, or ~/.local/state/qfin/jobs
    """

    def __init__(self, folder: Path | str | None = None, patience: Patience | None = None) -> None:
        default = os.environ.get("QFIN_JOBS") or Path.home() / ".local" / "state" / "qfin" / "jobs"
        self.folder = Path(folder or default)
        self.patience = patience or Patience()

    def find_or_submit(
        self, service: Any, tag: str, submit: Callable[[], Any], *, resubmit: bool = False
    ) -> str:
        """Id of the one job with a tag: recorded, else found at the service, else submitted now.

        A job that failed or was cancelled is an answer too, and is not submitted again unasked.

        Parameters
        ----------
        service : the client's, as `connect` makes it
        tag : of the work's content; `submit` must put it on the job
        submit : sends one job and returns the client's job object; called at most once unless the service says that
            it is too busy to take it
        resubmit : pass over jobs that failed or were cancelled; one that still runs or is done is used

        Raises
        ------
        ConfigError
            if the token or the instance is refused.
        BackendError
            if the job is refused, or, with `retry`, if nobody can tell yet whether it was taken.
        """
        remote.send_once(service)
        with self._locked(tag):
            record = self._read(tag)
            if record and record["state"] != "submitting":
                if not (resubmit and self._status(service, record["job"]) in {_GONE, *_OVER}):
                    return str(record["job"])
                record = None
            passed = self._passed_over(service, tag, resubmit) if record is None else record["passed_over"]
            jobs = self._look_up(service, tag, passed, 0.0 if record is None else record["when"])
            if not jobs and not resubmit and passed:
                return str(passed[0])
            if jobs:
                return self._keep(service, tag, jobs, passed)
            return self._submit(service, tag, submit, passed)

    def collect(self, service: Any, job_id: str, limit_seconds: float | None = None) -> PrimitiveResult:
        """Wait for a job and fetch its results; it can be asked again at any time.

        Parameters
        ----------
        limit_seconds : longest wait; None: as long as it takes. The job goes on when the wait ends

        Raises
        ------
        ConfigError
            if the token or the instance is refused.
        BackendError
            if the job failed, was cancelled or ran past its limit; with `retry`, if it is not finished in time or the
            service does not answer.
        """
        job = self._ask(lambda: service.job(job_id), f"looking for job {job_id}", service)
        status = self._wait(service, job, job_id, limit_seconds)
        self._note(job_id, _OVER.get(status, "done"))
        if status in _OVER:
            raise _ended(service, job, job_id)
        doing = f"fetching the results of job {job_id}"
        result = self._ask(lambda: _readable(job, job_id), doing, service)
        if result is None:
            raise BackendError(f"job {job_id} is done and has no results; submit it again with resubmit")
        return result

    def _submit(self, service: Any, tag: str, submit: Callable[[], Any], passed: Sequence[str]) -> str:
        credentials = remote.credentials_of(service)
        for wait in (*self.patience.waits(), None):
            self._write(tag, state="submitting", passed_over=list(passed))
            job, error = remote.attempt(submit)
            if error is None:
                return self._keep(service, tag, [job], passed)
            status = remote.http_status(error)
            problem = remote.failure(error, "submitting the job", credentials)
            if isinstance(error, QfinError) or remote.is_refusal(status):
                self._path(tag).unlink()
                raise problem
            if jobs := self._look_often(service, tag, passed, once=status == _TOO_MANY):
                return self._keep(service, tag, jobs, passed)
            if status != _TOO_MANY:
                raise problem
            asked = remote.retry_after(error)
            if wait is None or asked > self.patience.longest:
                self._path(tag).unlink()
                raise problem
            time.sleep(max(wait, asked))
        raise AssertionError("the last wait is None")

    def _look_up(self, service: Any, tag: str, passed: Collection[str], since: float) -> list[Any]:
        """Jobs with a tag but those passed over, waiting until a submission made at `since` must have shown up."""
        waits = self.patience.waits()
        while not (jobs := self._tagged(service, tag, passed)):
            left = since + self.patience.settle - time.time()
            if left <= 0:
                break
            time.sleep(min(next(waits, self.patience.longest), left))
        return jobs

    def _look_often(self, service: Any, tag: str, passed: Collection[str], once: bool) -> list[Any]:
        """Jobs with a tag but those passed over, after a submission went wrong just now."""
        for wait in () if once else self.patience.waits():
            if jobs := self._tagged(service, tag, passed):
                return jobs
            time.sleep(wait)
        return self._tagged(service, tag, passed)

    def _tagged(self, service: Any, tag: str, passed: Collection[str]) -> list[Any]:
        found = self._ask(
            lambda: service.jobs(limit=None, job_tags=[tag]), f"looking for jobs tagged {tag}", service
        )
        return [job for job in found if tag in (job.tags or ()) and job.job_id() not in passed]

    def _passed_over(self, service: Any, tag: str, resubmit: bool) -> list[str]:
        """Jobs that a resubmission replaces, newest first."""
        if not resubmit:
            return []
        ids = [job.job_id() for job in self._tagged(service, tag, ())]
        return [job_id for job_id in ids if self._status(service, job_id) in _OVER]

    def _keep(self, service: Any, tag: str, jobs: Sequence[Any], passed: Sequence[str]) -> str:
        """Record the job; of several, one that is done, else one that still can be, else the oldest."""
        rank = {"DONE": 0, "ERROR": 2, "CANCELLED": 2}
        job = jobs[-1]
        if len(jobs) > 1:
            job = min(
                reversed(jobs), key=lambda candidate: rank.get(self._status(service, candidate.job_id()), 1)
            )
        # Asked for a device that it does not know, a job would wait for its own end.
        device = getattr(job, "_backend", None)
        self._write(
            tag,
            state="submitted",
            job=job.job_id(),
            device=None if device is None else device.name,
            passed_over=list(passed),
        )
        return str(job.job_id())

    def _status(self, service: Any, job_id: str) -> str:
        doing = f"asking for the state of job {job_id}"
        return self._ask(lambda: _state_by_id(service, job_id), doing, service)

    def _wait(self, service: Any, job: Any, job_id: str, limit_seconds: float | None) -> str:
        end = None if limit_seconds is None else time.monotonic() + limit_seconds
        wait = self.patience.first
        doing = f"waiting for job {job_id}"
        while (status := self._ask(lambda: _state(job), doing, service)) not in _FINAL:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise BackendError(
                    f"job {job_id} is not finished after {limit_seconds:g} s and is left {status.lower()}; "
                    "run the same again to collect it, nothing will be submitted twice",
                    retry=True,
                )
            time.sleep(wait if left is None else min(wait, left))
            wait = min(1.5 * wait, self.patience.longest)
        return str(status)

    def _ask(self, action: Callable[[], Value], doing: str, service: Any) -> Value:
        """Ask the service for something that costs nothing, again while that can help."""
        credentials = remote.credentials_of(service)
        for wait in (*self.patience.waits(), None):
            value, error = remote.attempt(action)
            if error is None:
                return value  # type: ignore[return-value]
            problem = remote.failure(error, doing, credentials)
            if wait is None or not getattr(problem, "retry", False):
                break
            time.sleep(min(max(wait, remote.retry_after(error)), self.patience.longest))
        raise problem

    @contextmanager
    def _locked(self, tag: str) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = self._path(tag).with_suffix(".lock").open("w")
        except OSError as error:
            raise ConfigError(
                f"jobs cannot be recorded in {self.folder} ({error.strerror}); set QFIN_JOBS to a folder that can be "
                "written; nothing was submitted"
            ) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _note(self, job_id: str, state: str) -> None:
        """Record how a job ended, where it is recorded at all."""
        for path in self.folder.glob("*.json"):
            record, _ = remote.attempt(lambda path=path: json.loads(path.read_text()))  # type: ignore[misc]
            if isinstance(record, dict) and record.get("job") == job_id and record.get("state") != state:
                with self._locked(record["tag"]):
                    if self._read(record["tag"]) == record:
                        self._write(**{**record, "state": state})

    def _path(self, tag: str) -> Path:
        return self.folder / f"{hashlib.sha256(tag.encode()).hexdigest()[:32]}.json"

    def _read(self, tag: str) -> dict[str, Any] | None:
        path = self._path(tag)
        if not path.exists():
            return None
        try:
            record = json.loads(path.read_text())
            _ = record["state"], record["job"], record["when"], record["passed_over"]
        except (ValueError, KeyError, TypeError):
            raise BackendError(
                f"the record of a job, {path}, cannot be read; delete it, and the job is looked up at the service"
            ) from None
        return dict(record)

    def _write(
        self,
        tag: str,
        *,
        state: str,
        passed_over: list[str],
        job: str | None = None,
        device: str | None = None,
        when: float | None = None,
    ) -> None:
        record = {
            "tag": tag,
            "job": job,
            "device": device,
            "when": time.time() if when is None else when,
            "state": state,
            "passed_over": passed_over,
        }
        try:
            _replace(self._path(tag), json.dumps(record, indent=1))
        except OSError as error:
            raise BackendError(
                f"a job cannot be recorded in {self.folder} ({error.strerror}); make room and run the same again, "
                "nothing will be submitted twice"
            ) from None


def _replace(path: Path, text: str) -> None:
    """Write a file so that a crash leaves the old one or the new one."""
    part = path.with_suffix(".part")
    with part.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _state(job: Any) -> str:
    status, error = remote.attempt(job.status)
    # The client fetches the log of a failed job too, which need not be there; the state is known by then.
    return str(job.status() if error is not None else status)


def _state_by_id(service: Any, job_id: str) -> str:
    from qiskit_ibm_runtime.exceptions import RuntimeJobNotFound

    try:
        return _state(service.job(job_id))
    except RuntimeJobNotFound:
        return _GONE


def _readable(job: Any, job_id: str) -> Any:
    try:
        return job.result()
    except ValueError as error:
        message = f"the results of job {job_id} are not in a format this qiskit-ibm-runtime reads: {error}"
    raise BackendError(" ".join(message.split())[:300])


def _ended(service: Any, job: Any, job_id: str) -> BackendError:
    """Why a job gave no results, in the service's words."""
    _, error = remote.attempt(job.result)
    kind = type(error).__name__
    reason = remote.one_line(str(error), remote.credentials_of(service))
    if kind == "RuntimeInvalidStateError":
        return BackendError(f"job {job_id} was cancelled; set resubmit to submit the work again")
    if kind == "RuntimeJobMaxTimeoutError":
        return BackendError(
            f"job {job_id} ran past its limit and was stopped: {reason}; raise the limit, or ask for less"
        )
    return BackendError(f"job {job_id} failed: {reason}; set resubmit to submit the work again")
