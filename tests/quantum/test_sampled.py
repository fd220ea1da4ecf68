"""Training from samples: what it reaches, what it spends, and that a kill changes nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qfin import persistence
from qfin.errors import ConfigError
from qfin.quantum import (
    ANSAETZE,
    BACKENDS,
    Adam,
    Backend,
    Capabilities,
    Draws,
    MaximumMeanDiscrepancy,
    NegativeLogLikelihood,
    Program,
    Request,
    ShotSchedule,
    Spsa,
    Stop,
    TrainingResult,
    train_on_samples,
)
from qfin.quantum.backends.exact import Exact

ROOT = Path(__file__).parents[2]
N = 3
CIRCUIT = ANSAETZE.build("line_rzz").build(N, 1, N)
P = CIRCUIT.num_parameters
SHIFTED = N  # of one layer the RY; RZ and RZZ commute with the measurement
PRIOR, TARGET, LATER = np.random.default_rng(8).dirichlet(np.ones(2**N), size=3)
START = 1e-3 * np.random.default_rng(0).normal(size=P)
OPTIMISERS = {"parameter_shift": Adam(0.05), "spsa": Spsa(0.5, stability=2.0)}
METHODS = sorted(OPTIMISERS)


class Recording(Exact):
    """The exact backend, remembering what it was asked."""

    def __init__(self, name: str = "recording", max_shots: int | None = None) -> None:
        self.called, self.max_shots = name, max_shots
        self.requests: list[Request] = []
        self.sessions = 0
        self.in_session = False

    @property
    def name(self) -> str:
        return self.called

    def capabilities(self) -> Capabilities:
        return Capabilities(exact=False, noisy=False, remote=False, max_shots=self.max_shots)

    @contextmanager
    def session(self) -> Iterator[None]:
        self.sessions += 1
        self.in_session = True
        yield
        self.in_session = False

    def _run(self, request: Request) -> Draws:
        assert self.in_session
        self.requests.append(request)
        return super()._run(request)

    @property
    def shots(self) -> int:
        return sum(request.rows * request.shots for request in self.requests)


def trained(backend: Backend, method: str, **options: Any) -> TrainingResult:
    settings: dict[str, Any] = {
        "optimiser": OPTIMISERS.get(method),
        "schedule": ShotSchedule(200),
        "seed": 4,
        "max_steps": 20,
        "initial": np.sqrt(PRIOR),
        "circuit": CIRCUIT,
        "loss": MaximumMeanDiscrepancy(TARGET),
        "theta": START,
    }
    return train_on_samples(backend, method=method, **(settings | options))


def same(a: TrainingResult, b: TrainingResult) -> bool:
    return (
        a.history == b.history
        and (a.theta == b.theta).all()
        and (a.steps, a.stop, a.best_step, a.shots) == (b.steps, b.stop, b.best_step, b.shots)
    )


@pytest.mark.parametrize(("n", "shots"), [(1, 4), (2, 3)])
def test_the_estimate_of_the_loss_is_unbiased(n: int, shots: int) -> None:
    """Over all draws there are, each with its probability."""
    p, q = np.random.default_rng(n).dirichlet(np.ones(2**n), size=2)
    loss, mean, smallest = MaximumMeanDiscrepancy(q), 0.0, np.inf
    for outcomes in product(range(2**n), repeat=shots):
        value = loss.unbiased(np.bincount(outcomes, minlength=2**n) / shots, shots)
        mean += np.prod(p[list(outcomes)]) * value
        smallest = min(smallest, value)
    assert mean == pytest.approx(loss(p)[0], abs=1e-13)
    assert smallest < 0.0  # as the docstring warns
    with pytest.raises(ConfigError, match="shots = 1; an unbiased discrepancy wants at least 2"):
        loss.unbiased(np.array([1.0, 0.0] + [0.0] * (2**n - 2)), 1)


@pytest.mark.parametrize("kind", ["exact", "aer"])
def test_rows_of_one_request_are_sampled_apart(kind: str) -> None:
    """Two rows with the same angles agree as often as independent ones: 4,000 shots, within 5 standard errors."""
    program = Program.from_circuit(CIRCUIT)
    p = program.probabilities(START + 0.5)
    outcomes = BACKENDS.build(kind).run(Request(CIRCUIT, np.tile(START + 0.5, (3, 1)), 4_000, 7)).outcomes()
    agree = p @ p
    for a, b in [(0, 1), (0, 2), (1, 2)]:
        assert abs((outcomes[a] == outcomes[b]).mean() - agree) < 5.0 * (agree * (1 - agree) / 4_000) ** 0.5


@pytest.mark.parametrize("method", METHODS)
def test_training_comes_near_the_target(method: str) -> None:
    """From the prior, whose distance is known, to a distribution that the circuit can make."""
    program = Program.from_circuit(CIRCUIT)
    goal = program.probabilities(np.random.default_rng(2).normal(size=P), np.sqrt(PRIOR))
    loss = MaximumMeanDiscrepancy(goal)
    optimiser = Adam(0.05) if method == "parameter_shift" else Spsa(2.0)
    result = trained(
        Exact(), method, loss=loss, optimiser=optimiser, schedule=ShotSchedule(500), max_steps=150
    )
    before = loss(program.probabilities(START, np.sqrt(PRIOR)))[0]
    after = loss(program.probabilities(result.theta, np.sqrt(PRIOR)))[0]
    assert after < before / 20
    assert (result.stop, result.steps, result.best_step, len(result.history)) == (
        Stop.MAX_STEPS,
        150,
        150,
        151,
    )


def test_schedules_grow_to_their_bound() -> None:
    assert [ShotSchedule(100, 1.5, 400).shots(k) for k in (0, 1, 2, 3, 4, 10_000)] == [
        100,
        150,
        225,
        337,
        400,
        400,
    ]
    assert [ShotSchedule(100).shots(k) for k in (0, 10_000)] == [100, 100]


@pytest.mark.parametrize(("method", "circuits"), [("parameter_shift", 1 + 2 * SHIFTED), ("spsa", 2)])
def test_a_step_is_one_request_of_its_own_seed_in_one_session(method: str, circuits: int) -> None:
    backend = Recording()
    result = trained(backend, method, schedule=ShotSchedule(100, 1.1), max_steps=5)
    assert [r.rows for r in backend.requests] == [circuits] * 5 + [1]
    assert [r.shots for r in backend.requests] == [100, 110, 121, 133, 146, 161]
    assert len({r.seed for r in backend.requests}) == 6
    assert backend.sessions == 1
    assert result.shots == backend.shots
    again = Recording()
    assert same(trained(again, method, schedule=ShotSchedule(100, 1.1), max_steps=5), result)
    assert [r.seed for r in again.requests] == [r.seed for r in backend.requests]


def test_the_loss_of_a_step_is_that_of_its_own_draws() -> None:
    backend = Recording()
    result = trained(backend, "parameter_shift", held_out=MaximumMeanDiscrepancy(LATER), max_steps=1)
    first, last = backend.requests
    np.testing.assert_array_equal(
        first.theta[:1, first.circuit.num_parameters - P :], START[None, :]
    )  # each parameter once: angles are parameters
    for (_, loss, watched), request in zip(result.history, (first, last), strict=True):
        frequencies = Exact().run(request).frequencies()[0]
        assert loss == MaximumMeanDiscrepancy(TARGET).unbiased(frequencies, 200)
        assert watched == MaximumMeanDiscrepancy(LATER).unbiased(frequencies, 200)


def test_spsa_looks_at_the_held_out_loss_with_a_circuit_of_its_own() -> None:
    backend = Recording()
    result = trained(backend, "spsa", held_out=MaximumMeanDiscrepancy(LATER), watch_every=2, max_steps=3)
    assert [r.rows for r in backend.requests] == [3, 2, 3, 1]
    assert (backend.requests[0].theta[2] == START).all()
    np.testing.assert_allclose(backend.requests[0].theta[:2].mean(axis=0), START, atol=1e-15)
    assert [watched is None for _, _, watched in result.history] == [False, True, False, False]
    table = Exact().run(backend.requests[1]).frequencies()
    loss = MaximumMeanDiscrepancy(TARGET)
    assert result.history[1][1] == np.mean([loss.unbiased(row, 200) for row in table])


@pytest.mark.parametrize("method", METHODS)
def test_the_best_held_out_step_is_kept_and_patience_ends_training(method: str) -> None:
    result = trained(Exact(), method, held_out=MaximumMeanDiscrepancy(PRIOR), patience=8, max_steps=200)
    watched = [row[2] for row in result.history]
    assert result.stop is Stop.CONVERGED
    assert result.best_step == int(np.argmin(watched)) == result.steps - 8
    again = trained(Exact(), method, max_steps=result.best_step)
    assert (result.theta == again.theta).all()


@pytest.mark.parametrize(("method", "a_step"), [("parameter_shift", 200 * (1 + 2 * SHIFTED)), ("spsa", 400)])
def test_a_spent_budget_ends_training(method: str, a_step: int) -> None:
    backend = Recording()
    result = trained(backend, method, schedule=ShotSchedule(200, budget=4 * a_step + 150))
    assert (result.stop, result.steps, len(result.history)) == (Stop.BUDGET, 4, 4)
    assert str(result.stop) == "the shot budget is spent"
    assert result.shots == backend.shots == 4 * a_step
    without = trained(Exact(), method, max_steps=4)
    assert (result.theta == without.theta).all()  # the last update is used, though it was not looked at
    assert result.best_step == 4


@pytest.mark.parametrize("method", METHODS)
def test_a_raised_budget_and_more_steps_go_on_to_the_same_bits(method: str, tmp_path: Path) -> None:
    whole = trained(Exact(), method, max_steps=12)
    trained(Exact(), method, max_steps=6, schedule=ShotSchedule(200, budget=5_000), checkpoint=tmp_path)
    trained(Exact(), method, max_steps=9, checkpoint=tmp_path)
    assert same(trained(Exact(), method, max_steps=12, checkpoint=tmp_path), whole)


def train_and_tell(kind: str, method: str, folder: str) -> None:
    """What the killed process runs: it says the step that it is at."""
    long_run(kind, method, Path(folder), lambda step, *_: print(step, flush=True))


def long_run(kind: str, method: str, folder: Path | None, callback: Any = None) -> TrainingResult:
    return trained(
        BACKENDS.build(kind),
        method,
        held_out=MaximumMeanDiscrepancy(LATER),
        max_steps=40,
        schedule=ShotSchedule(100, 1.05),
        checkpoint=folder,
        checkpoint_every=3,
        callback=callback,
    )


@pytest.mark.parametrize(("kind", "method"), [("exact", "parameter_shift"), ("aer", "spsa")])
def test_kill_9_in_the_middle_changes_no_bit(kind: str, method: str, tmp_path: Path) -> None:
    code = (
        f"from tests.quantum.test_sampled import *; train_and_tell({kind!r}, {method!r}, {str(tmp_path)!r})"
    )
    for until in (7, 14) if kind == "exact" else (14,):
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= until:
                process.kill()
                break
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
    first: list[int] = []
    resumed = long_run(kind, method, tmp_path, lambda step, *_: first.append(step))
    assert 12 <= first[0] < 40  # it went on from a checkpoint
    assert same(resumed, long_run(kind, method, None))


def test_a_checkpoint_knows_its_circuit_whatever_its_gates_are_called(tmp_path: Path) -> None:
    """Qiskit numbers unnamed circuits as a process makes them."""

    def run(max_steps: int, folder: Path | None) -> TrainingResult:
        block = QuantumCircuit(N)
        block.cx(0, 1)
        circuit = CIRCUIT.copy()
        circuit.append(block.to_gate(), range(N))
        return trained(Exact(), "spsa", circuit=circuit, max_steps=max_steps, checkpoint=folder)

    run(3, tmp_path)
    assert same(run(6, tmp_path), run(6, None))


def other_circuit() -> QuantumCircuit:
    circuit = CIRCUIT.copy()
    circuit.h(0)
    return circuit


@pytest.mark.parametrize("method", METHODS)
def test_a_checkpoint_of_another_run_is_refused_before_a_shot_is_spent(method: str, tmp_path: Path) -> None:
    trained(Recording(), method, max_steps=3, checkpoint=tmp_path, held_out=MaximumMeanDiscrepancy(LATER))
    others: list[dict[str, Any]] = [
        {"seed": 5},
        {"loss": MaximumMeanDiscrepancy(LATER)},
        {"loss": MaximumMeanDiscrepancy(TARGET, [1.0])},
        {"held_out": None},
        {"held_out": MaximumMeanDiscrepancy(PRIOR)},
        {"schedule": ShotSchedule(201)},
        {"schedule": ShotSchedule(200, 1.01)},
        {"circuit": other_circuit()},
        {"theta": START + 0.1},
        {"initial": None},
        {"optimiser": Adam(0.06) if method == "parameter_shift" else Spsa(0.6, stability=2.0)},
    ]
    for other in others:
        backend = Recording()
        with pytest.raises(ConfigError, match="is of another training run; delete it or name another folder"):
            trained(
                backend, method, checkpoint=tmp_path, **({"held_out": MaximumMeanDiscrepancy(LATER)} | other)
            )
        assert backend.requests == [], other
    backend = Recording("another")
    with pytest.raises(ConfigError, match="is of another training run"):
        trained(backend, method, checkpoint=tmp_path, held_out=MaximumMeanDiscrepancy(LATER))
    [other_method] = {*METHODS} - {method}
    with pytest.raises(ConfigError, match="is of another training run"):
        trained(backend, other_method, checkpoint=tmp_path, held_out=MaximumMeanDiscrepancy(LATER))
    assert backend.requests == []


def test_a_result_can_be_saved_and_an_older_one_read(tmp_path: Path) -> None:
    result = trained(Exact(), "spsa", max_steps=2)
    persistence.save(result, tmp_path)
    assert same(persistence.load(tmp_path), result)
    text = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(text.replace(f',\n  "shots": {result.shots}', ""))
    assert persistence.load(tmp_path).shots == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"loss": NegativeLogLikelihood(TARGET)},
            "loss = NegativeLogLikelihood cannot be estimated from shots",
        ),
        ({"held_out": NegativeLogLikelihood(TARGET)}, "held_out = NegativeLogLikelihood cannot be estimated"),
        (
            {"loss": MaximumMeanDiscrepancy([0.5, 0.5])},
            "target of loss has 2 outcomes; 3 measured bits give 8",
        ),
        ({"theta": np.zeros(2)}, rf"theta has shape \(2,\); the circuit wants \({P},\)"),
        ({"seed": -1}, "seed = -1; wanted at least 0"),
        ({"method": "adjoint"}, "there is no method 'adjoint'; choose one of: parameter_shift, spsa"),
        ({"optimiser": Spsa()}, "method 'parameter_shift' wants the optimiser Adam, not Spsa"),
        ({"method": "spsa", "optimiser": Adam()}, "method 'spsa' wants the optimiser Spsa, not Adam"),
        ({"patience": 3}, "patience needs a held-out loss to watch"),
        ({"schedule": ShotSchedule(200, budget=1_399)}, r"budget of 1,399 shots.*takes 1,400 \(7 circuits\)"),
        (
            {"schedule": ShotSchedule(200, 1.5)},
            "grows to 100,000 shots and recording allows 4,096; set most = 4096",
        ),
        ({"max_steps": -1}, "max_steps = -1; wanted at least 0"),
    ],
)
def test_mistakes_are_named_before_a_shot_is_spent(options: dict[str, Any], message: str) -> None:
    backend = Recording(max_shots=4_096)
    with pytest.raises(ConfigError, match=message):
        trained(backend, **({"method": "parameter_shift"} | options))
    assert backend.requests == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": 1}, "first = 1; wanted at least 2 shots"),
        ({"growth": 0.9}, "growth = 0.9; wanted a factor of at least 1"),
        ({"most": 10}, "most = 10; wanted at least first = 1000"),
        ({"budget": 0}, "budget = 0; wanted at least 1, or none"),
    ],
)
def test_a_schedule_checks_itself(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ShotSchedule(**options)
