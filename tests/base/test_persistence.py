"""Models on disk: everything comes back as it was, and nothing but qfin's own classes is ever made from a file."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from qfin import persistence
from qfin.errors import StoreError
from qfin.market import RiskFactor
from qfin.volatility import Ewma

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.datetimes(pd.Timestamp("1970-01-01"), pd.Timestamp("2100-01-01")).map(pd.Timestamp)
)
tables = arrays.arrays(
    st.sampled_from(
        [np.dtype(float), np.dtype("int64"), np.dtype("uint8"), np.dtype(bool), np.dtype(complex)]
    ),
    arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
keys = st.text(max_size=5).filter(lambda key: not key.startswith("$"))
values = st.recursive(
    scalars
    | tables
    | st.builds(RiskFactor, st.sampled_from(["EURUSD", "WTI"]), displacement=st.floats(0, 1)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=10,
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and (a.dtype, a.shape, a.tobytes()) == (
            b.dtype,
            b.shape,
            b.tobytes(),
        )
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or (a != a and b != b))


@settings(max_examples=60)
@given(values)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    folder = tmp_path_factory.mktemp("model")
    persistence.save(value, folder)
    again = persistence.load(folder)
    assert same(value, again)
    before = [(folder / f"model.{suffix}").read_bytes() for suffix in ("json", "npz")]
    persistence.save(again, folder)
    assert before == [(folder / f"model.{suffix}").read_bytes() for suffix in ("json", "npz")]


def test_dates_and_numpy_scalars(tmp_path: Path) -> None:
    dates = pd.DatetimeIndex(["2024-01-02", "2024-01-05"])
    persistence.save({"dates": dates, "x": np.float64(1.5), "n": np.int64(3), "b": np.bool_(True)}, tmp_path)
    again = persistence.load(tmp_path)
    assert list(again["dates"]) == list(dates)
    assert (again["x"], again["n"], again["b"]) == (1.5, 3, True)


def test_a_fitted_estimator_behaves_as_before(tmp_path: Path) -> None:
    returns = np.random.default_rng(1).normal(0, 0.01, (300, 2))
    fitted = Ewma(decay=0.9).fit(returns)
    persistence.save({"volatility": fitted}, tmp_path, "production")
    again = persistence.load(tmp_path, "production")["volatility"]
    assert type(again) is Ewma
    assert again.get_params() == fitted.get_params()
    first, second = (
        model.simulate(np.random.default_rng(2).standard_normal((5, 3, 2))) for model in (fitted, again)
    )
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([object()]), "an array of object cannot be saved"),
        (np.array(["a", None]), "an array of object cannot be saved"),
        ({1: "a"}, "a dictionary with the key 1 cannot be saved"),
        ({"$array": "a0"}, r"a dictionary with the key '\$array' cannot be saved"),
        ({1, 2}, "a set cannot be saved"),
        (Path("x"), "Path cannot be saved"),
        (lambda: 1, "a function cannot be saved"),
    ],
)
def test_what_cannot_be_saved_is_refused(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        persistence.save(value, tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("os:system", "'os:system', which is not a class of qfin; it was not loaded"),
        ("qfinance.x:Y", "not a class of qfin"),
        ("qfin.shipped:Path", "'qfin.shipped:Path', which is not a class of qfin"),
        ("qfin.shipped:shipped", "not a class of qfin"),
        ("qfin.store:shutil", "not a class of qfin"),
        ("qfin.market._factors:Gone", "which this version of qfin does not have; fit it again"),
        ("qfin.nowhere:Gone", "which this version of qfin does not have"),
    ],
)
def test_a_file_makes_nothing_but_classes_of_qfin(tmp_path: Path, name: str, message: str) -> None:
    persistence.save(RiskFactor("EURUSD"), tmp_path)
    structure = json.loads((tmp_path / "model.json").read_text())
    structure["$value"] = name
    (tmp_path / "model.json").write_text(json.dumps(structure))
    with pytest.raises(StoreError, match=message):
        persistence.load(tmp_path)


def test_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"model cannot be read: .*No such file"):
        persistence.load(tmp_path)
    persistence.save({"a": np.arange(100.0)}, tmp_path)
    whole = (tmp_path / "model.npz").read_bytes()
    (tmp_path / "model.npz").write_bytes(whole[:-50])
    with pytest.raises(StoreError, match=r"model cannot be read: .*; make it again"):
        persistence.load(tmp_path)
    (tmp_path / "model.npz").write_bytes(whole)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(StoreError, match="model cannot be read"):
        persistence.load(tmp_path)


def test_a_pickle_in_an_archive_is_not_read(tmp_path: Path) -> None:
    persistence.save({"a": np.arange(3.0)}, tmp_path)
    np.save(tmp_path / "evil.npy", np.array([{}], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "model.npz", "w") as archive:
        archive.write(tmp_path / "evil.npy", "a0.npy")
    with pytest.raises(StoreError, match="model cannot be read: Object arrays cannot be loaded"):
        persistence.load(tmp_path)
