"""The ecb reader against a local server that also serves faults."""

from __future__ import annotations

import contextlib
import email.utils
import io
import json
import os
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfin.errors import BackendError, ConfigError, DataError
from qfin.market import READERS, check_prices
from qfin.market.readers import _download
from qfin.market.readers.ecb import EcbRates

# The layout of the ECB's own file: newest first, N/A for what is not quoted, a comma at the end of each line.
QUOTES = (
    "Date,USD,JPY,GBP,ISK,\n"
    "2026-10-30,1.0900,160.00,0.8700,N/A,\n"
    "2026-10-29,1.0800,161.00,0.8600,N/A,\n"
    "2026-10-28,N/A,N/A,N/A,N/A,\n"
    "2026-10-27,1.0700,162.00,0.8500,150.1,\n"
)


def zipped(text: str | bytes = QUOTES, name: str = "eurofxref-hist.csv") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


class Server:
    """Answers requests with the next of `answers` (the last one again and again); keeps what was asked."""

    def __init__(self) -> None:
        self.answers: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.requests: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append({k.lower(): v for k, v in self.headers.items()})
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the reader has had enough
                    answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hist.zip"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def serve(
    body: bytes,
    status: int = 200,
    length: int | None = None,
    content_type: str = "application/zip",
    **headers: str,
) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        if length != -1:
            handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def drop(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    running.answers = [serve(zipped())]
    yield running
    running.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds waited between attempts, none of them in earnest."""
    waited: list[float] = []
    monkeypatch.setattr(_download, "_sleep", waited.append)
    return waited


@pytest.fixture
def reader(server: Server, tmp_path: Path) -> EcbRates:
    return EcbRates(
        ["EURUSD", "GBPUSD", "USDJPY", "EURISK"], url=server.url, cache=tmp_path / "cache", timeout=5
    )


def test_reads_cross_rates_oldest_first(reader: EcbRates) -> None:
    prices = reader.read()
    assert list(prices.index) == list(pd.DatetimeIndex(["2026-10-27", "2026-10-29", "2026-10-30"]))
    assert prices.index.name == "date"
    np.testing.assert_allclose(prices["EURUSD"], [1.07, 1.08, 1.09], rtol=1e-15)
    np.testing.assert_allclose(prices["GBPUSD"], [1.07 / 0.85, 1.08 / 0.86, 1.09 / 0.87], rtol=1e-15)
    np.testing.assert_allclose(prices["USDJPY"], [162 / 1.07, 161 / 1.08, 160 / 1.09], rtol=1e-15)
    assert prices["EURISK"].isna().tolist() == [False, True, True]
    assert [f.unit for f in prices.attrs["factors"][:3]] == ["USD per EUR", "USD per GBP", "JPY per USD"]
    assert "notes" not in prices.attrs


def test_503_then_good(server: Server, reader: EcbRates, waits: list[float]) -> None:
    server.answers = [serve(b"", 503), serve(b"", 502), serve(zipped())]
    assert len(reader.read()) == 3
    assert waits == [0.5, 1.0]


def test_429_waits_as_long_as_it_is_asked_to(server: Server, reader: EcbRates, waits: list[float]) -> None:
    later = email.utils.formatdate(time.time() + 30, usegmt=True)
    server.answers = [serve(b"", 429, Retry_After="7"), serve(b"", 429, Retry_After=later), serve(zipped())]
    assert len(reader.read()) == 3
    assert waits[0] == 7
    assert waits[1] == pytest.approx(30, abs=3)


def test_a_server_that_asks_for_an_hour_is_left_alone(
    server: Server, reader: EcbRates, waits: list[float]
) -> None:
    server.answers = [serve(b"", 429, Retry_After="3600")]
    with pytest.raises(BackendError, match="answered 429") as caught:
        reader.read()
    assert caught.value.retry
    assert waits == []
    assert len(server.requests) == 1


FAULTS: dict[str, tuple[Callable[[BaseHTTPRequestHandler], None], str, bool, int]] = {
    # name: (answer, message, whether trying again can help, requests made with 3 attempts)
    "503": (serve(b"", 503), r"answered 503 Service Unavailable \(tried 3 times\); try again later", True, 3),
    "404": (serve(b"", 404), "answered 404 Not Found; check the address", False, 1),
    "403": (serve(b"", 403), "answered 403", False, 1),
    "dropped": (drop, r"broke off \(Remote end closed .*\) \(tried 3 times\); try again later", True, 3),
    "truncated": (serve(zipped()[:200], length=len(zipped())), "broke off after 200 of", True, 3),
    "truncated, no length": (serve(zipped()[:-30], length=-1), "serves a damaged zip", True, 1),
    "damaged": (serve(zipped()[:60] + b"\0" * 20 + zipped()[80:]), "serves a damaged zip", True, 1),
    "HTML": (
        serve(b"<html>", content_type="text/html"),
        "serves text/html, not a zip; check the address",
        False,
        1,
    ),
    "too large, says so": (
        serve(b"PK", length=10**9),
        "serves more than 4,096 bytes; check the address",
        False,
        1,
    ),
    "too large": (serve(b"PK" * 4096, length=-1), "serves more than 4,096 bytes", False, 1),
    "zip bomb": (serve(zipped("x" * 10**6)), "unpacks to more than 4,096 bytes", False, 1),
    "two files": (serve(zipped(zipped(), "inner.zip")), "is a zip with 0 CSV files, not one", False, 1),
    "not text": (serve(zipped(b"\xff\xfe")), "unpacks to something that is not text", False, 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(server: Server, tmp_path: Path, waits: list[float], fault: str) -> None:
    answer, message, retry, requests = FAULTS[fault]
    server.answers = [answer]
    with pytest.raises(BackendError, match=message) as caught:
        EcbRates(url=server.url, cache=tmp_path, timeout=5, attempts=3, max_bytes=4096).read()
    assert caught.value.retry is retry
    assert str(caught.value).startswith(server.url)
    assert len(server.requests) == requests
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer_in_time(server: Server, tmp_path: Path, waits: list[float]) -> None:
    release = threading.Event()
    server.answers = [lambda handler: (release.wait(5), None)[1]]
    started = time.monotonic()
    with pytest.raises(BackendError, match="timed out") as caught:
        EcbRates(url=server.url, cache=tmp_path, timeout=0.1, attempts=2).read()
    release.set()
    assert caught.value.retry
    assert time.monotonic() - started < 3


def test_a_server_that_drips(server: Server, tmp_path: Path) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b"P")
            handler.wfile.flush()
            time.sleep(0.05)

    server.answers = [drip]
    started = time.monotonic()
    with pytest.raises(BackendError, match="took too long"):
        EcbRates(url=server.url, cache=tmp_path, timeout=0.2, attempts=1).read()
    assert time.monotonic() - started < 1.5


def test_nobody_listens(tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(
        BackendError, match=r"cannot be reached \(.*Connection refused\) \(tried 4 times\)"
    ) as caught:
        EcbRates(url="http://127.0.0.1:9/hist.zip", cache=tmp_path).read()
    assert caught.value.retry
    assert waits == [0.5, 1.0, 2.0]


def test_only_a_newer_file_is_downloaded(server: Server, reader: EcbRates) -> None:
    version = {"ETag": '"v1"', "Last_Modified": "Fri, 30 Oct 2026 15:00:00 GMT"}
    server.answers = [serve(zipped(), **version), serve(b"", 304)]
    first = reader.read()
    (file,) = Path(str(reader.cache)).glob("*.bin")
    os.utime(file, (0, 0))
    pd.testing.assert_frame_equal(reader.read(), first)
    assert server.requests[1]["if-none-match"] == '"v1"'
    assert server.requests[1]["if-modified-since"] == version["Last_Modified"]
    assert time.time() - file.stat().st_mtime < 60  # known to be current as of now
    newer = QUOTES.replace("2026-10-27", "2026-10-26")
    server.answers = [serve(zipped(newer), ETag='"v2"')]
    assert reader.read().index[0] == pd.Timestamp("2026-10-26")
    server.answers = [serve(b"", 304)]
    assert reader.read().index[0] == pd.Timestamp("2026-10-26")
    assert server.requests[3]["if-none-match"] == '"v2"'


def test_a_failed_download_falls_back_on_the_cache_and_says_so(
    server: Server, reader: EcbRates, waits: list[float]
) -> None:
    good = reader.read()
    server.answers = [serve(b"", 503)]
    with pytest.warns(
        UserWarning, match="answered 503 .*: the rates are those of 0.0 days ago, from the cache"
    ):
        again = reader.read()
    pd.testing.assert_frame_equal(again, good)
    noted = [finding for finding in check_prices(again).oddities if finding.check == "source"]
    assert len(noted) == 1
    assert "from the cache" in noted[0].message


def test_a_file_that_is_no_zip_falls_back_too(server: Server, reader: EcbRates) -> None:
    reader.read()
    server.answers = [serve(b"<html>", content_type="text/html")]
    with pytest.warns(UserWarning, match="serves text/html, not a zip: the rates are those"):
        reader.read()
    server.answers = [serve(b"", 304)]
    assert len(reader.read()) == 3  # the page did not take the file's place in the cache


def test_a_cache_that_is_too_old_is_not_used(server: Server, reader: EcbRates, waits: list[float]) -> None:
    reader.read()
    (file,) = Path(str(reader.cache)).glob("*.bin")
    old = time.time() - 4.1 * 86_400
    os.utime(file, (old, old))
    server.answers = [serve(b"", 503)]
    with pytest.raises(BackendError, match="answered 503"):
        reader.read()
    reader.max_stale_days = 5
    with pytest.warns(UserWarning, match=r"4\.1 days ago"):
        reader.read()


@pytest.mark.parametrize("damage", ["body", "about", "missing"])
def test_a_damaged_cache_is_as_good_as_none(server: Server, reader: EcbRates, damage: str) -> None:
    server.answers = [serve(zipped(), ETag='"v1"')]
    reader.read()
    (file,) = Path(str(reader.cache)).glob("*.bin")
    about = file.with_suffix(".json")
    if damage == "body":
        file.write_bytes(file.read_bytes()[:-1])
    elif damage == "about":
        about.write_text(json.dumps({**json.loads(about.read_text()), "odd": 1}))
    else:
        about.unlink()
    assert len(reader.read()) == 3
    assert "if-none-match" not in server.requests[1]


def test_a_cache_that_cannot_be_written_is_a_warning(server: Server, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.warns(UserWarning, match=r"the cache .* cannot be written"):
        assert len(EcbRates(["EURUSD"], url=server.url, cache=blocked / "cache").read()) == 3


def test_the_cache_is_in_the_user_s_cache_folder_by_default(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    EcbRates(["EURUSD"], url=server.url).read()
    assert len(list((tmp_path / "qfin" / "ecb").glob("*.bin"))) == 1


def test_what_it_says_of_a_currency_nobody_quotes(reader: EcbRates) -> None:
    reader.pairs = ["EURUSD", "XYZUSD"]
    with pytest.raises(DataError, match="XYZUSD: XYZ is not quoted; choose from: EUR, GBP, ISK, JPY, USD"):
        reader.read()


def test_parameters_are_checked() -> None:
    for wrong, message in [
        ({"pairs": ["EUR/USD"]}, r"reader 'ecb': pairs = \['EUR/USD'\] is not allowed"),
        ({"pairs": []}, "pairs"),
        ({"url": "file:///etc/hosts"}, "url = 'file:///etc/hosts' is not allowed"),
        ({"timeout": 0}, "timeout = 0 is not allowed: input should be greater than 0"),
    ]:
        with pytest.raises(ConfigError, match=message):
            READERS.build({"kind": "ecb", **wrong})
