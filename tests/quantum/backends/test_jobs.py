"""One paid job, whatever fails: the real client against a service that fails as planned."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfin.errors import BackendError, ConfigError, QfinError
from qfin.quantum.backends._runtime import service as remote
from qfin.quantum.backends._runtime.credentials import credentials
from qfin.quantum.backends._runtime.jobs import JobBook, Patience
from tests.quantum.backends._stub import ANGLES, INSTANCE, SHOTS, TOKEN, Stub, submission, turned

Submit = Callable[[], Any]
ROOT = Path(__file__).parents[3]


def record(book: JobBook) -> dict[str, Any]:
    """The only record of a book."""
    (path,) = book.folder.glob("*.json")
    return json.loads(path.read_text())


def persistently(book: JobBook, device: Any, submit: Submit, calls: int = 4, **how: Any) -> str:
    """Ask again as long as the error says that it can help."""
    for _ in range(calls):
        try:
            return book.find_or_submit(device.service, "rows-1", submit, **how)
        except QfinError as error:
            if not error.retry:
                raise
    raise AssertionError(f"not submitted after {calls} calls")


def forked(action: Callable[[], None]) -> int:
    """Process id of a child that does something and ends."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            action()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def ended(child: int) -> int:
    """How a child ended: its exit status, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_the_results_are_those_of_the_circuit(stub: Stub, device: Any, book: JobBook, submit: Submit) -> None:
    job = book.find_or_submit(device.service, "rows-1", submit)
    assert record(book)["state"] == "submitted"
    result = book.collect(device.service, job)
    bits = result[0].data.meas
    assert (bits.shape, bits.num_shots, bits.num_bits) == ((2,), SHOTS, 2)
    first = bits.slice_bits([0]).to_bool_array().mean(axis=(1, 2))
    # P(1) = sin^2(angle / 2), and a few percent of readout error
    np.testing.assert_allclose(first, np.sin(np.array(ANGLES) / 2) ** 2, atol=2.5 / SHOTS**0.5)
    assert bits.slice_bits([1]).to_bool_array().mean() < 0.1
    assert len(stub.jobs) == stub.seen["POST /jobs"] == 1


@pytest.mark.parametrize("mode", ["Session", "Batch"])
def test_jobs_that_belong_together_with_twirling(stub: Stub, device: Any, book: JobBook, mode: str) -> None:
    import qiskit_ibm_runtime
    from qiskit_ibm_runtime.executor_sampler import Sampler

    with getattr(qiskit_ibm_runtime, mode)(backend=device) as together:
        sampler = Sampler(mode=together)
        sampler.options.environment.job_tags = ["rows-1"]
        sampler.options.twirling.enable_gates = sampler.options.twirling.enable_measure = True
        sampler.options.dynamical_decoupling.enable = True
        circuit = turned(device)
        job = book.find_or_submit(
            device.service, "rows-1", lambda: sampler.run([(circuit, [[2.0]])], shots=SHOTS)
        )
        bits = book.collect(device.service, job)[0].data.meas
    assert bits.slice_bits([0]).to_bool_array().mean() == pytest.approx(np.sin(1.0) ** 2, abs=0.125)
    assert next(iter(stub.jobs.values()))["sent"]["session_id"] == "session-1"


def test_the_same_tag_is_the_same_job(stub: Stub, device: Any, book: JobBook, submit: Submit) -> None:
    first = book.find_or_submit(device.service, "rows-1", submit)
    assert book.find_or_submit(device.service, "rows-1", submit) == first
    assert stub.seen["GET /jobs"] == 1
    other = book.find_or_submit(device.service, "rows-2", submission(device, turned(device), "rows-2"))
    assert other != first
    assert len(stub.jobs) == 2


def test_a_job_is_found_without_its_record(
    stub: Stub, device: Any, book: JobBook, submit: Submit, tmp_path: Path
) -> None:
    first = book.find_or_submit(device.service, "rows-1", submit)
    elsewhere = JobBook(tmp_path / "elsewhere", book.patience)
    assert elsewhere.find_or_submit(device.service, "rows-1", submit) == first
    assert record(elsewhere)["job"] == first
    assert len(stub.jobs) == 1


def test_a_record_says_what_and_where_and_nothing_secret(device: Any, book: JobBook, submit: Submit) -> None:
    job = book.find_or_submit(device.service, "rows-1", submit)
    held = record(book)
    assert {name: held[name] for name in ("tag", "job", "device", "state", "passed_over")} == {
        "tag": "rows-1",
        "job": job,
        "device": "ibm_stub",
        "state": "submitted",
        "passed_over": [],
    }
    assert set(held) == {"tag", "job", "device", "state", "passed_over", "when"}
    assert not any(secret in json.dumps(held) for secret in (TOKEN, INSTANCE))


@pytest.mark.parametrize("status", [500, 502, 503, 504, 0], ids=lambda s: str(s or "dropped"))
@pytest.mark.parametrize("done", [True, False], ids=["taken", "lost"])
def test_an_unanswered_submission_makes_one_job(
    stub: Stub, device: Any, book: JobBook, submit: Submit, status: int, done: bool
) -> None:
    stub.fail("POST /jobs", status, done=done)
    if not done:
        with pytest.raises(
            BackendError, match="does not answer as it should \\(submitting the job\\)"
        ) as caught:
            book.find_or_submit(device.service, "rows-1", submit)
        assert caught.value.retry
        assert (len(stub.jobs), stub.seen["POST /jobs"]) == (0, 1)
        assert record(book)["state"] == "submitting"
    job = book.find_or_submit(device.service, "rows-1", submit)
    assert list(stub.jobs) == [job]
    assert stub.seen["POST /jobs"] == (1 if done else 2)


def test_the_client_alone_would_have_made_two(stub: Stub, device: Any, submit: Submit) -> None:
    """Why `send_once` is there: with the client's own policy, one bad gateway is two paid jobs."""
    from qiskit_ibm_runtime.api.session import RetrySession

    session = remote._client(device.service)._session
    RetrySession._initialize_retry(session, 5, 3, 0.5)
    stub.fail("POST /jobs", 502, done=True)
    submit()
    assert len(stub.jobs) == 2


