"""The artifact store: what stages hand to each other.

One root (a folder, or any URI that pyarrow's file systems take), one folder a stage, one immutable folder an artifact,
named by the hash of what determined it: stage, inputs (data, configuration, seed) and code version. An artifact is
published whole or not at all: written to a temporary folder, flushed to disk, renamed into place, with a manifest that
carries the SHA-256 of each of its files. On an object store, which has no rename, the manifest is uploaded last, and
what has no manifest is not an artifact.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from pyarrow import ArrowInvalid, fs

import qfin
from qfin.errors import StoreError

MANIFEST = "manifest.json"
DEFAULT_ROOT = "store"
_signed: ContextVar[Mapping[str, str] | None] = ContextVar("signed", default=None)
_LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "arch", "numba", "qiskit", "QuantLib")


@dataclass(frozen=True)
class Artifact:
    """One published, immutable result of a stage.

    `folder` is where its files can be read on this machine; `inputs` is what determined it, artifacts it was made from
    included (as references `stage/id`); `summary` is what the stage says of it in a few figures.
    """

    stage: str
    id: str
    folder: Path
    inputs: Mapping[str, Any]
    parents: Mapping[str, str]
    summary: Mapping[str, Any]
    code: Mapping[str, str]
    files: Mapping[str, Mapping[str, Any]]
    location: str
    reused: bool = False

    @property
    def ref(self) -> str:
        """`stage/id`: how other artifacts and people name this one."""
        return f"{self.stage}/{self.id}"

    def path(self, name: str) -> Path:
        """Path of one of its files.

        Raises
        ------
        StoreError
            if the artifact has no such file.
        """
        if name not in self.files:
            raise StoreError(f"artifact {self.ref} has no file {name!r}; it has: {', '.join(self.files)}")
        return self.folder / name

    def json(self, name: str) -> Any:
        """Content of one of its JSON files."""
        return json.loads(self.path(name).read_text(encoding="utf-8"))


class Store:
    """Artifacts under one root.

    Parameters
    ----------
    root : a folder or a URI (`s3://bucket/prefix`, `gs://...`, `file:///...`); by default the environment variable
        `QFIN_STORE`, else the folder `store` here.
    filesystem : a pyarrow file system, if the root alone does not say which.

    Raises
    ------
    StoreError
        if the root is not a place that can hold a store.
    """

    def __init__(self, root: str | Path | None = None, filesystem: fs.FileSystem | None = None) -> None:
        self.root = str(root or os.environ.get("QFIN_STORE") or DEFAULT_ROOT)
        if filesystem is None and "://" in self.root:
            try:
                filesystem, self._base = fs.FileSystem.from_uri(self.root)
            except (ArrowInvalid, OSError) as error:
                raise StoreError(f"{self.root} cannot be used as a store: {_first_line(error)}") from None
        elif filesystem is None:
            filesystem, self._base = fs.LocalFileSystem(), str(Path(self.root).expanduser().absolute())
        else:
            self._base = self.root
        self._fs = filesystem
        self._local = isinstance(filesystem, fs.LocalFileSystem)

    def __repr__(self) -> str:
        return f"Store({self.root!r})"

    def publish(
        self,
        stage: str,
        inputs: Mapping[str, Any],
        write: Callable[[Path], Mapping[str, Any]],
        parents: Mapping[str, Artifact] | None = None,
    ) -> Artifact:
        """The artifact that `inputs` and `parents` determine: found if it is there, else made by `write` and published.

        Parameters
        ----------
        stage : folder it goes to ("ingest", "train", ...)
        inputs : what determines it besides its parents; JSON values
        write : writes its files into the folder it is given and returns its summary (JSON values)
        parents : artifacts it is made from, by role

        Raises
        ------
        StoreError
            if the store cannot be written (read-only, full), or what is there does not match its manifest.
        """
        refs = {role: parent.ref for role, parent in (parents or {}).items()}
        code = code_version()
        identity = _identity(stage, inputs, refs, code)
        found = self._find(stage, identity)
        if found is not None:
            return found
        target = f"{self._base}/{stage}/{identity}"
        scratch = self._scratch(stage)
        try:
            summary = self._written(write, scratch)
            about = {
                "stage": stage,
                "id": identity,
                "inputs": inputs,
                "parents": refs,
                "summary": summary,
                "code": code,
            }
            self._seal(scratch, target, about)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        published = self._find(stage, identity)
        if published is None:
            raise StoreError(
                f"{target} stands where an artifact belongs and has no manifest; delete it and run again"
            )
        return _with(published, reused=False)

    def get(self, ref: str | Path) -> Artifact:
        """The artifact a reference names: `stage/id`, an id, a unique beginning of either, or a folder's path.

        Raises
        ------
        StoreError
            if there is none or more than one, or its files do not match its manifest.
        """
        text = str(ref).rstrip("/")
        if (Path(text) / MANIFEST).is_file():
            return self._read(Path(text), text)
        stage, _, beginning = text.rpartition("/")
        matches = [r for r in self.refs(stage or None) if r.rpartition("/")[2].startswith(beginning)]
        if len(matches) != 1:
            raise StoreError(
                f"{len(matches)} artifacts match {text!r} in {self.root}"
                + (
                    f": {', '.join(matches[:5])}; write more of the id"
                    if matches
                    else "; `qfin show` lists what there is"
                )
            )
        found = self._find(*matches[0].split("/"))
        assert found is not None
        return found

    def refs(self, stage: str | None = None) -> list[str]:
        """References of the artifacts there are, sorted; of one stage if it is given."""
        stages = [stage] if stage else self._children(self._base)
        return [
            f"{s}/{identity}"
            for s in stages
            for identity in self._children(f"{self._base}/{s}")
            if not identity.startswith(".") and self._is_file(f"{self._base}/{s}/{identity}/{MANIFEST}")
        ]

    def lineage(self, artifact: Artifact) -> list[Artifact]:
        """The artifact and everything it was made from, nearest first."""
        seen: dict[str, Artifact] = {}
        waiting = [artifact]
        while waiting:
            current = waiting.pop(0)
            if current.ref not in seen:
                seen[current.ref] = current
                waiting += [self.get(ref) for ref in current.parents.values()]
        return list(seen.values())

    def _written(self, write: Callable[[Path], Mapping[str, Any]], scratch: Path) -> Mapping[str, Any]:
        """Run `write`; an OSError is the store's only if it is about the scratch folder or the disk."""
        try:
            return write(scratch)
        except OSError as error:
            about_disk = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
            if about_disk or str(error.filename or "").startswith(str(scratch)):
                raise self._cannot_write(error) from error
            raise

    def _seal(self, scratch: Path, target: str, about: Mapping[str, Any]) -> None:
        """Add the manifest to a finished folder and put the folder in its place."""
        try:
            files = {p.relative_to(scratch).as_posix(): _digest(p) for p in _files(scratch)}
            (scratch / MANIFEST).write_bytes(_canonical({**about, "files": files}, indent=1))
            for path in [*_files(scratch), *_folders(scratch), scratch]:
                _flush(path)
            self._move(scratch, target)
        except OSError as error:
            raise self._cannot_write(error) from error

    def _children(self, folder: str) -> list[str]:
        try:
            infos = self._fs.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        except OSError as error:
            raise self._cannot_read(error) from error
        return sorted(info.base_name for info in infos if info.type == fs.FileType.Directory)

    def _is_file(self, path: str) -> bool:
        try:
            return bool(self._fs.get_file_info(path).type == fs.FileType.File)
        except OSError as error:
            raise self._cannot_read(error) from error

    def _find(self, stage: str, identity: str) -> Artifact | None:
        location = f"{self._base}/{stage}/{identity}"
        if not self._is_file(f"{location}/{MANIFEST}"):
            return None
        folder = Path(location) if self._local else self._cached(location, stage, identity)
        return self._read(folder, location)

    def _cached(self, location: str, stage: str, identity: str) -> Path:
        """A local copy of an artifact of an object store, whole or not there."""
        root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "qfin" / "artifacts"
        copy = root / hashlib.sha256(self._base.encode()).hexdigest()[:12] / stage / identity
        if (copy / MANIFEST).is_file():
            return copy
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".writing-", dir=copy.parent) as scratch:
                folder, local = Path(scratch) / identity, fs.LocalFileSystem()
                folder.mkdir()
                fs.copy_files(location, str(folder), source_filesystem=self._fs, destination_filesystem=local)
                _rename(folder, str(copy))
        except OSError as error:
            raise StoreError(f"{location} cannot be copied to {copy}: {_first_line(error)}") from error
        return copy

    def _read(self, folder: Path, location: str) -> Artifact:
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            artifact = Artifact(folder=folder, location=location, reused=True, **manifest)
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"{folder / MANIFEST} is damaged ({error}); delete the folder and run again"
            ) from None
        except OSError as error:
            raise self._cannot_read(error) from error
        if _identity(artifact.stage, artifact.inputs, artifact.parents, artifact.code) != artifact.id:
            raise StoreError(
                f"{folder / MANIFEST} does not match the artifact's id {artifact.id} (it was edited); "
                "delete the folder and run again"
            )
        for name, stated in artifact.files.items():
            path = folder / name
            if not path.is_file():
                raise StoreError(
                    f"{path} is missing from artifact {artifact.ref}; delete the folder and run again"
                )
            if self._digest_of(path) != stated:
                raise StoreError(
                    f"{path} does not match its manifest (SHA-256 differs); delete {folder} and run again"
                )
        return artifact

    def _digest_of(self, path: Path) -> dict[str, Any]:
        try:
            return _digest(path)
        except OSError as error:
            raise self._cannot_read(error) from error

    def _scratch(self, stage: str) -> Path:
        try:
            if not self._local:
                return Path(tempfile.mkdtemp(prefix="qfin-"))
            parent = Path(self._base) / stage
            parent.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix=".writing-", dir=parent))
        except OSError as error:
            raise self._cannot_write(error) from error

    def _move(self, scratch: Path, target: str) -> None:
        if self._local:
            scratch.chmod(0o755)
            if _rename(scratch, target):
                _flush(Path(target).parent)
            return
        local = fs.LocalFileSystem()
        for path in sorted(_files(scratch), key=lambda p: p.name == MANIFEST):
            destination = f"{target}/{path.relative_to(scratch).as_posix()}"
            self._fs.create_dir(destination.rpartition("/")[0])
            fs.copy_files(str(path), destination, source_filesystem=local, destination_filesystem=self._fs)

    def _cannot_read(self, error: OSError) -> StoreError:
        return StoreError(
            f"the store {self.root} cannot be read ({_first_line(error)}); check the path and its rights"
        )

    def _cannot_write(self, error: OSError) -> StoreError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what = "is full; free some space or choose another place"
        elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            what = "cannot be written (read-only); choose another place"
        else:
            what = f"cannot be written ({_first_line(error)}); choose another place"
        return StoreError(f"the store {self.root} {what} with --store or QFIN_STORE; nothing was published")


