"""The quantum GAN: gradients against parameter shift and differences, the game, lost modes."""

from __future__ import annotations

import numpy as np
import pytest

from qfin.dependence import DEPENDENCE
from qfin.dependence._adversary import Adversary
from qfin.quantum import ANSAETZE, Grid, Program

GRID = Grid(2, 2)


def _target(seed: int = 0) -> np.ndarray:
    weight = np.random.default_rng(seed).gamma(0.5, size=16)
    return weight / weight.sum()


def _adversary(steps: int = 5) -> Adversary:
    return Adversary(_target(), GRID, 8, steps, 0.02, 1e-3, np.random.default_rng(1))


def test_the_discriminator_s_gradient_is_its_loss_s_slope():
    adversary, probabilities = _adversary(), _target(3)
    _, gradient = adversary.discriminator_loss(probabilities)
    weights = adversary._weights.copy()
    for index in range(0, len(weights), 7):
        ends = []
        for sign in (1, -1):
            adversary._weights = weights.copy()
            adversary._weights[index] += sign * 1e-6
            ends.append(adversary.discriminator_loss(probabilities)[0])
        assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


def test_the_generator_s_adjoint_gradient_is_the_parameter_shift_rule_s():
    """Rotations by RY and RZZ: shifting each angle by pi / 2 either way, with the discriminator held still."""
    circuit = ANSAETZE.build("all_rzz").build(4, 2, 2)
    program = Program.from_circuit(circuit)
    rng = np.random.default_rng(2)
    theta = rng.uniform(-1, 1, len(program.parameters))
    adversary = _adversary()
    adversary(program.probabilities(theta))
    surprise = np.logaddexp(0.0, -adversary.logits())
    value, gradient = program.value_and_gradient(theta, adversary.frozen)
    assert value == pytest.approx(program.probabilities(theta) @ surprise)
    shifted = np.empty_like(theta)
    for index in range(len(theta)):
        ends = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[index] += sign * np.pi / 2
            ends.append(program.probabilities(moved) @ surprise)
        shifted[index] = (ends[0] - ends[1]) / 2
    np.testing.assert_allclose(gradient, shifted, atol=1e-10)


def test_a_discriminator_left_alone_comes_to_the_textbook_s_optimum():
    """D = q / (q + P) where both are positive (Goodfellow et al., proposition 1)."""
    adversary = Adversary(_target(), GRID, 64, 3000, 0.01, 0.0, np.random.default_rng(1))
    q, p = _target(), np.full(16, 1 / 16)
    adversary(p)
    told = 1 / (1 + np.exp(-adversary.logits()))
    heavy = q + p > 0.05
    np.testing.assert_allclose(told[heavy], (q / (q + p))[heavy], atol=0.03)


def test_indistinguishable_distributions_leave_it_guessing():
    adversary = _adversary(200)
    for _ in range(5):
        adversary(_target())
    loss, accuracy = adversary.history[-1]
    assert loss == pytest.approx(2 * np.log(2), abs=0.02)
    assert accuracy == pytest.approx(0.5, abs=0.08)


@pytest.fixture(scope="module")
def scratch(history):
    spec = {"kind": "qgan", "bits": 2, "prior": "none", "steps": 200, "random_state": 1}
    return DEPENDENCE.build(spec).fit(history(2))


def test_from_scratch_it_learns_the_cells(scratch, history):
    target = scratch._target(history(2))
    assert 0.5 * np.abs(target - scratch.probabilities_).sum() < 0.1
    product = np.multiply.outer(*GRID.bin_masses(target)[:, scratch._grid._bin_of_word][::-1]).ravel()
    assert 0.5 * np.abs(target - product).sum() > 0.15  # independence would be that far


def test_both_losses_and_the_accuracy_are_kept(scratch):
    assert scratch.adversary_.shape == (201, 2)
    assert len(scratch.result_.history) == 201
    details = scratch.details()
    assert details["discriminator_accuracy"] == scratch.adversary_[-1, 1]
    assert details["generator_loss"] == scratch.result_.history[-1][1]
    assert 0.4 < details["discriminator_accuracy"] < 0.7


def test_lost_modes_are_said(scratch, history):
    assert not any("lost modes" in warning for warning in scratch.warnings())
    collapsed = DEPENDENCE.build(
        {"kind": "qgan", "bits": 2, "prior": "none", "steps": 60, "learning_rate": 0.5, "random_state": 1}
    ).fit(history(2))
    assert collapsed.missed_ > 0.1
    assert any("lost modes" in warning for warning in collapsed.warnings())


def test_steps_are_chosen_on_the_last_days_and_none_is_a_choice(history):
    model = DEPENDENCE.build({"kind": "qgan", "bits": 2, "max_steps": 40, "random_state": 1}).fit(history(2))
    assert 0 <= model.steps_ <= 40
    untrained = DEPENDENCE.build({"kind": "qgan", "bits": 2, "steps": 0, "random_state": 1}).fit(history(2))
    prior = DEPENDENCE.build({"kind": "student_t", "random_state": 1}).fit(history(2))
    np.testing.assert_allclose(
        untrained.score_samples(history(2)), prior.score_samples(history(2)), atol=0.02
    )
