"""What every dependence model does, whatever its kind: a new file of the room is tested here as soon as it exists."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone

from qfin import persistence
from qfin.dependence import DEPENDENCE, Bootstrap, Copula, DensityCopula
from qfin.errors import ConfigError, DataError, NotFittedError

pytestmark = pytest.mark.xdist_group("copulas")  # with test_density.py, which looks at the same fitted models


def test_fit_returns_the_model_and_leaves_the_data_alone(kind, build, history):
    U = history(2)
    before = U.copy()
    model = build(kind)
    assert model.fit(U) is model
    assert model.n_features_in_ == 2
    np.testing.assert_array_equal(U, before)


def test_fitting_again_with_the_same_seed_changes_nothing(kind, build, history, fitted):
    again = build(kind, random_state=5).fit(history(2))
    assert again.sample(500).tobytes() == fitted(kind).sample(500).tobytes()
    if isinstance(again, DensityCopula):
        assert again.score_samples(history(2)).tobytes() == fitted(kind).score_samples(history(2)).tobytes()


def test_fitting_to_other_data_forgets_the_first(kind, build, history, fitted):
    model = build(kind, random_state=5).fit(history(3)).fit(history(2))
    assert model.sample(300).tobytes() == fitted(kind).sample(300).tobytes()


@pytest.mark.parametrize("d", [1, 2, 5])
def test_draws_have_a_column_a_factor_and_stay_inside_the_cube(kind, d, fitted):
    draws = fitted(kind, d).sample(1000)
    assert draws.shape == (1000, d)
    assert draws.dtype == np.float64
    assert ((draws > 0) & (draws < 1)).all()


def test_the_same_seed_draws_the_same_points(kind, fitted):
    model = fitted(kind)
    assert model.sample(200, 3).tobytes() == model.sample(200, 3).tobytes()
    assert model.sample(200).tobytes() == model.sample(200, 5).tobytes()  # the model's own seed is 5
    assert model.sample(200, np.random.default_rng(3)).tobytes() == model.sample(200, 3).tobytes()


def test_another_seed_or_an_advanced_generator_draws_others(kind, fitted):
    model, rng = fitted(kind), np.random.default_rng(3)
    assert model.sample(200, 3).tobytes() != model.sample(200, 4).tobytes()
    assert model.sample(200, rng).tobytes() != model.sample(200, rng).tobytes()


def test_without_a_seed_every_call_goes_on(kind, build, history):
    model = build(kind, random_state=None).fit(history(2))
    assert model.sample(200).tobytes() != model.sample(200).tobytes()


def test_margins_are_uniform(kind, fitted):
    draws = fitted(kind, 3).sample(5000, 1)
    for column in draws.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3


def test_dependence_is_the_data_s(kind, fitted, history):
    """Rank correlation of the draws; only independence itself has none, and two bits a factor lose .12 of it."""
    seen = stats.spearmanr(fitted(kind).sample(20_000, 1)).statistic
    wanted = 0.0 if kind == "independent" else stats.spearmanr(history(2)).statistic
    assert seen == pytest.approx(wanted, abs=0.15 if kind in ("born", "iqp", "mps", "rbm") else 0.04)


def test_a_saved_model_draws_and_scores_the_same_bytes(kind, fitted, history, tmp_path):
    model = fitted(kind)
    persistence.save(model, tmp_path)
    back = persistence.load(tmp_path)
    assert type(back) is type(model)
    assert back.get_params() == model.get_params()
    assert back.sample(500).tobytes() == model.sample(500).tobytes()
    assert back.details() == model.details()
    if isinstance(model, DensityCopula):
        assert back.score_samples(history(2)).tobytes() == model.score_samples(history(2)).tobytes()


def test_details_are_json_and_labels_are_for_people(kind, fitted):
    model = fitted(kind)
    assert json.loads(json.dumps(model.details(), allow_nan=False)) == model.details()
    assert type(model).label[0].isupper()
    labels = [DEPENDENCE.load(k).label for k in DEPENDENCE.kinds()]
    assert len(set(labels)) == len(labels)


def test_parameters_are_counted(kind, fitted):
    """Two factors: what each kind has in its smallest setting."""
    counts = {
        "independent": 0,
        "gaussian": 1,
        "student_t": 2,
        "bootstrap": None,
        "empirical_blend": 3,
        "factor": 11,
    }
    found = fitted(kind).n_parameters()
    if kind in counts:
        assert found == counts[kind]
    else:
        assert found > 0


def test_clone_and_parameters_are_scikit_learn_s(kind, build, fitted):
    model = build(kind, random_state=5)
    copy = clone(fitted(kind))
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "n_features_in_")
    assert copy.set_params(random_state=9).random_state == 9


@pytest.mark.parametrize("use", ["sample", "score_samples", "score", "details"])
def test_use_before_fit_says_so(kind, use, build, history):
    model = build(kind)
    if not hasattr(model, use):
        assert not isinstance(model, DensityCopula)
        return
    arguments = {"sample": (10,), "details": ()}.get(use, (history(2),))
    with pytest.raises(NotFittedError, match=f"this {type(model).__name__} is not fitted yet; call fit"):
        getattr(model, use)(*arguments)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 1.5, np.nan, np.inf])
def test_a_value_outside_the_cube_is_named_by_row_and_column(kind, value, build, history, fitted):
    U = history(2).copy()
    U[3, 1] = value
    with pytest.raises(DataError, match=r"U\[3, 1\] = .* is not strictly between 0 and 1"):
        build(kind).fit(U)
    if issubclass(DEPENDENCE.load(kind), DensityCopula):
        with pytest.raises(DataError, match=r"U\[3, 1\] = "):
            fitted(kind).score_samples(U)


def test_too_few_days_a_constant_column_and_a_wrong_shape_are_named(kind, build, history, fitted):
    model, U = build(kind), history(3)
    wanted = model.min_rows(3)
    with pytest.raises(
        DataError, match=f"needs at least {wanted} rows for 3 factors; there are {wanted - 1}"
    ):
        model.fit(U[: wanted - 1])
    with pytest.raises(DataError, match="column 2 of U is constant; drop that factor"):
        model.fit(np.column_stack([U[:, :2], np.full(len(U), 0.4)]))
    with pytest.raises(DataError, match=r"U has shape \(600,\); wanted \(days, factors\)"):
        model.fit(U[:, 0])
    with pytest.raises(DataError, match="the number of draws must be at least 1, not 0"):
        fitted(kind).sample(0)


def test_a_misspelt_or_forbidden_parameter_is_named(kind, build, history):
    with pytest.raises(ConfigError, match=f"dependence model '{kind}' has no parameter 'flor'"):
        DEPENDENCE.build({"kind": kind, "flor": 0.1})
    with pytest.raises(ConfigError, match="random_state = -1 is not allowed"):
        DEPENDENCE.build({"kind": kind, "random_state": -1})
    with pytest.raises(ConfigError, match="random_state = 'x' is not allowed"):
        build(kind).set_params(random_state="x").fit(history(2))


@pytest.mark.parametrize("floor", [-0.1, 1.0])
def test_the_floor_is_a_weight(density_kind, floor, build, history):
    with pytest.raises(ConfigError, match=f"floor = {floor} is not allowed"):
        build(density_kind).set_params(floor=floor).fit(history(2))


def test_scoring_other_factors_than_fitted_is_refused(density_kind, fitted, history):
    with pytest.raises(DataError, match=r"U has 3 columns; .* was fitted to 2"):
        fitted(density_kind).score_samples(history(3))


def test_only_what_has_a_density_offers_one():
    assert issubclass(Bootstrap, Copula)
    assert not hasattr(Bootstrap(), "score_samples")
    assert not hasattr(Bootstrap(), "score")


def test_a_misspelt_kind_lists_the_kinds():
    with pytest.raises(
        ConfigError, match=r"there is no dependence model 'studnt_t'; did you mean 'student_t'\?.*gaussian"
    ):
        DEPENDENCE.build("studnt_t")
