"""Risk factors: levels, returns and back, for every return type."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfin.errors import DataError
from qfin.market import RiskFactor, infer_factors
from qfin.market._factors import known_factors

UNITS = {"FX": "USD per EUR", "EQ": "USD", "CMD": "USD per barrel", "VOL": "per cent"}


@st.composite
def factors(draw: st.DrawFn) -> RiskFactor:
    kind = draw(st.sampled_from(["FX", "EQ", "CMD", "IR", "VOL"]))
    unit = draw(st.sampled_from(["per cent", "decimal"])) if kind == "IR" else UNITS[kind]
    return_type = draw(st.sampled_from(["log", "relative", "absolute"]))
    return RiskFactor("X", kind, unit, return_type, displacement=draw(st.floats(0, 100)))  # type: ignore[arg-type]


@st.composite
def histories(draw: st.DrawFn) -> tuple[RiskFactor, np.ndarray]:
    """A factor and levels that it has returns of: level + displacement stays away from zero."""
    factor = draw(factors())
    shifted = draw(st.lists(st.floats(0.5, 200), min_size=2, max_size=30))
    return factor, np.array(shifted) - factor.displacement


@settings(max_examples=60)
@given(histories())
def test_shocks_by_returns_reproduce_the_levels(history: tuple[RiskFactor, np.ndarray]) -> None:
    factor, levels = history
    returns = factor.returns(levels)
    assert returns.shape == (len(levels) - 1,)
    scale = np.abs(levels).max() + factor.displacement
    for day in range(1, len(levels)):
        reached = factor.shock(levels[0], factor.compound(returns[:day]))
        assert reached == pytest.approx(levels[day], abs=1e-11 * scale)


@settings(max_examples=60)
@given(histories(), st.integers(0, 29))
def test_compounding_in_two_steps_is_compounding_in_one(
    history: tuple[RiskFactor, np.ndarray], cut: int
) -> None:
    factor, levels = history
    returns = factor.returns(levels)
    cut = min(cut, len(returns))
    parts = np.array([factor.compound(returns[:cut]), factor.compound(returns[cut:])])
    assert factor.compound(parts) == pytest.approx(float(factor.compound(returns)), rel=1e-9, abs=1e-9)


@settings(max_examples=60)
@given(histories())
def test_compounding_goes_along_the_axis_it_is_given(history: tuple[RiskFactor, np.ndarray]) -> None:
    factor, levels = history
    returns = factor.returns(levels)
    both = np.stack([returns, 0.5 * returns])
    expected = [factor.compound(both[0]), factor.compound(both[1])]
    np.testing.assert_allclose(factor.compound(both, axis=1), expected)
    np.testing.assert_allclose(factor.compound(both.T, axis=0), expected)


@settings(max_examples=60)
@given(histories())
def test_a_return_of_zero_leaves_the_level(history: tuple[RiskFactor, np.ndarray]) -> None:
    factor, levels = history
    assert factor.shock(levels[0], np.zeros((2, 3))) == pytest.approx(
        np.full((2, 3), levels[0]), rel=1e-12, abs=1e-12
    )


def test_returns_by_hand() -> None:
    levels = np.array([4.0, 5.0])
    assert RiskFactor("X").returns(levels) == pytest.approx([np.log(5 / 4)])
    assert RiskFactor("X", return_type="relative").returns(levels) == pytest.approx([0.25])
    assert RiskFactor("X", "IR", "per cent", "absolute").returns(levels) == pytest.approx([100.0])
    assert RiskFactor("X", "IR", "decimal", "absolute").returns(levels) == pytest.approx([10_000.0])
    assert RiskFactor("X", "VOL", "per cent", "absolute").returns(levels) == pytest.approx([1.0])
    assert RiskFactor("X", displacement=1.0).returns(levels) == pytest.approx([np.log(6 / 5)])
    assert RiskFactor("X", "IR", "per cent", "log", displacement=3.0).shock(
        -2.0, np.log(2.0)
    ) == pytest.approx(-1.0)


def test_return_units() -> None:
    assert RiskFactor("X").return_unit == "log return"
    assert RiskFactor("X", "IR", "decimal", "absolute").return_unit == "bp"
    assert RiskFactor("X", "VOL", "per cent", "absolute").return_unit == "per cent"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"name": ""}, "a risk factor needs a name"),
        ({"name": "step"}, "'step' cannot name a risk factor"),
        ({"name": "X", "type": "FXX"}, "X: type 'FXX' is not one of FX, EQ, CMD, IR, VOL"),
        ({"name": "X", "return_type": "Log"}, "X: return type 'Log' is not one of log, absolute, relative"),
        (
            {"name": "X", "type": "IR", "unit": "%", "return_type": "absolute"},
            "X: a rate's unit is 'per cent' or 'dec",
        ),
        ({"name": "X", "displacement": np.nan}, "X: displacement nan is not a number"),
    ],
)
def test_a_factor_checks_itself(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        RiskFactor(**parameters)  # type: ignore[arg-type]


def test_factors_nobody_described() -> None:
    pair, equity, index = infer_factors(["EURUSD", "IBM", "SPX500"])
    assert (pair.type, pair.unit) == ("FX", "USD per EUR")
    assert (equity.type, index.type) == ("EQ", "EQ")
    frame = pd.DataFrame(columns=["IBM", "EURUSD"])
    frame.attrs["factors"] = (RiskFactor("EURUSD", unit="dollars"),)
    assert known_factors(frame) == (equity, RiskFactor("EURUSD", unit="dollars"))
