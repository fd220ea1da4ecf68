"""The store: what it publishes, finds and names, on a folder and on another file system."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import fs

from qfin import store as module
from qfin.errors import StoreError
from qfin.store import Store, code_version, content_hash


def writes(text: str = "prices", **summary: Any) -> Callable[[Path], Mapping[str, Any]]:
    def write(folder: Path) -> Mapping[str, Any]:
        (folder / "a.txt").write_text(text)
        (folder / "inner").mkdir()
        (folder / "inner" / "b.json").write_text(json.dumps({"x": 1}))
        return summary

    return write


def never(folder: Path) -> Mapping[str, Any]:
    raise AssertionError("made again")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store on a file system that is not the local one, as an object store is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bucket").mkdir()
    return Store("prefix", fs.SubTreeFileSystem(str(tmp_path / "bucket"), fs.LocalFileSystem()))


def test_publish(store: Store, tmp_path: Path) -> None:
    made = store.publish("ingest", {"seed": 7}, writes(days=3))
    assert made.ref == f"ingest/{made.id}"
    assert made.folder == tmp_path / "store" / "ingest" / made.id
    assert made.path("a.txt").read_text() == "prices"
    assert made.json("inner/b.json") == {"x": 1}
    assert list(made.files) == ["a.txt", "inner/b.json"]
    assert (made.inputs, made.summary, made.parents) == ({"seed": 7}, {"days": 3}, {})
    assert made.code == code_version()
    assert not made.reused
    assert sorted(p.name for p in made.folder.parent.iterdir()) == [made.id]  # no scratch left
    with pytest.raises(StoreError, match=r"has no file 'c.txt'; it has: a.txt, inner/b.json"):
        made.path("c.txt")


def test_the_same_inputs_are_made_once(store: Store) -> None:
    made = store.publish("ingest", {"seed": 7, "x": [1, 2.5]}, writes())
    again = store.publish("ingest", {"x": [1, 2.5], "seed": 7}, never)
    assert again.id == made.id
    assert again.reused


def test_anything_that_determines_it_changes_the_id(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = store.publish("ingest", {"seed": 7}, writes())
    other = store.publish("ingest", {"seed": 8}, writes())
    ids = {parent.id, other.id}
    ids.add(store.publish("encode", {"seed": 7}, writes()).id)
    ids.add(store.publish("encode", {"seed": 7}, writes(), {"history": parent}).id)
    ids.add(store.publish("encode", {"seed": 7}, writes(), {"history": other}).id)
    ids.add(store.publish("encode", {"seed": 7}, writes(), {"prices": parent}).id)
    monkeypatch.setattr(module, "code_version", lambda: {"qfin": "next"})
    ids.add(store.publish("ingest", {"seed": 7}, writes()).id)
    assert len(ids) == 7


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=25)
@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_whatever_the_inputs_they_come_back_and_are_found_again(
    tmp_path_factory: pytest.TempPathFactory, inputs: dict[str, Any]
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    made = store.publish("ingest", inputs, writes())
    assert store.get(made.id).inputs == inputs
    assert store.publish("ingest", json.loads(json.dumps(inputs)), never).id == made.id


def test_content_hash() -> None:
    assert content_hash({"a": 1, "b": [2]}) == content_hash({"b": [2], "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": "1"})


def test_get_by_whatever_names_it(store: Store) -> None:
    made = store.publish("ingest", {"seed": 7}, writes())
    for name in (made.ref, made.id, made.id[:6], f"ingest/{made.id[:6]}", made.folder, f"{made.folder}/"):
        assert store.get(name).id == made.id
    with pytest.raises(StoreError, match=r"0 artifacts match 'zzz' in .*; `qfin show` lists what there is"):
        store.get("zzz")
    with pytest.raises(StoreError, match="0 artifacts match 'train/"):
        store.get(f"train/{made.id}")


def test_a_beginning_must_be_unique(store: Store) -> None:
    ids = [
        store.publish("ingest", {"seed": seed}, writes()).id for seed in range(17)
    ]  # two share their first digit
    first = next(i[0] for i in ids if sum(j.startswith(i[0]) for j in ids) > 1)
    with pytest.raises(
        StoreError, match=rf"artifacts match '{first}' in .*: ingest/{first}.*; write more of the id"
    ):
        store.get(first)
    assert store.refs() == store.refs("ingest") == sorted(f"ingest/{i}" for i in ids)
    assert store.refs("train") == []


def test_lineage(store: Store) -> None:
    history = store.publish("ingest", {}, writes())
    encoding = store.publish("encode", {}, writes(), {"history": history})
    model = store.publish("train", {}, writes(), {"encoding": encoding, "history": history})
    assert [a.stage for a in store.lineage(model)] == ["train", "encode", "ingest"]


def test_where_the_root_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFIN_STORE", str(tmp_path / "env"))
    assert Store().publish("ingest", {}, writes()).folder.is_relative_to(tmp_path / "env")
    assert Store(tmp_path / "given").publish("ingest", {}, writes()).folder.is_relative_to(tmp_path / "given")
    by_uri = Store(f"file://{tmp_path}/uri").publish("ingest", {}, writes())
    assert by_uri.folder.is_relative_to(tmp_path / "uri")
    monkeypatch.delenv("QFIN_STORE")
    monkeypatch.chdir(tmp_path)
    assert Store().publish("ingest", {}, writes()).folder.is_relative_to(tmp_path / "store")
    with pytest.raises(StoreError, match="nosuch://bucket cannot be used as a store"):
        Store("nosuch://bucket")


def _publish(root: Path, barrier: Any, text: str) -> str:
    barrier.wait()
    return Store(root).publish("ingest", {"seed": 7}, writes(text * 10_000)).id


def test_runs_that_publish_the_same_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    workers = [context.Process(target=_publish, args=(tmp_path / "s", barrier, "x")) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0] * 4
    (folder,) = (tmp_path / "s" / "ingest").iterdir()
    assert Store(tmp_path / "s").get(folder.name).path("a.txt").stat().st_size == 10_000


def test_another_file_system(remote: Store, tmp_path: Path) -> None:
    made = remote.publish("ingest", {"seed": 7}, writes(days=3))
    assert (tmp_path / "bucket" / "prefix" / "ingest" / made.id / "inner" / "b.json").is_file()
    assert made.folder.is_relative_to(tmp_path / "cache")
    assert made.path("a.txt").read_text() == "prices"
    assert remote.publish("ingest", {"seed": 7}, never).reused
    assert remote.get(made.id[:8]).ref == made.ref
    assert remote.refs() == [made.ref]
    child = remote.publish("encode", {}, writes(), {"history": made})
    assert [a.ref for a in remote.lineage(child)] == [child.ref, made.ref]


def test_without_its_manifest_nothing_is_there(remote: Store, tmp_path: Path) -> None:
    """An object store has no rename: an upload that was cut off has all files but the manifest, which goes last."""
    made = remote.publish("ingest", {"seed": 7}, writes())
    (tmp_path / "bucket" / "prefix" / "ingest" / made.id / "manifest.json").unlink()
    assert remote.refs() == []
    assert not remote.publish("ingest", {"seed": 7}, writes()).reused


def test_the_manifest_is_uploaded_last(remote: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    uploaded = []
    whole = fs.copy_files

    def copy(source: str, target: str, **options: Any) -> None:
        uploaded.append(target.rpartition("/")[2])
        whole(source, target, **options)

    def write(folder: Path) -> Mapping[str, Any]:
        (folder / "z.txt").write_text("after the manifest in the alphabet")
        return writes()(folder)

    monkeypatch.setattr(fs, "copy_files", copy)
    made = remote.publish("ingest", {}, write)
    assert sorted(uploaded[:3]) == ["a.txt", "b.json", "z.txt"]
    assert uploaded[3:] == ["manifest.json", made.id]  # ... and then the copy that is read here


def test_two_other_file_systems_do_not_share_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        store = Store(f"of-{name}", fs.SubTreeFileSystem(str(tmp_path / name), fs.LocalFileSystem()))
        made.append(store.publish("ingest", {}, writes(name)))
    assert [artifact.path("a.txt").read_text() for artifact in made] == ["a", "b"]


def test_a_copy_that_was_cut_off_is_made_again(
    remote: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = remote.publish("ingest", {"seed": 7}, writes())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    whole = fs.copy_files

    def cut_off(source: str, target: str, **options: Any) -> None:
        whole(source, target, **options)
        (Path(target) / "a.txt").write_text("pri")
        raise OSError("the connection was reset")

    monkeypatch.setattr(fs, "copy_files", cut_off)
    with pytest.raises(StoreError, match=r"cannot be copied to .*: the connection was reset"):
        remote.get(made.id)
    monkeypatch.setattr(fs, "copy_files", whole)
    assert remote.get(made.id).path("a.txt").read_text() == "prices"
