"""The scenario set: shapes, horizon figures, Parquet form, lineage."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from qfin.errors import DataError, StoreError
from qfin.market import RiskFactor
from qfin.scenarios import ScenarioSet

FACTORS = (
    RiskFactor("EURUSD", unit="USD per EUR"),
    RiskFactor("SPX", "EQ", "USD", "relative"),
    RiskFactor("R5Y", "IR", "per cent", "absolute", displacement=1.0, pillar="5Y"),
)
LEVELS = np.array([1.1, 5000.0, 4.0])


def drawn(n: int = 4, h: int = 3, seed: int = 1) -> ScenarioSet:
    returns = np.random.default_rng(seed).normal(0, 0.01, (n, h, 3))
    return ScenarioSet(
        returns, FACTORS, LEVELS, pd.Timestamp("2026-10-30"), {"seed": 7, "label": "Born machine"}
    )


def test_shapes() -> None:
    scenarios = drawn(4, 3)
    assert len(scenarios) == 4
    assert scenarios.horizon == 3
    assert scenarios.names == ("EURUSD", "SPX", "R5Y")
    assert scenarios.horizon_returns().shape == scenarios.horizon_levels().shape == (4, 3)


def test_horizon_figures_are_the_days_one_after_the_other() -> None:
    scenarios = drawn(5, 4)
    levels = np.tile(LEVELS, (5, 1))
    for day in range(4):
        r = scenarios.returns[:, day]
        levels = np.column_stack(
            [levels[:, 0] * np.exp(r[:, 0]), levels[:, 1] * (1 + r[:, 1]), levels[:, 2] + r[:, 2] / 100]
        )
    np.testing.assert_allclose(scenarios.horizon_levels(), levels, rtol=1e-13)


def test_the_frame_has_a_row_a_scenario_and_step() -> None:
    scenarios = drawn()
    frame = scenarios.to_frame()
    assert frame.index.names == ["scenario", "step"]
    assert frame.loc[(2, 1)].tolist() == scenarios.returns[2, 0].tolist()
    assert frame.loc[(3, 3), "SPX"] == scenarios.returns[3, 2, 1]


shapes = st.tuples(st.integers(1, 6), st.integers(1, 5), st.just(3))
lineages = st.dictionaries(
    st.text(max_size=5).filter(lambda k: k != "as_of"), st.integers() | st.text(max_size=5), max_size=4
)


@settings(max_examples=20)
@given(arrays.arrays(float, shapes, elements=st.floats(allow_nan=False, allow_infinity=False)), lineages)
def test_parquet_round_trip(
    tmp_path_factory: pytest.TempPathFactory, returns: np.ndarray, lineage: dict[str, object]
) -> None:
    written = ScenarioSet(returns, FACTORS, LEVELS, pd.Timestamp("2026-10-30"), lineage)
    folder = tmp_path_factory.mktemp("set")
    written.write(folder / "a")
    again = ScenarioSet.read(folder / "a")
    assert again.returns.tobytes() == np.ascontiguousarray(returns).tobytes()
    assert again.returns.shape == returns.shape
    assert again.factors == FACTORS
    assert again.levels.tolist() == LEVELS.tolist()
    assert again.as_of == written.as_of
    assert again.lineage == lineage
    again.write(folder / "b")
    for name in ("scenarios.parquet", "factors.parquet"):
        assert (folder / "a" / name).read_bytes() == (folder / "b" / name).read_bytes()


def test_other_programs_can_read_it(tmp_path: Path) -> None:
    drawn().write(tmp_path)
    table = pq.read_table(tmp_path / "scenarios.parquet")
    assert table.schema.names == ["scenario", "step", "EURUSD", "SPX", "R5Y"]
    assert [str(t) for t in table.schema.types] == ["int32", "int32", "double", "double", "double"]
    assert json.loads(table.schema.metadata[b"qfin"]) == {
        "as_of": "2026-10-30",
        "label": "Born machine",
        "seed": 7,
    }
    factors = pd.read_parquet(tmp_path / "factors.parquet")
    assert factors["level"].tolist() == LEVELS.tolist()
    assert factors.loc[2, ["type", "unit", "return_type", "displacement", "pillar"]].tolist() == [
        "IR",
        "per cent",
        "absolute",
        1.0,
        "5Y",
    ]
    column = pq.ParquetFile(tmp_path / "scenarios.parquet").metadata.row_group(0).column(2)
    assert column.compression == "ZSTD"
    assert "BYTE_STREAM_SPLIT" in column.encodings


def test_it_can_be_named_by_its_file(tmp_path: Path) -> None:
    drawn().write(tmp_path)
    assert len(ScenarioSet.read(tmp_path / "scenarios.parquet")) == 4
    assert len(ScenarioSet.read(str(tmp_path))) == 4


def test_it_is_frozen_and_the_caller_s_arrays_are_not() -> None:
    returns, levels = np.zeros((2, 1, 3)), LEVELS.copy()
    scenarios = ScenarioSet(returns, FACTORS, levels, pd.Timestamp("2026-10-30"))
    returns[0], levels[0] = 1.0, 9.0
    assert scenarios.returns.max() == 0.0
    assert scenarios.levels[0] == 1.1
    with pytest.raises(ValueError, match="read-only"):
        scenarios.returns[0] = 1.0


def test_it_checks_itself() -> None:
    as_of = pd.Timestamp("2026-10-30")
    with pytest.raises(
        DataError, match=r"scenario returns have shape \(4, 3\); wanted \(scenarios, steps, 3 factors\)"
    ):
        ScenarioSet(np.zeros((4, 3)), FACTORS, LEVELS, as_of)
    with pytest.raises(DataError, match=r"levels have shape \(2,\); wanted \(3,\)"):
        ScenarioSet(np.zeros((4, 1, 3)), FACTORS, LEVELS[:2], as_of)
    returns = np.zeros((4, 2, 3))
    returns[2, 1, 1] = np.inf
    with pytest.raises(
        DataError, match="SPX is not finite in scenario 2, step 2; the model that drew it is unstable"
    ):
        ScenarioSet(returns, FACTORS, LEVELS, as_of)


def test_folders_that_hold_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no scenario set \(scenarios.parquet is missing\)"):
        ScenarioSet.read(tmp_path)
    drawn().write(tmp_path)
    good = pq.read_table(tmp_path / "scenarios.parquet")
    shuffled = good.take(pa.array([1, 0, *range(2, 12)]))
    for damaged, message in [
        (good.replace_schema_metadata({}), "holds no readable scenario set"),
        (good.drop_columns(["SPX"]), "holds no readable scenario set: .*SPX"),
        (good.slice(0, 11), "its rows are not a row a scenario and step, in order"),
        (shuffled, "its rows are not a row a scenario and step, in order"),
        (good.slice(0, 0), "it has no rows"),
    ]:
        pq.write_table(damaged, tmp_path / "scenarios.parquet")
        with pytest.raises(StoreError, match=message):
            ScenarioSet.read(tmp_path)
    (tmp_path / "scenarios.parquet").write_bytes(b"PAR1 no Parquet PAR1")
    with pytest.raises(StoreError, match="holds no readable scenario set"):
        ScenarioSet.read(tmp_path)
