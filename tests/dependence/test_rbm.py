"""The Boltzmann machine: its table against a sum over hidden units, its gradient, its warnings."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from qfin.dependence import DEPENDENCE
from qfin.dependence.rbm import _Machine, _split_r_hat

SMALL = {"kind": "rbm", "bits": 2, "random_state": 5}


@pytest.fixture(scope="module")
def model(history):
    return DEPENDENCE.build(SMALL | {"steps": 400, "max_steps": 400, "hidden": 3}).fit(history(2))


def test_probabilities_are_the_sum_over_all_hidden_units(model):
    W, a, b = model.weights_, model.visible_bias_, model.hidden_bias_
    weight = np.zeros(16)
    for outcome in range(16):
        x = (outcome >> np.arange(4)) & 1
        for h in product([0, 1], repeat=3):
            weight[outcome] += np.exp(a @ x + b @ h + x @ W @ h)
    np.testing.assert_allclose(model.probabilities_, weight / weight.sum(), rtol=1e-10)


def test_gibbs_chains_draw_what_the_table_says():
    rng = np.random.default_rng(0)
    data = (rng.random((200, 4)) < 0.5).astype(float)
    data[:, 1] = data[:, 0]
    machine = _Machine(data, 3, rng)
    chains = machine.start_chains(400, rng)
    for _ in range(200):
        chains = machine.learn(data, chains, 0.02, 0.0, rng)
    for _ in range(200):
        chains = machine._gibbs(chains, rng)
    seen = np.zeros(16)
    for _ in range(400):
        chains = machine._gibbs(chains, rng)
        seen += np.bincount((chains @ (1 << np.arange(4))).astype(int), minlength=16)
    bits = ((np.arange(16)[:, None] >> np.arange(4)) & 1).astype(np.uint8)
    np.testing.assert_allclose(seen / seen.sum(), machine.probabilities(bits), atol=0.01)
    assert machine.probabilities(bits)[[0, 3, 4, 7, 8, 11, 12, 15]].sum() > 0.8  # two bits agree


def test_it_learns_more_than_independence_and_less_than_the_truth(history, t_draws, correlation):
    later = t_draws(correlation, 4.0, 4000, seed=99)
    found = (
        DEPENDENCE.build({"kind": "rbm", "random_state": 1, "max_steps": 1500}).fit(history(3)).score(later)
    )
    truth = DEPENDENCE.build("student_t").fit(history(3)).score(later)
    assert 0.5 * truth < found < truth


def test_the_prior_fills_the_cells(history, t_draws, correlation):
    later = t_draws(correlation, 4.0, 4000, seed=99)
    quick = SMALL | {"steps": 600, "max_steps": 600}
    plain = DEPENDENCE.build(quick).fit(history(3)).score(later)
    filled = DEPENDENCE.build(quick | {"prior": "student_t"}).fit(history(3)).score(later)
    assert filled > plain + 0.02


def test_r_hat_is_one_for_mixed_chains_and_large_for_stuck_ones():
    rng = np.random.default_rng(0)
    mixed = rng.standard_normal((200, 8))
    assert _split_r_hat(mixed) == pytest.approx(1.0, abs=0.02)
    assert _split_r_hat(mixed + 3.0 * np.arange(8)) > 2.0
    drifting = mixed + np.linspace(0, 5, 200)[:, None]
    assert _split_r_hat(drifting) > 1.3


def test_chains_that_do_not_mix_are_said(model):
    assert not any("mix badly" in warning for warning in model.warnings())
    stuck = DEPENDENCE.build(SMALL)
    stuck.__dict__.update(vars(model))
    stuck.r_hat_ = 1.4
    assert any("mix badly (R-hat 1.40" in warning for warning in stuck.warnings())
