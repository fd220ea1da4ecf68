"""VaR and ES: definitions written out, closed forms, laws, and the coverage of their intervals."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfin.errors import ConfigError, DataError
from qfin.risk import (
    CONVENTIONS,
    ES_CONVENTIONS,
    Measure,
    PnL,
    expected_shortfall,
    expected_shortfall_interval,
    tail_weights,
    value_at_risk,
    value_at_risk_interval,
)
from qfin.risk._measures import _largest_ranks, _ranks

LEVELS = st.sampled_from([0.5, 0.9, 0.95, 0.975, 0.99, 0.999])
PAIRS = st.integers(1, 50).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(-999, 999), min_size=n, max_size=n)] * 2)
)
LOSSES = st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=60).map(
    lambda x: np.array(x, dtype=float)
)


def slow_value_at_risk(losses: np.ndarray, level: str) -> float:
    """The smallest loss x with #(L <= x) / n >= level, in exact arithmetic."""
    return min(x for x in losses if Fraction(int((losses <= x).sum()), len(losses)) >= Fraction(level))


def slow_expected_shortfall(losses: np.ndarray, level: str) -> float:
    """1 / (1 - a) times the integral of the quantile over (a, 1), loss by loss, each of probability 1 / n."""
    total, left = Fraction(0), (1 - Fraction(level)) * len(losses)
    mass = left
    for loss in sorted(losses, reverse=True):
        part = min(Fraction(1), left)
        total += part * Fraction(float(loss))
        left -= part
    return float(total / mass)


@given(losses=LOSSES, level=LEVELS)
def test_both_are_what_their_definitions_say(losses, level):
    assert value_at_risk(losses, level) == slow_value_at_risk(losses, str(level))
    assert expected_shortfall(losses, level) == pytest.approx(
        slow_expected_shortfall(losses, str(level)), abs=1e-6
    )


@given(losses=LOSSES, level=LEVELS)
def test_value_at_risk_is_numpys_inverted_cdf(losses, level):
    assert value_at_risk(losses, level) == np.quantile(losses, level, method="inverted_cdf")


def test_expected_shortfall_counts_part_of_the_quantile():
    losses = np.arange(1.0, 716.0)  # 1 % of 715 days is 7.15 losses
    assert value_at_risk(losses, 0.99) == 708
    assert expected_shortfall(losses, 0.99) == pytest.approx((sum(range(709, 716)) + 0.15 * 708) / 7.15)


@given(pair=PAIRS, level=LEVELS)
def test_expected_shortfall_is_subadditive(pair, level):
    one, other = (np.array(losses, dtype=float) for losses in pair)
    together = expected_shortfall(one + other, level)
    assert together <= expected_shortfall(one, level) + expected_shortfall(other, level) + 1e-6


@given(losses=LOSSES, levels=st.tuples(LEVELS, LEVELS))
def test_both_rise_with_the_level_and_es_is_no_less_than_var(losses, levels):
    low, high = sorted(levels)
    for measure in (value_at_risk, expected_shortfall):
        assert measure(losses, low) <= measure(losses, high) + 1e-6
    assert value_at_risk(losses, low) <= expected_shortfall(losses, low) <= losses.max() + 1e-6


@given(losses=LOSSES, level=LEVELS, shift=st.integers(-500, 500), scale=st.floats(0.01, 100))
def test_both_move_and_scale_with_the_losses(losses, level, shift, scale):
    for measure in (value_at_risk, expected_shortfall):
        assert measure(scale * losses + shift, level) == pytest.approx(
            scale * measure(losses, level) + shift, rel=1e-9, abs=1e-5
        )


def normal_value_at_risk(level: float) -> float:
    return NormalDist().inv_cdf(level)


def normal_expected_shortfall(level: float) -> float:
    """McNeil, Frey and Embrechts, example 2.14."""
    return NormalDist().pdf(NormalDist().inv_cdf(level)) / (1 - level)


def test_normal_losses_give_the_closed_forms_within_their_intervals():
    losses = np.random.default_rng(1).standard_normal(10_000)
    for level in (0.95, 0.975, 0.99):
        for exact, measure in ((normal_value_at_risk, "VaR"), (normal_expected_shortfall, "ES")):
            found = Measure.of(measure, losses, level)
            assert found.lower < found.value < found.upper
            assert found.lower < exact(level) < found.upper
            assert found.upper - found.lower < 0.25
            assert found.convention == CONVENTIONS[measure]