def test_a_job_that_shows_up_late_is_waited_for(
    stub: Stub, device: Any, book: JobBook, submit: Submit
) -> None:
    stub.fail("POST /jobs", 504, done=True)
    stub.fail("GET /jobs", 200, nth=2, times=7, body='{"jobs": [], "count": 0}')
    patient = JobBook(book.folder, Patience(first=0.005, longest=0.02, attempts=4, settle=5.0))
    with pytest.raises(BackendError, match="submitting the job"):
        patient.find_or_submit(device.service, "rows-1", submit)
    assert patient.find_or_submit(device.service, "rows-1", submit) == next(iter(stub.jobs))
    assert len(stub.jobs) == stub.seen["POST /jobs"] == 1


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}], ids=["silent", "retry-after"])
def test_a_busy_service_is_asked_again(
    stub: Stub, device: Any, book: JobBook, submit: Submit, headers: dict[str, str]
) -> None:
    stub.fail("POST /jobs", 429, times=2, headers=headers)
    book.find_or_submit(device.service, "rows-1", submit)
    assert (len(stub.jobs), stub.seen["POST /jobs"]) == (1, 3)


def test_a_busy_service_is_not_asked_for_ever(stub: Stub, device: Any, book: JobBook, submit: Submit) -> None:
    stub.fail("POST /jobs", 429, times=99)
    with pytest.raises(BackendError, match="429") as caught:
        book.find_or_submit(device.service, "rows-1", submit)
    assert caught.value.retry
    assert (len(stub.jobs), stub.seen["POST /jobs"]) == (0, book.patience.attempts)


def test_a_longer_wait_than_allowed_is_left_to_the_caller(
    stub: Stub, device: Any, book: JobBook, submit: Submit
) -> None:
    stub.fail("POST /jobs", 429, headers={"Retry-After": "3600"})
    with pytest.raises(BackendError, match="429"):
        book.find_or_submit(device.service, "rows-1", submit)
    assert (len(stub.jobs), stub.seen["POST /jobs"]) == (0, 1)


