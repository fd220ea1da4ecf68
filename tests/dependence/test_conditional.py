"""Conditional draws against rejection sampling, closed forms, and margins got by integration."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr, ndtri

from qfin.dependence import DEPENDENCE, GaussianCopula, StudentTCopula
from qfin.errors import ConfigError, DataError

KINDS = {
    "independent": {},
    "gaussian": {},
    "student_t": {"degrees_of_freedom": 3.0},
    "empirical_blend": {"weight": 0.5, "bits": 2},
    "born": {"bits": 2, "layers": 2, "data_weight": 1.0, "steps": 60, "learning_rate": 0.05},
    "mps": {"bits": 3, "data_weight": 0.5, "sweeps": 3, "teacher_draws": 4000},
    "born, no prior": {"kind": "born", "bits": 2, "layers": 2, "steps": 60, "prior": "none"},
}


@pytest.fixture(params=KINDS, scope="module")
def model(request, history):
    spec = {"kind": request.param, "floor": 0.1, "random_state": 5, **KINDS[request.param]}
    return DEPENDENCE.build(spec).fit(history(3))


@pytest.fixture(scope="module")
def pool(model) -> np.ndarray:
    """Draws of the model without a condition."""
    return model.sample(300_000, 8)


def _slab(draws: np.ndarray, column: int, value: float, width: float = 0.006) -> np.ndarray:
    """Those that happen to lie near a value, by rejection: the slow twin."""
    return draws[np.abs(draws[:, column] - value) < width]


@pytest.mark.parametrize(("column", "value"), [(0, 0.03), (2, 0.6)])
def test_draws_given_a_value_are_those_that_rejection_keeps(model, pool, column, value):
    given = model.sample(4000, 1, given={column: value})
    kept = _slab(pool, column, value)
    assert (given[:, column] == value).all()
    assert len(kept) > 3000
    for other in {0, 1, 2} - {column}:
        assert stats.ks_2samp(given[:, other], kept[:, other]).pvalue > 1e-3
    others = sorted({0, 1, 2} - {column})
    products = [ndtri(one[:, others]).prod(axis=1) for one in (given, kept)]
    assert stats.ks_2samp(*products).pvalue > 1e-3


def test_the_comparison_would_notice_a_sampler_that_ignores_the_condition(history):
    model = GaussianCopula(random_state=5).fit(history(3))
    wrong = model.sample(4000, 1)
    assert stats.ks_2samp(wrong[:, 1], _slab(model.sample(100_000, 8), 0, 0.03)[:, 1]).pvalue < 1e-6


def test_two_held_factors_weigh_the_floor_by_their_density(model):
    """Share of draws at two held values against the density integrated over the third factor."""
    held = {0: 0.02, 1: 0.95}
    draws = model.sample(20_000, 2, given=held)[:, 2]
    edges = np.array([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
    middle = np.concatenate([a + (b - a) * (np.arange(400) + 0.5) / 400 for a, b in pairwise(edges)])
    points = np.column_stack([np.full(2400, 0.02), np.full(2400, 0.95), middle])
    mass = np.exp(model.score_samples(points)).reshape(6, 400).mean(axis=1) * np.diff(edges)
    seen = np.histogram(draws, edges)[0]
    assert stats.chisquare(seen, mass / mass.sum() * len(draws)).pvalue > 1e-3


def test_the_conditional_gaussian_is_the_textbook_s(history):
    model = GaussianCopula(floor=0.0, random_state=1).fit(history(2))
    rho = model.correlation_[0, 1]
    draws = ndtri(model.sample(20_000, given={0: float(ndtr(1.5))})[:, 1])
    assert draws.mean() == pytest.approx(1.5 * rho, abs=0.03)
    assert draws.std() == pytest.approx(np.sqrt(1 - rho**2), abs=0.02)


def test_margins_of_two_factors_are_the_copula_of_two(history):
    model = StudentTCopula(degrees_of_freedom=4.0).fit(history(3))
    pair = StudentTCopula(degrees_of_freedom=4.0, floor=0.0).fit(history(3)[:, :2])
    pair.correlation_ = model.correlation_[:2, :2]
    value = np.array([0.2, 0.9])
    assert model._log_margin(np.array([0, 1]), value) == pytest.approx(pair.score_samples(value[None])[0])


def test_a_vine_holds_the_first_factors_of_its_order(history):
    model = DEPENDENCE.build({"kind": "vine", "random_state": 5}).fit(history(3))
    first = int(model._first(1)[0])
    given = model.sample(4000, 1, given={first: 0.05})
    kept = _slab(model.sample(150_000, 8), first, 0.05)
    for other in {0, 1, 2} - {first}:
        assert stats.ks_2samp(given[:, other], kept[:, other]).pvalue > 1e-3
    with pytest.raises(ConfigError, match=r"can hold 1 factors exactly only if they are \[\d\]"):
        model.sample(10, given={(first + 1) % 3: 0.05})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({3: 0.5}, "given names the column 3; wanted 0 to 2"),
        ({"EURUSD": 0.5}, "given names the column 'EURUSD'"),
        ({1: 1.0}, r"given\[1\] = 1.0 is not strictly between 0 and 1"),
        ({0: 0.1, 1: 0.1, 2: 0.1}, "given holds every factor"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(given, message, history):
    model = GaussianCopula(random_state=1).fit(history(3))
    with pytest.raises(DataError, match=message):
        model.sample(10, given=given)


def test_what_cannot_be_conditioned_says_so(history):
    with pytest.raises(ConfigError, match="Bootstrap cannot be conditioned exactly"):
        DEPENDENCE.build("bootstrap").fit(history(2)).sample(10, given={0: 0.5})


def test_blocks_are_consecutive_days(history):
    U = history(2)
    model = DEPENDENCE.build({"kind": "bootstrap", "block": 20, "random_state": 1}).fit(U)
    draws = model.sample(20_000)
    day = np.array([np.flatnonzero(U[:, 0] == value)[0] for value in np.unique(draws[:, 0])])
    position = dict(zip(np.unique(draws[:, 0]), day, strict=True))
    days = np.array([position[value] for value in draws[:, 0]])
    follows = np.mean((days[1:] - days[:-1]) % len(U) == 1)
    assert follows == pytest.approx(1 - 1 / 20, abs=0.01)
    plain = DEPENDENCE.build({"kind": "bootstrap", "random_state": 1}).fit(U).sample(5)
    np.testing.assert_array_equal(plain, U[np.random.default_rng(1).integers(len(U), size=5)])


def test_shrinkage_helps_where_factors_are_many_and_days_few():
    rng = np.random.default_rng(0)
    truth = 0.3 + 0.7 * np.eye(40)
    U, later = (ndtr(rng.standard_normal((n, 40)) @ np.linalg.cholesky(truth).T) for n in (60, 2000))
    scores = {
        kind: GaussianCopula(shrinkage=kind).fit(U).score(later) for kind in ("none", "ledoit_wolf", "oas")
    }
    assert scores["ledoit_wolf"] > scores["none"] + 1.0
    assert scores["oas"] > scores["none"] + 1.0
    assert 0 < GaussianCopula(shrinkage="oas").fit(U).details()["shrinkage"] < 1


def test_a_vines_rosenblatt_transforms_are_uniform_on_its_own_draws_and_not_on_others(history):
    model = DEPENDENCE.build({"kind": "vine", "floor": 0.0, "random_state": 5}).fit(history(3))
    drawn = model.sample(4000, 11)
    found = model.rosenblatt(drawn)
    assert min(stats.kstest(column, "uniform").pvalue for column in found.T) > 1e-3
    assert np.abs(np.corrcoef(ndtri(found).T) - np.eye(3)).max() < 0.06
    first = model.details()["order"][-1]
    np.testing.assert_allclose(found[:, first], drawn[:, first], atol=1e-12)
    others = np.random.default_rng(3).random((4000, 3))
    assert np.abs(np.corrcoef(ndtri(model.rosenblatt(others)).T) - np.eye(3)).max() > 0.15


def test_a_vine_sees_what_a_t_copula_cannot(t_draws, correlation):
    rng = np.random.default_rng(3)
    w, v = rng.random((2, 4000))  # Clayton copula, theta 3, by the conditional method
    U = np.column_stack([w, (w**-3.0 * (v ** (-3.0 / 4.0) - 1) + 1) ** (-1 / 3.0)])
    vine, student = (DEPENDENCE.build(k).fit(U[:2000]).score(U[2000:]) for k in ("vine", "student_t"))
    assert vine > student + 0.05
    T = t_draws(correlation, 4.0, 3000)
    vine, student = (DEPENDENCE.build(k).fit(T[:1500]).score(T[1500:]) for k in ("vine", "student_t"))
    assert vine == pytest.approx(student, abs=0.02)


def test_a_blend_s_weight_is_chosen_by_what_follows(history):
    dense = DEPENDENCE.build(
        {"kind": "empirical_blend", "bits": 2, "prior": "independent", "random_state": 1}
    )
    assert dense.fit(history(2)).weight_ == 0.5  # counting beats independence on dependent data
    fine = DEPENDENCE.build({"kind": "empirical_blend", "bits": 5, "prior": "student_t", "random_state": 1})
    assert fine.fit(history(2)).weight_ <= 0.1  # 600 days say little of 1,024 cells
    with pytest.raises(ConfigError, match="needs a prior with a density"):
        DEPENDENCE.build({"kind": "empirical_blend", "prior": "none"}).fit(history(2))
