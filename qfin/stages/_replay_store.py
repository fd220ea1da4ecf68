"""The store that a replay publishes to: artifacts made again, each under the name of the one it is compared with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qfin.errors import StoreError
from qfin.store import Artifact, Store, signed


class Replica(Store):
    """Artifacts of another store, made again.

    Files quote the names of what they were made from and the code that made them. To be compared byte by byte, an
    artifact that is made again gets its original's inputs, parents and code, hence its id.

    Attributes
    ----------
    inputs : by reference, what the code of today says determines the artifact
    """

    def __init__(self, root: str | Path) -> None:
        super().__init__(root)
        self.inputs: dict[str, Mapping[str, Any]] = {}
        self._original: Artifact | None = None

    def again(self, original: Artifact, make: Callable[[], Artifact]) -> Artifact:
        """The artifact that `make` publishes here, under the name of the original."""
        self._original = original
        try:
            return make()
        finally:
            self._original = None

    def take(self, original: Artifact) -> Artifact:
        """A copy of the original as it is, in the place of what was made of it here."""
        folder = Path(self.root) / original.ref
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(original.folder, folder)
        return self.get(original.ref)

    def publish(
        self,
        stage: str,
        inputs: Mapping[str, Any],
        write: Callable[[Path], Mapping[str, Any]],
        parents: Mapping[str, Artifact] | None = None,
    ) -> Artifact:
        """The original made again; what a stage makes on the way is a parent, and is here.

        Raises
        ------
        StoreError
            if the original was not made from anything of this stage.
        """
        original = self._original
        if original is None or stage != original.stage:
            return self._parent(stage)
        self.inputs[original.ref] = json.loads(json.dumps(inputs))
        sources = {role: self.get(ref) for role, ref in original.parents.items()}
        with signed(original.code):
            return super().publish(stage, original.inputs, write, sources)

    def _parent(self, stage: str) -> Artifact:
        refs = {} if self._original is None else self._original.parents
        for ref in refs.values():
            if ref.partition("/")[0] == stage:
                return self.get(ref)
        raise StoreError(
            f"a replay asked for a {stage!r} artifact, and the original was not made from one; run it again"
        )
