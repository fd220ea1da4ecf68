"""A user's mistakes end in one line that says what and where, before anything long starts, and publish nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from qfin import stages
from qfin.errors import ConfigError, DataError, StoreError
from qfin.store import Store

DAYS = pd.bdate_range("2024-01-01", periods=220)


def _prices(**columns):
    rng = np.random.default_rng(3)
    walk = np.exp(np.cumsum(rng.normal(0, 0.01, (len(DAYS), 2)), axis=0))
    return pd.DataFrame({"EURUSD": walk[:, 0], "GBPUSD": walk[:, 1], **columns}, index=DAYS.rename("date"))


def _csv(tmp_path, content):
    path = tmp_path / "prices.csv"
    path.write_text(
        content if isinstance(content, str) else content.to_csv(date_format="%Y-%m-%d"), encoding="utf-8"
    )
    return {"reader": {"kind": "csv", "path": str(path)}}


def _book(tmp_path, **changes):
    trade = {"instrument": "cash_position", "name": "Euro cash", "quantity": 1_000_000, "currency": "EUR"}
    path = tmp_path / "book.json"
    path.write_text(json.dumps({"name": "Book", "base_currency": "USD", "trades": [{**trade, **changes}]}))
    return str(path)


def _fails(config, store, error, match):
    with pytest.raises(error, match=match):
        stages.run(config, store)
    return store.refs()


AT_7 = DAYS.isin(DAYS[7:8])
ROWS = _prices().to_csv(date_format="%Y-%m-%d").splitlines()


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", "prices.csv is empty"),
        ("\n".join(ROWS[1:]), r"prices\.csv.* no header"),
        ("\n".join(ROWS).replace(",", ";"), r"prices.csv.*';'"),
        ("\n".join([*ROWS[:5], "soon,1.1,1.2", *ROWS[5:]]), r"prices.csv: row 6, column date: 'soon'"),
        ("\n".join([*ROWS[:5], *ROWS[4:]]), r"prices\.csv: row 6.* 2024-01-04 .*row 5"),
        (
            "\n".join([*ROWS[:5], "2024-01-04,n/a?,1.2", *ROWS[6:]]),
            r"row 6, column EURUSD: 'n/a\?' is not a number",
        ),
        (_prices()[["EURUSD"]], "one factor only|at least two"),
        (_prices(GBPUSD=1.25), "GBPUSD .*(constant|never changes)"),
        (_prices(GBPUSD=np.where(AT_7, np.nan, 1.25 + np.arange(220.0))), "GBPUSD .*2024-01-10"),
        (_prices(GBPUSD=np.where(AT_7, 0.0, 1.25 + np.arange(220.0))), "GBPUSD .*2024-01-10"),
    ],
    ids=[
        "empty",
        "no header",
        "delimiter",
        "date",
        "repeated date",
        "text",
        "one column",
        "constant",
        "NaN",
        "zero",
    ],
)
def test_bad_prices(tmp_path, small, store, content, match):
    config = small(history=_csv(tmp_path, content), portfolio=_book(tmp_path))
    assert _fails(config, store, DataError, match) == []


def test_too_few_rows_says_how_many_are_needed(tmp_path, small, store):
    config = small(history=_csv(tmp_path, _prices()[:150]), portfolio=_book(tmp_path))
    made = _fails(
        config,
        store,
        DataError,
        "149 days of returns; with 60 held out.* 89 are left.* give 160 days or more",
    )
    assert made == []


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"currency": "CHF"}, "trade 'Euro cash': .*CHF"),
        (
            {
                "instrument": "fx_forward",
                "pair": "EURCHF",
                "notional": 1,
                "strike": 1,
                "maturity": "2030-01-01",
            },
            "EURCHF",
        ),
        (
            {
                "instrument": "fx_forward",
                "pair": "EURUSD",
                "notional": 1,
                "strike": 1,
                "maturity": "2024-03-01",
            },
            "maturity 2024-03-01 is not after the as-of date 2024-11-01",
        ),
    ],
    ids=["currency", "factor", "maturity"],
)
def test_a_portfolio_is_checked_before_anything_is_trained(tmp_path, small, store, changes, match):
    portfolio = _book(tmp_path, **changes)
    if "pair" in changes:  # a forward has neither quantity nor currency
        book = json.loads((tmp_path / "book.json").read_text())
        book["trades"] = [{k: v for k, v in book["trades"][0].items() if k not in ("quantity", "currency")}]
        book["market"] = {"curves": {"USD": 0.03, "EUR": 0.02, "CHF": 0.01}}
        (tmp_path / "book.json").write_text(json.dumps(book))
    config = small(history=_csv(tmp_path, _prices()), portfolio=portfolio)
    assert _fails(config, store, DataError, match) == []


def test_models_are_checked_first_of_all(small, store):
    config = small().model_copy(update={"rivals": ["gausian"]})
    assert (
        _fails(config, store, ConfigError, "there is no dependence model 'gausian'; did you mean 'gaussian'")
        == []
    )


def test_a_damaged_artifact_is_named_and_nothing_is_made_of_it(made, small, tmp_path):
    result, _, _ = made
    store = Store(tmp_path / "copy")
    shutil.copytree(made[1].root, store.root)
    victim = store.get(result.artifacts[1].ref).path("grid.json")
    victim.write_text(victim.read_text() + " ")
    before = store.refs()
    assert (
        _fails(small(seed=7), store, StoreError, r"grid.json does not match its manifest \(SHA-256 differs\)")
        == before
    )


@contextmanager
def _mounted(folder, options):
    """A small file system of its own, where one can be mounted (root)."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_read_only_store(small, tmp_path):
    with (
        _mounted(tmp_path / "disk", "ro,size=40k") as disk,
        pytest.raises(StoreError, match=r"cannot be written \(read-only\).*--store or QFIN_STORE"),
    ):
        stages.run(small(), Store(disk))


def test_a_full_store(small, tmp_path):
    with _mounted(tmp_path / "disk", "size=40k") as disk:
        store = Store(disk)
        with pytest.raises(StoreError, match=r"is full; free some space .*nothing was published"):
            stages.ingest(small(), store)
        assert store.refs() == []
        assert not [path for path in disk.rglob("*") if path.is_file()]


def test_a_store_that_is_a_file(small, tmp_path):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(StoreError, match="store cannot be written"):
        stages.run(small(), Store(tmp_path / "store"))
