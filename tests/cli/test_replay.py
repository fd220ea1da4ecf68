"""`qfin replay`: its table, its last sentence and its exit code."""

from __future__ import annotations

import json
import re
import shutil

from qfin.store import MANIFEST, Store, _digest


def test_a_figure_is_reproduced(qfin, full):
    before = Store(full).refs()
    ref = Store(full).refs("risk")[0]
    told = qfin("replay", ref[:-6], "--store", full)
    assert told.code == 0
    assert re.search(rf"^ +{ref[:13]} +pnl.parquet +same", told.out, re.MULTILINE)
    assert re.search(r"^ +risk.json +same", told.out, re.MULTILINE)
    *table, last = told.out.splitlines()
    files = sum(" same" in row for row in table)
    assert last == f"reproduced: all {files} files of 5 artifacts have the same bytes"
    assert re.search(r"^risk: \S+.*risk/", told.err, re.MULTILINE)
    assert Store(full).refs() == before


def test_what_differs_is_told_with_exit_code_1(qfin, full, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(full, store)
    history = Store(store).get(Store(store).refs("ingest")[0])
    path = history.path("quality.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rows": 7, "more": [1]}), encoding="utf-8")
    manifest = json.loads((history.folder / MANIFEST).read_text())
    manifest["files"]["quality.json"] = _digest(path)
    (history.folder / MANIFEST).write_text(json.dumps(manifest))
    told = qfin("replay", history.ref, "--store", store)
    assert told.code == 1
    assert re.search(r"quality.json +differs +rows \(7 → \d+\)", told.out)
    assert "more ([1] → nothing)" in told.out
    last = told.out.splitlines()[-1]
    assert last.startswith("not reproduced: 2 of 3 files of 1 artifacts have the same bytes; ingest/")
    assert told.err.count("\n") == 1


def test_what_cannot_be_replayed_is_an_error(qfin, full, tmp_path):
    wrong = qfin("replay", Store(full).refs("risk")[0], "--store", full, "--portfolio", tmp_path / "no.json")
    assert wrong.code == 2
    assert "no.json" in wrong.err
    assert qfin("replay", "risk/ffff", "--store", full).code == 2
