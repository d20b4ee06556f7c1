"""Where a service is, and what is answered by one that is away, foreign, or wants a key."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from infra.errors import RefusedError
from infra.service_client import LOCK, ServiceClient, address_in
from infra.settings import Settings

BODIES = {
    "/object": b'{"a": 1}',
    "/list": b"[1]",
    "/text": b"<html>",
    "/latin": b"\xff",
    "/metrics": b'# TYPE a_total counter\na_total{s="x"} 3\n',
}


STATUS = {"/name": 421, "/guessed": 429}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == "Bearer key"
        self.send_response(401 if not known else STATUS.get(self.path) or (200 if self.path in BODIES else 404))
        self.end_headers()
        self.wfile.write(BODIES.get(self.path, b'{"a": 2}'))

    def log_message(self, *arguments: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_object_is_answered_and_everything_else_is_nothing(address: str) -> None:
    client = ServiceClient(address, "key")
    assert client.json("/object") == {"a": 1}
    assert [client.json(path) for path in ("/list", "/text", "/latin", "/missing")] == [None] * 4


def test_metrics_are_found_by_name(address: str) -> None:
    found = ServiceClient(address, "key").metrics()
    assert found is not None
    assert [sample.value for sample in found["a"].samples] == [3]


@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_wrong_key_is_told_apart_from_a_service_that_is_away(address: str, key: str | None) -> None:
    with pytest.raises(RefusedError, match="ANABRANCH_API_KEY"):
        ServiceClient(address, key).json("/object")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        away = ServiceClient(f"http://127.0.0.1:{taken.getsockname()[1]}", key)
        assert (away.json("/object"), away.metrics()) == (None, None)


@pytest.mark.parametrize(("path", "told"), [("/name", "ANABRANCH_ALLOWED_HOSTS"), ("/guessed", "too many wrong ones")])
def test_a_service_that_refuses_says_what_to_do(address: str, path: str, told: str) -> None:
    with pytest.raises(RefusedError, match=told):
        ServiceClient(address, "key").json(path)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (f"pid {os.getpid()}, http://127.0.0.1:9\n", "http://127.0.0.1:9"),
        (f"pid {os.getpid()}", None),
        ("pid 4194304000, http://127.0.0.1:9", None),
        ("pid x, http://127.0.0.1:9", None),
        ("", None),
    ],
    ids=["this process", "no address", "a pid that cannot be", "no pid", "nothing"],
)
def test_a_home_says_where_it_is_served_while_the_process_lives(tmp_path: Path, text: str, address: str | None) -> None:
    assert address_in(tmp_path) is None
    (tmp_path / LOCK).write_text(text)
    assert address_in(tmp_path) == address


def test_settings_win_over_what_the_home_says(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(f"pid {os.getpid()}, http://127.0.0.1:9")
    assert ServiceClient.of(Settings(home=tmp_path)).address == "http://127.0.0.1:9"
    assert ServiceClient.of(Settings(home=tmp_path, port=70)).address == "http://127.0.0.1:70"
    given = Settings(home=tmp_path, host="::1", api_key=SecretStr("key"))
    assert ServiceClient.of(given).address == "http://[::1]:8000"
    (tmp_path / LOCK).unlink()
    assert ServiceClient.of(Settings(home=tmp_path)).address == "http://127.0.0.1:8000"
