"""What attacks need: a real service with the settings that a test gives it, and bytes over a socket of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service

APPLICATION = Path(__file__).parents[1] / "end_to_end" / "application.py"
Start = Callable[..., Service]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a service with settings; with a key, its client knows it."""
    started: list[Service] = []

    def start_(**settings: str) -> Service:
        service = Service(APPLICATION, tmp_path / "home", **settings)
        if key := settings.get("ANABRANCH_API_KEY"):
            service.client.headers["Authorization"] = f"Bearer {key}"
        started.append(service)
        service.start()
        return service

    yield start_
    for service in started:
        service.close()


@contextmanager
def connection(service: Service, seconds: float = 20.0) -> Iterator[socket.socket]:
    """A connection that is not answered within `seconds` fails the test."""
    with socket.create_connection(("127.0.0.1", service.port), seconds) as connected:
        yield connected


def answer_of(connected: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of all that comes until the other side closes; status 0: nothing came."""
    received = bytearray()
    try:
        while chunk := connected.recv(65_536):
            received += chunk
    except ConnectionResetError:
        pass
    if not received:
        return 0, {}, b""
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in fields}, body


def asked(service: Service, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """The answer to a request that asks for the connection to be closed."""
    with connection(service) as connected:
        connected.sendall(request)
        return answer_of(connected)


def resident_bytes(service: Service) -> int:
    """The most memory that the service ever had."""
    assert service.process is not None
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def json_of(body: bytes) -> Any:
    import orjson

    return orjson.loads(body)
