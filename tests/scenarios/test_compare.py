"""The table of all scores: what is in it, that it repeats, that it finds a wrong model."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from qfin.errors import DataError
from qfin.market import ReturnsFrame, RiskFactor
from qfin.scenarios import ScenarioSet, compare

FACTORS = (RiskFactor("EURUSD"), RiskFactor("SPX", "EQ"), RiskFactor("GOLD", "CMD"))
MIX = np.array([[1.0, 0.6, 0.0], [0.0, 0.8, 0.3], [0.0, 0.0, 0.9]])


def returns(*shape: int, seed: int) -> np.ndarray:
    return 0.01 * np.random.default_rng(seed).standard_t(5, size=(*shape, 3)) @ MIX


def history(days: int, seed: int) -> ReturnsFrame:
    return ReturnsFrame(
        returns(days, seed=seed), pd.bdate_range("2020-01-01", periods=days), FACTORS, np.ones(3)
    )


def scenario_set(values: np.ndarray) -> ScenarioSet:
    return ScenarioSet(values, FACTORS, np.ones(3), pd.Timestamp("2026-10-30"))


def test_a_row_a_figure() -> None:
    table = compare(scenario_set(returns(400, 3, seed=1)), history(300, 2), history(200, 3))
    assert list(table.columns) == ["score", "factor", "value", "floor", "upper", "p_value"]
    assert not table.duplicated(["score", "factor"]).any()
    assert np.isfinite(table["value"]).all()
    by_factor = table[table["factor"].isin(["EURUSD", "SPX", "GOLD"])].groupby("factor")["score"].apply(set)
    assert by_factor["EURUSD"] == by_factor["SPX"] == by_factor["GOLD"]
    assert {"Wasserstein-1", "leverage effect error", "PIT Berkowitz"} <= by_factor["SPX"]
    assert {"energy distance", "copied share", "classifier AUC", "energy score"} <= set(table["score"])
    assert table.loc[table["score"] == "correlation error, largest", "factor"].item() in {
        "EURUSD/SPX", "EURUSD/GOLD", "SPX/GOLD",
    }  # fmt: skip
    json.loads(table.to_json(orient="records"))


def test_only_what_applies() -> None:
    table = compare(returns(100, seed=1)[:, :1], returns(80, seed=2)[:, :1])
    assert not table["score"].str.contains("correlation|variogram|leverage|copied").any()
    assert table["score"].str.contains("energy distance").any()


def test_the_same_seed_gives_the_same_table_whatever_the_form() -> None:
    x, past = returns(150, 1, seed=1), history(100, 2)
    first, again = compare(scenario_set(x), past, seed=5), compare(x[:, 0], past.to_frame(), seed=5)
    pd.testing.assert_frame_equal(first, again)
    assert not first["floor"].equals(compare(x, past, seed=6)["floor"])


def test_units_of_returns_change_nothing() -> None:
    x, y, scale = returns(150, seed=1), returns(100, seed=2), np.array([1.0, 1e4, 0.5])
    pd.testing.assert_frame_equal(compare(x, y), compare(x * scale, y * scale), rtol=1e-6)


def test_a_perfect_model_passes_nearly_all_and_a_wrong_one_nearly_none() -> None:
    past, unseen = history(800, 11), history(500, 12)
    perfect = compare(returns(800, seed=10), past, unseen)
    assert (perfect["value"] > perfect["upper"]).mean() < 0.2
    wrong = compare(0.02 * np.random.default_rng(1).normal(size=(800, 3)), past, unseen).set_index("score")
    for score in ("energy distance", "Wasserstein-1", "correlation error, largest", "Kendall tau error, largest",
                  "classifier AUC", "energy score", "PIT Berkowitz"):  # fmt: skip
        assert (wrong.loc[[score], "value"] > wrong.loc[[score], "upper"]).all(), score


def test_large_samples_are_compared_on_evenly_spaced_rows() -> None:
    from qfin.scenarios._samples import Samples

    samples = Samples.of(returns(1_000, 4, seed=1), returns(900, seed=2)).thinned(400)
    assert samples.paths.shape == (100, 4, 3)
    assert samples.history.shape == (400, 3)
    full = returns(900, seed=2)
    np.testing.assert_array_equal(samples.history[[0, -1]], full[[0, -1]])


def test_factors_must_be_the_same() -> None:
    past = returns(50, seed=1)
    frame = pd.DataFrame(past, columns=["EURUSD", "GOLD", "SPX"])
    with pytest.raises(
        DataError, match="scenarios are of EURUSD, SPX, GOLD and the history is of EURUSD, GOLD, SPX"
    ):
        compare(scenario_set(returns(50, 1, seed=2)), frame)
    with pytest.raises(DataError, match="scenarios have 3 factors and the history has 2"):
        compare(past, past[:, :2])