def test_a_refused_token_is_not_tried_again(stub: Stub, device: Any, book: JobBook, submit: Submit) -> None:
    stub.fail("POST /jobs", 401)
    with pytest.raises(ConfigError, match="refuses the token \\(submitting the job\\); set QISKIT_IBM_TOKEN"):
        book.find_or_submit(device.service, "rows-1", submit)
    assert (len(stub.jobs), stub.seen["POST /jobs"], stub.seen["GET /jobs"]) == (0, 1, 1)
    assert not list(book.folder.glob("*.json"))


def test_a_refused_job_says_why(stub: Stub, device: Any, book: JobBook, submit: Submit) -> None:
    stub.fail("POST /jobs", 422, body='{"error": {"message": "too many shots", "code": 1234}}')
    with pytest.raises(BackendError, match="refuses submitting the job: .*too many shots") as caught:
        book.find_or_submit(device.service, "rows-1", submit)
    assert not caught.value.retry
    assert (len(stub.jobs), stub.seen["POST /jobs"]) == (0, 1)


def test_nothing_is_submitted_while_nobody_can_tell(
    stub: Stub, device: Any, book: JobBook, submit: Submit
) -> None:
    stub.fail("GET /jobs", 500, times=999)
    with pytest.raises(BackendError, match="looking for jobs tagged rows-1") as caught:
        book.find_or_submit(device.service, "rows-1", submit)
    assert caught.value.retry
    assert stub.seen["POST /jobs"] == 0


def test_a_mistake_of_the_caller_is_its_own(stub: Stub, device: Any, book: JobBook) -> None:
    def broken() -> Any:
        raise ZeroDivisionError("in the caller's code")

    with pytest.raises(ZeroDivisionError):
        book.find_or_submit(device.service, "rows-1", broken)

    def refused() -> Any:
        raise ConfigError("shots = 0; wanted at least 1")

    with pytest.raises(ConfigError, match="shots = 0"):
        book.find_or_submit(device.service, "rows-1", refused)
    assert len(stub.jobs) == 0


POLL, RESULTS = "GET /jobs/{id}", "GET /jobs/{id}/results"


@pytest.mark.parametrize("endpoint", [POLL, RESULTS])
@pytest.mark.parametrize("status", [500, 503, 429, 0], ids=lambda s: str(s or "dropped"))
@pytest.mark.parametrize("times", [1, 8])
def test_collecting_survives(
    stub: Stub, device: Any, book: JobBook, submit: Submit, endpoint: str, status: int, times: int
) -> None:
    stub.polls = 2
    job = book.find_or_submit(device.service, "rows-1", submit)
    # A 429 ends the client's own attempts at once, anything else after six.
    stub.fail(endpoint, status, times=min(times, 3) if status == 429 else times)
    assert len(book.collect(device.service, job)) == 1
    assert record(book)["state"] == "done"
    assert len(stub.jobs) == stub.seen["POST /jobs"] == 1


@pytest.mark.parametrize("endpoint", [POLL, RESULTS])
def test_collecting_gives_up_and_can_be_resumed(
    stub: Stub, device: Any, book: JobBook, submit: Submit, endpoint: str
) -> None:
    job = book.find_or_submit(device.service, "rows-1", submit)
    stub.fail(endpoint, 429, times=book.patience.attempts)
    with pytest.raises(BackendError, match=f"job {job}.*429") as caught:
        book.collect(device.service, job)
    assert caught.value.retry
    assert len(book.collect(device.service, job)) == 1
    assert len(stub.jobs) == 1


def test_a_token_refused_while_polling_is_not_tried_again(
    stub: Stub, device: Any, book: JobBook, submit: Submit
) -> None:
    job = book.find_or_submit(device.service, "rows-1", submit)
    stub.fail(POLL, 401, times=99)
    with pytest.raises(ConfigError, match="refuses the token"):
        book.collect(device.service, job)
    assert stub.seen[POLL] == 1


