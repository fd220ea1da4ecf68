"""The history of returns: from prices, to Parquet and back, frozen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from qfin.errors import DataError
from qfin.market import ReturnsFrame, RiskFactor, read_prices

PAIR, RATE = (
    RiskFactor("EURUSD", unit="USD per EUR"),
    RiskFactor("R", "IR", "per cent", "absolute", pillar="5Y"),
)
DATES = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"], name="date")


def history(rows: int = 3) -> ReturnsFrame:
    values = np.arange(2.0 * rows).reshape(rows, 2)
    return ReturnsFrame(
        values, pd.bdate_range("2024-01-02", periods=rows), (PAIR, RATE), np.array([1.1, 4.0])
    )


def test_from_prices() -> None:
    prices = pd.DataFrame({"R": [4.0, 4.1, 3.9], "EURUSD": [1.0, 1.1, 1.2]}, index=DATES)
    returns = ReturnsFrame.from_prices(prices, [PAIR, RATE])
    np.testing.assert_allclose(returns.values[:, 0], [np.log(1.1), np.log(1.2 / 1.1)])
    np.testing.assert_allclose(returns.values[:, 1], [10, -20])
    assert returns.names == ("EURUSD", "R")
    assert list(returns.dates) == list(DATES[1:])
    assert returns.as_of == DATES[-1]
    assert returns.levels.tolist() == [1.2, 3.9]
    pd.testing.assert_frame_equal(
        returns.to_frame(), pd.DataFrame(returns.values, index=DATES[1:], columns=["EURUSD", "R"])
    )


def test_from_shipped_prices_the_source_s_factors_are_used() -> None:
    returns = ReturnsFrame.from_prices(read_prices("ust"))
    assert {factor.return_unit for factor in returns.factors} == {"bp"}
    assert 4 < returns.values.std() < 8


@settings(max_examples=20)
@given(
    arrays.arrays(
        float,
        st.tuples(st.integers(1, 20), st.just(2)),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    ),
    st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)),
)
def test_parquet_round_trip(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray, levels: tuple[float, float]
) -> None:
    written = ReturnsFrame(
        values, pd.bdate_range("2024-01-02", periods=len(values)), (PAIR, RATE), np.array(levels)
    )
    folder = tmp_path_factory.mktemp("returns")
    written.write(folder / "a.parquet")
    again = ReturnsFrame.read(folder / "a.parquet")
    assert again.content_hash == written.content_hash
    assert again.factors == written.factors
    assert again.values.tobytes() == written.values.tobytes()
    assert again.levels.tolist() == written.levels.tolist()
    assert list(again.dates) == list(written.dates)
    again.write(folder / "b.parquet")
    assert (folder / "a.parquet").read_bytes() == (folder / "b.parquet").read_bytes()


def test_the_hash_is_of_everything() -> None:
    same = history()
    changed = [
        ReturnsFrame(same.values + 1e-12, same.dates, same.factors, same.levels),
        ReturnsFrame(same.values, same.dates + pd.Timedelta(days=1), same.factors, same.levels),
        ReturnsFrame(
            same.values, same.dates, (PAIR, RiskFactor("S", "IR", "per cent", "absolute")), same.levels
        ),
        ReturnsFrame(same.values, same.dates, same.factors, same.levels + 1e-12),
    ]
    assert history().content_hash == same.content_hash
    assert len({same.content_hash, *(other.content_hash for other in changed)}) == 5
    in_seconds = ReturnsFrame(same.values, same.dates.as_unit("s"), same.factors, same.levels)
    assert in_seconds.content_hash == same.content_hash


def test_it_is_frozen_and_the_caller_s_arrays_are_not() -> None:
    values, levels = np.zeros((3, 2)), np.ones(2)
    returns = ReturnsFrame(values, DATES, (PAIR, RATE), levels)
    values[0, 0] = levels[0] = 5.0
    assert returns.values[0, 0] == 0.0
    assert returns.levels[0] == 1.0
    for array in (returns.values, returns.levels):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1.0
    assert returns.tail(2).values.base is returns.values  # no copy of what is frozen already


def test_tail() -> None:
    returns = history(5)
    assert returns.tail(2).values.tolist() == returns.values[3:].tolist()
    assert list(returns.tail(2).dates) == list(returns.dates[3:])
    assert len(returns.tail(99)) == 5
    assert len(returns.tail(0)) == 0


@pytest.mark.parametrize(
    ("values", "dates", "levels", "message"),
    [
        (np.zeros((3, 1)), DATES, np.ones(2), r"returns have shape \(3, 1\); wanted \(3 dates, 2 factors\)"),
        (np.zeros((2, 2)), DATES, np.ones(2), r"returns have shape \(2, 2\); wanted \(3 dates, 2 factors\)"),
        (np.zeros((3, 2)), DATES, np.ones(3), r"levels have shape \(3,\); wanted \(2,\)"),
        (
            np.array([[0, 0], [0, np.nan], [0, 0]]),
            DATES,
            np.ones(2),
            "R has no finite return on 2024-01-03; correct",
        ),
        (np.zeros((3, 2)), DATES[[0, 2, 1]], np.ones(2), "dates of returns must increase"),
        (np.zeros((3, 2)), DATES[[0, 1, 1]], np.ones(2), "dates of returns must increase"),
    ],
)
def test_it_checks_itself(
    values: np.ndarray, dates: pd.DatetimeIndex, levels: np.ndarray, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        ReturnsFrame(values, dates, (PAIR, RATE), levels)


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "returns.parquet"
    with pytest.raises(DataError, match=r"returns\.parquet holds no readable history of returns"):
        ReturnsFrame.read(path)
    path.write_bytes(b"no Parquet")
    with pytest.raises(DataError, match="holds no readable history of returns"):
        ReturnsFrame.read(path)
    pd.DataFrame({"date": DATES, "A": [1.0, 2.0, 3.0]}).to_parquet(path)
    with pytest.raises(DataError, match="holds no readable history of returns"):
        ReturnsFrame.read(path)
