"""Exchange rates from the European Central Bank."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from qfin.errors import BackendError
from qfin.market._fx import cross_rates
from qfin.market.readers._base import ECB_ATTRIBUTION, Reader
from qfin.market.readers._download import Cache, Download, download
from qfin.market.readers._text import parse_prices

URL = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip"
Pair = Annotated[str, Field(pattern="^[A-Z]{6}$")]


class EcbRates(Reader):
    """Exchange rates since 1999, downloaded: cross rates of the ECB's euro reference rates.

    Parameters
    ----------
    pairs : exchange rates, each two ISO codes: EURUSD is dollars for one euro
    url : address of the history file, a zip with one CSV of units for one euro
    cache : folder that keeps the last file; by default `qfin/ecb` in XDG_CACHE_HOME (~/.cache)
    timeout : seconds for one attempt
    attempts : how often to try when the server or the way to it fails for the moment
    max_bytes : size above which the file, zipped or not, is refused
    max_stale_days : if the download fails, use what the cache has if it is not older than this, and say so
    """

    attribution = ECB_ATTRIBUTION

    def __init__(
        self,
        pairs: Annotated[Sequence[Pair], Field(min_length=1)] = ("EURUSD", "GBPUSD", "USDJPY", "USDCAD"),
        url: Annotated[str, Field(pattern="^https?://")] = URL,
        cache: str | Path | None = None,
        timeout: Annotated[float, Field(gt=0)] = 30.0,
        attempts: Annotated[int, Field(ge=1, le=10)] = 4,
        max_bytes: Annotated[int, Field(ge=1)] = 32 * 1024 * 1024,
        max_stale_days: Annotated[float, Field(ge=0)] = 4.0,
    ) -> None:
        self.pairs = pairs
        self.url = url
        self.cache = cache
        self.timeout = timeout
        self.attempts = attempts
        self.max_bytes = max_bytes
        self.max_stale_days = max_stale_days

    def read(self) -> pd.DataFrame:
        """Rates by date, oldest first (the ECB's file is newest first); days without any fixing are left out.

        Raises
        ------
        BackendError
            if there is no usable file to be had, with `retry` where trying again later can help.
        DataError
            if the file cannot be read as rates, or does not quote a currency.
        """
        quotes, notes = self._quotes()
        prices = cross_rates(quotes.dropna(how="all").sort_index(), self.pairs)
        if notes:
            prices.attrs["notes"] = notes
        return prices

    def _quotes(self) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
        cache = Cache(Path(self.cache).expanduser() if self.cache else _default_cache(), self.url)
        known = cache.load()
        try:
            new = download(
                self.url, timeout=self.timeout, attempts=self.attempts, max_bytes=self.max_bytes, known=known
            )
            quotes = self._parsed(new or known)
        except BackendError as error:
            return self._fallback(error, cache, known)
        if new is None:
            cache.touch()
        else:
            cache.save(new)
        return quotes, []

    def _fallback(
        self, error: BackendError, cache: Cache, known: Download | None
    ) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
        if known is None or cache.age_days() > self.max_stale_days:
            raise error
        what = str(error).rpartition(";")[0]
        message = f"{what}: the rates are those of {cache.age_days():.1f} days ago, from the cache"
        warnings.warn(message, stacklevel=4)
        return self._parsed(known), [{"check": "source", "message": message}]

    def _parsed(self, file: Download | None) -> pd.DataFrame:
        assert file is not None
        return parse_prices(_unzipped(file, self.url, self.max_bytes), self.url)


def _default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "qfin" / "ecb"


def _unzipped(file: Download, url: str, max_bytes: int) -> str:
    """Text of the one CSV in a zip, of which no more than `max_bytes` are unpacked."""
    if not file.body.startswith(b"PK"):
        raise BackendError(f"{url} serves {file.content_type or 'something'}, not a zip; check the address")
    try:
        with zipfile.ZipFile(io.BytesIO(file.body)) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
            if len(names) != 1:
                raise BackendError(f"{url} is a zip with {len(names)} CSV files, not one; check the address")
            with archive.open(names[0]) as member:
                content = member.read(max_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BackendError(f"{url} serves a damaged zip ({error}); try again later", retry=True) from None
    if len(content) > max_bytes:
        raise BackendError(f"{url} unpacks to more than {max_bytes:,} bytes; check the address")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BackendError(f"{url} unpacks to something that is not text; check the address") from None
