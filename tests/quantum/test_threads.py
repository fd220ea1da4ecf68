"""Threads: any number of them gives the same bits, and none of them waits for ever."""

from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from numba import njit

from qfin.errors import ConfigError
from qfin.quantum import ANSAETZE, Program, _sweeps, _threads
from tests.quantum._circuits import quadratic, random_state

COUNTS = [1, 2, 3, 5]


@pytest.fixture(autouse=True)
def end_of_patience() -> Iterator[None]:
    """Threads that wait for each other for ever hold the whole process."""
    faulthandler.dump_traceback_later(240, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@cache
def results(kind: str, n: int, start: str, dtype: str, threads: int) -> list[np.ndarray]:
    rng = np.random.default_rng(n)
    circuit = ANSAETZE.build(kind).build(n, 2, 2)
    program, theta = Program.from_circuit(circuit, dtype=dtype), 2 * rng.normal(size=circuit.num_parameters)
    initial, loss = random_state(rng, n, start), quadratic(rng.normal(size=2**n))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_sweeps, "_LEAST_SHARED", 1)
        patch.setenv("QFIN_THREADS", str(threads))
        value, gradient = program.value_and_gradient(theta, loss, initial)
        drawn = program.sample(theta, 100, np.random.default_rng(0), initial)
        state, p = program.statevector(theta, initial), program.probabilities(theta, initial)
    return [np.array(value), gradient, drawn, state, p]


@pytest.mark.parametrize("threads", COUNTS[1:])
@pytest.mark.parametrize(
    ("kind", "n", "start", "dtype"),
    [
        ("ring_cx", 7, "complex", "float64"),
        ("ring_cx", 13, "zero", "float64"),
        ("all_rzz", 14, "complex", "float64"),
        ("all_rzz", 16, "zero", "float64"),
        ("ring_cx", 16, "complex", "float64"),
        ("ring_cx", 17, "zero", "float64"),
        ("line_rzz", 17, "complex", "float64"),
        ("ring_cx", 17, "zero", "float32"),
    ],
)
def test_any_number_of_threads_gives_the_same_bits(
    kind: str, n: int, start: str, dtype: str, threads: int
) -> None:
    """More threads than this machine may have processors are among them."""
    alone = results(kind, n, start, dtype, 1)
    for one, shared in zip(alone, results(kind, n, start, dtype, threads), strict=True):
        np.testing.assert_array_equal(shared, one)


def test_by_default_there_are_as_many_as_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(6)), raising=False)
    for unset in ("", "  "):
        monkeypatch.setenv("QFIN_THREADS", unset)
        assert _threads.thread_count() == 6
    monkeypatch.delenv("QFIN_THREADS")
    assert _threads.thread_count() == 6
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    assert _threads.thread_count() == 3


@pytest.mark.parametrize(("said", "count"), [("1", 1), (" 3 ", 3), ("007", 7)])
def test_the_number_of_threads_is_an_option(monkeypatch: pytest.MonkeyPatch, said: str, count: int) -> None:
    monkeypatch.setenv("QFIN_THREADS", said)
    assert _threads.thread_count() == count


@pytest.mark.parametrize("said", ["0", "-1", "two", "1.5", "1e1", "²"])
def test_other_numbers_of_threads_are_refused(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("QFIN_THREADS", said)
    message = f"QFIN_THREADS = '{said}' is not allowed; wanted a whole number from 1 on"
    with pytest.raises(ConfigError, match=message):
        _threads.thread_count()
    circuit = ANSAETZE.build("line_rzz").build(4, 1, 2)
    monkeypatch.setattr(_sweeps, "_LEAST_SHARED", 1)
    with pytest.raises(ConfigError, match="QFIN_THREADS"):
        Program.from_circuit(circuit).probabilities(np.zeros(circuit.num_parameters))


@njit(nogil=True)
def rotate(thread, threads, barrier, x, times):  # type: ignore[no-untyped-def]
    """Each thread takes its neighbour's number, again and again; without waiting, some would take it too early."""
    team = _threads.Team(thread, threads, barrier)
    for _ in range(times):
        mine = x[(thread + 1) % threads]
        _threads.wait(team)
        x[thread] = mine
        _threads.wait(team)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_wait_for_each_other(threads: int) -> None:
    x = np.arange(8)
    _threads.run(rotate, threads, x, 200 * threads + 1)
    assert x.tolist() == [*np.roll(np.arange(threads), -1), *range(threads, 8)]


def in_a_new_process(code: str) -> str:
    """What a script prints; one that hangs is ended, and fails."""
    head = "import os, signal, threading\nimport numpy as np\nfrom qfin.quantum import ANSAETZE, Program, _sweeps\n"
    done = subprocess.run(
        [sys.executable, "-c", head + code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


SMALL_WORK = """
os.environ["QFIN_THREADS"] = "2"
_sweeps._LEAST_SHARED = 1
circuit = ANSAETZE.build("ring_cx").build(14, 1, 2)
program = Program.from_circuit(circuit)
theta = np.linspace(0, 3, circuit.num_parameters)
weights = np.linspace(0, 1, 2**14)
def work():
    value, gradient = program.value_and_gradient(theta, lambda p: (float(weights @ p), weights))
    return (value, *gradient, *program.sample(theta, 3, np.random.default_rng(0)))
"""


def test_calls_from_several_python_threads_are_right() -> None:
    """On one program and on others, while each wants two threads."""
    assert (
        in_a_new_process(
            SMALL_WORK
            + """
expected, seen = work(), []
def many():
    for _ in range(30):
        seen.append(work())
callers = [threading.Thread(target=many, daemon=True) for _ in range(4)]
for caller in callers: caller.start()
for caller in callers: caller.join()
print(len(seen), all(one == expected for one in seen))
"""
        )
        == "120 True"
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_can_use_the_engine_after_its_parent_used_threads() -> None:
    assert (
        in_a_new_process(
            "import warnings\nwarnings.simplefilter('ignore')\n"
            + SMALL_WORK
            + """
expected = work()
child = os.fork()
if child == 0:
    signal.alarm(60)  # ends it
    os._exit(0 if work() == expected else 1)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), work() == expected)
"""
        )
        == "0 True"
    )
