"""What a replay starts from: prices read again, or artifacts taken from the store because they cannot be made again."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from qfin.errors import ConfigError, DataError, QfinError
from qfin.stages._recorded import Sources, recorded_config
from qfin.stages.ingest import fingerprint, ingest, read_history
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    from qfin.stages.config import HistoryConfig

_FILES = ("csv", "parquet")


def check_data(lineage: list[Artifact], sources: Sources) -> None:
    """Check that a file of prices that is named is one history's.

    Raises
    ------
    ConfigError
        if none or more than one was read from a file.
    """
    read = [artifact.ref for artifact in lineage if _kind(artifact) in _FILES]
    if sources.data is not None and len(read) != 1:
        raise ConfigError(
            f"--data {sources.data}: {len(read)} histories of the lineage were read from a file"
            + (f" ({', '.join(read)}); replay what was made of one" if read else "; leave it out")
        )


def why_taken(original: Artifact, sources: Sources) -> str | None:
    """Why an artifact is taken from the store as it is; None if it can be made again.

    Raises
    ------
    DataError
        if a history that is taken as it is does not hold the data that it is named by.
    """
    if original.stage == "ingest":
        return _why_not_read(original, sources)
    return _why_not_drawn(original) if "backend" in original.inputs else None


def ingest_again(original: Artifact, store: Store, sources: Sources) -> Artifact:
    """An `ingest` artifact made again from its source, without days that came later.

    Raises
    ------
    DataError
        if the source cannot be read or has other data; the message has both hashes.
    """
    reading = original.inputs["reading"]
    place = {"path": str(sources.data)} if _kind(original) in _FILES else {}
    config = recorded_config(original, history={**reading, "reader": reading["reader"] | place})
    if _data(config.history) != original.inputs["data"]:
        last = date.fromisoformat(original.summary["as_of"])
        config.history = config.history.model_copy(update={"end": last})
        _check_same(config.history, original, sources)
    return ingest(config, store, source=original.inputs["source"])


def _kind(artifact: Artifact) -> str | None:
    """A history's reader; None of what is no history, or does not say."""
    kind = artifact.inputs.get("reading", {}).get("reader", {}).get("kind")
    return None if kind is None else str(kind)


def _why_not_read(original: Artifact, sources: Sources) -> str | None:
    kind, source = _kind(original), original.inputs["source"]
    if kind == "bundled" or (kind in _FILES and sources.data is not None):
        return None
    _check_stored(original)
    if kind in _FILES:
        return f"{source} was not read again; name the file with --data"
    return f"{source} may not say today what it said then"


def _why_not_drawn(original: Artifact) -> str | None:
    """Why what needs a backend cannot be made again; None where a simulator of this machine does."""
    from qfin.quantum import BACKENDS

    try:
        backend = BACKENDS.build(original.inputs["backend"])
        if not backend.remote:
            backend.capabilities()
            return None
    except QfinError as error:
        return f"its backend cannot be used here: {error}"
    jobs = ", ".join(original.summary.get("job_ids", ()))
    made = "drawn" if original.stage == "generate" else "trained"
    return f"{made} on {backend.name}{f' (job {jobs})' if jobs else ''}, which draws otherwise each time"


def _data(history: HistoryConfig) -> str:
    from qfin.market import ReturnsFrame

    prices, factors = read_history(history)
    return fingerprint(prices, ReturnsFrame.from_prices(prices, factors))


def _check_same(history: HistoryConfig, original: Artifact, sources: Sources) -> None:
    found, recorded = _data(history), original.inputs["data"]
    if found == recorded:
        return
    named = original.inputs["source"] if sources.data is None else sources.data
    advice = (
        f"replay with qfin {original.code['qfin']}, which came with it"
        if sources.data is None
        else "name the file as it was, or leave out --data to start from the stored history"
    )
    raise DataError(
        f"{named} does not hold the prices of {original.ref}: those had SHA-256 {recorded}, these have {found}; "
        f"{advice}"
    )


def _check_stored(original: Artifact) -> None:
    """Check that a stored history holds the data that its id was made of; its returns are made again for it."""
    import pandas as pd

    from qfin.market import ReturnsFrame

    prices = pd.read_parquet(original.path("prices.parquet")).set_index("date")
    factors = ReturnsFrame.read(original.path("returns.parquet")).factors
    found = fingerprint(prices, ReturnsFrame.from_prices(prices, factors))
    if found != original.inputs["data"]:
        raise DataError(
            f"{original.folder} was changed: its prices had SHA-256 {original.inputs['data']}, they have {found}; "
            "name the source with --data, or delete the folder and run again"
        )
