"""DNS rebinding: a page whose name was made to lead here is to the browser of the same site as the service."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ride
from tests.hostile.conftest import APPLICATION, Start, asked, json_of
from tests.service import Service

FOREIGN = [
    "rebound.example",
    "rebound.example:8000",
    "localhost.rebound.example",
    "rebound.localhost.example",
    "192.0.2.1",
    "0.0.0.0",
    "[2001:db8::1]:8000",
    "user@localhost",
    "localhost, rebound.example",
    "localhost\tx",
    "127.0.0.1.rebound.example",
    "2130706433",
    "",
]
PATHS = ["/", "/healthz", "/readyz", "/metrics", "/docs", "/v1/views", "/v1/streams", "/dashboard/app.js", "/nothing"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(
        APPLICATION, tmp_path_factory.mktemp("hosts") / "home", ANABRANCH_ALLOWED_HOSTS="a.example, *.lan"
    )
    try:
        service.start()
        yield service
    finally:
        service.close()


def get(service: Service, path: str, *hosts: str, version: str = "1.1") -> tuple[int, dict[str, str], bytes]:
    lines = [f"GET {path} HTTP/{version}", *(f"Host: {host}" for host in hosts), "Connection: close", "", ""]
    return asked(service, "\r\n".join(lines).encode())


@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_that_is_not_the_services_own_reads_nothing(service: Service, host: str) -> None:
    status, headers, body = get(service, "/v1/views", host)
    assert (status, headers["content-type"]) == (421, "application/problem+json")
    assert json_of(body)["type"] == "urn:anabranch:problem:unknown-host"
    assert "ANABRANCH_ALLOWED_HOSTS" in json_of(body)["detail"]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_is_open_to_a_foreign_name(service: Service, path: str) -> None:
    assert get(service, path, "rebound.example")[0] == 421


def test_a_foreign_name_writes_nothing(service: Service) -> None:
    headers = {"Host": "rebound.example", "Sec-Fetch-Site": "same-origin"}
    for path in ("/v1/streams/rides/events", "/v1/sql", "/v1/batch/runs"):
        assert service.client.post(path, json=ride(1, "rebound"), headers=headers).status_code == 421
    assert not [event for event in service.events("rides") if event["key"] == "rebound"]


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LocalHost:9", "localhost.", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:8000"),
        *("a.example", "A.EXAMPLE:443", "b.lan", "c.b.lan:80"),
    ],
)
def test_loopback_and_the_names_of_the_settings_are_served(service: Service, host: str) -> None:
    assert get(service, "/v1/views", host)[0] == 200


def test_a_host_is_told_once(service: Service) -> None:
    assert get(service, "/healthz", "localhost", "rebound.example")[0] == 421
    assert get(service, "/healthz", "localhost", "localhost")[0] == 421
    assert get(service, "/healthz")[0] == 421
    assert get(service, "/healthz", version="1.0")[0] == 200  # an old probe; no browser asks so


def test_a_key_changes_nothing_about_the_names(start: Start) -> None:
    service = start(ANABRANCH_API_KEY="river")
    assert service.client.get("/v1/views", headers={"Host": "rebound.example"}).status_code == 421
    assert service.client.get("/login", headers={"Host": "rebound.example"}).status_code == 421
    assert service.client.get("/v1/views").status_code == 200


def test_every_name_is_served_only_behind_a_key(start: Start, tmp_path: Path) -> None:
    refused = Service(APPLICATION, tmp_path / "other", ANABRANCH_ALLOWED_HOSTS="*")
    with refused.client:
        command = refused.command("up", str(APPLICATION), "--port", "0")
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=refused.environment)
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False)
    assert "ANABRANCH_ALLOWED_HOSTS" in ended.stderr

    service = start(ANABRANCH_API_KEY="river", ANABRANCH_ALLOWED_HOSTS="*")
    assert service.client.get("/v1/views", headers={"Host": "any.example"}).status_code == 200
