"""Heads without end, heads that stay half, bodies that drip: what anybody may take who has no key yet."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.conftest import ride
from tests.hostile.conftest import APPLICATION, Start, answer_of, asked, connection, json_of, resident_bytes
from tests.service import Service

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /v1/streams/rides/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HEAD_SECONDS = 2
REQUEST_SECONDS = 4
MARGIN_SECONDS = 3
"""What a test grants beyond a limit: the server looks once a second."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(
        APPLICATION,
        tmp_path_factory.mktemp("connections") / "home",
        ANABRANCH_API_KEY="river",
        ANABRANCH_HEAD_TIMEOUT=f"{HEAD_SECONDS}s",
        ANABRANCH_REQUEST_TIMEOUT=f"{REQUEST_SECONDS}s",
    )
    service.client.headers["Authorization"] = "Bearer river"
    try:
        service.start()
        yield service
    finally:
        service.close()


def flood(service: Service, start: bytes, more: bytes, megabytes: int) -> tuple[int, dict[str, str], bytes]:
    """The answer to a request that goes on and on, as far as it is taken."""
    with connection(service) as connected:
        try:
            connected.sendall(start)
            for _ in range(megabytes * 1_000_000 // len(more)):
                connected.sendall(more)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return answer_of(connected)


@pytest.mark.parametrize(
    "more",
    [b"x" * 100_000, b"X-Name: value\r\n" * 10_000, b"x:\r\n" * 25_000],
    ids=["one value", "many headers", "many small headers"],
)
def test_a_head_without_end_is_refused_before_it_costs_memory(service: Service, more: bytes) -> None:
    before = resident_bytes(service)
    status, headers, body = flood(service, HEAD + b"X-First: ", more, megabytes=30)
    assert (status, headers["content-type"], headers["connection"]) == (431, "application/problem+json", "close")
    assert json_of(body)["type"] == "urn:anabranch:problem:head-too-large"
    assert resident_bytes(service) - before < 12_000_000


def test_a_target_without_end_is_refused_too(service: Service) -> None:
    before = resident_bytes(service)
    assert flood(service, b"GET /", b"x" * 100_000, megabytes=30)[0] == 431
    assert resident_bytes(service) - before < 12_000_000


def test_what_trails_a_body_has_an_end_too(service: Service) -> None:
    before = resident_bytes(service)
    chunked = POST + b"Authorization: Bearer river\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n"
    flood(service, chunked + b"X-Trailer: ", b"x" * 100_000, megabytes=30)
    flood(service, chunked, b"X-Trailer: value\r\n" * 5_000, megabytes=30)
    assert resident_bytes(service) - before < 12_000_000


def test_a_head_may_have_so_many_headers_and_bytes_and_no_more(service: Service) -> None:
    fields = b"Connection: close\r\n" + b"".join(b"X-%d: a\r\n" % number for number in range(98))
    assert asked(service, HEAD + fields + b"\r\n")[0] == 200
    assert asked(service, HEAD + fields + b"X-More: a\r\n\r\n")[0] == 431
    large = b"Connection: close\r\nX-Large: " + b"x" * 32_000
    assert asked(service, HEAD + large + b"\r\n\r\n")[0] == 200
    assert asked(service, HEAD + large + b"x" * 1_000 + b"\r\n\r\n")[0] == 431


def test_what_is_refused_before_there_is_a_request_is_counted(service: Service) -> None:
    def counted(reason: str) -> float:
        families = text_string_to_metric_families(service.client.get("/metrics").text)
        (family,) = (family for family in families if family.name == "anabranch_connections_ended")
        return next(sample.value for sample in family.samples if sample.labels == {"reason": reason})

    before = {reason: counted(reason) for reason in ("head-too-large", "malformed-request", "too-many-connections")}
    assert asked(service, HEAD + b"X-Large: " + b"x" * 33_000 + b"\r\n\r\n")[0] == 431
    assert asked(service, b"no HTTP\r\n\r\n")[0] == 400
    grown = {reason: counted(reason) - count for reason, count in before.items()}
    assert grown == {"head-too-large": 1, "malformed-request": 1, "too-many-connections": 0}


@pytest.mark.parametrize(
    "start",
    [HEAD + b"X-Half: ", b"GE", HEAD + b"Content-Length: 1\r\n"],
    ids=["a header", "the method", "no empty line"],
)
def test_half_a_head_is_given_up_in_time(service: Service, start: bytes) -> None:
    with connection(service, HEAD_SECONDS + MARGIN_SECONDS) as connected:
        connected.sendall(start)
        status, headers, body = answer_of(connected)
    assert (status, headers["connection"]) == (408, "close")
    assert json_of(body)["type"] == "urn:anabranch:problem:request-too-slow"


def drip(connected: socket.socket, more: bytes, seconds: float) -> tuple[int, dict[str, str], bytes]:
    """The answer to a client that always sends a little more; fails if there is none in time."""
    connected.settimeout(0.2)
    begun = time.monotonic()
    received = b""
    while time.monotonic() - begun < seconds:
        try:
            connected.sendall(more)
            if not (chunk := connected.recv(65_536)):
                break
            received += chunk
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            break
    else:
        pytest.fail(f"not ended within {seconds} s")
    return int(received.split()[1]) if received else 0, {}, received.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("more", [b"x", b"\r\n"], ids=["a header", "empty lines"])
def test_a_head_that_drips_ends_in_time(service: Service, more: bytes) -> None:
    with connection(service) as connected:
        if more == b"x":
            connected.sendall(HEAD + b"X-Slow: ")
        assert drip(connected, more, HEAD_SECONDS + MARGIN_SECONDS)[0] in (408, 0)


def test_a_connection_that_never_says_anything_is_closed(service: Service) -> None:
    with connection(service, HEAD_SECONDS + MARGIN_SECONDS) as connected:
        assert answer_of(connected)[0] == 0


@pytest.mark.parametrize("key", [b"Authorization: Bearer river\r\n", b""], ids=["with the key", "without it"])
@pytest.mark.parametrize(
    ("length", "more"),
    [(b"Content-Length: 100000\r\n", b" "), (b"Transfer-Encoding: chunked\r\n", b"1\r\n \r\n")],
    ids=["of a length", "in chunks"],
)
def test_a_body_that_drips_ends_in_time(service: Service, key: bytes, length: bytes, more: bytes) -> None:
    with connection(service) as connected:
        connected.sendall(POST + key + length + b"\r\n")
        status, _, body = drip(connected, more, REQUEST_SECONDS + MARGIN_SECONDS)
    assert status == (408 if key else 401)
    if key:
        assert json_of(body)["type"] == "urn:anabranch:problem:request-too-slow"


def test_a_connection_between_two_requests_may_be_silent_for_longer(service: Service) -> None:
    with httpx.Client(base_url=service.client.base_url) as client:
        sockets = [client.get("/healthz").extensions["network_stream"].get_extra_info("client_addr")]
        time.sleep(HEAD_SECONDS + 1.5)  # what is shown is that nothing happens
        sockets.append(client.get("/healthz").extensions["network_stream"].get_extra_info("client_addr"))
    assert sockets[0] == sockets[1]


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"GET\r\n\r\n", id="a method alone"),
        pytest.param(b"\xff" * 100, id="noise"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n", id="a blank before the colon"),
        pytest.param(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", id="two lengths"),
    ],
)
def test_what_is_no_http_gets_a_problem(service: Service, garbage: bytes) -> None:
    status, headers, body = asked(service, garbage)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert json_of(body)["type"] == "urn:anabranch:problem:malformed-request"


