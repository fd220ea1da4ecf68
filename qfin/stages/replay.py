"""An artifact and everything it was made from, made again and compared byte by byte."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from qfin.errors import ConfigError
from qfin.stages._recorded import Sources, recorded_portfolio
from qfin.stages._replay_differences import Difference, differences, value_differences
from qfin.stages._replay_prices import check_data, why_taken
from qfin.stages._replay_recipes import RECIPES, Recipe
from qfin.stages._replay_store import Replica
from qfin.store import MANIFEST, Artifact, Store, code_version

_ID = 8  # characters of an id that people read


class Verdict(StrEnum):
    """What became of a file."""

    SAME = "same"
    TIMINGS = "same but for timings"
    DIFFERS = "differs"
    MISSING = "missing: not made again"
    NEW = "new: not in the store"


@dataclass(frozen=True)
class ReplayedFile:
    """One file of an artifact, stored and made again.

    Attributes
    ----------
    name : its name; `manifest.json` stands for the artifact's summary
    verdict : what became of it
    where : the places in which the two differ
    """

    name: str
    verdict: Verdict
    where: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class ReplayedArtifact:
    """One artifact of a lineage.

    Attributes
    ----------
    original : as it is stored
    files : what became of each of its files; none if it was taken from the store
    taken : why it was taken from the store as it is; None: it was made again
    settings : inputs that the code of today states otherwise (a setting that has come since)
    """

    original: Artifact
    files: tuple[ReplayedFile, ...] = ()
    taken: str | None = None
    settings: tuple[Difference, ...] = ()

    @property
    def name(self) -> str:
        """Stage and the beginning of the id."""
        return f"{self.original.stage}/{self.original.id[:_ID]}"


@dataclass(frozen=True)
class Replay:
    """What a replay found.

    Attributes
    ----------
    artifacts : those of the lineage, sources first
    versions : of code and libraries that differ, then and now
    """

    artifacts: tuple[ReplayedArtifact, ...]
    versions: Mapping[str, tuple[str, str]]

    @property
    def same(self) -> bool:
        """Whether every file that was made again has the same bytes, timings apart."""
        return not self._named(Verdict.DIFFERS, Verdict.MISSING, Verdict.NEW)

    @property
    def sentence(self) -> str:
        """What was found, in one sentence."""
        files = [file for artifact in self.artifacts for file in artifact.files]
        again = sum(artifact.taken is None for artifact in self.artifacts)
        same = sum(file.verdict is Verdict.SAME for file in files)
        wrong = self._named(Verdict.DIFFERS, Verdict.MISSING, Verdict.NEW)
        timed, taken = self._named(Verdict.TIMINGS), [a.name for a in self.artifacts if a.taken is not None]
        count = f"all {same}" if same == len(files) else f"{same} of {len(files)}"
        parts = [
            f"{'not ' if wrong else ''}reproduced: {count} files of {again} artifacts have the same bytes"
        ]
        parts += [f"{', '.join(wrong)} {_plural(wrong, 'differs', 'differ')}"] if wrong else []
        parts += (
            [f"{', '.join(timed)} {_plural(timed, 'differs', 'differ')} in timings only"] if timed else []
        )
        parts += [f"{', '.join(taken)} {_plural(taken, 'was', 'were')} taken from the store"] if taken else []
        return "; ".join(parts)

    def _named(self, *verdicts: Verdict) -> list[str]:
        return [
            f"{artifact.name}/{file.name}"
            for artifact in self.artifacts
            for file in artifact.files
            if file.verdict in verdicts
        ]


def replay(
    artifact: Artifact, store: Store, data: str | Path | None = None, portfolio: str | Path | None = None
) -> Replay:
    """Make an artifact and all it was made from again, in a store of its own that is thrown away, and compare.

    Settings are those that the artifacts record. Nothing in `store` is touched. What cannot be made again is taken
    from the store as it is: prices of a source that is not read again, draws of a device.

    Parameters
    ----------
    data : file of prices, where the history was read from one; None: the history is taken from the store, unless it is
        a shipped data set, which is read again
    portfolio : file of the portfolio; None: the one that the artifact keeps

    Raises
    ------
    ConfigError
        if an artifact's settings or stage are not of this version of qfin, or a source cannot be told.
    DataError
        if prices or portfolio are not those that are recorded; the message names them and both hashes.
    StoreError
        if something of the lineage is missing or damaged.
    """
    lineage = _parents_first(store.lineage(artifact))
    sources = Sources(*(None if path is None else Path(path) for path in (data, portfolio)))
    _check(lineage, sources)
    with tempfile.TemporaryDirectory(prefix="qfin-replay-") as folder:
        replica = Replica(folder)
        replayed = tuple(_replayed(original, replica, sources) for original in lineage)
    return Replay(replayed, _versions(lineage, replica.inputs))


def _parents_first(lineage: Sequence[Artifact]) -> list[Artifact]:
    known = {artifact.ref: artifact for artifact in lineage}
    order = TopologicalSorter({ref: set(artifact.parents.values()) for ref, artifact in known.items()})
    return [known[ref] for ref in order.static_order()]


def _check(lineage: list[Artifact], sources: Sources) -> None:
    """Find out before anything long starts what cannot be replayed."""
    for artifact in lineage:
        if artifact.stage not in RECIPES:
            raise ConfigError(
                f"{artifact.ref} cannot be replayed; artifacts that can are those of {', '.join(RECIPES)}"
            )
        if "portfolio_hash" in artifact.inputs:
            recorded_portfolio(artifact, sources)
    check_data(lineage, sources)


def _replayed(original: Artifact, replica: Replica, sources: Sources) -> ReplayedArtifact:
    taken = why_taken(original, sources)
    if taken is not None:
        replica.take(original)
        return ReplayedArtifact(original, taken=taken)
    recipe = Recipe(original, replica, sources)
    made = replica.again(original, lambda: RECIPES[original.stage](recipe))
    files = tuple(_compared(original, made))
    if _only_timings(files):  # what is made of it quotes them
        replica.take(original)
    settings = value_differences(original.inputs, replica.inputs[original.ref])
    return ReplayedArtifact(
        original, files, settings=tuple(s for s in settings if not s.where.startswith("versions."))
    )


def _compared(original: Artifact, made: Artifact) -> list[ReplayedFile]:
    files = [_file(name, original, made) for name in sorted(original.files.keys() | made.files.keys())]
    summary = tuple(value_differences(original.summary, made.summary, "summary"))
    return [*files, ReplayedFile(MANIFEST, Verdict.DIFFERS, summary)] if summary else files


def _file(name: str, original: Artifact, made: Artifact) -> ReplayedFile:
    if name not in made.files:
        return ReplayedFile(name, Verdict.MISSING)
    if name not in original.files:
        return ReplayedFile(name, Verdict.NEW)
    if original.files[name]["sha256"] == made.files[name]["sha256"]:
        return ReplayedFile(name, Verdict.SAME)
    where = differences(original.path(name), made.path(name))
    timed = all(difference.is_timing for difference in where)
    return ReplayedFile(name, Verdict.TIMINGS if timed else Verdict.DIFFERS, where)


def _only_timings(files: Sequence[ReplayedFile]) -> bool:
    verdicts = {file.verdict for file in files}
    return Verdict.TIMINGS in verdicts and verdicts <= {Verdict.SAME, Verdict.TIMINGS}


def _versions(
    lineage: Sequence[Artifact], inputs: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[str, str]]:
    """Versions of code and libraries, of backends' too, that are not those of today."""
    pairs = [(artifact.code, code_version()) for artifact in lineage]
    pairs += [(a.inputs.get("versions", {}), inputs.get(a.ref, {}).get("versions", {})) for a in lineage]
    return {
        name: (then[name], now.get(name, "not here"))
        for then, now in pairs
        if now
        for name in then
        if then[name] != now.get(name)
    }


def _plural(names: Sequence[str], one: str, more: str) -> str:
    return one if len(names) == 1 else more
