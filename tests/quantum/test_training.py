"""The training loop: what it reaches, why it stops, and that an interruption changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qfin import persistence
from qfin.errors import ConfigError, StoreError
from qfin.quantum import (
    ANSAETZE,
    Adam,
    MaximumMeanDiscrepancy,
    NegativeLogLikelihood,
    Program,
    Spsa,
    Stop,
    TrainingResult,
    train,
    train_on_samples,
)
from qfin.quantum._checkpoint import read_checkpoint
from qfin.quantum._training import Look, Measurement, Objective, Rules, lower
from qfin.quantum.backends.exact import Exact as ExactBackend

N = 4
RNG = np.random.default_rng(8)
PRIOR, TARGET, LATER = RNG.dirichlet(np.ones(2**N), size=3)


@pytest.fixture(scope="module")
def program() -> Program:
    return Program.from_circuit(ANSAETZE.build("line_rzz").build(N, 2, 2))


@pytest.fixture
def theta(program: Program) -> np.ndarray:
    return 1e-3 * np.random.default_rng(0).normal(size=len(program.parameters))


def one_turn() -> Program:
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("a"), 0)
    return Program.from_circuit(circuit)


def test_training_reaches_the_target() -> None:
    loss = NegativeLogLikelihood(np.array([0.3, 0.7]))
    result = train(one_turn(), loss, np.array([0.5]), optimiser=Adam(0.05), max_steps=400)
    np.testing.assert_allclose(one_turn().probabilities(result.theta), [0.3, 0.7], atol=1e-5)
    assert (result.stop, result.steps, result.best_step, len(result.history)) == (
        Stop.MAX_STEPS,
        400,
        400,
        401,
    )


def test_the_first_steps_are_the_papers() -> None:
    """Algorithm 1 of arXiv 1412.6980, written out for two steps."""
    adam, theta = Adam(0.1, 0.9, 0.999, 1e-8), np.array([1.0, -2.0])
    g1, g2 = np.array([0.5, -0.1]), np.array([0.2, 0.3])
    one, state = adam.step(theta, g1, adam.start(theta), 1)
    np.testing.assert_allclose(one, theta - 0.1 * g1 / (np.abs(g1) + 1e-8), rtol=1e-14)
    two, _ = adam.step(one, g2, state, 2)
    mean = (0.09 * g1 + 0.1 * g2) / (1 - 0.81)
    square = (0.999 * 0.001 * g1**2 + 0.001 * g2**2) / (1 - 0.999**2)
    np.testing.assert_allclose(two, one - 0.1 * mean / (np.sqrt(square) + 1e-8), rtol=1e-12)


def test_the_best_held_out_step_is_kept(program: Program, theta: np.ndarray) -> None:
    loss, held_out = NegativeLogLikelihood(TARGET), NegativeLogLikelihood((TARGET + 3 * PRIOR) / 4)
    start = np.sqrt(PRIOR)
    result = train(
        program,
        loss,
        theta,
        optimiser=Adam(0.02),
        held_out=held_out,
        patience=20,
        initial=start,
        max_steps=500,
    )
    watched = [row[2] for row in result.history]
    assert result.stop is Stop.CONVERGED
    assert result.best_step == int(np.argmin(watched)) == result.steps - 20
    assert 0 < result.best_step < result.steps
    assert held_out(program.probabilities(result.theta, start))[0] == min(watched)


def test_step_zero_is_the_start(program: Program, theta: np.ndarray) -> None:
    loss = NegativeLogLikelihood(TARGET)
    result = train(program, loss, theta, max_steps=0, initial=np.sqrt(PRIOR))
    assert (result.theta == theta).all()
    assert result.history == ((0, loss(program.probabilities(theta, np.sqrt(PRIOR)))[0], None),)


def test_an_impossible_day_stops_training_and_says_why() -> None:
    result = train(one_turn(), NegativeLogLikelihood(np.array([0.5, 0.5])), np.array([0.0]))
    assert result.stop is Stop.NOT_FINITE
    assert "lower the learning rate" in result.stop
    assert (result.steps, result.theta[0], result.history[0][1]) == (0, 0.0, np.inf)


def test_a_killed_run_goes_on_to_the_same_bits(program: Program, theta: np.ndarray, tmp_path: Path) -> None:
    def run(folder: Path | None, kill_at: int | None = None) -> TrainingResult:
        def callback(step: int, loss: float, held_out: float | None) -> None:
            if step == kill_at:
                raise KeyboardInterrupt

        return train(
            program,
            NegativeLogLikelihood(TARGET),
            theta,
            optimiser=Adam(0.01),
            max_steps=60,
            held_out=NegativeLogLikelihood(LATER),
            patience=50,
            initial=np.sqrt(PRIOR),
            checkpoint=folder,
            checkpoint_every=7,
            callback=callback,
        )

    whole = run(None)
    for kill_at in (3, 25, 40):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, kill_at)
    assert len(list(tmp_path.glob("step-*"))) == 2
    resumed = run(tmp_path)
    assert resumed.history == whole.history
    assert (resumed.theta == whole.theta).all()
    assert (resumed.best_step, resumed.stop) == (whole.best_step, whole.stop)
    assert (run(tmp_path).theta == whole.theta).all()


def test_a_checkpoint_of_another_run_is_refused(program: Program, theta: np.ndarray, tmp_path: Path) -> None:
    def run(target: np.ndarray, **options: object) -> TrainingResult:
        return train(
            program, NegativeLogLikelihood(target), theta, checkpoint=tmp_path, checkpoint_every=5, **options
        )

    run(TARGET, max_steps=12)
    with pytest.raises(ConfigError, match="is of another training run"):
        run(LATER, max_steps=12)
    with pytest.raises(ConfigError, match="is of another training run"):
        run(TARGET, max_steps=12, optimiser=Adam(0.5))
    with pytest.raises(ConfigError, match="at step 10, past max_steps = 8"):
        run(TARGET, max_steps=8)
    next(tmp_path.glob("*.npz")).write_bytes(b"cut off")
    with pytest.raises(StoreError, match="is damaged"):
        run(TARGET, max_steps=12)


def test_a_result_can_be_saved(program: Program, theta: np.ndarray, tmp_path: Path) -> None:
    result = train(program, NegativeLogLikelihood(TARGET), theta, max_steps=3, initial=np.sqrt(PRIOR))
    persistence.save(result, tmp_path)
    loaded = persistence.load(tmp_path)
    assert (loaded.theta == result.theta).all()
    assert (loaded.steps, loaded.history, loaded.stop) == (result.steps, result.history, result.stop)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 5}, "patience needs a held-out loss"),
        ({"max_steps": -1}, "max_steps = -1"),
        ({"checkpoint_every": 0}, "checkpoint_every = 0"),
    ],
)
def test_mistakes_are_named(program: Program, theta: np.ndarray, options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        train(program, NegativeLogLikelihood(TARGET), theta, **options)


def test_adam_checks_itself() -> None:
    with pytest.raises(ConfigError, match="learning_rate and epsilon above 0"):
        Adam(learning_rate=0.0)
    with pytest.raises(ConfigError, match=r"beta1 and beta2 in \[0, 1\)"):
        Adam(beta1=1.0)


def test_the_held_out_loss_is_looked_at_every_few_steps_and_at_the_last(program: Program) -> None:
    looks = []

    def held_out(probabilities: np.ndarray) -> tuple[float, np.ndarray]:
        looks.append(probabilities)
        return float(len(looks)), np.empty(0)

    target = np.full(2**program.num_bits, 2.0**-program.num_bits)
    theta = np.full(len(program.parameters), 0.1)
    result = train(
        program, NegativeLogLikelihood(target), theta, max_steps=10, held_out=held_out, watch_every=4
    )
    assert [step for step, _, watched in result.history if watched is not None] == [0, 4, 8, 10]
    assert len(looks) == 4
    assert result.best_step == 0
    with pytest.raises(ConfigError, match="watch_every = 0; wanted at least 1"):
        train(program, NegativeLogLikelihood(target), theta, watch_every=0)


class Bowl(Objective):
    """|theta - 1|^2 / 2, with an error that each step has of its own."""

    watches = False
    fingerprint = "a bowl"

    def measure(self, theta: np.ndarray, step: int, look: Look) -> Measurement:
        off = theta - 1.0 + 0.01 * np.random.default_rng(step).normal(size=len(theta))
        return Measurement(float(off @ off) / 2.0, None, off if look.gradient else None)


@pytest.mark.parametrize("optimiser", [Adam(0.1), Spsa(1.0, stability=3.0)])
def test_the_loop_lowers_any_objective_and_keeps_any_optimiser(optimiser: object, tmp_path: Path) -> None:
    def run(max_steps: int, folder: Path | None) -> TrainingResult:
        return lower(Bowl(), np.zeros(2), optimiser, Rules(max_steps, 1, None, 5), folder, None)

    whole = run(60, None)
    np.testing.assert_allclose(whole.theta, 1.0, atol=0.1)
    run(17, tmp_path)
    saved = read_checkpoint(tmp_path)
    assert saved is not None
    assert (saved.optimiser, saved.step, saved.fingerprint) == (optimiser, 15, "a bowl")
    resumed = run(60, tmp_path)
    assert resumed.history == whole.history
    assert (resumed.theta == whole.theta).all()


def test_no_gradient_is_asked_for_at_the_last_step() -> None:
    looks = [Rules(3, 2, None, 1).look(step) for step in range(4)]
    assert looks == [Look(True, True), Look(False, True), Look(True, True), Look(True, False)]


def test_exact_training_takes_no_shots(program: Program, theta: np.ndarray) -> None:
    assert train(program, NegativeLogLikelihood(TARGET), theta, max_steps=2).shots == 0


def test_a_checkpoint_of_training_on_samples_is_refused(tmp_path: Path) -> None:
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("a"), 0)
    loss, start = MaximumMeanDiscrepancy(np.array([0.3, 0.7])), np.array([0.5])
    train_on_samples(ExactBackend(), circuit, loss, start, max_steps=2, checkpoint=tmp_path)
    with pytest.raises(ConfigError, match="is of another training run"):
        train(one_turn(), loss, start, max_steps=2, checkpoint=tmp_path)
