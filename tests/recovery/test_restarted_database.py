"""PostgreSQL restarts under a real ``up`` process, idle and under load: the service goes on by itself, exactly."""

from __future__ import annotations

import threading
from random import Random

import httpx
import pytest

from tests.databases import PostgresqlServer
from tests.recovery.conftest import assert_exact, rides
from tests.service import Service

pytestmark = pytest.mark.parametrize("service", ["postgresql"], indirect=True)


def ready(service: Service) -> httpx.Response:
    """The answer of `/readyz`, once it says that the service is ready; it is asked again and again meanwhile."""
    for _ in range(10_000):
        response = service.client.get("/readyz")
        if response.status_code == 200:
            return response
    raise AssertionError(response.text)


def test_an_idle_service_goes_on_after_a_restart_and_says_that_it_could_not(
    service: Service, postgresql: PostgresqlServer
) -> None:
    chance = Random(1)
    service.start()
    events = rides(chance, 0, 100)
    assert_exact(service, events, service.post("rides", events)["position"])
    postgresql.stop()
    try:
        answers = [service.client.get("/readyz"), service.client.post("/v1/streams/rides/events", json=events)]
        assert [answer.status_code for answer in answers] == [503, 503]
        assert service.client.get("/metrics").status_code == 200
        assert service.client.get("/v1/views/ever").status_code == 200, "what is folded is served meanwhile"
    finally:
        postgresql.start()
    more = rides(chance, 100, 100)
    assert_exact(service, events + more, service.post("rides", more)["position"])
    assert ready(service).json()["lag_seconds"] < 5


def test_events_posted_while_it_restarts_count_once_and_a_batch_run_publishes_afterwards(
    service: Service, postgresql: PostgresqlServer
) -> None:
    chance = Random(2)
    sent = [rides(chance, first, 20) for first in range(0, 4_000, 20)]
    service.start()
    begun, refused = threading.Event(), list[int]()

    def post() -> None:
        position = ""
        for batch in sent:
            while (answer := service.client.post("/v1/streams/rides/events", json=batch)).status_code == 503:
                refused.append(answer.status_code)
            assert answer.status_code == 201, answer.text
            position = answer.json()["position"]
            begun.set()
        positions.append(position)

    positions: list[str] = []
    poster = threading.Thread(target=post)
    poster.start()
    assert begun.wait(60)
    postgresql.restart()
    poster.join(120)
    assert positions, "it did not come to its end"
    everything = [event for batch in sent for event in batch]
    assert sorted(e["data"]["ride_id"] for e in service.events("rides")) == sorted(e["ride_id"] for e in everything)
    assert_exact(service, everything, positions[0])
    assert service.batch().wait(120) == 0
    assert_exact(service, everything, f"0:{int(positions[0].split(':')[1]) + 2}")