@pytest.mark.parametrize(
    ("ending", "message", "state"),
    [
        ("Failed", "failed: .*the cryostat is warm", "failed"),
        ("Cancelled", "was cancelled; set resubmit", "cancelled"),
        ("Ran too long", "ran past its limit and was stopped: .*1305; the cryostat is warm", "failed"),
    ],
)
def test_a_job_that_ends_badly_is_an_answer(
    stub: Stub, device: Any, book: JobBook, submit: Submit, ending: str, message: str, state: str
) -> None:
    stub.endings = [ending]
    job = book.find_or_submit(device.service, "rows-1", submit)
    for _ in range(2):
        with pytest.raises(BackendError, match=f"job {job} {message}") as caught:
            book.collect(device.service, job)
        assert not caught.value.retry
        assert book.find_or_submit(device.service, "rows-1", submit) == job
    assert record(book)["state"] == state
    assert len(stub.jobs) == stub.seen["POST /jobs"] == 1


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("ending", ["Failed", "Cancelled", "Ran too long"])
def test_a_resubmission_makes_exactly_one_more(
    stub: Stub, device: Any, book: JobBook, submit: Submit, ending: str, recorded: bool, tmp_path: Path
) -> None:
    stub.endings = [ending]
    first = book.find_or_submit(device.service, "rows-1", submit)
    if not recorded:
        book = JobBook(tmp_path / "elsewhere", book.patience)
    second = book.find_or_submit(device.service, "rows-1", submit, resubmit=True)
    assert second != first
    assert book.find_or_submit(device.service, "rows-1", submit, resubmit=True) == second
    assert book.find_or_submit(device.service, "rows-1", submit) == second
    assert len(stub.jobs) == stub.seen["POST /jobs"] == 2
    assert record(book)["passed_over"] == [first]


@pytest.mark.parametrize("ending", ["Completed", "Running"])
def test_a_resubmission_uses_a_job_that_is_not_over(
    stub: Stub, device: Any, book: JobBook, submit: Submit, ending: str, tmp_path: Path
) -> None:
    stub.endings = [ending]
    first = book.find_or_submit(device.service, "rows-1", submit)
    for there in (book, JobBook(tmp_path / "elsewhere", book.patience)):
        assert there.find_or_submit(device.service, "rows-1", submit, resubmit=True) == first
    assert len(stub.jobs) == 1


@pytest.mark.parametrize("status", [502, 0])
def test_an_unanswered_resubmission_is_the_one_job_even_if_it_fails_too(
    stub: Stub, device: Any, book: JobBook, submit: Submit, status: int
) -> None:
    stub.endings = ["Failed", "Failed"]
    first = book.find_or_submit(device.service, "rows-1", submit)
    stub.fail("POST /jobs", status, done=True)
    stub.fail("GET /jobs", 500, nth=3, times=24)
    with pytest.raises(BackendError, match="looking for jobs"):
        book.find_or_submit(device.service, "rows-1", submit, resubmit=True)
    assert record(book)["state"] == "submitting"
    second = persistently(book, device, submit, resubmit=True)
    assert list(stub.jobs) == [first, second]


def test_a_lost_resubmission_is_not_made_unasked(
    stub: Stub, device: Any, book: JobBook, submit: Submit
) -> None:
    stub.endings = ["Failed"]
    first = book.find_or_submit(device.service, "rows-1", submit)
    stub.fail("POST /jobs", 502)
    with pytest.raises(BackendError, match="submitting the job"):
        book.find_or_submit(device.service, "rows-1", submit, resubmit=True)
    assert book.find_or_submit(device.service, "rows-1", submit) == first
    assert len(stub.jobs) == 1


def test_a_job_that_the_service_forgot_can_be_resubmitted(
    stub: Stub, device: Any, book: JobBook, submit: Submit
) -> None:
    first = book.find_or_submit(device.service, "rows-1", submit)
    stub.jobs.clear()
    with pytest.raises(BackendError, match=f"looking for job {first}: .*not found"):
        book.collect(device.service, first)
    book.find_or_submit(device.service, "rows-1", submit, resubmit=True)
    assert len(stub.jobs) == 1
    assert stub.seen["POST /jobs"] == 2


def test_of_several_jobs_the_finished_one_is_used(
    stub: Stub, device: Any, book: JobBook, submit: Submit
) -> None:
    stub.endings = ["Failed", "Running", "Completed", "Running"]
    made = [submit().job_id() for _ in range(4)]
    assert book.find_or_submit(device.service, "rows-1", submit) == made[2]
    assert len(stub.jobs) == 4