def test_a_measure_says_its_convention():
    measure = Measure.of("ES", np.arange(100.0), 0.975)
    assert str(measure) == (
        "ES 97.5% (tail integral beyond the inverted-CDF quantile of the loss; interval by bootstrap)"
    )


def coverage(interval, exact: float, n: int, repeats: int = 1000, heavy: bool = False) -> float:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(repeats):
        losses = rng.standard_t(4, n) if heavy else rng.standard_normal(n)
        lower, upper = interval(losses)
        hits += lower <= exact < upper
    return hits / repeats


def exact_coverage(n: int, level: float, lower: int, upper: int) -> float:
    """P(lower <= B < upper) for B binomial (n, level), term by term."""
    weights = [
        math.exp(
            math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
            + k * math.log(level) + (n - k) * math.log1p(-level)
        )
        for k in range(n + 1)
    ]  # fmt: skip
    return sum(weights[lower:upper])


@pytest.mark.parametrize("n", [50, 500, 2000])
@pytest.mark.parametrize("level", [0.95, 0.99])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_order_statistics_cover_and_no_more_than_they_must(n, level, confidence):
    lower, upper = _ranks(n, level, confidence)
    assert exact_coverage(n, level, lower, upper) >= confidence - 1e-12
    rest = (1 - confidence) / 2
    if lower < n:  # one rank further in would miss by more than half the rest on that side
        assert exact_coverage(n, level, 0, lower + 1) > rest
    if upper <= n:
        assert exact_coverage(n, level, upper - 1, n + 1) > rest


def test_order_statistics_cover_in_a_simulation():
    lower, upper = _ranks(1000, 0.975, 0.9)
    expected = exact_coverage(1000, 0.975, lower, upper)
    seen = coverage(lambda x: value_at_risk_interval(x, 0.975, 0.9), normal_value_at_risk(0.975), 1000)
    assert seen == pytest.approx(expected, abs=3.5 * math.sqrt(0.09 / 1000))


def test_bootstrap_intervals_cover_in_a_simulation():
    def var(losses: np.ndarray) -> tuple[float, float]:
        return value_at_risk_interval(losses, 0.95, 0.9, method="bootstrap")

    assert coverage(var, normal_value_at_risk(0.95), 500, 300) == pytest.approx(0.9, abs=0.06)
    assert coverage(
        lambda x: expected_shortfall_interval(x, 0.95, 0.9), normal_expected_shortfall(0.95), 500, 300
    ) == (
        pytest.approx(0.885, abs=0.06)  # percentile intervals of a mean over a tail are a little short
    )


def test_the_tail_bootstrap_is_the_plain_bootstrap():
    """Ranks of the k largest of n draws with replacement, drawn as such, against drawing and sorting all n."""
    n, k = 12, 6
    quick = _largest_ranks(n, k)
    plain = np.sort(np.random.default_rng(8).integers(0, n, (200_000, n)), axis=1)[:, :k]
    error = plain.std(axis=0) / math.sqrt(len(quick))
    assert (np.abs(quick.mean(axis=0) - plain.mean(axis=0)) < 4 * error).all()
    np.testing.assert_allclose(quick.std(axis=0), plain.std(axis=0), rtol=0.08)
    assert np.corrcoef(quick[:, 0], quick[:, -1])[0, 1] == pytest.approx(
        np.corrcoef(plain[:, 0], plain[:, -1])[0, 1], abs=0.08
    )


def test_bootstrap_figures_are_the_measures_of_the_resample():
    """With all losses equal but one, each resample's ES is known from how often that one was drawn."""
    losses = np.zeros(1000)
    losses[17] = 1000.0  # expected shortfall at 90 % of a resample that holds it m times: 10 m
    lower, upper = expected_shortfall_interval(losses, 0.9, 0.9)
    assert expected_shortfall(losses, 0.9) == pytest.approx(10)
    assert (lower, upper) == (pytest.approx(0), pytest.approx(30))  # Poisson(1): 5 % below 0.37, 95 % at 3


@given(n=st.integers(1, 300), level=LEVELS)
def test_a_certain_loss_has_no_interval(n, level):
    for interval in (expected_shortfall_interval(np.full(n, 7.0), level),
                     value_at_risk_interval(np.full(n, 7.0), level, method="bootstrap")):  # fmt: skip
        assert interval == (pytest.approx(7.0), pytest.approx(7.0))


