"""The store when things go wrong: damage, a full or read-only disk, a process killed half-way."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from qfin import store as module
from qfin.errors import DataError, StoreError
from qfin.store import Artifact, Store


def write(folder: Path) -> Mapping[str, Any]:
    (folder / "a.txt").write_text("prices")
    return {}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def made(store: Store) -> Artifact:
    return store.publish("ingest", {"seed": 7}, write)


def test_a_file_that_was_changed(store: Store, made: Artifact) -> None:
    made.path("a.txt").write_text("Prices")
    with pytest.raises(
        StoreError, match=r"a\.txt does not match its manifest \(SHA-256 differs\); delete .* and run again"
    ):
        store.get(made.id)
    with pytest.raises(StoreError, match="does not match its manifest"):
        store.publish("ingest", {"seed": 7}, write)


def test_a_file_that_is_gone(store: Store, made: Artifact) -> None:
    made.path("a.txt").unlink()
    with pytest.raises(
        StoreError, match=rf"a\.txt is missing from artifact ingest/{made.id}; delete the folder"
    ):
        store.get(made.id)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stage": "ingest"}'])
def test_a_manifest_that_is_damaged(store: Store, made: Artifact, text: str) -> None:
    (made.folder / "manifest.json").write_text(text)
    with pytest.raises(
        StoreError, match=r"manifest\.json is damaged \(.*\); delete the folder and run again"
    ):
        store.get(made.id)


@pytest.mark.parametrize(
    ("key", "value"), [("inputs", {"seed": 8}), ("parents", {"x": "ingest/1"}), ("stage", "train")]
)
def test_a_manifest_that_was_edited(store: Store, made: Artifact, key: str, value: object) -> None:
    path = made.folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(
        StoreError, match=f"does not match the artifact's id {made.id} .it was edited.; delete the folder"
    ):
        store.get(made.id)


def test_a_folder_that_stands_in_the_way(store: Store, made: Artifact) -> None:
    (made.folder / "manifest.json").unlink()
    with pytest.raises(
        StoreError, match=f"{made.id} stands where an artifact belongs and has no manifest; delete it"
    ):
        store.publish("ingest", {"seed": 7}, write)


def nothing_is_left(root: Path) -> bool:
    return not any(path.is_file() for path in root.rglob("*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_is_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:

        def too_much(folder: Path) -> Mapping[str, Any]:
            (folder / "a.bin").write_bytes(b"x" * 200_000)
            return {}

        with pytest.raises(
            StoreError, match=r"the store .* is full; free some space .* nothing was published"
        ):
            Store(disk).publish("ingest", {}, too_much)
        assert nothing_is_left(disk)
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("step", ["_flush", "write", "mkdtemp"])
def test_a_disk_that_says_it_is_full(
    store: Store, monkeypatch: pytest.MonkeyPatch, code: int, step: str
) -> None:
    def full(*args: object, **kwargs: object) -> Any:
        raise OSError(code, os.strerror(code))

    if step == "mkdtemp":
        monkeypatch.setattr(module.tempfile, "mkdtemp", full)
    elif step == "_flush":
        monkeypatch.setattr(module, "_flush", full)
    with pytest.raises(
        StoreError, match=r"is full; free some space or choose another place with --store or QFIN_STORE"
    ):
        store.publish("ingest", {}, full if step == "write" else write)
    assert nothing_is_left(Path(store.root))


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_disk_that_says_it_is_read_only(store: Store, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(*args: object, **kwargs: object) -> Any:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module.tempfile, "mkdtemp", refuse)
    with pytest.raises(
        StoreError, match=r"cannot be written \(read-only\); choose another place .* nothing was published"
    ):
        store.publish("ingest", {}, write)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(StoreError, match="read-only"):
        Store(tmp_path / "store").publish("ingest", {}, write)


def test_a_file_where_the_store_should_be(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(
        StoreError, match=r"the store .* cannot be written \(.*Not a directory.*\); choose another place"
    ):
        Store(tmp_path / "store").publish("ingest", {}, write)


def test_an_error_of_the_stage_is_not_the_store_s(store: Store) -> None:
    def missing(folder: Path) -> Mapping[str, Any]:
        return {"size": len(Path("/nowhere/portfolio.json").read_bytes())}

    with pytest.raises(FileNotFoundError):
        store.publish("risk", {}, missing)

    def wrong(folder: Path) -> Mapping[str, Any]:
        (folder / "half.txt").write_text("half")
        raise DataError("EURUSD is constant")

    with pytest.raises(DataError, match="EURUSD is constant"):
        store.publish("risk", {}, wrong)
    assert nothing_is_left(Path(store.root))
    assert store.refs() == []


KILLED = """
import os, signal, sys
from qfin import store
def write(folder):
    (folder / "a.txt").write_text("prices")
    if sys.argv[2] == "write":
        os.kill(os.getpid(), signal.SIGKILL)
    return {}
if sys.argv[2] == "rename":
    store.os.rename = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
store.Store(sys.argv[1]).publish("ingest", {"seed": 7}, write)
"""


@pytest.mark.parametrize("step", ["write", "rename"])
def test_a_process_that_is_killed_leaves_nothing_to_see(store: Store, step: str) -> None:
    process = subprocess.run([sys.executable, "-c", KILLED, store.root, step], capture_output=True)
    assert process.returncode == -signal.SIGKILL
    assert [path.name for path in Path(store.root).rglob("a.txt")] == ["a.txt"]  # it was under way
    assert store.refs() == []
    again = store.publish("ingest", {"seed": 7}, write)
    assert not again.reused
    assert store.refs() == [again.ref]
