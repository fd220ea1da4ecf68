"""One file over HTTP: tried again where that can help, limited in size and time, kept in a cache.

The standard library's client is enough here, except that it takes a body that stops short for a whole one when it is
read in pieces; the length is therefore checked.
"""

from __future__ import annotations

import email.utils
import hashlib
import http.client
import json
import os
import ssl
import tempfile
import time
import urllib.error
import urllib.request
import warnings
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path

import qfin
from qfin.errors import BackendError

_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT = 60.0  # seconds; a server that asks for more is left alone
_PIECE = 1 << 16


@dataclass(frozen=True)
class Download:
    """A file as it was served.

    Parameters
    ----------
    body : its bytes
    etag, modified : what the server calls this version of it (`ETag`, `Last-Modified`), to ask for a newer one with
    content_type : what the server says it is
    """

    body: bytes
    etag: str = ""
    modified: str = ""
    content_type: str = ""


def download(
    url: str, *, timeout: float, attempts: int, max_bytes: int, known: Download | None = None
) -> Download | None:
    """The file at `url`; None if the server says that it still is the one `known`.

    5xx, 408, 425 and 429 answers, connections that fail or break off and bodies that stop short are tried again, after
    half a second, one, two, ... or as long as `Retry-After` says.

    Parameters
    ----------
    timeout : seconds for one attempt, from connecting to the last byte
    attempts : how often to try
    max_bytes : size above which a body is not read

    Raises
    ------
    BackendError
        with `retry` where trying again later can help.
    """
    for attempt in range(1, attempts + 1):
        try:
            return _attempt(url, timeout, max_bytes, known)
        except _Failure as failure:
            wait = failure.wait if failure.wait is not None else 0.5 * 2 ** (attempt - 1)
            if not failure.retry or attempt == attempts or wait > _LONGEST_WAIT:
                tried = f" (tried {attempt} times)" if attempt > 1 else ""
                raise BackendError(f"{url} {failure}{tried}; {failure.advice}", retry=failure.retry) from None
            _sleep(wait)
    raise AssertionError("attempts is at least 1")


_sleep = time.sleep


class _Failure(Exception):
    def __init__(
        self, what: str, *, retry: bool, wait: float | None = None, advice: str | None = None
    ) -> None:
        super().__init__(what)
        self.retry = retry
        self.wait = wait
        self.advice = advice or ("try again later" if retry else "check the address")


def _attempt(url: str, timeout: float, max_bytes: int, known: Download | None) -> Download | None:
    request = urllib.request.Request(url, headers=_headers(known))
    deadline = time.monotonic() + timeout
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            body = _body(response, deadline, max_bytes)
            headers = response.headers
            return Download(
                body, headers.get("ETag", ""), headers.get("Last-Modified", ""), headers.get_content_type()
            )
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 304 and known is not None:
            return None
        retry = error.code in _RETRIED
        raise _Failure(
            f"answered {error.code} {error.reason}", retry=retry, wait=_retry_after(error.headers)
        ) from None
    except urllib.error.URLError as error:
        untrusted = isinstance(error.reason, ssl.SSLCertVerificationError)
        raise _Failure(f"cannot be reached ({_reason(error.reason)})", retry=not untrusted) from None
    except (OSError, http.client.HTTPException) as error:
        raise _Failure(f"broke off ({_reason(error)})", retry=True) from None


def _headers(known: Download | None) -> dict[str, str]:
    headers = {"User-Agent": f"qfin/{qfin.__version__}"}
    if known is not None and known.etag:
        headers["If-None-Match"] = known.etag
    if known is not None and known.modified:
        headers["If-Modified-Since"] = known.modified
    return headers


def _body(response: http.client.HTTPResponse, deadline: float, max_bytes: int) -> bytes:
    stated = response.length  # what Content-Length says; None if the server does not
    too_large = f"serves more than {max_bytes:,} bytes"
    if stated is not None and stated > max_bytes:
        raise _Failure(too_large, retry=False)
    pieces, size = [], 0
    while piece := response.read1(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes:
            raise _Failure(too_large, retry=False)
        if time.monotonic() > deadline:
            raise _Failure("took too long", retry=True)
    if stated is not None and size < stated:
        raise _Failure(f"broke off after {size:,} of {stated:,} bytes", retry=True)
    return b"".join(pieces)


def _retry_after(headers: Message) -> float | None:
    """Seconds that `Retry-After` asks for: it is a number of seconds or a date."""
    text = headers.get("Retry-After", "")
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _reason(error: object) -> str:
    return str(error) or type(error).__name__


@dataclass(frozen=True)
class Cache:
    """The last version of one file, kept in `folder` under a name made from its address."""

    folder: Path
    url: str

    @property
    def _file(self) -> Path:
        return self.folder / f"{hashlib.sha256(self.url.encode()).hexdigest()[:16]}.bin"

    def load(self) -> Download | None:
        """What is kept; None if nothing is, or if it is damaged."""
        try:
            body = self._file.read_bytes()
            about = json.loads(self._file.with_suffix(".json").read_text(encoding="utf-8"))
            if about.pop("sha256") != hashlib.sha256(body).hexdigest():
                return None
            return Download(body, **about)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def save(self, file: Download) -> None:
        """Keep `file`; a folder that cannot be written is a warning, not an error."""
        about = {k: v for k, v in asdict(file).items() if k != "body"}
        about["sha256"] = hashlib.sha256(file.body).hexdigest()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(self._file, file.body)
            _write(self._file.with_suffix(".json"), json.dumps(about, sort_keys=True).encode())
        except OSError as error:
            warnings.warn(f"the cache {self.folder} cannot be written ({error.strerror})", stacklevel=2)

    def touch(self) -> None:
        """Count the age of what is kept from now: the server has just said that it is current."""
        try:
            os.utime(self._file)
        except OSError as error:
            warnings.warn(f"the cache {self.folder} cannot be written ({error.strerror})", stacklevel=2)

    def age_days(self) -> float:
        """Days since what is kept was known to be current."""
        return max(0.0, time.time() - self._file.stat().st_mtime) / 86_400


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole: a reader sees the old one or the new one."""
    descriptor, scratch = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