def test_requests_that_come_at_once_are_answered_in_their_order(service: Service) -> None:
    paths = [f"/nothing/{number}" for number in range(60)]
    requests = b"".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths)
    with connection(service) as connected:
        connected.sendall(requests + HEAD + b"Connection: close\r\n\r\n")
        received = bytearray()
        while chunk := connected.recv(65_536):
            received += chunk
    assert received.count(b"HTTP/1.1 401 ") == 60
    assert received.count(b"HTTP/1.1 200 ") == 1
    assert received.endswith(b'{"alive":true}')


def test_requests_that_pile_up_on_a_connection_have_an_end(service: Service) -> None:
    before = resident_bytes(service)
    status, _, _ = flood(service, b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 4_000, megabytes=30)
    assert status in (421, 0)
    assert resident_bytes(service) - before < 30_000_000
    assert service.client.get("/healthz").status_code == 200


def test_behind_half_a_second_request_the_first_is_still_answered(service: Service) -> None:
    waiting = b"GET /v1/views/hourly?after=0:9&timeout_ms=3500 HTTP/1.1\r\nHost: localhost\r\n"
    with connection(service) as connected:
        connected.sendall(waiting + b"Authorization: Bearer river\r\n\r\nGET /v1")
        status, _, body = answer_of(connected)
    assert (status, json_of(body)["type"]) == (504, "urn:anabranch:problem:fold-behind")


def sockets_of(service: Service) -> int:
    assert service.process is not None
    folder = Path(f"/proc/{service.process.pid}/fd")
    return sum(1 for link in folder.iterdir() if link.is_symlink() and str(link.readlink()).startswith("socket:"))


def test_half_heads_on_every_connection_shut_out_nobody(start: Start) -> None:
    service = start(ANABRANCH_MAX_CONNECTIONS="16")
    with ExitStack() as stack:
        for _ in range(120):
            stack.enter_context(connection(service)).sendall(HEAD)
        with httpx.Client(base_url=service.client.base_url) as client:
            for number in range(20):
                assert client.post("/v1/streams/rides/events", json=ride(number)).status_code == 201
        assert sockets_of(service) < 16 + 10


def test_when_a_request_is_at_work_on_every_connection_the_next_is_told_to_come_again(start: Start) -> None:
    service = start(ANABRANCH_MAX_CONNECTIONS="8")
    service.client.close()
    with ExitStack() as stack:
        bodies = [stack.enter_context(connection(service)) for _ in range(8)]
        for connected in bodies:
            connected.sendall(POST + b"Content-Length: 100\r\n\r\n[")
        status, headers, body = asked(service, HEAD + b"Connection: close\r\n\r\n")
        assert (status, headers["retry-after"]) == (503, "1")
        assert json_of(body)["type"] == "urn:anabranch:problem:too-many-connections"
        bodies[0].sendall(b" " * 98 + b"]")
        assert bodies[0].recv(65_536).startswith(b"HTTP/1.1 422 ")  # an array of no event


@pytest.mark.parametrize("path", [b"/login", b"/v1/streams/rides/events"], ids=["before the key", "without the key"])
def test_bodies_of_strangers_on_every_connection_shut_out_nobody_for_long(start: Start, path: bytes) -> None:
    settings = {"ANABRANCH_MAX_CONNECTIONS": "8", "ANABRANCH_HEAD_TIMEOUT": f"{HEAD_SECONDS}s"}
    service = start(ANABRANCH_API_KEY="river", **settings)
    with ExitStack() as stack:
        for _ in range(20):
            connected = stack.enter_context(connection(service))
            connected.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\nkey=")
        deadline = time.monotonic() + HEAD_SECONDS + MARGIN_SECONDS
        while asked(service, HEAD + b"Connection: close\r\n\r\n")[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)  # until the bodies have taken their time
