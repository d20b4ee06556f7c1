"""A bucket is used only if a name is given once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from eventlog.store.errors import StoreDeniedError, StoreUnavailableError, StoreUnfitError
from eventlog.store.folder_store import FolderStore
from eventlog.store.memory_store import MemoryStore
from eventlog.store.opening import open_store
from eventlog.store.probe import check_store
from tests.buckets import READER, environment


class Careless(MemoryStore):
    """Overwrites, as servers do that pass over the header."""

    def create(self, name: str, content: bytes | Path, *, durable: bool = True) -> bool:
        self.remove([name])
        return super().create(name, content, durable=durable)


class Racy(MemoryStore):
    """Looks first and writes then, as servers do that check the header without a lock."""

    def __init__(self) -> None:
        super().__init__()
        self._together = threading.Barrier(2)

    def create(self, name: str, content: bytes | Path, *, durable: bool = True) -> bool:
        if self.stat(name) is not None:
            return False
        try:
            self._together.wait(0.2)
        except threading.BrokenBarrierError:
            self._together.reset()
        self.remove([name])
        return super().create(name, content, durable=durable)


def test_a_store_that_gives_a_name_once_passes_and_keeps_nothing() -> None:
    store = MemoryStore()
    check_store(store)
    assert list(store.list("probes")) == []


def test_a_folder_is_not_even_made(tmp_path: Path) -> None:
    check_store(FolderStore(tmp_path / "store"))
    assert not (tmp_path / "store").exists()


def test_a_store_that_overwrites_is_refused() -> None:
    store = Careless()
    with pytest.raises(StoreUnfitError, match=r"does not honour If-None-Match: \* \(2 of several"):
        check_store(store)
    assert list(store.list("probes")) == []


def test_a_store_that_overwrites_only_in_a_race_is_refused() -> None:
    with pytest.raises(StoreUnfitError, match=r"\([2-8] of several"):
        check_store(Racy())


def test_what_killed_probes_left_goes_after_a_day() -> None:
    now = 1_700_000_000_000_000
    store = MemoryStore(lambda: now)
    store.create("probes/old", b"")
    now += 86_400_000_000
    store.create("probes/young", b"")
    now += 1
    check_store(store)
    assert [found.name for found in store.list("probes")] == ["probes/young"]


def test_a_real_server_passes(bucket: str) -> None:
    store = open_store(bucket)
    check_store(store)
    assert list(store.list("probes")) == []


def test_keys_that_may_not_write_are_told(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("accessKey", "secretKey"):
        monkeypatch.setenv({"accessKey": "AWS_ACCESS_KEY_ID", "secretKey": "AWS_SECRET_ACCESS_KEY"}[name], READER[name])
    with pytest.raises(StoreDeniedError, match="must be allowed"):
        check_store(open_store(bucket))


class OldServer(BaseHTTPRequestHandler):
    """Speaks as much S3 as a probe needs, and passes over If-None-Match, or knows no such request."""

    protocol_version = "HTTP/1.1"
    server_version = "OldStore/1.0"
    sys_version = ""
    answers_conditional = 200

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(self.answers_conditional if self.headers.get("If-None-Match") else 200)

    def do_GET(self) -> None:
        self._answer(404)

    def do_HEAD(self) -> None:
        self._answer(403)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b"<DeleteResult></DeleteResult>")

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("ETag", '"0"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class OlderServer(OldServer):
    answers_conditional = 501


@pytest.fixture(params=[OldServer, OlderServer])
def old_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), request.param) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        for name, value in environment(endpoint).items():
            monkeypatch.setenv(name, value)
        yield "s3://bucket/prefix"
        server.shutdown()
        thread.join()


def test_a_server_that_passes_over_the_header_is_refused_by_its_name(old_server: str) -> None:
    with pytest.raises(StoreUnfitError, match=r"s3://bucket/prefix \(OldStore/1\.0\) cannot be used") as told:
        check_store(open_store(old_server))
    assert told.value.server == "OldStore/1.0"


def test_a_server_that_is_away_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment("http://127.0.0.1:1").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreUnavailableError, match="cannot be reached now"):
        check_store(open_store("s3://bucket/prefix"))
