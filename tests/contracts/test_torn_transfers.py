"""A store that sends half a body, another body, or none: what comes of it is told, and never used."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from eventlog.store.blobs import Blob, Blobs
from eventlog.store.bucket_url import BucketUrl
from eventlog.store.errors import BlobDamagedError, StoreUnavailableError
from eventlog.store.object_store import ObjectStore
from eventlog.store.opening import open_store
from tests.buckets import environment

CONTENT = bytes(range(256)) * 4_000
BLOB = Blob(sha256(CONTENT).hexdigest(), len(CONTENT), f"blobs/{sha256(CONTENT).hexdigest()}")


class BadServer(ThreadingHTTPServer):
    """Sends `CONTENT` for every name, in one of several ways each time."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ways: list[str] = []
        self.asked = 0

    def way(self) -> str:
        """How the next answer is sent; the last one holds for all further ones."""
        self.asked += 1
        return self.ways.pop(0) if len(self.ways) > 1 else self.ways[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BadServer

    def do_GET(self) -> None:
        way = self.server.way()
        if way.isdigit():
            self.send_response(int(way))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = CONTENT.replace(b"\x07", b"\x08") if way == "altered" else CONTENT
        begin = int((self.headers.get("Range") or "bytes=0-")[len("bytes=") :].partition("-")[0])
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", '"0"')
        self.send_header("Last-Modified", "Sat, 28 Nov 2026 14:00:00 GMT")
        self.end_headers()
        end = begin + (len(content) - begin) // 2 if way == "torn" else len(content)
        self.wfile.write(content[begin:end])
        self.close_connection = way == "torn"

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[BadServer]:
    with BadServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def blobs(server: BadServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    for name, value in environment(f"http://127.0.0.1:{server.server_address[1]}").items():
        monkeypatch.setenv(name, value)
    return Blobs(open_store("s3://bucket/prefix"), tmp_path / "cache")


@pytest.fixture
def impatient(blobs: Blobs) -> Blobs:
    """The same, but that a request is sent again once."""
    return Blobs(ObjectStore(BucketUrl.of("s3://bucket/prefix"), retries=1, retry_seconds=2), blobs.cache)


def cached(blobs: Blobs) -> list[str]:
    return [path.name for path in blobs.cache.glob("*") if path.is_file() and path.name != "lock"]


@pytest.mark.parametrize("ways", [["torn", "torn", "whole"], ["503", "whole"], ["altered", "whole"]])
def test_what_goes_wrong_once_or_twice_is_fetched_again(blobs: Blobs, server: BadServer, ways: list[str]) -> None:
    server.ways = ways
    assert blobs.fetch(BLOB).read_bytes() == CONTENT


def test_what_is_altered_each_time_is_damage(blobs: Blobs, server: BadServer) -> None:
    server.ways = ["altered"]
    with pytest.raises(BlobDamagedError, match="has the sha256"):
        blobs.fetch(BLOB)
    assert (server.asked, cached(blobs)) == (2, [])


@pytest.mark.parametrize("way", ["torn", "503", "429", "500"])
def test_a_store_that_does_not_get_to_an_end_cannot_be_reached_now(
    impatient: Blobs, server: BadServer, way: str
) -> None:
    server.ways = [way]
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError):
        impatient.fetch(BLOB)
    assert time.monotonic() - began < 30
    assert cached(impatient) == []
    server.ways = ["whole"]
    assert impatient.fetch(BLOB).read_bytes() == CONTENT


def test_a_blob_that_the_store_does_not_have_is_damage_at_once(blobs: Blobs, server: BadServer) -> None:
    server.ways = ["404"]
    with pytest.raises(BlobDamagedError, match="is missing"):
        blobs.fetch(BLOB)
    assert server.asked == 1
