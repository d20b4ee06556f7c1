"""A store that does not answer a service, or wrongly: reads go on, the fold waits, and goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.buckets import S3Server, environment
from tests.end_to_end.analyst import until
from tests.faulty_way import FaultyWay
from tests.recovery.conftest import APPLICATION, assert_exact, rides
from tests.service import Service

EVENTS = rides(Random(11), 0, 300)


@pytest.fixture
def way(s3_server: S3Server) -> Iterator[FaultyWay]:
    way = FaultyWay(s3_server.ports["s3.port"])
    yield way
    way.close()


@pytest.fixture
def services(bucket: str, way: FaultyWay, tmp_path: Path) -> Iterator[list[Service]]:
    """Two ways to look at one home: whose store may fail; and whose does not, for batch runs."""
    of_home = {"ANABRANCH_STORE": bucket, "ANABRANCH_WORKERS": "1", "ANABRANCH_ANALYTICS_REFRESH": "1h"}
    found = [
        Service(APPLICATION, tmp_path / "home", **of_home, **environment(way.url)),
        Service(APPLICATION, tmp_path / "home", **of_home),
    ]
    yield found
    for service in found:
        service.close()


def published(service: Service) -> None:
    assert service.batch().wait(240) == 0, service.output.read_text()


def not_ready(service: Service) -> dict[str, Any] | None:
    answer = service.client.get("/readyz")
    told: dict[str, Any] = answer.json()
    return told if answer.status_code == 503 else None


def generation(service: Service) -> int | None:
    number: int | None = service.client.get("/v1/views/ever").json()["generation"]
    return number


def assert_it_answers(service: Service, events: list[dict[str, Any]]) -> None:
    """What it answers now, however far its fold is."""
    told = {row["station"]: row["n"] for row in service.rows("ever")}
    assert sum(told.values()) == len(events)


def test_the_fold_waits_for_a_store_that_does_not_answer_and_goes_on_by_itself(
    services: list[Service], way: FaultyWay
) -> None:
    service, other = services
    service.start()
    service.post("rides", EVENTS[:100])
    published(other)
    until(lambda: generation(service) == 1, 60)
    for number, fault in enumerate(("503", "half"), start=2):
        seen = EVENTS[: 100 * (number - 1)]
        way.fault = lambda method, path, fault=fault: fault if method == "GET" else None  # type: ignore[misc]  # bound
        published(other)
        until(lambda: not_ready(service) is not None, 120)
        told = not_ready(service)
        assert told is not None, fault
        assert "the fold waits at" in told["detail"], fault
        assert generation(service) == number - 1
        assert_it_answers(service, seen)
        behind = service.post("rides", EVENTS[len(seen) : len(seen) + 100])["position"]
        asked = service.client.get("/v1/views/ever", params={"after": behind, "timeout_ms": 500})
        assert asked.status_code == 504, fault
        way.fault = lambda method, path: None
        until(lambda: not_ready(service) is None, 120)
        assert generation(service) == number
        assert_exact(service, EVENTS[: len(seen) + 100], behind)
    snapshot = service.client.get("/dashboard/snapshot").json()
    assert (snapshot["problem"], snapshot["warnings"]) == (None, [])


def test_a_blob_that_the_store_does_not_have_is_told_and_its_generation_is_not_served(
    services: list[Service], way: FaultyWay
) -> None:
    service, other = services
    service.start()
    service.post("rides", EVENTS[:100])
    way.fault = lambda method, path: "404" if "/blobs/" in path else None
    published(other)
    behind = service.post("rides", EVENTS[100:200])["position"]
    assert_exact(service, EVENTS[:200], behind)
    assert generation(service) is None
    (warning,) = service.client.get("/dashboard/snapshot").json()["warnings"]
    assert "generation 1 cannot be served" in warning
    way.fault = lambda method, path: None
    published(other)
    behind = service.post("rides", EVENTS[200:])["position"]
    assert_exact(service, EVENTS, behind)
    assert generation(service) == 2


def test_a_batch_run_without_its_store_says_so_and_the_next_one_goes_on(
    services: list[Service], way: FaultyWay
) -> None:
    service, other = services
    service.start()
    service.post("rides", EVENTS[:100])
    published(other)
    way.fault = lambda method, path: "503" if method == "PUT" else None
    run = service.batch()
    assert run.wait(240) == 1
    assert "cannot be reached now" in service.output.read_text()
    behind = service.post("rides", EVENTS[100:])["position"]
    assert_exact(service, EVENTS, behind)
    way.fault = lambda method, path: None
    published(service)
    until(lambda: generation(service) == 2, 60)
    assert_exact(service, EVENTS, behind)
