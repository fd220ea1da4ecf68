from __future__ import annotations

import xml.etree.ElementTree as xml

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfin.market import RiskFactor
from qfin.report import _format as form
from qfin.report._data import Interval
from qfin.report._svg import Drawing, Scale, padded
from qfin.report.figures.dependence import heat


@settings(max_examples=100)
@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 9))
def test_ticks_are_inside_and_told_apart_by_their_decimals(low: float, width: float, count: int) -> None:
    scale = Scale(low, low + max(width, 1e-6 * abs(low)), 0, 100)
    ticks = scale.ticks(count)
    assert 1 <= len(ticks) <= 3 * count
    slack = 1e-6 * (scale.high - scale.low) + 1e-9 * abs(low)
    assert all(scale.low - slack <= t <= scale.high + slack for t in ticks)
    assert len({form.number(t, scale.decimals(count)) for t in ticks}) == len(ticks)


def test_a_logarithmic_scale_puts_decades_at_equal_distances() -> None:
    scale = Scale(0.001, 1.0, 300, 0, log=True)
    np.testing.assert_allclose(scale([0.001, 0.01, 0.1, 1.0]), [300, 200, 100, 0])
    assert scale.ticks()[0] == 0.001
    assert scale.ticks()[-1] == 1.0


def test_range_of_values_is_never_empty() -> None:
    assert padded([3.0], [np.nan])[0] < 3.0 < padded([3.0], [np.nan])[1]
    low, high = padded([0.0, 0.0])
    assert low < 0.0 < high


def test_texts_and_labels_are_escaped() -> None:
    bad = "<script>&\"'"
    drawing = Drawing(10, 10, bad).text(1, 2, bad).line(0, 0, 1, 1, "axis", tip=bad)
    root = xml.fromstring(str(drawing.svg()))
    assert root.attrib["aria-label"] == bad
    assert [e.text for e in root.iter() if e.text] == [bad, bad]


def test_a_curve_breaks_where_a_value_is_missing() -> None:
    text = str(Drawing(10, 10, "").curve(np.arange(5.0), np.array([1, 2, np.nan, 4, 5.0]), "line").svg())
    assert 'd="M0 1L1 2M3 4L4 5"' in text


def test_heat_is_white_at_zero_and_signs_differ() -> None:
    assert heat(0.0) == "#ffffff"
    assert heat(1.0) == heat(7.0) != heat(-1.0)


@pytest.mark.parametrize(
    ("value", "written"),
    [(1234567.4, "1,234,567"), (-1234.6, "−1,235"), (0.0, "0"), (12.3456, "12.35"), (-0.004567, "−0.004567")],
)
def test_amounts(value: float, written: str) -> None:
    assert form.amount(value) == written


def test_numbers_have_a_real_minus_and_no_negative_zero() -> None:
    assert form.number(-0.00001, 2) == "0.00"
    assert form.number(-0.00001, 2, signed=True) == "0.00"
    assert form.number(1.5, 1, signed=True) == "+1.5"
    assert form.short(-2_500_000) == "−2.5M"
    assert form.money(-1_000.0, "USD") == "USD\u00a0−1,000"
    assert form.between(Interval(1.0), form.amount) == ""
    assert form.between(Interval(1.0, -1_000.0, 2.0), form.amount) == "−1,000 to 2.000"
    assert form.between(Interval(1.0, 0.5, None), form.amount) == "0.5000 to ∞"


def test_moves_name_their_unit() -> None:
    assert form.move(-0.0123, RiskFactor("EURUSD")) == "−1.23%"
    assert form.move(12.34, RiskFactor("UST10Y", "IR", "per cent", "absolute")) == "+12.3\u00a0bp"
    assert form.move(0.5, RiskFactor("VIX", "VOL", "points", "absolute")) == "+0.500\u00a0points"


def test_labels_in_a_sentence() -> None:
    assert form.the("Born machine") == "the Born machine"
    assert form.the("Student-t copula 2") == "the Student-t copula 2"
    assert form.the("Bootstrap") == "the Bootstrap model"