def test_a_wait_that_ends_leaves_the_job_running(
    stub: Stub, device: Any, book: JobBook, submit: Submit
) -> None:
    stub.polls = 1000
    job = book.find_or_submit(device.service, "rows-1", submit)
    with pytest.raises(
        BackendError, match=f"job {job} is not finished after 0.1 s and is left running"
    ) as caught:
        book.collect(device.service, job, limit_seconds=0.1)
    assert caught.value.retry
    stub.jobs[job]["polls"] = 0
    assert len(book.collect(device.service, job, limit_seconds=5)) == 1
    assert len(stub.jobs) == 1


def test_results_that_mean_nothing_are_an_answer(
    stub: Stub, device: Any, book: JobBook, submit: Submit
) -> None:
    job = book.find_or_submit(device.service, "rows-1", submit)
    stub.fail(RESULTS, 200, body='{"schema_version": "v99"}')
    with pytest.raises(BackendError, match=f"results of job {job} are not in a format .*v99"):
        book.collect(device.service, job)
    stub.fail(RESULTS, 200, body="")
    with pytest.raises(BackendError, match=f"job {job} is done and has no results"):
        book.collect(device.service, job)


def test_a_damaged_record_is_named(device: Any, book: JobBook, submit: Submit) -> None:
    book.find_or_submit(device.service, "rows-1", submit)
    (path,) = book.folder.glob("*.json")
    path.write_text('{"tag": "rows')
    with pytest.raises(BackendError, match=f"{path.name}, cannot be read; delete it"):
        book.find_or_submit(device.service, "rows-1", submit)


def test_a_job_that_could_not_be_recorded_is_found_again(
    stub: Stub, device: Any, book: JobBook, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send() -> Any:
        job = submit()
        monkeypatch.setattr(os, "fsync", full)
        return job

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(
        BackendError, match="cannot be recorded in .*No space left.*nothing will be submitted twice"
    ):
        book.find_or_submit(device.service, "rows-1", send)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    assert [book.find_or_submit(device.service, "rows-1", submit)] == list(stub.jobs)
    assert stub.seen["POST /jobs"] == 1


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_sent(
    stub: Stub, device: Any, submit: Submit, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="jobs cannot be recorded in .*file/jobs .*set QFIN_JOBS"):
        JobBook(tmp_path / "file" / "jobs").find_or_submit(device.service, "rows-1", submit)
    assert stub.seen["POST /jobs"] == 0


@pytest.mark.parametrize("done", [True, False], ids=["taken", "lost"])
def test_killed_between_the_submission_and_its_record(
    stub: Stub, device: Any, book: JobBook, submit: Submit, done: bool
) -> None:
    circuit = turned(device)

    def whole() -> None:
        mine = connect_here(stub)
        book.find_or_submit(mine.service, "rows-1", submission(mine, circuit))

    stub.fail("POST /jobs", done=done, kill=lambda: child)
    child = forked(whole)
    assert ended(child) == -signal.SIGKILL
    assert (record(book)["state"], record(book)["job"], len(stub.jobs)) == ("submitting", None, done)
    job = book.find_or_submit(device.service, "rows-1", submit)
    assert list(stub.jobs) == [job]
    assert stub.seen["POST /jobs"] == (1 if done else 2)


def test_killed_while_looking_before_the_submission(
    stub: Stub, device: Any, book: JobBook, submit: Submit
) -> None:
    circuit = turned(device)

    def whole() -> None:
        mine = connect_here(stub)
        book.find_or_submit(mine.service, "rows-1", submission(mine, circuit))

    stub.fail("GET /jobs", kill=lambda: child)
    child = forked(whole)
    assert ended(child) == -signal.SIGKILL
    book.find_or_submit(device.service, "rows-1", submit)
    assert len(stub.jobs) == stub.seen["POST /jobs"] == 1


@pytest.mark.parametrize("endpoint", [POLL, RESULTS])
def test_killed_while_collecting(
    stub: Stub, device: Any, book: JobBook, submit: Submit, endpoint: str
) -> None:
    job = book.find_or_submit(device.service, "rows-1", submit)
    stub.fail(endpoint, kill=lambda: child)
    child = forked(lambda: book.collect(connect_here(stub).service, job) and None)
    assert ended(child) == -signal.SIGKILL
    assert book.find_or_submit(device.service, "rows-1", submit) == job
    assert len(book.collect(device.service, job)) == 1
    assert len(stub.jobs) == stub.seen["POST /jobs"] == 1


def connect_here(stub: Stub) -> Any:
    """The device, over connections of this process's own."""
    return remote.connect(stub.device, credentials())


def test_killed_in_a_process_of_its_own(stub: Stub, device: Any, book: JobBook, submit: Submit) -> None:
    """The same with nothing inherited: a fresh interpreter that has the environment and no more."""
    program = """
from qfin.quantum.backends._runtime.credentials import credentials
from qfin.quantum.backends._runtime.jobs import JobBook
from qfin.quantum.backends._runtime.service import connect
from tests.quantum.backends._stub import submission, turned
device = connect("ibm_stub", credentials())
JobBook().find_or_submit(device.service, "rows-1", submission(device, turned(device)))
"""
    environment = {**os.environ, **stub.environment(), "QFIN_JOBS": str(book.folder)}
    stub.fail("POST /jobs", done=True, kill=lambda: child.pid)
    child = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment)
    assert child.wait(timeout=120) == -signal.SIGKILL
    job = book.find_or_submit(device.service, "rows-1", submit)
    assert list(stub.jobs) == [job]
    assert stub.seen["POST /jobs"] == 1