def test_too_few_scenarios_leave_the_interval_open():
    lower, upper = value_at_risk_interval(np.arange(50.0), 0.99)
    assert upper == math.inf
    assert 40 < lower < 50
    assert Measure.of("VaR", np.arange(50.0), 0.99).upper == math.inf


@settings(max_examples=20)
@given(losses=LOSSES, level=LEVELS)
def test_intervals_are_ordered_and_repeat_exactly(losses, level):
    for interval in (value_at_risk_interval, expected_shortfall_interval):
        lower, upper = interval(losses, level)
        assert lower <= upper
        assert (lower, upper) == interval(losses, level)


def test_wrong_levels_are_told():
    with pytest.raises(
        ConfigError, match=r"level = 99 is not allowed: a probability between 0 and 1 such as 0.99"
    ):
        value_at_risk(np.arange(5.0), 99)
    with pytest.raises(ConfigError, match=r"confidence = 1\.0 is not allowed"):
        expected_shortfall_interval(np.arange(5.0), 0.9, confidence=1.0)
    with pytest.raises(
        ConfigError, match="no interval method 'guess'; choose one of: order_statistics, bootstrap"
    ):
        value_at_risk_interval(np.arange(5.0), 0.9, method="guess")
    with pytest.raises(ConfigError, match=r"need a sample of losses, shape \(n,\); got shape \(0,\)"):
        value_at_risk(np.array([]), 0.9)


@pytest.fixture
def pnl() -> PnL:
    values = np.array([[1.0, -4.0], [-2.0, -5.0], [3.0, 3.0], [-3.0, 0.0]])
    return PnL(values, ("a", "b"), np.array([10.0, -2.0]), "USD")


def test_a_pnl_adds_up(pnl):
    np.testing.assert_array_equal(pnl.total, [-3, -7, 6, -3])
    np.testing.assert_array_equal(pnl.losses, [3, 7, -6, 3])
    assert pnl.base_value == 8
    assert pnl.value_at_risk(0.7) == 3  # of losses -6, 3, 3, 7
    assert pnl.expected_shortfall(0.75) == 7
    assert list(pnl.to_frame().columns) == ["total", "a", "b"]
    assert list(pnl.worst(3).index) == [1, 0, 3]  # equal losses: the earlier first
    assert pnl.worst(1)["b"].tolist() == [-5]


def test_a_pnl_is_read_only_and_checks_itself(pnl):
    with pytest.raises(ValueError, match="read-only"):
        pnl.values[0, 0] = 1
    with pytest.raises(DataError, match="P&L has shape"):
        PnL(np.zeros((3, 2)), ("a",), np.zeros(1), "USD")
    with pytest.raises(DataError, match="the P&L of trade 'b' is not finite in scenario 1"):
        PnL(np.array([[0, 0], [0, np.nan]]), ("a", "b"), np.zeros(2), "USD")


def test_a_pnl_is_written_as_parquet(pnl, tmp_path):
    import pandas as pd

    pnl.write(tmp_path / "new")
    frame = pd.read_parquet(tmp_path / "new" / "pnl.parquet")
    assert list(frame.columns) == ["scenario", "total", "a", "b"]
    assert str(frame["scenario"].dtype) == "int32"
    np.testing.assert_array_equal(frame[["a", "b"]], pnl.values)
    pnl.write(tmp_path / "again")
    assert (tmp_path / "again/pnl.parquet").read_bytes() == (tmp_path / "new/pnl.parquet").read_bytes()


@given(losses=LOSSES, level=LEVELS)
def test_equal_weights_change_nothing(losses, level):
    weights = np.full(len(losses), 0.3)
    assert value_at_risk(losses, level, weights) == value_at_risk(losses, level)
    assert expected_shortfall(losses, level, weights) == pytest.approx(
        expected_shortfall(losses, level), abs=1e-6
    )


@given(losses=LOSSES, level=LEVELS, data=st.data())
def test_a_weight_is_a_number_of_copies(losses, level, data):
    copies = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(losses), max_size=len(losses))))
    if copies.any():
        many = np.repeat(losses, copies)
        assert value_at_risk(losses, level, copies) == value_at_risk(many, level)
        assert expected_shortfall(losses, level, copies) == pytest.approx(
            expected_shortfall(many, level), abs=1e-6
        )


