"""Bodies that are begun and not ended hold memory as long as they last, and together no more than may be."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, suppress

import httpx

from tests.hostile.conftest import Start
from tests.service import Service

BODY_BYTES, MEMORY_BYTES = 1_000_000, 8_000_000

_HEAD = (
    "POST /v1/streams/clicks/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
    f"Content-Length: {BODY_BYTES}\r\n\r\n"
)
SENT = BODY_BYTES - 100_000
LINES = b'{"page":"a"}\n' * 2_000


def begin(service: Service) -> socket.socket:
    """Send nearly all of a large body."""
    connection = socket.create_connection(("127.0.0.1", service.port), timeout=10)
    connection.sendall(_HEAD.encode())
    with suppress(OSError):  # it may be refused before it is all there
        connection.sendall(b" " * SENT)
    return connection


def post(service: Service) -> httpx.Response:
    return service.client.post(
        "/v1/streams/clicks/events", content=LINES, headers={"content-type": "application/x-ndjson"}
    )


def test_unfinished_bodies_leave_no_room_for_others_until_they_end(start: Start) -> None:
    small = start(ANABRANCH_MAX_BODY_BYTES=str(BODY_BYTES), ANABRANCH_REQUEST_MEMORY=str(MEMORY_BYTES))
    assert post(small).status_code == 201
    with ExitStack() as stack:
        for _ in range(MEMORY_BYTES // SENT + 4):
            stack.enter_context(begin(small))
        deadline = time.monotonic() + 30
        while (refused := post(small)).status_code == 201 and time.monotonic() < deadline:
            stack.enter_context(begin(small))  # of those that came at once several may have been refused, and left room
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["type"] == "urn:anabranch:problem:memory-taken"
        assert small.client.get("/healthz").status_code == 200
        assert small.client.get("/v1/views").status_code == 200
    deadline = time.monotonic() + 30
    while (again := post(small)).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.05)  # a connection that was cut tells nobody when the service has seen it
    assert again.status_code == 201