def test_processes_at_once_make_one_job(stub: Stub, device: Any, book: JobBook) -> None:
    circuit = turned(device)

    def whole() -> None:
        mine = connect_here(stub)
        book.find_or_submit(mine.service, "rows-1", submission(mine, circuit))

    # The first one in is held inside its submission until the others wait for it.
    stub.fail("POST /jobs", 502, done=True, wait=0.3)
    children = [forked(whole) for _ in range(3)]
    assert [ended(child) for child in children] == [0, 0, 0]
    assert len(stub.jobs) == stub.seen["POST /jobs"] == 1
    assert record(book)["job"] == next(iter(stub.jobs))


def test_the_token_is_left_nowhere(
    stub: Stub,
    device: Any,
    book: JobBook,
    submit: Submit,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    for name in ("", "qiskit_ibm_runtime", "urllib3", "ibm-cloud-sdk-core"):
        caplog.set_level(logging.DEBUG, logger=name or None)
    client_log = logging.getLogger("qiskit_ibm_runtime")  # it does not propagate
    client_log.addHandler(caplog.handler)
    request.addfinalizer(lambda: client_log.removeHandler(caplog.handler))
    texts = [repr(credentials()), str(credentials()), f"{credentials()}"]

    def fails(action: Callable[[], Any]) -> None:
        with pytest.raises(QfinError) as caught:
            action()
        error: BaseException | None = caught.value
        assert error is not None
        assert error.__context__ is None
        assert error.__cause__ is None
        texts.extend([str(error), repr(error), "".join(traceback.format_exception(error))])

    echo = json.dumps({"error": {"message": f"bad apikey {TOKEN}, Bearer {'e' * 40}", "code": 1}})
    for status in (401, 403, 422, 500, 0):
        stub.fail("POST /jobs", status, body=echo)
        fails(lambda: book.find_or_submit(device.service, "rows-1", submit))
    job = book.find_or_submit(device.service, "rows-1", submit)
    for status in (401, 403, 404):
        stub.fail(POLL, status, body=echo)
        fails(lambda: book.collect(device.service, job))
    stub.endings = ["Failed"]
    stub.reason = f"the program printed {TOKEN}"
    bad = book.find_or_submit(device.service, "rows-2", submission(device, turned(device), "rows-2"))
    fails(lambda: book.collect(device.service, bad))
    book.collect(device.service, job)
    fails(lambda: remote.connect("ibm_nowhere", credentials()))

    texts += [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    texts += [*capfd.readouterr()]
    for said in ("POST /api/v1/jobs", "job get response", "the program printed [hidden]"):
        assert any(said in message for message in caplog.messages), said
    texts += caplog.messages
    assert not [text for text in texts if TOKEN in text or "e" * 40 in text]
    bearer = next(h["Authorization"] for h in stub.headers if "Authorization" in h).removeprefix("Bearer ")
    assert len(bearer) > 40
    assert not [text for text in texts if bearer in text]