@given(losses=LOSSES, level=LEVELS, convention=st.sampled_from(list(ES_CONVENTIONS)))
def test_the_tail_weights_make_the_shortfall(losses, level, convention):
    weights = tail_weights(losses, level, convention=convention)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    assert weights @ losses == pytest.approx(
        expected_shortfall(losses, level, convention=convention), abs=1e-6
    )


def test_conventions_differ_as_they_are_known_to():
    """1 ... 715, 1 % tail: 7.15 losses. ORE counts the 8th, its quantile, in full; `benchmarks/ore.py` runs it."""
    losses = np.arange(1.0, 716.0)
    assert expected_shortfall(losses, 0.99, convention="strict") == pytest.approx(np.mean(range(709, 716)))
    assert expected_shortfall(losses, 0.99, convention="ore") == pytest.approx(np.mean(range(708, 716)))
    pnl = -losses
    assert expected_shortfall(losses, 0.99, convention="ore") == pytest.approx(
        -pnl[pnl <= np.quantile(pnl, 0.01, method="inverted_cdf")].mean()
    )


@given(losses=LOSSES, level=LEVELS)
def test_every_convention_is_at_least_the_quantile_and_strict_at_least_the_integral(losses, level):
    integral, strict, ore = (expected_shortfall(losses, level, convention=c) for c in ES_CONVENTIONS)
    assert strict >= integral - 1e-6
    assert min(integral, strict, ore) >= value_at_risk(losses, level) - 1e-6


def test_a_block_bootstrap_is_wider_where_losses_follow_each_other():
    rng, n = np.random.default_rng(0), 1000
    noise, losses = rng.standard_normal(n), np.empty(n)
    losses[0] = noise[0]
    for k in range(1, n):
        losses[k] = 0.9 * losses[k - 1] + noise[k]
    plain = expected_shortfall_interval(losses, 0.95)
    blocks = expected_shortfall_interval(losses, 0.95, block=40)
    assert blocks[1] - blocks[0] > 1.5 * (plain[1] - plain[0])
    single = value_at_risk_interval(losses, 0.95, method="block_bootstrap", block=1)
    assert single == pytest.approx(value_at_risk_interval(losses, 0.95, method="bootstrap"), rel=0.15)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2], r"weights have shape \(2,\); wanted \(3,\), one a scenario"),
        ([1, -2, 1], "not negative, and some above zero: scenario 1 has -2"),
        ([1, math.nan, 1], "finite .*: scenario 1 has nan"),
        ([0, 0, 0], "all are zero"),
    ],
)
def test_weights_that_are_none(weights, message):
    with pytest.raises(ConfigError, match=message):
        value_at_risk(np.arange(3.0), 0.5, np.array(weights))


def test_a_convention_that_is_none():
    with pytest.raises(
        ConfigError, match="there is no convention 'loose'; choose one of: tail_integral, strict, ore"
    ):
        expected_shortfall(np.arange(3.0), 0.5, convention="loose")


@pytest.mark.parametrize(
    ("level", "var", "cvar"),
    [(0.99, 4071.0, 5890.4), (0.975, 3182.0, 4546.8), (0.95, 2333.0, 3634.64)],
)
def test_skfolio_has_the_same_tail_integral_and_at_whole_ranks_another_quantile(level, var, cvar):
    """skfolio 1.12.2, `measures.value_at_risk` and `measures.cvar` of these 500 returns: its tail integral is qfin's;
    where n (1 - level) is whole its quantile is the next larger loss, which makes no difference to the integral."""
    losses = -np.round(np.random.default_rng(20).standard_t(4, size=500) * 1000)
    assert expected_shortfall(losses, level) == pytest.approx(cvar, rel=1e-12)
    ordered = np.sort(losses)[::-1]
    rank = round(500 * (1 - level), 9)
    at = math.ceil(rank) if rank % 1 else int(rank) + 1
    assert value_at_risk(losses, level) == ordered[at - 1]
    assert var in (ordered[at - 1], ordered[at - 2])


def test_skfolio_on_715_losses():
    """skfolio 1.12.2: VaR 708, 698 and CVaR 711.916083916084, 706.5594405594405 of 1 ... 715."""
    losses = np.arange(1.0, 716.0)
    assert (value_at_risk(losses, 0.99), value_at_risk(losses, 0.975)) == (708, 698)
    assert expected_shortfall(losses, 0.99) == pytest.approx(711.916083916084, rel=1e-14)
    assert expected_shortfall(losses, 0.975) == pytest.approx(706.5594405594405, rel=1e-14)