def code_version() -> dict[str, str]:
    """What computes an artifact: qfin's version and source hash, Python's and the numerical libraries' versions."""
    return dict(_signed.get() or _this_code())


@contextmanager
def signed(code: Mapping[str, str]) -> Iterator[None]:
    """While the context lasts, artifacts are named as if `code` made them: how a replay gets the names, and the files
    that quote them, of what it is compared with."""
    token = _signed.set(code)
    try:
        yield
    finally:
        _signed.reset(token)


@lru_cache(maxsize=1)
def _this_code() -> dict[str, str]:
    source = hashlib.sha256()
    package = Path(qfin.__file__).parent
    for path in sorted(p for p in package.rglob("*") if p.suffix in {".py", ".html", ".css"}):
        source.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    return {
        "qfin": f"{qfin.__version__}+{source.hexdigest()[:12]}",
        "python": platform.python_version(),
        **versions,
    }


def content_hash(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form."""
    return hashlib.sha256(_canonical(value)).hexdigest()


def _identity(stage: str, inputs: Any, parents: Mapping[str, str], code: Mapping[str, str]) -> str:
    return hashlib.sha256(_canonical([stage, inputs, dict(parents), dict(code)])).hexdigest()[:20]


def _canonical(value: Any, indent: int | None = None) -> bytes:
    return json.dumps(value, sort_keys=True, indent=indent, allow_nan=False, ensure_ascii=False).encode()


def _digest(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_dir())


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(scratch: Path, target: str) -> bool:
    """Put a finished folder in its place; False if another run has put the same there first."""
    try:
        os.rename(scratch, target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        return False
    return True


def _with(artifact: Artifact, **changes: Any) -> Artifact:
    return Artifact(**{**vars(artifact), **changes})


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
