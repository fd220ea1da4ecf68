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
from collections.abc import Callable, Mapping
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
        identity = hashlib.sha256(_canonical([stage, inputs, refs, code])).hexdigest()[:20]
        found = self._find(stage, identity)
        if found is not None:
            return found
        target = f"{self._base}/{stage}/{identity}"
        scratch = self._scratch(stage)
        try:
            summary = write(scratch)
            manifest = {
                "stage": stage,
                "id": identity,
                "inputs": inputs,
                "parents": refs,
                "summary": summary,
                "code": code,
                "files": {p.relative_to(scratch).as_posix(): _digest(p) for p in _files(scratch)},
            }
            (scratch / MANIFEST).write_bytes(_canonical(manifest, indent=1))
            for path in [*_files(scratch), scratch]:
                _flush(path)
            self._move(scratch, target)
        except OSError as error:
            raise self._cannot_write(error) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        published = self._find(stage, identity)
        if published is None:
            raise StoreError(f"artifact {stage}/{identity} was published but cannot be found in {self.root}")
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
                + (f": {', '.join(matches[:5])}; write more of the id" if matches else "; `qfin show` lists what there is")
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
            if not identity.startswith(".")
            and self._fs.get_file_info(f"{self._base}/{s}/{identity}/{MANIFEST}").type == fs.FileType.File
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

    def _children(self, folder: str) -> list[str]:
        infos = self._fs.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        return sorted(info.base_name for info in infos if info.type == fs.FileType.Directory)

    def _find(self, stage: str, identity: str) -> Artifact | None:
        location = f"{self._base}/{stage}/{identity}"
        if self._fs.get_file_info(f"{location}/{MANIFEST}").type != fs.FileType.File:
            return None
        if self._local:
            return self._read(Path(location), location)
        cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "qfin" / stage / identity
        if not (cache / MANIFEST).is_file():
            cache.mkdir(parents=True, exist_ok=True)
            fs.copy_files(location, str(cache), source_filesystem=self._fs, destination_filesystem=fs.LocalFileSystem())
        return self._read(cache, location)

    def _read(self, folder: Path, location: str) -> Artifact:
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            artifact = Artifact(folder=folder, location=location, reused=True, **manifest)
        except (ValueError, TypeError) as error:
            raise StoreError(f"{folder / MANIFEST} is damaged ({error}); delete the folder and run again") from None
        for name, stated in artifact.files.items():
            path = folder / name
            if not path.is_file():
                raise StoreError(f"{path} is missing from artifact {artifact.ref}; delete the folder and run again")
            if _digest(path) != stated:
                raise StoreError(
                    f"{path} does not match its manifest (SHA-256 differs); delete {folder} and run again"
                )
        return artifact

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
            try:
                os.rename(scratch, target)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                return  # another run published the same artifact first
            _flush(Path(target).parent)
            return
        local = fs.LocalFileSystem()
        for path in sorted(_files(scratch), key=lambda p: p.name == MANIFEST):
            destination = f"{target}/{path.relative_to(scratch).as_posix()}"
            self._fs.create_dir(destination.rpartition("/")[0])
            fs.copy_files(str(path), destination, source_filesystem=local, destination_filesystem=self._fs)

    def _cannot_write(self, error: OSError) -> StoreError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what = "is full; free some space or choose another place"
        elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            what = "cannot be written (read-only); choose another place"
        else:
            what = f"cannot be written ({_first_line(error)}); choose another place"
        return StoreError(f"the store {self.root} {what} with --store or QFIN_STORE; nothing was published")


@lru_cache(maxsize=1)
def code_version() -> dict[str, str]:
    """What computed an artifact: qfin's version and source hash, Python's and the numerical libraries' versions."""
    source = hashlib.sha256()
    package = Path(qfin.__file__).parent
    for path in sorted(p for p in package.rglob("*") if p.suffix in {".py", ".html", ".css"}):
        source.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    return {"qfin": f"{qfin.__version__}+{source.hexdigest()[:12]}", "python": platform.python_version(), **versions}


def content_hash(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form."""
    return hashlib.sha256(_canonical(value)).hexdigest()


def _canonical(value: Any, indent: int | None = None) -> bytes:
    return json.dumps(value, sort_keys=True, indent=indent, allow_nan=False, ensure_ascii=False).encode()


def _digest(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _with(artifact: Artifact, **changes: Any) -> Artifact:
    return Artifact(**{**vars(artifact), **changes})


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
